"""`rs`: Fridrich, Goljan and Du, "Reliable detection of LSB steganography in color and grayscale images", ACM Multimedia and
Security 2001."""

import numpy as np

from isgan.detectors import detectors
from isgan.detectors.classic.base import REPLACEMENT, Attack

MASK = np.array([0, 1, 1, 0])
"""Of four samples side by side, which are flipped; the paper's."""
SENSIBLE = 0.75
"""How far from 1/2 an estimated share may be."""


@detectors.register("rs")
class RS(Attack):
    """Groups of samples grow rougher ("regular") or smoother ("singular") when some of them are flipped within 2k, 2k + 1, or within
    2k - 1, 2k. In photographs both ways do it alike; LSB replacement draws them apart, by which its rate is estimated.

    The score is the estimated share of samples that carry a bit.
    """

    seconds = 0.05
    usual = 0.58
    note = f"{REPLACEMENT}: the estimated share of samples that carry a bit, from groups that flipping makes rougher or smoother"

    @staticmethod
    def of_plane(samples: np.ndarray) -> float:
        width = samples.shape[1] // 4 * 4
        groups = samples[:, :width].reshape(-1, 4)
        if len(groups) == 0:
            return 0.0
        here = [_difference(groups, sign) for sign in (1, -1)]
        turned = [_difference(groups ^ 1, sign) for sign in (1, -1)]
        square = 2 * (turned[0] + here[0])
        linear = here[1] - turned[1] - turned[0] - 3 * here[0]
        constant = here[0] - here[1]
        # The share is x / (x - 1/2) of the publication's x. Its roots grow without bound towards a share of 1, those of 1 / x do not.
        inside = max(linear**2 - 4 * square * constant, 0.0) ** 0.5
        roots = [2 * constant / (-linear + sign * inside) for sign in (1, -1) if -linear + sign * inside]
        shares = [root / (root - 0.5) for root in sorted(roots, key=abs) if root != 0.5]
        # The smaller root, as published, unless it makes no sense: near a share of 1 noise may swap them.
        return float(next((share for share in shares if abs(share - 0.5) < SENSIBLE), 0.0))


def _difference(groups: np.ndarray, sign: int) -> float:
    """Share of regular groups less that of singular ones, when MASK is flipped within 2k, 2k + 1 (1) or within 2k - 1, 2k (-1)."""
    flipped = np.where(MASK == 1, (groups ^ 1) if sign == 1 else ((groups + 1) ^ 1) - 1, groups)
    before, after = (np.abs(np.diff(values, axis=1)).sum(axis=1) for values in (groups, flipped))
    return float((after > before).mean() - (after < before).mean())
