"""What carries what in a cover, and how head and body are written there: part after part, each in the key's order."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from isgan.coders.base import Coder
from isgan.costs.base import Costs
from isgan.covers.base import Cover, Planes
from isgan.key import Key
from isgan.schemes.base import Progress
from isgan.strategies.base import Part, Strategy

Masks: TypeAlias = tuple[np.ndarray | None, ...]
"""For each plane where samples must not change, as `isgan.covers.base.Cover.frozen`."""


class Slots(NamedTuple):
    """What carries what: the parts, how many of their samples carry the body, and how many of the first part's the head."""

    strategy: Strategy
    parts: list[Part]
    counts: list[int]
    head: int

    @property
    def body(self) -> int:
        """Samples that carry the body."""
        return sum(self.counts)

    def shares(self, bits: int) -> Iterator[int]:
        """How many bits of a body each part carries: in proportion to its samples, rounded so that the sum is right."""
        done = 0
        for count in self.counts:
            yield bits * (done + count) // self.body - bits * done // self.body
            done += count


def elements_of(cover: Cover, part: Part, key: Key, number: int) -> np.ndarray:
    """A part's samples in the key's order."""
    samples = part.of(cover.planes).ravel()
    return samples[key.order(f"part {number}", samples.size)]


def written(cover: Cover, priced: Costs, avoided: Masks, slots: Slots, coder: Coder, key: Key, bits: tuple[np.ndarray, np.ndarray],
            progress: Progress) -> Planes:  # fmt: skip
    """Head and body into the cover: what is added to its planes, int8. `Infeasible` if these bits do not fit."""
    head, body = bits
    changes = tuple(np.zeros(plane.shape, np.int8) for plane in cover.planes)
    closed = list(zip(cover.frozen, avoided, strict=True))
    start = 0
    for number, (part, count) in enumerate(zip(slots.parts, slots.shares(len(body)), strict=True)):
        moved = slots.strategy.moved(part, len(cover.planes))
        samples = part.of(cover.planes)
        order = key.order(f"part {number}", samples.size)
        elements = samples.ravel()[order]
        prices = allowed(cover, part, moved, closed, slots.strategy.prices(priced, changes, part))
        down, up = (price.ravel()[order] for price in prices)
        pieces = [(0 if number else slots.head, body[start : start + count])]
        if number == 0:
            pieces.insert(0, (0, head))
        changed = np.empty_like(elements)
        for (first, message), last in zip(pieces, [*(piece[0] for piece in pieces[1:]), len(elements)], strict=True):
            where = slice(first, last)
            changed[where] = coder.embed(elements[where], down[where], up[where], message)
        added = np.empty(samples.size, np.int8)
        added[order] = changed - elements
        for plane in moved:
            part._replace(plane=plane).of(changes)[...] += added.reshape(samples.shape)
        start += count
        progress(number + 1, len(slots.parts))
    return changes


def allowed(cover: Cover, part: Part, moved: tuple[int, ...], closed: Sequence[tuple[np.ndarray | None, ...]],
            prices: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """The prices, infinite where a sample would leave the bounds, and in the masks that are `closed` to changes, of each plane."""
    down, up = (np.array(price, np.float32) for price in prices)
    lowest, highest = cover.bounds
    for plane in moved:
        there = part._replace(plane=plane)
        samples = there.of(cover.planes)
        down[samples <= lowest] = np.inf
        up[samples >= highest] = np.inf
        for mask in closed[plane]:
            if mask is not None:
                where = mask[there.row :: there.step, there.column :: there.step]
                down[where] = up[where] = np.inf
    return down, up
