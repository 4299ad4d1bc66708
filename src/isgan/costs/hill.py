"""HILL: high-pass, low-pass, low-pass.

B. Li, M. Wang, J. Huang, X. Li: A New Cost Function for Spatial Image Steganography, ICIP 2014.
"""

import numpy as np

from isgan.costs import costs
from isgan.costs.base import Costs
from isgan.costs.windows import by_strips, window_mean
from isgan.covers.png import PngCover

INNER, OUTER = 3, 15  # sides of the two low-pass filters
FLATTEST = np.finfo(np.float32).eps  # what a residual's mean is at least, so that flat places have a finite cost


@costs.register("hill")
def hill(cover: PngCover) -> Costs:
    """The inverse of the 3 x 3 mean of a high-pass residual's size, averaged over 15 x 15; each plane for itself."""
    planes = by_strips(cover.planes, 1 + INNER // 2 + OUTER // 2, _hill)
    return Costs(planes, planes)


def _hill(samples: np.ndarray) -> np.ndarray:
    # Ker and Boehme's high-pass filter [-1 2 -1; 2 -4 2; -1 2 -1] is a second difference along both axes.
    x = samples.astype(np.float32)
    x = x[:-2] - 2 * x[1:-1] + x[2:]
    x = x[:, :-2] - 2 * x[:, 1:-1] + x[:, 2:]
    residual = window_mean(np.abs(x) / 4, INNER)
    return window_mean(1 / np.maximum(residual, FLATTEST), OUTER)
