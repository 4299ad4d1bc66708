"""CMD-C: changes that agree with those beside them and in the other channels are cheap.

W. Tang, B. Li, W. Luo, J. Huang: Clustering Steganographic Modification Directions for Color Components, SPL 2016.
"""

import numpy as np

from isgan.costs.base import Costs
from isgan.covers.base import Planes
from isgan.jit import jit
from isgan.strategies import strategies
from isgan.strategies.base import Part, Strategy
from isgan.strategies.green_first import in_turn

LATTICE = ((0, 0), (0, 1), (1, 1), (1, 0))
DISCOUNT = 9.0  # the price of the direction that most changes around a sample have is divided by this


@strategies.register("cmdc")
class Cmdc(Strategy):
    """Every second row and column of a plane is a part: four for each plane, the same places of all planes in turn."""

    def parts(self, planes: int) -> list[Part]:
        return [Part(plane, row, column, 2) for row, column in LATTICE for plane in in_turn(planes)]

    def prices(self, costs: Costs, changes: Planes, part: Part) -> tuple[np.ndarray, np.ndarray]:
        # A plane alone stands for the others too: in this part it has no changes yet.
        others = tuple(change for plane, change in enumerate(changes) if plane != part.plane) or (changes[part.plane],)
        return _prices(costs.down[part.plane], costs.up[part.plane], changes[part.plane], others, part.row, part.column)


@jit
def _prices(
    down: np.ndarray, up: np.ndarray, near: np.ndarray, others: tuple[np.ndarray, ...], row: int, column: int
) -> tuple[np.ndarray, np.ndarray]:
    """Prices at every second row and column: four neighbours and the same place of others vote for a direction."""
    height, width = near.shape
    lower = down[row::2, column::2].copy()
    higher = up[row::2, column::2].copy()
    for i in range(lower.shape[0]):
        y = row + 2 * i
        for j in range(lower.shape[1]):
            x = column + 2 * j
            vote = 0
            for other in others:
                vote += other[y, x]
            if y > 0:
                vote += near[y - 1, x]
            if y + 1 < height:
                vote += near[y + 1, x]
            if x > 0:
                vote += near[y, x - 1]
            if x + 1 < width:
                vote += near[y, x + 1]
            if vote < 0:
                lower[i, j] /= DISCOUNT
            elif vote > 0:
                higher[i, j] /= DISCOUNT
    return lower, higher
