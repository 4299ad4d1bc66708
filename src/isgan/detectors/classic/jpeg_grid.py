"""`jpeg-grid`: Fridrich, Goljan and Du, "Steganalysis based on JPEG compatibility", SPIE 4518, 2001, of the blocks of 8 x 8."""

import numpy as np

from isgan.covers.base import Cover
from isgan.covers.past import DEVIATIONS, PEAK, grid_deviations
from isgan.detectors import detectors
from isgan.detectors.base import Untrained
from isgan.jfif.dct import BASIS, transform

SIDE = 1024  # pixels of the middle that are looked at, at most
NEAR, APART = 1.0, 2.0  # coefficients up to which one was 0; where none is if the quantiser is coarse
EMPTY = 0.1  # share of coefficients between NEAR and APART, of those below, up to which it is
FEWEST_MODES, FEWEST = 8, 1000
ROUNDING = 1 / 12
WEIGHTS = np.array([0.299, 0.587, 0.114])


@detectors.register("jpeg-grid")
class JpegGrid(Untrained):
    """Of a picture that was a JPEG, most of the DCT coefficients that were quantised coarsely are 0 but for rounding. Every later
    change adds to them.

    The score is their mean square by that of rounding, on the grid of 8 x 8 where most are near 0: about 1 before anything is changed;
    0 where no grid stands out, that is in pictures that never were a JPEG, or one of very high quality.
    """

    covers = ("png",)
    seconds = 0.2
    usual = 1.26
    note = "sees changes of some samples in a hundred in a PNG file that was made from a JPEG, in gray too, and nothing elsewhere"

    def score(self, cover: Cover) -> float:
        planes = [plane.astype(np.float64) for plane in cover.planes]
        if len(planes) == 1:
            return noise(planes[0], ROUNDING)
        # Rounded twice: as Y by the decoder, and in each colour.
        return noise(np.tensordot(WEIGHTS, np.array(planes), 1), ROUNDING * (1 + float((WEIGHTS**2).sum())))


def noise(luma: np.ndarray, rounding: float) -> float:
    """The mean square of coefficients next to 0, by `rounding`."""
    top, left = (max(0, (length - SIDE) // 2) for length in luma.shape)
    luma = luma[top : top + SIDE, left : left + SIDE]
    nearer, peak = grid_deviations(luma[None].astype(np.float32))
    if nearer <= DEVIATIONS and peak <= PEAK:
        return 0.0
    grids = [grid for grid in (_blocks(luma, number) for number in range(64)) if len(grid)]
    if not grids:  # flat or clipped everywhere: a screenshot
        return 0.0
    blocks = max(grids, key=lambda grid: float((np.abs(grid) < NEAR / 2).mean()))
    sizes = np.abs(blocks[:, 1:])
    near, between = (sizes < NEAR).sum(axis=0), ((sizes >= NEAR) & (sizes < APART)).sum(axis=0)
    coarse = between < EMPTY * near
    found = sizes[:, coarse]
    zeros = found[found < NEAR]
    if coarse.sum() < FEWEST_MODES or zeros.size < FEWEST:
        return 0.0
    return float((zeros**2).mean()) / rounding


def _blocks(luma: np.ndarray, number: int) -> np.ndarray:
    """The coefficients of all blocks of a grid that are not flat nor clipped, (blocks, 64)."""
    down, across = divmod(number, 8)
    rows, columns = (luma.shape[0] - down) // 8, (luma.shape[1] - across) // 8
    if rows == 0 or columns == 0:
        return np.zeros((0, 64))
    part = luma[down : down + 8 * rows, across : across + 8 * columns]
    blocks, found = (values.reshape(rows, 8, columns, 8).transpose(0, 2, 1, 3).reshape(-1, 64) for values in
                     (part, transform(np.ascontiguousarray(part), BASIS, BASIS)))  # fmt: skip
    telling = (blocks.min(axis=1) > 0.5) & (blocks.max(axis=1) < 254.5) & (np.abs(found[:, 1:]) > 0.5).any(axis=1)
    return found[telling]
