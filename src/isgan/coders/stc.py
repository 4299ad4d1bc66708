"""Ternary embedding at nearly the least price there is: syndrome-trellis codes in two layers.

Filler, Judas and Fridrich, TIFS 2011; Filler and Fridrich, WIFS 2010. Of a value modulo 4 the upper bit is coded first,
at the prices that the best distribution of changes gives it (the flipping lemma), then the lower bit at the prices that
are left. A change by 2 is not among the choices. Where a message is short, several elements say one value together,
their sum, and the cheapest of them moves; where it is dense, a code of three digits takes the place of the two layers.
`docs/format-coders.md` specifies what is read.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from isgan.coders import coders, ternary
from isgan.coders.base import Coder, Infeasible
from isgan.coders.digits import bits_of, digits_of, needed, room
from isgan.coders.masks import VARIANT, masked, unmasked
from isgan.coders.trellis import cheapest, message
from isgan.jit import side_by_side

DENSEST = 156
"""Bits for a hundred elements at most. The bound is 158; the rest is room to go around elements that must not change."""

DENSE = 110
"""Bits for a hundred elements beyond which digits of three are coded: near the bound upper bits leave no way to lower ones."""

SPARSEST = 20
"""Sums for each bit at most: elements beyond that are joined."""

SEGMENT = 8192
"""Sums in one trellis, more where fewer bits than `LEAST` would be theirs."""

LEAST = 2048
"""Bits that a trellis carries at least, roughly: its ends, where few ways are open to a bit, cost what 50 bits do at the bound."""

SAMPLE = 1024
"""Sums that the scale of prices is fitted to; it may be wrong by a tenth before that costs anything."""

TRIALS = 4

SPARE = 16
"""Bits that a dense message leaves unused, so that a few elements which move in one direction alone leave it a way."""


class Segment(NamedTuple):
    """Sums `first` ... `last` - 1 of all `sums` of so many elements, and the bits that they carry."""

    elements: int
    sums: int
    first: int
    last: int
    bits: slice

    @property
    def edges(self) -> np.ndarray:
        """Where the elements of each sum start, and the end, (last - first + 1,) int64."""
        return np.arange(self.first, self.last + 1) * self.elements // self.sums

    @property
    def shares(self) -> tuple[int, int]:
        """How many bits the upper and the lower bits of the sums carry."""
        count = self.bits.stop - self.bits.start
        upper = (53 * count + 50) // 100
        return upper, count - upper


@coders.register("stc")
class Stc(Coder):
    """A code of one height, 7 ... 12: each step takes twice the time and comes a little nearer to the bound."""

    def __init__(self, height: int = 10):
        self.height = height

    def capacity(self, count: int) -> int:
        return max(min(DENSEST * count // 100, room(count, 3) - VARIANT - SPARE), DENSE * count // 100)

    def embed(self, elements: np.ndarray, down: np.ndarray, up: np.ndarray, bits: np.ndarray) -> np.ndarray:
        stego = elements.copy()
        if len(bits):
            dense = _dense(len(elements), len(bits))
            scale = np.float32(1 if dense else _scale(down, up, len(bits)))

            def work(segment: Segment) -> None:
                if dense:
                    _embed_dense(stego, down, up, bits[segment.bits], segment)
                else:
                    self._embed(stego, down, up, bits[segment.bits], segment, scale)

            side_by_side(work, _segments(len(elements), len(bits)))
        return stego

    def _embed(
        self, stego: np.ndarray, down: np.ndarray, up: np.ndarray, bits: np.ndarray, segment: Segment, scale: np.float32
    ) -> None:
        """Writes a segment's bits into its elements."""
        edges = segment.edges
        own = slice(edges[0], edges[-1])
        starts = edges[:-1] - edges[0]
        values = _values(stego[own], segment)
        downs, ups = (scale * np.minimum.reduceat(price[own], starts) for price in (down, up))
        # One move flips both bits of a value, down if it is even and up if it is odd; the other flips the lower alone.
        odd = values & 1 == 1
        across, along = np.where(odd, ups, downs), np.where(odd, downs, ups)
        upper, lower = segment.shares
        prices = across + np.log1p(np.exp(-along))
        missing = message(values >> 1, upper, self.height) ^ bits[:upper]
        for _ in range(TRIALS):
            both = cheapest(prices, missing, self.height)
            if both is None:
                break
            left = message((values & 1) ^ both, lower, self.height) ^ bits[upper:]
            single = cheapest(np.where(both, np.float32(np.inf), along), left, self.height)
            if single is not None:
                _move(stego[own], down[own], starts, np.where(odd, single, both), -1)
                _move(stego[own], up[own], starts, np.where(odd, both, single), 1)
                return
            # Sums that have to move for their upper bits are wet for the lower ones; at other prices others have to.
            prices *= np.random.default_rng().uniform(0.5, 1.5, len(prices)).astype(np.float32)
        raise Infeasible

    def extract(self, elements: np.ndarray, count: int) -> np.ndarray:
        bits = np.empty(count, np.uint8)
        dense = _dense(len(elements), count)

        def work(segment: Segment) -> None:
            edges = segment.edges
            if dense:
                length = segment.bits.stop - segment.bits.start + VARIANT
                digits = ternary.message(elements[edges[0] : edges[-1]] % 3, needed(length, 3))
                bits[segment.bits] = unmasked(bits_of(digits, length, 3))
                return
            values = _values(elements[edges[0] : edges[-1]], segment)
            said = [message(values >> 1 - i & 1, share, self.height) for i, share in enumerate(segment.shares)]
            bits[segment.bits] = np.concatenate(said)

        side_by_side(work, _segments(len(elements), count))
        return bits


