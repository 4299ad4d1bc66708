"""S-UNIWARD: how much a change moves wavelet coefficients, by their size.

V. Holub, J. Fridrich, T. Denemark: Universal Distortion Function for Steganography in an Arbitrary Domain, EURASIP
Journal on Information Security 2014.
"""

from functools import reduce

import numpy as np

from isgan.costs import costs
from isgan.costs.base import Costs
from isgan.costs.wavelet import BORDER, suitabilities
from isgan.costs.windows import by_strips
from isgan.covers.png import PngCover

SIGMA = 1.0  # added to a coefficient's size; smaller ones leave traces (the paper's section 5)


@costs.register("suniward")
def suniward(cover: PngCover) -> Costs:
    """The sum of relative changes of all coefficients, each plane for itself."""
    planes = by_strips(cover.planes, BORDER, _suniward)
    return Costs(planes, planes)


def _suniward(samples: np.ndarray) -> np.ndarray:
    return reduce(np.add, suitabilities(samples, lambda size: 1 / (SIGMA + size)))
