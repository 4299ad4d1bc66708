"""A picture in tiles that overlap, so that a network's memory hardly grows with it."""

import math
from itertools import product
from typing import NamedTuple


class Tile(NamedTuple):
    """A part of an image, as (rows, columns): what the network sees, which part of the image is kept, where it is in
    `seen`."""

    seen: tuple[slice, ...]
    kept: tuple[slice, ...]
    inside: tuple[slice, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width of what the network sees."""
        return tuple(span.stop - span.start for span in self.seen)


def tiles(height: int, width: int, side: int, multiple: int, halo: int) -> list[Tile]:
    """Covers an image with tiles of nearly equal size, about `side` and at most 1.2 `side`, plus `halo` on inner edges.

    They start at multiples of `multiple`, so that a tile lies on the network's grid as the whole image does.
    """
    halo = _round_up(halo, multiple)
    spans = []
    for length in (height, width):
        count = max(1, math.ceil(length / side - 0.2))
        step = _round_up(math.ceil(length / count), multiple)
        spans.append([(start, min(start + step, length), length) for start in range(0, length, step)])
    parts = []
    for pair in product(*spans):
        kept = [slice(start, stop) for start, stop, _ in pair]
        seen = [slice(max(0, start - halo), min(length, stop + halo)) for start, stop, length in pair]
        inside = [slice(k.start - s.start, k.stop - s.start) for k, s in zip(kept, seen, strict=True)]
        parts.append(Tile(tuple(seen), tuple(kept), tuple(inside)))
    return parts


def _round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
