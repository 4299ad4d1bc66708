"""LSB matching: a bit is the lowest bit of an element; where it is not, the element moves by one, up or down at random.

Sharp, Information Hiding 2001. Prices do not matter unless they are infinite. In each block some elements are left
over. Their lowest bits are mixed into the block's bits, so that flips of them help where a wet element has the wrong
bit (wet paper codes, Fridrich, Goljan, Lisonek and Soukal 2005). `docs/format-coders.md` specifies what is read.
"""

import functools
import hashlib
from collections.abc import Iterable, Iterator

import numpy as np

from isgan.coders import coders
from isgan.coders.base import Coder, Infeasible

BLOCK = 256
"""Elements in a block at most."""


@coders.register("lsbm")
class Lsbm(Coder):
    """Changes half of the elements that have a bit of their own, by one."""

    def capacity(self, count: int) -> int:
        return count * 9 // 10

    def embed(self, elements: np.ndarray, down: np.ndarray, up: np.ndarray, bits: np.ndarray) -> np.ndarray:
        wrong = self.extract(elements, len(bits)) != bits
        wet = np.isinf(down) & np.isinf(up)
        flips = np.zeros(len(elements), bool)
        for own, spare, said in _blocks(len(elements), len(bits)):
            missing, stuck = wrong[said], wet[own]
            if stuck.any():
                mixed = _mixture()[: spare.stop - spare.start, : len(missing)]
                dry = np.flatnonzero(~wet[spare])
                helpers = dry[_sum_of((_number(row) for row in mixed[dry][:, stuck]), _number(missing[stuck]))]
                flips[spare.start + helpers] = True
                missing = missing ^ np.bitwise_xor.reduce(mixed[helpers], axis=0, initial=False)
            flips[own] = missing
        raised = np.random.default_rng().integers(0, 2, len(elements), dtype=bool)
        raised = np.where(np.isinf(down) | np.isinf(up), np.isinf(down), raised)
        return elements + np.where(flips, np.where(raised, np.int8(1), np.int8(-1)), np.int8(0))

    def extract(self, elements: np.ndarray, count: int) -> np.ndarray:
        odd = elements & 1 == 1
        bits = np.zeros(count, np.uint8)
        for own, spare, said in _blocks(len(elements), count):
            mixed = _mixture()[: spare.stop - spare.start, : own.stop - own.start][odd[spare]]
            bits[said] = np.bitwise_xor.reduce(mixed, axis=0, initial=False) ^ odd[own]
        return bits


def _blocks(count: int, bits: int) -> Iterator[tuple[slice, slice, slice]]:
    """Of each block the elements with a bit of their own, those left over, and the bits."""
    blocks = -(-count // BLOCK)
    for i in range(blocks if bits else 0):
        said = slice(i * bits // blocks, (i + 1) * bits // blocks)
        own = slice(i * count // blocks, i * count // blocks + said.stop - said.start)
        yield own, slice(own.stop, (i + 1) * count // blocks), said


@functools.cache
def _mixture() -> np.ndarray:
    """Into which bits of a block each element that is left over is mixed, (BLOCK, BLOCK) bool."""
    rows = b"".join(hashlib.sha256(f"isgan lsbm {i}".encode()).digest() for i in range(BLOCK))
    return np.unpackbits(np.frombuffer(rows, np.uint8), bitorder="little").reshape(BLOCK, BLOCK).astype(bool)


def _number(bits: np.ndarray) -> int:
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _sum_of(vectors: Iterable[int], target: int) -> list[int]:
    """Which vectors over GF(2), by number, add up to the target."""
    basis: list[tuple[int, int]] = []

    def rest(vector: int, chosen: int) -> tuple[int, int]:
        for other, others in basis:
            if vector ^ other < vector:
                vector, chosen = vector ^ other, chosen ^ others
        return vector, chosen

    for i, vector in enumerate(vectors):
        if not target:
            break
        left, chosen = rest(vector, 1 << i)
        if left:
            basis.append((left, chosen))
    left, chosen = rest(target, 0)
    if left:
        raise Infeasible
    return [i for i in range(chosen.bit_length()) if chosen >> i & 1]
