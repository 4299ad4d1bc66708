"""A message in one of many disguises: where elements that must not change leave no way to one, another may do.

`docs/format-coders.md` specifies them.
"""

import hashlib
from collections.abc import Iterator

import numpy as np

VARIANT = 8
"""Bits in front of a message that say by which mask it is changed."""

TRIED = 12
"""Masks that a writer tries."""


def masked(bits: np.ndarray) -> Iterator[np.ndarray]:
    """(m,) uint8 bits of 0 and 1 -> several times (m + `VARIANT`,), in random order: the number of a mask and the bits under it."""
    for number in np.random.default_rng().permutation(1 << VARIANT)[:TRIED]:
        before = np.unpackbits(np.array([number], np.uint8), bitorder="little")
        yield np.concatenate([before, bits ^ _mask(int(number), len(bits))])


def unmasked(said: np.ndarray) -> np.ndarray:
    """(m + `VARIANT`,) -> (m,), what `masked` was given."""
    return said[VARIANT:] ^ _mask(int(np.packbits(said[:VARIANT], bitorder="little")[0]), len(said) - VARIANT)


def _mask(number: int, count: int) -> np.ndarray:
    """The bits that mask `number` changes, (count,) uint8."""
    digests = [hashlib.sha256(f"isgan variant {number} {i}".encode()).digest() for i in range(-(-count // 256))]
    return np.unpackbits(np.frombuffer(b"".join(digests), np.uint8), bitorder="little")[:count]
