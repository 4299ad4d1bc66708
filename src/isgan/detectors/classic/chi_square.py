"""`chi-square`: Westfeld and Pfitzmann, "Attacks on steganographic systems", Information Hiding 1999."""

import numpy as np

from isgan.detectors import detectors
from isgan.detectors.classic.base import REPLACEMENT, Attack

FEWEST = 4  # samples of a pair of values, on average over both, from which on it counts


@detectors.register("chi-square")
class ChiSquare(Attack):
    """LSB replacement makes the two values of a pair 2k, 2k + 1 equally frequent.

    The score is -log10 of chi-square by its degrees of freedom: 0 where the frequencies are as equal as chance makes them, far below
    in photographs. A share of the samples that is chosen at random and much smaller than 1 escapes it.
    """

    seconds = 0.01
    usual = -0.05
    note = f"{REPLACEMENT}, in nearly all samples: pairs of values that occur equally often"

    @staticmethod
    def of_plane(samples: np.ndarray) -> float:
        statistic, freedom = chi_square(samples)
        return -float(np.log10(max(statistic, 1e-3) / freedom)) if freedom else 0.0


def chi_square(samples: np.ndarray) -> tuple[float, int]:
    """The statistic, over both values of each pair, and its degrees of freedom: of how many pairs it is, less one."""
    pairs = np.bincount(samples.ravel(), minlength=256).reshape(128, 2)
    expected = pairs.mean(axis=1)
    used = expected > FEWEST
    deviations = 2 * (pairs[used, 0] - expected[used]) ** 2 / expected[used]
    return float(deviations.sum()), max(int(used.sum()) - 1, 0)
