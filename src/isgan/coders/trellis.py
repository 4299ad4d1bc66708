"""A binary syndrome-trellis code: the cheapest flips that make bits say a message.

Filler, Judas and Fridrich, TIFS 2011. Bits y say the message H y. H is a band of a small matrix, `height` rows and a
column for each bit of a block, repeated one row further down for each block. Viterbi's algorithm walks over the
2^height values that the rows not yet decided may have. `docs/format-coders.md` specifies H.
"""

import functools
from typing import NamedTuple

import numpy as np

from isgan.coders.columns import columns
from isgan.jit import jit

LANES = 64
"""States that are worked on together: the partners of a flip lie in runs of so many, for which there are vectors."""

RESERVE = 16
"""Elements at most that the first block has more than others."""


class Layouts(NamedTuple):
    """In which order the 2^height states lie in memory, so that a flip joins whole runs of them.

    In a suitable basis of the states a column is a single bit. A few columns in turn share such a basis, a layout. The
    first block has layouts of its own, the others share theirs.

    Attributes:
        columns: (columns,) int64, those of the first block, then those of the others.
        partners: (columns,) int64, how far apart in memory the two states lie that a flip of this column joins.
        ends: (layouts,) int64, the first column after those of a layout.
        places: (layouts, states) int32, where a state lies.
        moves: (layouts, states) int32, from where in the layout before a value comes.
        shifts: (2, 2, states) int32, after the first block or another one, by the message's bit: from where a value
            comes into the layout in which blocks but the first start. `states` stands for a state that cannot be.
        states: (states,) int32, which state lies where in that layout.
        first: how many layouts, and how many columns, the first block has; (2,) int64.
    """

    columns: np.ndarray
    partners: np.ndarray
    ends: np.ndarray
    places: np.ndarray
    moves: np.ndarray
    shifts: np.ndarray
    states: np.ndarray
    first: np.ndarray


@functools.lru_cache(maxsize=64)
def layouts(height: int, first: int, width: int) -> Layouts:
    """For a first block of `first` columns and other blocks of up to `width`."""
    bases: list[list[int]] = []
    chosen = [int(column) for column in [*columns(height, first), *columns(height, width)]]
    while sum(map(len, bases)) < len(chosen):
        done = sum(map(len, bases))
        rest = chosen[done:first] if done < first else chosen[done:]
        bases.append(_independent(rest, height - LANES.bit_length() + 1))
        if done < first:
            own = len(bases)
    states = np.stack([_states(basis, height) for basis in bases])
    places = np.argsort(states, axis=1)
    moves = np.stack([places[i - 1][states[i]] for i in range(len(bases))])
    start, half = states[own], 1 << (height - 1)
    shifts = [
        [np.where(start < half, places[last][(2 * start + bit) % (2 * half)], 2 * half) for bit in (0, 1)]
        for last in (own - 1, -1)
    ]
    return Layouts(
        columns=np.array(chosen),
        partners=np.array([1 << (height - 1 - i) for basis in bases for i in range(len(basis))]),
        ends=np.cumsum([len(basis) for basis in bases]),
        places=places.astype(np.int32),
        moves=moves.astype(np.int32),
        shifts=np.array(shifts, dtype=np.int32),
        states=start.astype(np.int32),
        first=np.array([own, first]),
    )


def _independent(vectors: list[int], most: int) -> list[int]:
    """The first vectors, at most so many, up to one that is a sum of those before it."""
    reduced: list[int] = []
    for vector in vectors[:most]:
        if not _remainder(vector, reduced):
            break
        reduced.append(_remainder(vector, reduced))
    return vectors[: len(reduced)]


def _remainder(vector: int, reduced: list[int]) -> int:
    """What is left of a vector without the highest bits of others, each of which lacks those of the ones before it."""
    for other in reduced:
        vector = min(vector, vector ^ other)
    return vector


def _states(basis: list[int], height: int) -> np.ndarray:
    """The state at each place, (states,). The highest bit of a place stands for the first vector, the next one for the
    second, and so on; the lowest ones for those single bits that make the vectors a whole basis."""
    reduced: list[int] = []
    for vector in basis:
        reduced.append(_remainder(vector, reduced))
    tops = {vector.bit_length() - 1 for vector in reduced}
    vectors = [1 << bit for bit in range(height) if bit not in tops] + basis[::-1]
    places = np.arange(1 << height)
    return np.bitwise_xor.reduce([np.where(places >> i & 1, vector, 0) for i, vector in enumerate(vectors)])


