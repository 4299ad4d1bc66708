"""The contract of a source of photographs: which file belongs to which split. Pixels are loaded elsewhere (`pairs.py`).

A split is chosen by a hash of what stays the same (a file's bytes, a person's name), never by a place in a listing or a
random seed: adding photographs moves none of those already there, and two machines agree without asking each other.
"""

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import ClassVar, TypeVar

from isgan.datasets import datasets
from isgan.errors import IsganError
from isgan.registry import unknown

T = TypeVar("T")

SPLITS = ("train", "val", "test")
SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})


class Source(ABC):
    """Photographs below one root, divided into train, val and test.

    Args:
        root: the folder (or list file) the user named; `IsganError` if it is not laid out as this source expects.
    """

    layout: ClassVar[str]
    """What the source expects to find, for error messages ("a tree of ...")."""

    priority: ClassVar[int] = 0
    """`open_source` asks sources of higher priority first, equal ones in the order of their names."""

    def __init__(self, root: Path):
        home = self.locate(existing(root))
        if home is None:
            raise IsganError(f"'{root}': expected {self.layout}")
        self.root, self.home = root, home

    @classmethod
    @abstractmethod
    def locate(cls, root: Path) -> Path | None:
        """Where the published layout begins: `root` or a folder below it; None if it does not look like this source."""

    @abstractmethod
    def assign(self) -> Iterator[tuple[Path, str]]:
        """Every photograph with the name of its split, in any order."""

    @classmethod
    def matches(cls, root: Path) -> bool:
        """Does the folder look like this source's published layout?"""
        return cls.locate(root) is not None

    def images(self, split: str) -> list[Path]:
        """The photographs of "train", "val" or "test", sorted; `IsganError` if there are none."""
        if split not in SPLITS:
            raise unknown("split", split, list(SPLITS))
        if not self._assigned[split]:
            raise IsganError(f"no {split} photographs in '{self.root}': expected {self.layout}")
        return list(self._assigned[split])

    @cached_property
    def _assigned(self) -> dict[str, list[Path]]:
        assigned: dict[str, list[Path]] = {split: [] for split in SPLITS}
        for path, split in self.assign():
            assigned[split].append(path)
        return {split: sorted(paths) for split, paths in assigned.items()}


def open_source(root: Path) -> Source:
    """The source whose published layout `root` has; any other tree of pictures is a `folder`."""
    existing(root)
    sources = [datasets[name] for name in datasets.names()]
    for source in sorted(sources, key=lambda source: -source.priority):
        if source.matches(root):
            return source(root)
    raise IsganError(f"no photographs in '{root}': give a folder of PNG, JPEG, WebP, TIFF or BMP, or a .txt list")


def open_sets(roots: Iterable[Path]) -> dict[str, Source]:
    """The sources of several roots by the names of their folders.

    A folder of sets that are divided into train/, val/ and test/ already is all of these sets, never one pool divided
    anew. `IsganError` if two have the same name, or if there are photographs beside such sets.
    """
    sets: dict[str, Source] = {}
    for root in roots:
        source = open_source(root)
        below = sorted(path for path in root.iterdir() if datasets["splits"].matches(path)) if root.is_dir() else []
        parts = [source]
        if below and type(source) is datasets["folder"]:
            if beside := next((path for path in pictures(root) if not set(below) & set(path.parents)), None):
                names = ", ".join(path.name for path in below)
                raise IsganError(
                    f"'{root}' has sets of its own, {names}, and photographs beside them, like {beside.relative_to(root)}: "
                    "name the sets, or move the photographs to a folder of their own"
                )
            parts = list(map(open_source, below))
        for part in parts:
            name = part.root.resolve().name.removesuffix(".txt")
            if name in sets:
                raise IsganError(
                    f"{sets[name].root} and {part.root} are both called '{name}': rename one, or link to it by another name"
                )
            sets[name] = part
    return sets


def name_in(home: Path, path: Path) -> str:
    """What a photograph is called in results, its path from its set's `home`: file names alone may come twice in a set."""
    return Path(os.path.relpath(path, home)).as_posix()


def existing(root: Path) -> Path:
    """`root` itself, or an `IsganError` if there is no such folder (or list file)."""
    if not os.access(root, os.R_OK):
        raise IsganError(f"cannot read '{root}': no such folder, or no permission; check the path")
    return root


def in_turn(covers: Sequence[T], secrets: Sequence[T]) -> list[tuple[T, T]]:
    """Cover i and photograph i + 1 of those that give the secrets, after the last one the first: how fixed pairs are
    made everywhere.
    """
    return [(cover, secrets[(index + 1) % len(secrets)]) for index, cover in enumerate(covers)]


def fraction(key: bytes) -> float:
    """A number in [0, 1), spread evenly over keys and the same everywhere: the first 53 bits of SHA-256."""
    return (int.from_bytes(hashlib.sha256(key).digest()[:8], "big") >> 11) / 2**53


def split_of(key: bytes, shares: Mapping[str, float] = SHARES) -> str:
    """The split a key falls in, when the splits divide [0, 1) by their shares (which sum to 1)."""
    ends = zip(shares, accumulate(shares.values()), strict=True)
    position = fraction(key)
    return next((split for split, end in ends if position < end), list(shares)[-1])


def split_of_file(path: Path) -> str:
    """The split of a file's bytes. A file that cannot be read is placed by its name, so that scanning can report it."""
    try:
        return split_of(path.read_bytes())
    except OSError:
        return split_of(os.fsencode(path.name))


def pictures(folder: Path) -> Iterator[Path]:
    """Picture files below `folder`, whatever the case of their suffix; hidden files and folders are skipped.

    Links to folders are followed, but no folder is entered twice: loops end, and a folder linked again counts once.
    """
    entered: set[Path] = set()
    for here, below, names in os.walk(folder, followlinks=True, onerror=_unreadable):
        real = Path(here).resolve()
        if real in entered:
            below.clear()
            continue
        entered.add(real)
        below[:] = sorted(name for name in below if not name.startswith("."))
        yield from (Path(here, name) for name in sorted(names) if _is_picture(name))


def _is_picture(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES


def _unreadable(error: OSError) -> None:
    raise IsganError(f"cannot list '{error.filename}': {error.strerror}; make the folder readable") from error
