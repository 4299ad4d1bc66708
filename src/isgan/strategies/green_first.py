"""Green first, then red and blue where it moved and as it did: green has most in common with both.

After GINA: Y. Wang, W. Zhang, W. Li, X. Yu, N. Yu: Non-Additive Cost Functions for Color Image Steganography Based on
Inter-Channel Correlations and Differences, TIFS 2020.
"""

import numpy as np

from isgan.costs.base import Costs
from isgan.covers.base import Planes
from isgan.strategies import strategies
from isgan.strategies.base import Part, Strategy

GREEN = 1
DISCOUNT = np.float32(1 / 9)  # of a step that green made at the same pixel


def in_turn(planes: int) -> list[int]:
    """The planes with green first: G, R, B, or the only one."""
    return sorted(range(planes), key=lambda plane: plane != GREEN)


@strategies.register("green_first")
class GreenFirst(Strategy):
    """One part for each plane."""

    def parts(self, planes: int) -> list[Part]:
        return [Part(plane) for plane in in_turn(planes)]

    def prices(self, costs: Costs, changes: Planes, part: Part) -> tuple[np.ndarray, np.ndarray]:
        down, up = part.of(costs.down), part.of(costs.up)
        if len(changes) <= GREEN or part.plane == GREEN:
            return down, up
        green = part.of((changes[GREEN],) * len(changes))
        return np.where(green < 0, DISCOUNT * down, down), np.where(green > 0, DISCOUNT * up, up)
