"""A name for every part: hiders, losses, detectors, costs, codecs, coders, datasets.

Each of these packages owns one `Registry`. A part is one file in the package's folder that registers itself; the folder is
scanned the first time a name is asked for, so adding a part never needs a second table to be edited.
"""

import difflib
import importlib
import pkgutil
from collections.abc import Callable
from typing import Generic, TypeVar

from isgan.errors import IsganError

Part = TypeVar("Part")


def unknown(kind: str, name: str, known: list[str]) -> IsganError:
    """The error for a name that does not exist, with the nearest one that does."""
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known) or 'none'}"
    return IsganError(f"unknown {kind} '{name}': {hint}")


class Registry(Generic[Part]):
    """Parts of one kind by name.

    Args:
        kind: what the parts are, for error messages ("hider").
        package: the package whose modules hold the parts ("isgan.hiders").
        folders: packages inside it whose modules hold parts too ("features").
    """

    def __init__(self, kind: str, package: str, *folders: str):
        self.kind = kind
        self.package = package
        self._packages = [package, *(f"{package}.{folder}" for folder in folders)]
        self._parts: dict[str, Part] = {}
        self._scanned = False

    def register(self, name: str) -> Callable[[Part], Part]:
        """Decorator: make the class or function below it known as `name`."""

        def add(part: Part) -> Part:
            if name in self._parts:
                raise ValueError(f"two {self.kind}s are called '{name}'")
            self._parts[name] = part
            return part

        return add

    def names(self) -> list[str]:
        """All names, sorted."""
        self._scan()
        return sorted(self._parts)

    def __getitem__(self, name: str) -> Part:
        """The part called `name`; `IsganError` with the nearest name if there is none."""
        self._scan()
        if name not in self._parts:
            raise unknown(self.kind, name, self.names())
        return self._parts[name]

    def name_of(self, part: Part) -> str:
        """The name a part is registered under; a subclass of a part has none of its own."""
        self._scan()
        for name, known in self._parts.items():
            if known is part:
                return name
        raise IsganError(f"{part} is not a registered {self.kind}: decorate it with register(NAME) of {self.package}")

    def _scan(self) -> None:
        if not self._scanned:
            for package in self._packages:
                for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
                    importlib.import_module(f"{package}.{module.name}")
            self._scanned = True
