"""UERD: uniform embedding revisited.

L. Guo, J. Ni, W. Su, C. Tang, Y.-Q. Shi: Using Statistical Image Model for JPEG Steganography: Uniform Embedding
Revisited, IEEE Transactions on Information Forensics and Security 10, 2015.
"""

import numpy as np

from isgan.costs import costs
from isgan.costs.base import Costs
from isgan.costs.rounding import informed
from isgan.covers.jpeg import JpegCover


@costs.register("uerd")
def uerd(cover: JpegCover) -> Costs:
    """A coefficient's quantisation step over the energy of its block and a quarter of that of the eight blocks around
    (equation 4).

    Zeros cost as much as others of their place. Infinite where a block and its neighbours are flat.
    """
    (plane,) = cover.planes
    height, width = plane.shape
    steps = cover.quantiser.astype(np.float32)
    sizes = np.abs(plane).reshape(height // 8, 8, width // 8, 8)
    energy = np.einsum("aibj,ij->ab", sizes, steps, dtype=np.float32, casting="unsafe")
    energy -= sizes[:, 0, :, 0] * steps[0, 0]
    around = np.pad(energy, 1, "symmetric")
    around = around[:-2] + around[1:-1] + around[2:]
    around = around[:, :-2] + around[:, 1:-1] + around[:, 2:] - energy
    with np.errstate(divide="ignore"):
        blocks = 1 / (energy + around / 4)
    steps[0, 0] = (steps[0, 1] + steps[1, 0]) / 2
    return informed(cover, (blocks[:, None, :, None] * steps[:, None, :]).reshape(height, width))
