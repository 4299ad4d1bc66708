"""Looks at every file once before training: what cannot be used is named, not met in the middle of an epoch."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from isgan.errors import IsganError
from isgan.image import read_rgb

MIN_SIDE = 32


class Scan(NamedTuple):
    """What `scan` found."""

    good: list[Path]
    bad: list[tuple[Path, str]]
    """Each unusable file with the reason."""


def decoded(paths: Iterable[Path]) -> Iterator[tuple[Path, np.ndarray | str]]:
    """Each file with its pixels, uint8 (H, W, 3), or with the reason why it cannot be used.

    One file at a time and decoded once, but completely, because a truncated file shows only at its end.
    """
    for path in paths:
        yield path, _pixels(path)


def scan(paths: Sequence[Path], progress: Callable[[int, int], None] | None = None) -> Scan:
    """Sorts files into usable and unusable; `IsganError` if none is usable.

    Args:
        paths: picture files.
        progress: called after each file with the number done and the number there are.
    """
    found = Scan([], [])
    for done, (path, pixels) in enumerate(decoded(paths), 1):
        if isinstance(pixels, str):
            found.bad.append((path, pixels))
        else:
            found.good.append(path)
        if progress:
            progress(done, len(paths))
    if not found.good:
        first = f", first: {found.bad[0][1]}" if found.bad else ": give at least one photograph"
        raise IsganError(f"none of {len(paths)} files can be used{first}")
    return found


def _pixels(path: Path) -> np.ndarray | str:
    try:
        pixels = read_rgb(path)
    except IsganError as error:
        return str(error)
    if min(pixels.shape[:2]) < MIN_SIDE:
        return f"'{path}' is {pixels.shape[1]} x {pixels.shape[0]}: photographs need at least {MIN_SIDE} pixels a side"
    return pixels
