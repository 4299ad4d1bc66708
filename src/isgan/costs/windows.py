"""What costs are made of: planes cut into strips with a mirrored border, and sums over windows.

All arrays are two-dimensional, and every operation keeps only the places whose whole neighbourhood is there: a strip
gets smaller from step to step, by as much as its border was wide.
"""

from collections.abc import Callable
from functools import reduce

import numpy as np

from isgan.covers.base import Planes
from isgan.jit import jit, side_by_side

STRIP = 1 << 19  # samples at a time: a few arrays of them fit a processor's cache


def mirrored(size: int, first: int, last: int) -> np.ndarray:
    """The indices first ... last - 1 of an axis that is continued by its mirror image: d c b a | a b c d | d c b a."""
    places = np.arange(first, last) % (2 * size)
    return np.where(places < size, places, 2 * size - 1 - places)


def by_strips(planes: Planes, border: int, work: Callable[[np.ndarray], np.ndarray]) -> Planes:
    """`work` on every plane, in strips of rows on all cores.

    Args:
        planes: each (h, w).
        border: how far a result depends on its neighbourhood, in samples.
        work: (rows + 2 border, w + 2 border) -> (rows, w), the plane continued by its mirror image.

    Returns:
        For each plane (h, w) float32.
    """
    results = tuple(np.empty(plane.shape, np.float32) for plane in planes)

    def strip(place: tuple[int, int, int]) -> None:
        index, first, last = place
        height, width = planes[index].shape
        rows = planes[index].take(mirrored(height, first - border, last + border), 0)
        results[index][first:last] = work(rows.take(mirrored(width, -border, width + border), 1))

    places = []
    for index, (height, width) in enumerate(plane.shape for plane in planes):
        rows = max(2 * border, STRIP // width, 1)
        places += [(index, first, min(first + rows, height)) for first in range(0, height, rows)]
    side_by_side(strip, places)
    return results


def window_sum(values: np.ndarray, size: int, axis: int) -> np.ndarray:
    """Sums of `size` values in a row along an axis, of which size - 1 places are lost.

    Windows of 1, 2, 4, ... are doubled and put together, so nothing is taken away again and no rounding error adds up.
    """
    length = values.shape[axis] - size + 1

    def part(start: int, stop: int | None) -> tuple[slice, ...]:
        return (slice(start, stop),) if axis == 0 else (slice(None), slice(start, stop))

    pieces: list[np.ndarray] = []
    done, width = 0, 1
    while True:
        if size & width:
            pieces.append(values[part(done, done + length)])
            done += width
        if done == size:
            return reduce(np.add, pieces)
        values = values[part(0, -width)] + values[part(width, None)]
        width *= 2


def window_mean(values: np.ndarray, size: int) -> np.ndarray:
    """Means over size x size windows."""
    return window_sum(window_sum(values, size, 0), size, 1) * values.dtype.type(1 / size**2)


@jit
def correlate(values: np.ndarray, taps: np.ndarray, axis: int) -> np.ndarray:
    """Weighted sums of as many values in a row along an axis as there are taps, all float64."""
    lost = taps.size - 1
    rows = values.shape[0] - (lost if axis == 0 else 0)
    columns = values.shape[1] - (lost if axis == 1 else 0)
    sums = np.zeros((rows, columns))
    for y in range(rows):
        row = sums[y]
        for k in range(taps.size):
            tap = taps[k]
            source = values[y + k, :columns] if axis == 0 else values[y, k : k + columns]
            for x in range(columns):
                row[x] += tap * source[x]
    return sums
