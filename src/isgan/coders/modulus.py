"""A digit in a few elements, one of which moves by one: exploiting modification direction.

Zhang and Wang, IEEE Communications Letters 2006: k elements say x_1 + 2 x_2 + ... + k x_k modulo 2 k + 1. Each digit is
one move of one element away, or two moves of two. The cheapest is taken, so wet elements stay.
`docs/format-coders.md` specifies what is read.
"""

import functools
import itertools
from collections.abc import Iterator

import numpy as np

from isgan.coders import coders
from isgan.coders.base import Coder, Infeasible
from isgan.coders.digits import bits_of, digits_of, needed, room
from isgan.coders.masks import VARIANT, masked, unmasked

SMALLEST, LARGEST = 3, 32
"""Elements for each digit: with fewer than three one wet element may leave digits that nothing reaches."""

BLOCK = 4096
"""Elements at most that have a message of their own: the more, the likelier is a digit that wet elements do not reach."""


@coders.register("modulus")
class Modulus(Coder):
    """As many elements for each digit as the message leaves room for."""

    def capacity(self, count: int) -> int:
        blocks = -(-count // BLOCK)
        return blocks * max(0, _room(count // blocks, SMALLEST) - VARIANT) if count else 0

    def embed(self, elements: np.ndarray, down: np.ndarray, up: np.ndarray, bits: np.ndarray) -> np.ndarray:
        stego, size = elements.copy(), _size(len(elements), len(bits))
        for own, said in _blocks(len(elements), len(bits)):
            for message in masked(bits[said]):
                if _write(stego[own], down[own], up[own], digits_of(message, 2 * size + 1), size):
                    break
            else:
                raise Infeasible
        return stego

    def extract(self, elements: np.ndarray, count: int) -> np.ndarray:
        size, base = _size(len(elements), count), 2 * _size(len(elements), count) + 1
        bits = np.empty(count, np.uint8)
        for own, said in _blocks(len(elements), count):
            length = said.stop - said.start + VARIANT
            digits = _said(elements[own][: needed(length, base) * size].reshape(-1, size))
            bits[said] = unmasked(bits_of(digits, length, base))
        return bits


def _blocks(count: int, bits: int) -> Iterator[tuple[slice, slice]]:
    """Elements and bits of each block."""
    blocks = -(-count // BLOCK)
    for i in range(blocks if bits else 0):
        yield slice(i * count // blocks, (i + 1) * count // blocks), slice(i * bits // blocks, (i + 1) * bits // blocks)


def _write(elements: np.ndarray, down: np.ndarray, up: np.ndarray, digits: np.ndarray, size: int) -> bool:
    """Makes elements say digits, if wet ones let them; returns whether they do."""
    used = slice(len(digits) * size)
    groups = elements[used].reshape(-1, size)
    missing = (digits - _said(groups)) % (2 * size + 1)
    rows = np.arange(len(groups))
    prices = np.stack([np.zeros(groups.shape, np.float32), *(price[used].reshape(groups.shape) for price in (up, down))], axis=2)
    choices = _choices(size)[missing]
    cost = sum(prices[rows[:, None], choices[..., i, 0], choices[..., i, 1]] for i in (0, 1))
    best = cost.argmin(axis=1)
    if np.isinf(cost[rows, best]).any():
        return False
    for place, step in choices[rows, best].swapaxes(0, 1).swapaxes(1, 2):
        groups[rows, place] += np.array([0, 1, -1], groups.dtype)[step]
    return True


def _size(count: int, bits: int) -> int:
    """The most elements for each digit with which so many bits have room."""
    blocks = max(1, -(-count // BLOCK))
    most = -(-bits // blocks) + VARIANT
    return next((size for size in range(LARGEST, SMALLEST, -1) if _room(count // blocks, size) >= most), SMALLEST)


def _room(count: int, size: int) -> int:
    return room(count // size, 2 * size + 1)


def _said(groups: np.ndarray) -> np.ndarray:
    """(digits, k) int16 elements -> (digits,) int64."""
    size = groups.shape[1]
    return groups.astype(np.int64) @ np.arange(1, size + 1) % (2 * size + 1)


@functools.cache
def _choices(size: int) -> np.ndarray:
    """For each digit that is missing, the two moves of each way to make it: (2 k + 1, ways, 2 moves, 2) int8, the
    element, and 0 to leave it, 1 to raise it or 2 to lower it. Rows with fewer ways repeat their first."""
    moves = [(0, 0, 0), *((i, 1, i + 1) for i in range(size)), *((i, 2, -i - 1) for i in range(size))]
    ways: list[list[tuple]] = [[] for _ in range(2 * size + 1)]
    for first, second in itertools.combinations_with_replacement(moves, 2):
        if first[1] == 0 or first[0] != second[0]:
            ways[(first[2] + second[2]) % (2 * size + 1)].append((second[:2], first[:2]))
    most = max(map(len, ways))
    return np.array([(way + way[:1] * most)[:most] for way in ways], dtype=np.int8)
