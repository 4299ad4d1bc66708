"""WOW: changes go where the picture is hard to predict in every direction.

V. Holub, J. Fridrich: Designing Steganographic Distortion Using Directional Filters, WIFS 2012.
"""

import numpy as np

from isgan.costs import costs
from isgan.costs.base import Costs
from isgan.costs.wavelet import BORDER, suitabilities
from isgan.costs.windows import by_strips
from isgan.covers.png import PngCover

LEAST = np.finfo(np.float64).eps  # a suitability is at least this, so that flat places have a finite cost


@costs.register("wow")
def wow(cover: PngCover) -> Costs:
    """The sum of the inverse suitabilities (the paper's p = -1), each plane for itself."""
    planes = by_strips(cover.planes, BORDER, _wow)
    return Costs(planes, planes)


def _wow(samples: np.ndarray) -> np.ndarray:
    return sum(1 / np.maximum(suitability, LEAST) for suitability in suitabilities(samples, lambda size: size))
