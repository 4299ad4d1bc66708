"""Slow inner parts of sealwatch's features of JPEG files, replaced: the same numbers several times sooner."""

import functools
import importlib
from typing import Any

import numpy as np

from isgan.errors import require

NEARLY_HALF = 1e-8 + 1e-5 * 0.5
"""What lies so close to a half, sealwatch rounds as a half (numpy's `isclose`)."""
JRM = ("absolute_value_features", "difference_features", "integral_features")
LARGEST = 4  # quantised residual of `dctr`


def replace_slow_parts(watch: Any) -> None:
    """Puts the functions of this module in place of sealwatch's, which have the same arguments."""
    watch.tools.matlab.round = rounded
    for part in JRM:
        names = vars(importlib.import_module(f"sealwatch.jrm.{part}"))
        ours = {"extract_cooccurrences_from_columns": count_signed, "extract_cooccurrences_from_columns_abs": count_sizes,
                "stack_columns_integral_inter_block": between_blocks, "stack_columns_integral_intra_block": within_blocks}  # fmt: skip
        names.update({name: function for name, function in ours.items() if name in names})


def rounded(values: np.ndarray) -> np.ndarray:
    """To the nearest whole number, halves away from 0."""
    sizes = np.abs(values)
    whole = np.floor(sizes)
    whole += 0.5 - (sizes - whole) <= NEARLY_HALF
    return np.copysign(whole, values)


def count_signed(columns: np.ndarray, T: int) -> np.ndarray:
    """How often the columns (N, n) have which whole numbers together, (2 T + 1,) * n; what lies beyond -T or T counts as these."""
    return _count(columns, -T, T)


def count_sizes(columns: np.ndarray, T: int) -> np.ndarray:
    """As `count_signed`, of numbers that are never negative: (T + 1,) * n."""
    return _count(columns, 0, T)


def _count(columns: np.ndarray, lowest: int, highest: int) -> np.ndarray:
    values = highest - lowest + 1
    index = np.zeros(len(columns), np.int64)
    for column in columns.T:
        index *= values
        index += np.clip(column, lowest, highest).astype(np.int64) - lowest
    return np.bincount(index, minlength=values ** columns.shape[1]).reshape((values,) * columns.shape[1]).astype(np.float64)


def between_blocks(A: np.ndarray, dx: int, dy: int) -> np.ndarray:
    """The pairs of coefficients that lie (dy, dx) apart, but for those with the first one of a block, (N, 2)."""
    return _apart(A, dx, dy, False)


def within_blocks(A: np.ndarray, dx: int, dy: int) -> np.ndarray:
    """As `between_blocks`, of pairs in one block of 8 x 8."""
    return _apart(A, dx, dy, True)


def _apart(plane: np.ndarray, dx: int, dy: int, together: bool) -> np.ndarray:
    rows, columns = ((slice(max(-step, 0), length - max(step, 0)), slice(max(step, 0), length + min(step, 0)))
                     for length, step in zip(plane.shape, (dy, dx), strict=True))  # fmt: skip
    kept = _kept(plane.shape, dx, dy, together)
    return np.stack([plane[rows[place], columns[place]][kept] for place in (0, 1)]).T


@functools.lru_cache(maxsize=64)
def _kept(shape: tuple[int, int], dx: int, dy: int, together: bool) -> np.ndarray:
    """Which pairs count, by the place of the upper left end of the part that both ends lie in."""
    ends = []
    for length, step in zip(shape, (dy, dx), strict=True):
        first = np.arange(max(-step, 0), length - max(step, 0))
        ends.append((first, first + step))
    constant = [np.logical_and.outer(ends[0][end] % 8 == 0, ends[1][end] % 8 == 0) for end in (0, 1)]
    kept = ~(constant[0] | constant[1])
    if together:
        kept &= np.logical_and.outer(*(first // 8 == second // 8 for first, second in ends))
    return np.asarray(kept)


def dctr(watch: Any, samples: np.ndarray, step: float) -> dict[str, np.ndarray]:
    """What sealwatch's `dctr.extract` gives: shares of the values by the numbers of pattern and place, "PATTERN_PLACE".

    Patterns are products of a row and a column, so that two short filters do what a square one does.

    Args:
        samples: (H, W) around 0.
        step: of the quantiser.
    """
    require("audit", "scipy")
    from scipy.ndimage import correlate1d

    basis = watch.tools.dct.compute_dct_mat()[:, ::-1]
    height, width = (length - 7 for length in samples.shape)
    place, sizes = _places(watch, height, width)
    found: dict[str, np.ndarray] = {}
    for row in range(8):
        filtered = correlate1d(samples, basis[row], axis=0)[4 : 4 + height]
        for column in range(8):
            residual = correlate1d(filtered, basis[column], axis=1)[:, 4 : 4 + width]
            value = np.minimum(np.abs(rounded(residual / step)), LARGEST).astype(np.int64)
            cells = np.bincount((place + value).ravel(), minlength=len(sizes) * (LARGEST + 1)).reshape(len(sizes), -1)
            found |= {f"{8 * row + column}_{number}": shares for number, shares in enumerate(cells / sizes[:, None])}
    return found


@functools.lru_cache(maxsize=4)
def _places(watch: Any, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The first cell of each place's histogram, (height, width), and how many places share one."""
    groups = watch.dctr._dctr.get_symmetric_histogram_coordinates()
    of_block = np.zeros((8, 8), np.int64)
    for number, shifts in enumerate(groups):
        for shift in shifts:
            of_block[shift] = number
    place = of_block[np.ix_(np.arange(height) % 8, np.arange(width) % 8)]
    return place * (LARGEST + 1), np.bincount(place.ravel(), minlength=len(groups))
