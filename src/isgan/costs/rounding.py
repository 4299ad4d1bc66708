"""Side information: a coefficient that was nearly rounded the other way is cheap to change that way.

T. Denemark, J. Fridrich: Side-Informed Steganography with Additive Distortion, WIFS 2015.
"""

import numpy as np

from isgan.costs.base import Costs
from isgan.covers.jpeg import JpegCover

RATIONAL = ((0, 0), (0, 4), (4, 0), (4, 4))
"""Frequencies whose coefficients are rational numbers, so that errors of exactly 1/2 are common: they would cost
nothing together."""
NEAR = 1e-4


def informed(cover: JpegCover, price: np.ndarray) -> Costs:
    """The same price (h, w) in both directions; of a fresh JPEG times 1 - 2 |e| in the direction of its rounding
    error e."""
    if cover.rounding is None:
        return Costs(both := (price,), both)
    error = cover.rounding
    cheaper = price * (1 - 2 * np.minimum(np.abs(error), np.float32(0.5)))
    for row, column in RATIONAL:
        place = (slice(row, None, 8), slice(column, None, 8))
        cheaper[place][np.abs(error[place]) > 0.5 - NEAR] = np.inf
    # A price of nothing has no logarithm and no place in a trellis.
    cheaper = np.maximum(cheaper, price * np.float32(NEAR))
    return Costs((np.where(error < 0, cheaper, price),), (np.where(error > 0, cheaper, price),))
