"""`ws`: the weighted stego image. Fridrich and Goljan, SPIE 5306, 2004; as Ker and Boehme, "Revisiting weighted stego-image
steganalysis", SPIE 6819, 2008, made it better."""

import numpy as np

from isgan.detectors import detectors
from isgan.detectors.classic.base import REPLACEMENT, Attack


@detectors.register("ws")
class WeightedStego(Attack):
    """A sample less what its neighbours foretell, times the direction that flipping its LSB would take: 0 on average in photographs,
    and as large as the share of flipped LSBs in stego images. Smooth parts weigh more.

    The score is the estimated share of samples that carry a bit: twice that of the flipped ones.
    """

    seconds = 0.05
    usual = 0.17
    note = f"{REPLACEMENT}: the estimated share of samples that carry a bit, from what neighbours foretell"

    @staticmethod
    def of_plane(samples: np.ndarray) -> float:
        return 2 * flipped_share(samples)


def flipped_share(samples: np.ndarray) -> float:
    """With the publication's predictor of eight neighbours, its weights 1 / (5 + variance) and its correction of the bias."""
    values, toward = samples.astype(np.float64), (samples ^ 1) - samples.astype(np.float64)
    mean = _around(values, 1, 1, 1) / 9
    variance = _around(values**2, 1, 1, 1) / 9 - mean**2
    weights = 1 / (5 + variance)
    weights /= weights.sum()
    middle, direction = values[1:-1, 1:-1], -toward[1:-1, 1:-1]
    share = float((weights * direction * (middle - _around(values, -1, 2, 0) / 4)).sum())
    bias = share * float((weights * direction * (_around(toward, -1, 2, 0) / 4)).sum())
    return share - bias


def _around(values: np.ndarray, corner: float, side: float, middle: float) -> np.ndarray:
    """Sums over 3 x 3 samples with these weights, (h - 2, w - 2)."""
    weights = np.array([[corner, side, corner], [side, middle, side], [corner, side, corner]])
    height, width = values.shape
    return sum((weights[row, column] * values[row : height - 2 + row, column : width - 2 + column]
                for row in range(3) for column in range(3)), np.zeros((height - 2, width - 2)))  # fmt: skip
