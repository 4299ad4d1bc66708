"""A permutation from a key: Fisher and Yates's shuffle on a ChaCha20 keystream, without bias (Lemire 2019). See `docs/format.md`."""

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from isgan.jit import jit

CHUNK = 1 << 16  # words of keystream made at a time


def shuffled(key: bytes, count: int) -> np.ndarray:
    """0 ... count - 1 in the order that a 32-byte key gives, (count,) uint32.

    From the last place down to the second, each is exchanged with place (w (i + 1)) >> 32 of a little-endian 32-bit word w of the
    keystream; words for which that would not be fair are skipped.
    """
    if not 0 <= count < 2**32:
        raise ValueError(f"{count} places")
    order = np.arange(count, dtype=np.uint32)
    keystream = Cipher(ChaCha20(key, bytes(16)), mode=None).encryptor()
    place = count - 1
    while place > 0:
        words = np.frombuffer(keystream.update(bytes(4 * CHUNK)), "<u4")
        place = _exchange(order, place, words)
    return order


@jit
def _exchange(order: np.ndarray, place: int, words: np.ndarray) -> int:
    """Goes on with the shuffle at `place` until it or the words are used up; returns the place that is next."""
    for word in words:
        if place <= 0:
            break
        choices = np.uint64(place + 1)
        product = np.uint64(word) * choices
        low = product & np.uint64(0xFFFFFFFF)
        if low < choices and low < (np.uint64(1 << 32) - choices) % choices:
            continue
        other = np.int64(product >> np.uint64(32))
        order[place], order[other] = order[other], order[place]
        place -= 1
    return place
