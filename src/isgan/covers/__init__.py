"""Kinds of cover files, registered by the suffix that they write, without the dot."""

from isgan.covers.base import Cover
from isgan.registry import Registry

covers: Registry[type[Cover]] = Registry("kind of cover", "isgan.covers")
