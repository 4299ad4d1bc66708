"""A ternary syndrome-trellis code: the cheapest steps of -1, 0 and +1 that make digits say a message, at rates near log2(3).

Filler, Judas and Fridrich, TIFS 2011, over GF(3). Digits y say the message H y modulo 3. H is a band of a small matrix, as in
`isgan.coders.trellis`. Two binary layers fail where nearly every element has to say all that it can: those that the first
layer moves have no choice left in the second. Here a digit is chosen at once. `docs/format-coders.md` specifies H.
"""

import functools
import hashlib

import numpy as np

from isgan.coders.trellis import edges, widths
from isgan.jit import jit

HEIGHT = 8
"""Rows of the small matrix: 3^8 states. With one less it takes a third of the time, and far fewer elements may be wet."""


@functools.lru_cache(maxsize=16)
def columns(width: int) -> np.ndarray:
    """`width` columns of `HEIGHT` digits, the first row's first; the first and the last digit are not 0; (width, HEIGHT) int64."""
    found = []
    for number in range(width):
        digest = hashlib.sha256(f"isgan ternary {HEIGHT} {width} {number}".encode()).digest()
        found.append([1, *(byte % 3 for byte in digest[: HEIGHT - 2]), 1 + digest[HEIGHT - 2] % 2])
    return np.array(found)


def message(digits: np.ndarray, count: int) -> np.ndarray:
    """H y: (n,) digits 0, 1, 2 -> the (count,) int64 digits that they say; `count` is 1 at least."""
    starts = edges(len(digits), count)
    chosen = np.concatenate([columns(width) for width in widths(starts)])[_numbers(starts)]
    sums = np.add.reduceat(chosen * digits[:, None], starts[:-1])
    said = np.zeros(count, np.int64)
    for row in range(min(HEIGHT, count)):
        said[row:] += sums[: count - row, row]
    return said % 3


def cheapest(down: np.ndarray, up: np.ndarray, syndrome: np.ndarray) -> np.ndarray | None:
    """The steps e with H e = `syndrome` of the least price.

    Args:
        down, up: (n,) float32, what -1 and +1 cost; infinite where that must not be done.
        syndrome: (m,) digits, m at least 1 and at most n.

    Returns:
        (n,) int8, or None where none is of finite price.
    """
    starts = edges(len(down), len(syndrome))
    states = np.arange(3**HEIGHT)
    powers = 3 ** np.arange(HEIGHT)
    digits = states[:, None] // powers % 3
    every = np.concatenate([columns(width) for width in widths(starts)])
    # From where a step of +1 and of -1 leads to each state.
    sources = np.stack([(digits - sign * column) % 3 @ powers for sign in (1, -1) for column in every]).astype(np.int16)
    steps = np.zeros(len(down), np.int8)
    return steps if _viterbi(down, up, starts, _numbers(starts), syndrome, sources.reshape(2, len(every), -1), steps) else None


def _numbers(starts: np.ndarray) -> np.ndarray:
    """Which column belongs to each digit, of those of the first block and, behind them, those of the others."""
    number = np.arange(starts[-1]) - np.repeat(starts[:-1], np.diff(starts))
    number[starts[1] :] += starts[1]
    return number


@jit
def _viterbi(down, up, starts, numbers, syndrome, sources, steps):  # type: ignore[no-untyped-def]
    """`cheapest`: fills `steps` and returns whether there is a way."""
    size = sources.shape[2]
    third = size // 3
    old = np.full(size, np.float32(np.inf))
    new = old.copy()
    old[0] = 0
    taken = np.zeros(((down.size + 3) // 4, size), np.uint8)  # four elements in a byte: 1 for +1, 2 for -1
    for block in range(syndrome.size):
        for element in range(starts[block], starts[block + 1]):
            raised, lowered = sources[0, numbers[element]], sources[1, numbers[element]]
            dear, cheap, marks, shift = up[element], down[element], taken[element >> 2], 2 * (element & 3)
            plus, minus = np.uint8(1 << shift), np.uint8(2 << shift)
            for state in range(size):
                stay, higher, lower = old[state], old[raised[state]] + dear, old[lowered[state]] + cheap
                best = min(higher, lower)
                marks[state] |= (plus if higher <= lower else minus) if best < stay else np.uint8(0)
                new[state] = min(stay, best)
            old, new = new, old
        for state in range(third):
            new[state] = old[3 * state + syndrome[block]]
        new[third:] = np.inf
        old, new = new, old
    state = np.argmin(old)
    if old[state] == np.inf:
        return False
    for block in range(syndrome.size - 1, -1, -1):
        state = 3 * state + syndrome[block]
        for element in range(starts[block + 1] - 1, starts[block] - 1, -1):
            step = taken[element >> 2, state] >> (2 * (element & 3)) & 3
            if step == 1:
                steps[element] = 1
                state = sources[0, numbers[element], state]
            elif step == 2:
                steps[element] = -1
                state = sources[1, numbers[element], state]
    return True
