"""Where in a picture the evidence lies: a heat map."""

from itertools import pairwise

import numpy as np

from isgan.covers.base import Cover
from isgan.detectors.classic.jpeg_colors import foreign
from isgan.detectors.features.spam import Spam
from isgan.jfif.dct import luma

WINDOW = 17  # pixels across, over which evidence is averaged
LIMIT = 3  # SPAM's differences are cut off there
MARK = 5  # pixels across that one pixel of a foreign colour marks
DARKEST = 0.35


def contributions(detector: Spam, cover: Cover) -> np.ndarray:
    """(H, W): what each place adds to the detector's score, on the scale of the score; their mean is the score.

    SPAM's features are shares of three neighbouring differences and the ensemble is linear, so that a score is exactly a sum over places.
    """
    (planes,) = detector.inputs(cover)
    weights, offset = detector.ensemble.linear(planes.shape[2] * 2 * (2 * LIMIT + 1) ** 3)
    height, width = planes.shape[:2]
    found = np.full((height, width), -offset)
    # sealwatch counts rows and columns together, and both diagonals.
    straight, diagonal = height * max(width - 3, 0) + max(height - 3, 0) * width, 2 * max(height - 3, 0) * max(width - 3, 0)
    for place, (of_diagonals, of_lines) in enumerate(weights.reshape(planes.shape[2], 2, -1) * found.size / 2):
        samples = planes[..., place].astype(np.int64)
        for down, right in ((0, 1), (1, 0)):
            _add(found, samples, down, right, of_lines / max(straight, 1))
        for down, right in ((1, 1), (-1, 1)):
            _add(found, samples, down, right, of_diagonals / max(diagonal, 1))
    return found


def _add(found: np.ndarray, samples: np.ndarray, down: int, right: int, table: np.ndarray) -> None:
    """Adds what the table says of three differences in a row, forwards and backwards, at the second of their four samples."""
    height, width = samples.shape
    rows, columns = height - 3 * abs(down), width - 3 * right
    if rows <= 0 or columns <= 0:
        return
    top = 3 if down < 0 else 0
    four = [samples[top + step * down : top + step * down + rows, step * right : step * right + columns] for step in range(4)]
    first, middle, last = (np.clip(before - after, -LIMIT, LIMIT) for before, after in pairwise(four))
    base = 2 * LIMIT + 1
    # sealwatch's order: left, centre and right of what it calls so, the first of them running fastest.
    forwards = (last + LIMIT) + base * (middle + LIMIT) + base**2 * (first + LIMIT)
    backwards = (LIMIT - first) + base * (LIMIT - middle) + base**2 * (LIMIT - last)
    found[top + down : top + down + rows, right : right + columns] += table[forwards] + table[backwards]


def smoothed(values: np.ndarray, window: int = WINDOW) -> np.ndarray:
    """The mean over a square around each place, cut at the borders, (H, W)."""
    sums = [np.pad(part, ((1, 0), (1, 0))).cumsum(0).cumsum(1) for part in (values, np.ones_like(values))]
    edges = [(np.clip(np.arange(length) - window // 2, 0, length), np.clip(np.arange(length) + window // 2 + 1, 0, length))
             for length in values.shape]  # fmt: skip
    (top, bottom), (left, right) = edges
    totals = [table[np.ix_(bottom, right)] - table[np.ix_(top, right)] - table[np.ix_(bottom, left)] + table[np.ix_(top, left)]
              for table in sums]  # fmt: skip
    return np.asarray(totals[0] / totals[1])


def heat_map(cover: Cover, detector: Spam | None) -> np.ndarray:
    """The picture in gray, red where the evidence of a stego image lies, blue where that of a cover, (H, W, 3) uint8.

    Where a picture that was a JPEG has colours that no JPEG decoder gives, these are the evidence, whatever the detector says.
    """
    pixels = cover.pixels()
    changed = foreign(cover)
    if changed is not None and changed.any():
        strength = np.minimum(MARK**2 * smoothed(changed.astype(float), MARK), 1.0)
    elif detector is None:
        strength = np.zeros(pixels.shape[:2])
    else:
        evidence = smoothed(contributions(detector, cover))
        strength = np.clip(evidence / max(float(np.quantile(np.abs(evidence), 0.99)), 1e-9), -1, 1)
    gray = np.repeat(luma(pixels)[..., None], 3, axis=2) * (1 - DARKEST * np.abs(strength)[..., None])
    color = np.where(strength[..., None] > 0, (255, 0, 0), (0, 60, 255))
    share = 0.7 * np.abs(strength)[..., None]
    return np.rint(gray * (1 - share) + color * share).clip(0, 255).astype(np.uint8)
