"""Every change costs the same: what an embedding does that does not look at its cover."""

import numpy as np

from isgan.costs import costs
from isgan.costs.base import Costs
from isgan.covers.png import PngCover


@costs.register("flat")
def flat(cover: PngCover) -> Costs:
    """1 everywhere."""
    planes = tuple(np.ones(plane.shape, np.float32) for plane in cover.planes)
    return Costs(planes, planes)
