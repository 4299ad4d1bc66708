"""Hiding methods, one per file; the contract is in `base`."""

from isgan.registry import Registry

hiders: Registry = Registry("hider", "isgan.hiders")
