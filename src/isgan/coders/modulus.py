"""A digit in a few elements, one of which moves by one: exploiting modification direction.

Zhang and Wang, IEEE Communications Letters 2006: k elements say x_1 + 2 x_2 + ... + k x_k modulo 2 k + 1. Each digit is
one move of one element away, or two moves of two. The cheapest is taken, so wet elements stay.
`docs/format-coders.md` specifies what is read.
"""

import functools
import itertools

import numpy as np

from isgan.coders import coders
from isgan.coders.base import Coder, Infeasible
from isgan.coders.digits import bits_of, digits_of, needed, room

SMALLEST, LARGEST = 3, 32
"""Elements for each digit: with fewer than three one wet element may leave digits that nothing reaches."""

@coders.register("modulus")
class Modulus(Coder):
    """As many elements for each digit as the message leaves room for."""

    def capacity(self, count: int) -> int:
        return _room(count, SMALLEST)

    def embed(self, elements: np.ndarray, down: np.ndarray, up: np.ndarray, bits: np.ndarray) -> np.ndarray:
        size = _size(len(elements), len(bits))
        digits = digits_of(bits, 2 * size + 1)
        groups = elements[: len(digits) * size].reshape(-1, size).copy()
        missing = (digits - _said(groups)) % (2 * size + 1)
        rows = np.arange(len(groups))
        moves = (p[: groups.size].reshape(groups.shape) for p in (up, down))
        prices = np.stack([np.zeros(groups.shape, np.float32), *moves], axis=2)
        choices = _choices(size)[missing]
        cost = sum(prices[rows[:, None], choices[..., i, 0], choices[..., i, 1]] for i in (0, 1))
        best = cost.argmin(axis=1)
        if np.isinf(cost[rows, best]).any():
            raise Infeasible
        for place, step in choices[rows, best].swapaxes(0, 1).swapaxes(1, 2):
            groups[rows, place] += np.array([0, 1, -1], groups.dtype)[step]
        return np.concatenate([groups.ravel(), elements[groups.size :]])

    def extract(self, elements: np.ndarray, count: int) -> np.ndarray:
        size = _size(len(elements), count)
        base = 2 * size + 1
        return bits_of(_said(elements[: needed(count, base) * size].reshape(-1, size)), count, base)


def _size(count: int, bits: int) -> int:
    """The most elements for each digit with which so many bits have room."""
    return next((size for size in range(LARGEST, SMALLEST, -1) if _room(count, size) >= bits), SMALLEST)


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
