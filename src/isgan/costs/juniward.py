"""J-UNIWARD: the relative change of wavelet coefficients that a step of a DCT coefficient makes.

V. Holub, J. Fridrich, T. Denemark: Universal Distortion Function for Steganography in an Arbitrary Domain, EURASIP
Journal on Information Security, 2014; with the window where it belongs, see M. Benes, N. Hofer, R. Boehme: arXiv
2305.19776.

All is separable: the wavelets, and what a step of a DCT coefficient, an outer product of two cosines, does to them.
Every filter runs over windows of 23 samples that begin 8 apart, so it is a product of matrices.
"""

import numpy as np

from isgan.costs import costs
from isgan.costs.base import Costs
from isgan.costs.rounding import informed
from isgan.costs.wavelet import HIGH, LOW
from isgan.covers.jpeg import JpegCover
from isgan.jfif.dct import BASIS, decoded, tiled
from isgan.jit import side_by_side

SIGMA = 2.0**-6
TAPS = len(HIGH)
WINDOW = 8 + TAPS - 1  # wavelet coefficients that a block of 8 samples has a part in
MARGIN = 16  # samples that are needed on each side of a block, in whole blocks
TILE = 480
"""Rows and columns at a time: they fit a cache, and each product is small enough for BLAS to make no threads of its
own, which would wait for each other here."""

# (16, 23): 8 low-pass and 8 high-pass coefficients of 23 samples.
FILTERS = np.array([[0.0] * place + list(taps) + [0.0] * (7 - place) for taps in (LOW, HIGH) for place in range(8)])
# (8, 23): how much a step of each of 8 frequencies changes the 23 coefficients of a block, for each filter.
LOW_STEP, HIGH_STEP = (np.abs([np.correlate(wave, taps, "full") for wave in BASIS]) for taps in (LOW, HIGH))


@costs.register("juniward")
def juniward(cover: JpegCover) -> Costs:
    """Sum over three subbands W of |change of W| / (|W| + sigma) of the decoded picture (equation 3), the picture
    continued by its mirror image. Zeros cost as much as they change."""
    (plane,) = cover.planes
    price = np.empty(plane.shape, np.float32)

    def tile(corner: tuple[int, int]) -> None:
        inner, outer, margins = zip(*map(_reach, corner, plane.shape), strict=True)
        samples = np.pad(decoded(plane[outer], cover.quantiser), margins, "symmetric")
        price[inner] = _price(samples) * tiled(cover.quantiser, price[inner].shape)

    side_by_side(
        tile, ((row, column) for row in range(0, plane.shape[0], TILE) for column in range(0, plane.shape[1], TILE))
    )
    return informed(cover, price)


def _reach(first: int, size: int) -> tuple[slice, slice, tuple[int, int]]:
    """Along an axis: a tile, as much around it as there is, and what is missing of the margins."""
    last = min(first + TILE, size)
    outer = slice(max(first - MARGIN, 0), min(last + MARGIN, size))
    return slice(first, last), outer, (MARGIN - (first - outer.start), MARGIN - (outer.stop - last))


def _price(samples: np.ndarray) -> np.ndarray:
    """Samples with a margin, (h + 32, w + 32) -> (h, w), the price of changing a coefficient by 1, not by a step."""
    across = _windows(samples, 1) @ FILTERS.T
    low, high = (part.reshape(len(samples), -1) for part in (across[..., :8], across[..., 8:]))
    low_down, high_down = FILTERS[:8], FILTERS[8:]
    total = _relative(high, low_down, LOW_STEP, HIGH_STEP)
    total += _relative(low, high_down, HIGH_STEP, LOW_STEP)
    total += _relative(high, high_down, HIGH_STEP, HIGH_STEP)
    return total.reshape(len(samples) - 2 * MARGIN, -1)


def _relative(filtered: np.ndarray, down: np.ndarray, step_down: np.ndarray, step_across: np.ndarray) -> np.ndarray:
    """The relative change of one subband for each coefficient, (h, w / 8, 8).

    Args:
        filtered: samples that were filtered across.
        down: (8, 23), the filter for the other direction.
        step_down, step_across: (8, 23), what a step changes.
    """
    subband = (down @ _windows(filtered, 0)).reshape(-1, filtered.shape[1])
    weights = 1 / (np.abs(subband[1:, 1:]) + SIGMA)
    columns = (step_down @ _windows(weights, 0)).reshape(-1, weights.shape[1])
    return _windows(columns, 1) @ step_across.T


def _windows(values: np.ndarray, axis: int) -> np.ndarray:
    """Views of 23 values that begin 8 apart: (n, 23, columns) along axis 0, (rows, n, 23) along axis 1."""
    windows = np.lib.stride_tricks.sliding_window_view(values, WINDOW, axis)
    return windows[::8].swapaxes(1, 2) if axis == 0 else windows[:, ::8]
