"""Every registry of the package, wherever it lies."""

import importlib
import pkgutil

import isgan
from isgan.registry import Registry


def registries() -> list[Registry]:
    """Found by looking through all packages."""
    found = []
    for module in pkgutil.walk_packages(isgan.__path__, "isgan."):
        if module.ispkg:
            found += [part for part in vars(importlib.import_module(module.name)).values() if isinstance(part, Registry)]
    return found
