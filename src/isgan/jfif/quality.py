"""The quality of a quantisation table, on the usual scale from 1 to 100."""

import numpy as np

USUAL = np.array(
    [[16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55], [14, 13, 16, 24, 40, 57, 69, 56],
     [14, 17, 22, 29, 51, 87, 80, 62], [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
     [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99]]
)  # fmt: skip
"""Steps of brightness at quality 50, ITU T.81 Table K.1."""


def steps(quality: int) -> np.ndarray:
    """The usual steps of brightness, (8, 8), at a quality of 1 ... 100."""
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((USUAL * percent + 50) // 100, 1, 255)


def quality_of(table: np.ndarray) -> int:
    """The quality whose usual table is nearest to this one, (8, 8); damaged files have steps of 0."""
    table = np.maximum(table, 1)
    return min(range(1, 101), key=lambda quality: np.abs(np.log(steps(quality) / table)).sum())
