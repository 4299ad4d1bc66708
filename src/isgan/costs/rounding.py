"""Side information: a coefficient that was nearly rounded the other way is cheap to change that way.

T. Denemark, J. Fridrich: Side-Informed Steganography with Additive Distortion, WIFS 2015.
"""

import numpy as np

from isgan.costs.base import Costs
from isgan.covers.jpeg import JpegCover
from isgan.jfif.dct import tiled

UNSURE = 1 / 8
"""How near to a half, in units of coefficients, libjpeg's transform in whole numbers does not say what was rounded.

It knows eighths, and rounds all halves away from zero. Whoever moves coefficients back that the exact transform has
just below a half takes that habit out of the file, which JRM sees at once (P_E .31 instead of .47 at .1 bits for each
non-zero AC coefficient, quality 95).
"""


def informed(cover: JpegCover, price: np.ndarray) -> Costs:
    """The same price (h, w) in both directions; of a fresh JPEG times 1 - 2 |e| in the direction of its rounding
    error e, in steps, unless e is too near to a half to be known."""
    if cover.rounding is None:
        return Costs(both := (price,), both)
    error = cover.rounding
    size = np.abs(error)
    known = size < 0.5 - tiled(UNSURE / cover.quantiser, price.shape)
    cheaper = np.where(known, price * (1 - 2 * size), price).astype(np.float32)
    return Costs((np.where(error < 0, cheaper, price),), (np.where(error > 0, cheaper, price),))
