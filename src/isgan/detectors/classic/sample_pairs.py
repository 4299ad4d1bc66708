"""`sample-pairs`: Dumitrescu, Wu and Wang, "Detection of LSB steganography via sample pair analysis", IEEE TSP 51(7), 2003."""

import numpy as np

from isgan.detectors import detectors
from isgan.detectors.classic.base import REPLACEMENT, Attack


@detectors.register("sample-pairs")
class SamplePairs(Attack):
    """An even and an odd value next to each other are as often this way round as that way in photographs; LSB replacement
    moves pairs between the two sets at a rate that a quadratic equation gives back.

    The score is the estimated share of samples that carry a bit, of neighbours in rows and in columns together.
    """

    seconds = 0.03
    usual = 0.24
    note = f"{REPLACEMENT}: the estimated share of samples that carry a bit, from pairs of neighbours"

    @staticmethod
    def of_plane(samples: np.ndarray) -> float:
        rows, columns = (samples[:, :-1], samples[:, 1:]), (samples[:-1], samples[1:])
        return rate(*(np.concatenate([one.ravel(), other.ravel()]) for one, other in zip(rows, columns, strict=True)))


def rate(first: np.ndarray, second: np.ndarray) -> float:
    """The smaller root of the quadratic equation, from pairs of samples, (n,) each.

    Where it has no real root, the real part of both; 0 where no two neighbours are equal or of one pair of values.
    """
    even, less, more = second % 2 == 0, first < second, first > second
    gap_even, gap_odd = (even & less) | (~even & more), (even & more) | (~even & less)
    close = first // 2 == second // 2  # equal ones among them
    square, linear, constant = close.sum() / 2, 2 * gap_even.sum() - len(first), gap_odd.sum() - gap_even.sum()
    if square == 0:
        return 0.0
    inside = max(linear**2 - 4 * square * constant, 0.0)
    return float((-linear - inside**0.5) / (2 * square))
