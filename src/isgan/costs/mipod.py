"""MiPOD: independent Gaussian pixels, and changes that the best detector of them sees least.

V. Sedighi, R. Cogranne, J. Fridrich: Content-Adaptive Steganography by Minimizing Statistical Detectability, TIFS 2016.
"""

import numpy as np

from isgan.costs import costs
from isgan.costs.base import Costs
from isgan.costs.model_based import from_information
from isgan.costs.windows import by_strips, correlate, window_mean
from isgan.covers.base import Planes
from isgan.covers.png import PngCover

BLOCK = 9  # side of the block in which a trigonometric polynomial of degree 8 is the picture, and the rest is noise
SMOOTH = 7  # side of the window in which the Fisher information is averaged
LEAST = 0.01  # variance that the digits of pixels give at least (the paper's equation 27)
DESIGN = 0.4  # bits a sample: prices depend on the payload; `model_based` at this rate makes those of any other


@costs.register("mipod")
def mipod(cover: PngCover) -> Costs:
    """Prices of least deflection at `DESIGN`, over all planes, whose variances are each plane's own."""
    planes = from_information(information(cover.planes), DESIGN)
    return Costs(planes, planes)


def information(planes: Planes) -> Planes:
    """Fisher information of the change rate of each sample, but for a factor; (h, w) float32 for each (h, w) int16."""
    return tuple(by_strips((_residual(plane),), BLOCK // 2 + SMOOTH // 2, _information)[0] for plane in planes)


def _residual(plane: np.ndarray) -> np.ndarray:
    """What Wiener's filter of 2 x 2 samples takes away, (h, w) float32. Outside of the picture is black."""
    padded = np.pad(plane.astype(np.int32), ((0, 1), (0, 1)))
    total, squares = (x[1:, 1:] + x[1:, :-1] + x[:-1, 1:] + x[:-1, :-1] for x in (padded, padded**2))
    variance = ((4 * squares - total**2) / 16).astype(np.float32)
    noise = max(variance.mean(dtype=np.float64), 1e-8)
    return (plane - total / np.float32(4)) * np.float32(noise) / np.maximum(variance, np.float32(noise))


def _information(residual: np.ndarray) -> np.ndarray:
    """(rows + 14, columns + 14) float32 -> (rows, columns)."""
    place = np.arange(BLOCK)
    cosines = np.cos(np.pi * place[:, None] * (2 * place + 1) / (2 * BLOCK)) * (2 / BLOCK) ** 0.5
    noise, energy = residual.astype(np.float64), 0.0
    # The polynomial has the frequencies of sum < BLOCK, row 0 of the cosines among them; what is left has the others.
    for across in range(1, BLOCK):
        part = correlate(noise, cosines[across], 1)
        for down in range(BLOCK - across, BLOCK):
            energy += correlate(part, cosines[down], 0) ** 2
    variance = np.maximum(energy / (BLOCK * (BLOCK - 1) // 2), LEAST)
    return window_mean(1 / variance**2, SMOOTH)