def edges(count: int, blocks: int) -> np.ndarray:
    """Where each of so many blocks of elements starts, and the end; (blocks + 1,) int64.

    The first block has a few more than the others: were all its elements wet, nothing before it could help.
    """
    more = min(RESERVE, (count - blocks) // 4)
    starts = more + np.arange(blocks + 1) * (count - more) // blocks
    starts[0] = 0
    return starts


def widths(starts: np.ndarray) -> tuple[int, int]:
    """How many columns the first block has, and the longest of the others."""
    sizes = np.diff(starts)
    return int(sizes[0]), int(sizes[1:].max(initial=1))


def message(bits: np.ndarray, count: int, height: int) -> np.ndarray:
    """H y: (n,) uint8 bits -> the (count,) uint8 bits that they say."""
    if count == 0:
        return np.zeros(0, np.uint8)
    starts = edges(len(bits), count)
    first, width = widths(starts)
    number = np.arange(len(bits)) - np.repeat(starts[:-1], np.diff(starts))
    number[first:] += first
    chosen = np.concatenate([columns(height, first), columns(height, width)])[number]
    sums = np.bitwise_xor.reduceat(np.where(bits, chosen, 0), starts[:-1])
    said = np.zeros(count, np.int64)
    for row in range(min(height, count)):
        said[row:] ^= sums[: count - row] >> row
    return (said & 1).astype(np.uint8)


def cheapest(prices: np.ndarray, syndrome: np.ndarray, height: int) -> np.ndarray | None:
    """The flips e with H e = `syndrome` of the least price.

    Args:
        prices: (n,) float32, at least 0; infinite where a bit must not flip.
        syndrome: (m,) uint8, m at most n.

    Returns:
        (n,) bool, or None where none is of finite price.
    """
    flips = np.zeros(len(prices), np.bool_)
    if len(syndrome):
        starts = edges(len(prices), len(syndrome))
        if not _viterbi(prices, starts, syndrome, *layouts(height, *widths(starts)), flips):
            return None
    return flips


@jit
def _viterbi(prices, starts, syndrome, columns, partners, ends, places, moves, shifts, states, first, flips):  # type: ignore[no-untyped-def]
    """`cheapest`: fills `flips` and returns whether there is a way."""
    size = states.size
    old = np.full(size + 1, np.float32(np.inf))
    new = old.copy()
    old[0] = 0
    flipped = np.zeros(((prices.size + 7) // 8, size), np.uint8)  # eight elements in a byte; by place, not by state
    for block in range(syndrome.size):
        layout, column, stop = (first[0], first[1], ends.size) if block else (0, 0, first[0])
        for element in range(starts[block], starts[block + 1]):
            if column == ends[layout]:
                layout += 1
                for place in range(size):
                    new[place] = old[moves[layout, place]]
                old, new = new, old
            price = prices[element]
            if price < np.inf:
                bit = np.uint8(1 << (element & 7))
                for run in range(0, size, LANES):
                    partner = run ^ partners[column]
                    stay, come, best = old[run : run + LANES], old[partner : partner + LANES], new[run : run + LANES]
                    marks = flipped[element >> 3, run : run + LANES]
                    for i in range(LANES):
                        flip = come[i] + price
                        marks[i] |= bit if flip < stay[i] else np.uint8(0)
                        best[i] = min(flip, stay[i])
                old, new = new, old
            column += 1
        for later in range(layout + 1, stop):
            for place in range(size):
                new[place] = old[moves[later, place]]
            old, new = new, old
        shift = shifts[min(block, 1), syndrome[block]]
        for place in range(size):
            new[place] = old[shift[place]]
        old, new = new, old
    last = np.argmin(old[:size])
    if old[last] == np.inf:
        return False
    state = states[last]
    for block in range(syndrome.size - 1, -1, -1):
        state = 2 * state + syndrome[block]
        begin, layout = (first[1], ends.size - 1) if block else (0, first[0] - 1)
        for element in range(starts[block + 1] - 1, starts[block] - 1, -1):
            column = begin + element - starts[block]
            while layout > 0 and column < ends[layout - 1]:
                layout -= 1
            if flipped[element >> 3, places[layout, state]] >> (element & 7) & 1:
                flips[element] = True
                state ^= columns[column]
    return True
