"""Coders, registered by name."""

from isgan.coders.base import Coder
from isgan.registry import Registry

coders: Registry[type[Coder]] = Registry("coder", "isgan.coders")
