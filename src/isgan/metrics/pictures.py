"""PSNR and SSIM of two pictures of 8 bits, in numpy alone and in strips, so that memory does not grow with them.

The same measures as `isgan.metrics.quality` has for batches of tensors.
"""

import math
from typing import NamedTuple

import numpy as np

WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2 * 255**2, 0.03**2 * 255**2
STRIP = 64  # rows compared at a time
ALL_PIXELS = 2_000_000


class Scores(NamedTuple):
    """PSNR in dB, infinite for equal pictures, and SSIM, not a number for pictures of less than 11 pixels a side."""

    psnr: float
    ssim: float


def compare(picture: np.ndarray, original: np.ndarray) -> Scores:
    """Two uint8 pictures of one size, (H, W) or (H, W, 3).

    SSIM of pictures of more than `ALL_PIXELS` is that of evenly spaced strips, about as many pixels.
    """
    return Scores(psnr(picture, original), _ssim(picture, original))


def psnr(picture: np.ndarray, original: np.ndarray) -> float:
    """10 log10(255^2 / mean square error) in dB, of two uint8 pictures of one size; infinite if they are equal."""
    if picture.shape != original.shape:
        raise ValueError(f"pictures of {picture.shape} and {original.shape}")
    error = 0
    for top in range(0, len(original), STRIP):
        rows = slice(top, top + STRIP)
        error += int(np.square(picture[rows].astype(np.int32) - original[rows]).sum(dtype=np.int64))
    return 10 * math.log10(255**2 * original.size / error) if error else math.inf


def _ssim(picture: np.ndarray, original: np.ndarray) -> float:
    height, width = original.shape[:2]
    windows = height - WINDOW + 1
    if min(height, width) < WINDOW:
        return math.nan
    total, seen = 0.0, 0
    for top in range(0, windows, STRIP * math.ceil(height * width / ALL_PIXELS)):
        bottom = min(top + STRIP, windows)
        rows = slice(top, bottom + WINDOW - 1)
        total += (bottom - top) * _similarity(picture[rows], original[rows])
        seen += bottom - top
    return total / seen


def _similarity(picture: np.ndarray, original: np.ndarray) -> float:
    """SSIM of Wang et al. 2004 (the paper's eq. 8), the mean over all windows that lie inside and over channels."""
    x, y = (strip.reshape(*strip.shape[:2], -1).transpose(2, 0, 1).astype(np.float64) for strip in (picture, original))
    mean_x, mean_y = _blurred(x), _blurred(y)
    product, square_x, square_y = mean_x * mean_y, mean_x**2, mean_y**2
    covariance = _blurred(x * y) - product
    variances = _blurred(x * x + y * y) - square_x - square_y
    similarity = (2 * product + C1) / (square_x + square_y + C1) * ((2 * covariance + C2) / (variances + C2))
    return float(similarity.mean())


def _blurred(image: np.ndarray) -> np.ndarray:
    """(C, h, w) -> (C, h - 10, w - 10), weighted by a Gaussian of sigma 1.5 in a window of 11 x 11."""
    distance = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-(distance**2) / (2 * SIGMA**2))
    weights /= weights.sum()
    height, width = (side - WINDOW + 1 for side in image.shape[1:])
    columns = sum(weight * image[:, i : i + height] for i, weight in enumerate(weights))
    return sum(weight * columns[:, :, i : i + width] for i, weight in enumerate(weights))  # type: ignore[return-value]
