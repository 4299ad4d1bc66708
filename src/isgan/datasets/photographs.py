"""Photographs as arrays: files that can be used, cut to squares, and the share of them that is seen in training."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from isgan.datasets.base import Source, fraction, in_turn, name_in
from isgan.errors import IsganError
from isgan.picture import read_rgb

LEAST_SIDE = 32


class Photo(NamedTuple):
    """A photograph: its path in its set, (H, W, 3) RGB uint8, and the bytes of its file where it is a cover as it is, a JPEG."""

    name: str
    pixels: np.ndarray
    file: bytes | None = None


def decoded(paths: Iterable[Path]) -> Iterator[tuple[Path, np.ndarray | str]]:
    """Each file with its pixels, uint8 (H, W, 3), or with the reason why it cannot be used.

    One file at a time and decoded once, but completely, because a truncated file shows only at its end.
    """
    for path in paths:
        try:
            pixels = read_rgb(path)
        except IsganError as error:
            yield path, str(error)
            continue
        height, width = pixels.shape[:2]
        small = f"{path} is {width} x {height}: photographs need at least {LEAST_SIDE} pixels a side"
        yield path, small if min(height, width) < LEAST_SIDE else pixels


def square(pixels: np.ndarray, side: int) -> np.ndarray:
    """The centre square of an (H, W, 3) uint8 photograph, scaled bilinearly to (side, side, 3)."""
    return np.array(ImageOps.fit(Image.fromarray(pixels), (side, side), Image.Resampling.BILINEAR))


def in_share(path: Path, share: float) -> bool:
    """Does the photograph belong to this share of its split? A hash of its bytes decides, everywhere alike; the rest
    stays unseen.
    """
    try:
        return fraction(b"share" + path.read_bytes()) < share
    except OSError:
        return True  # decoding will name it


def squares(source: Source, paths: Sequence[Path], side: int, limit: int | None = None) -> Iterator[Photo]:
    """The centre squares of photographs of a set, scaled to `side`; files that cannot be used are left out, `limit`
    counts usable ones.
    """
    found = 0
    for path, pixels in decoded(paths):
        if found == limit:
            return
        if not isinstance(pixels, str):
            found += 1
            yield Photo(name_in(source.home, path), square(pixels, side))


def pairs_of(covers: Source, secrets: Source, split: str, side: int, limit: int | None) -> list[tuple[Photo, Photo]]:
    """Cover i of one set carries photograph i + 1 of the other (the same if both are one), the last one the first."""
    hosts = list(squares(covers, covers.images(split), side, limit))
    guests = list(squares(secrets, secrets.images(split), side, None if limit is None else limit + 1))
    if not hosts or len(guests) < 2:
        raise IsganError(
            f"too few {split} photographs in {covers.root} or {secrets.root}: a pair needs a cover and another photograph"
        )
    return in_turn(hosts, guests)
