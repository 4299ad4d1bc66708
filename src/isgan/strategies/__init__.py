"""Strategies of embedding in several planes, registered by name."""

from isgan.registry import Registry
from isgan.strategies.base import Strategy

strategies: Registry[type[Strategy]] = Registry("strategy", "isgan.strategies")
