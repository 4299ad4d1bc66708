"""Bits as digits to another base, a word of both at a time. `docs/format-coders.md` specifies them."""

import functools

import numpy as np

LIMIT = 1 << 62
"""Words are smaller, so that they are whole numbers of 64 bits."""


def whole_bits(digits: int, base: int) -> int:
    """How many bits so many digits can say."""
    return (base**digits).bit_length() - 1


@functools.cache
def word(base: int) -> tuple[int, int]:
    """Of how many digits a word is, and of how many bits: as many bits for each digit as there can be, in as few digits."""
    lengths = [1]
    while base ** (lengths[-1] + 1) < LIMIT:
        lengths.append(lengths[-1] + 1)
    best = max(lengths, key=lambda digits: whole_bits(digits, base) / digits)
    return best, whole_bits(best, base)


def room(digits: int, base: int) -> int:
    """How many bits so many digits say, as words and a shorter one."""
    length, bits = word(base)
    words, rest = divmod(digits, length)
    return words * bits + whole_bits(rest, base)


def needed(count: int, base: int) -> int:
    """How many digits say so many bits."""
    length, bits = word(base)
    words, rest = divmod(count, bits)
    return words * length + next(digits for digits in range(length + 1) if whole_bits(digits, base) >= rest)


def digits_of(bits: np.ndarray, base: int) -> np.ndarray:
    """(m,) bits -> (`needed(m, base)`,) int64; of both the first are the lowest."""
    length, width = word(base)
    words = np.pad(bits.astype(np.int64), (0, -len(bits) % width)).reshape(-1, width)
    values = (words << np.arange(width)).sum(axis=1)
    return (values[:, None] // base ** np.arange(length) % base).ravel()[: needed(len(bits), base)]


def bits_of(digits: np.ndarray, count: int, base: int) -> np.ndarray:
    """The first `count` bits that digits say, (count,) uint8."""
    length, width = word(base)
    words = np.pad(digits, (0, -len(digits) % length)).reshape(-1, length)
    values = (words * base ** np.arange(length)).sum(axis=1)
    return (values[:, None] >> np.arange(width) & 1).astype(np.uint8).ravel()[:count]