def _dense(count: int, bits: int) -> bool:
    return 100 * bits > DENSE * count


def _embed_dense(stego: np.ndarray, down: np.ndarray, up: np.ndarray, bits: np.ndarray, segment: Segment) -> None:
    """Writes a segment's bits as digits of three into its elements."""
    own = slice(segment.first, segment.last)
    there = ternary.message(stego[own] % 3, needed(VARIANT + len(bits), 3))
    for variant in masked(bits):
        steps = ternary.cheapest(down[own], up[own], (digits_of(variant, 3) - there) % 3)
        if steps is not None:
            stego[own] += steps
            return
    raise Infeasible


def _segments(count: int, bits: int) -> list[Segment]:
    sums = min(count, SPARSEST * bits)
    parts = min(-(-sums // SEGMENT), max(1, (bits + LEAST // 2) // LEAST))
    cuts = [(i * sums // parts, i * bits // parts) for i in range(parts + 1)] if parts else []
    return [Segment(count, sums, a, b, slice(c, d)) for (a, c), (b, d) in pairwise(cuts)]


def _values(elements: np.ndarray, segment: Segment) -> np.ndarray:
    """The sums modulo 4, (sums,) uint8. Each sum's number is added, so that odd and even samples are treated alike."""
    edges = segment.edges
    sums = np.add.reduceat(elements, edges[:-1] - edges[0], dtype=np.int16)  # wraps round at a multiple of 4
    return ((sums + np.arange(segment.first, segment.last)) & 3).astype(np.uint8)


def _move(elements: np.ndarray, prices: np.ndarray, starts: np.ndarray, which: np.ndarray, step: int) -> None:
    """Moves the cheapest element of each of these sums."""
    ends = np.append(starts[1:], len(elements))
    longest = int((ends - starts).max())
    members = np.minimum(starts[which][:, None] + np.arange(longest), ends[which][:, None] - 1)
    elements[members[np.arange(len(members)), prices[members].argmin(axis=1)]] += step


def _scale(down: np.ndarray, up: np.ndarray, count: int) -> float:
    """lambda: times this, prices are those of the distribution of changes whose entropy is so many bits."""
    sums = min(len(down), SPARSEST * count)
    edges = np.arange(min(sums, SAMPLE) + 1) * len(down) // sums
    downs, ups = (np.minimum.reduceat(price[: edges[-1]], edges[:-1]) for price in (down, up))
    low, high = -60.0, 60.0
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if entropy(downs, ups, math.exp(middle)) > count / sums else (low, middle)
    return math.exp(low)


def entropy(down: np.ndarray, up: np.ndarray, scale: float) -> float:
    """Bits for each element if changes by -1, 0 and +1 are as likely as exp(-scale * down), 1 and exp(-scale * up)."""
    prices = np.minimum(scale * np.stack([down, up]).astype(np.float64), 700)  # where exp() is still a number
    weights = np.exp(-prices)
    total = 1 + weights.sum(axis=0)
    return float(np.mean(np.log(total) + (weights * prices).sum(axis=0) / total) / math.log(2))
