"""The contract of a strategy: in which parts the planes are changed, and how changes agree with each other."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from isgan.costs.base import Costs
from isgan.covers.base import Planes


class Part(NamedTuple):
    """Every `step`-th row and column of one plane, from `row` and `column` on."""

    plane: int
    row: int = 0
    column: int = 0
    step: int = 1

    def of(self, planes: Planes) -> np.ndarray:
        """Its samples, a view (rows, columns) of the plane."""
        return planes[self.plane][self.row :: self.step, self.column :: self.step]


class Strategy(ABC):
    """Parts carry their share of the payload one after the other; a part's prices may depend on what was changed before it.

    The receiver needs `parts` alone.
    """

    @abstractmethod
    def parts(self, planes: int) -> list[Part]:
        """The parts of a cover with so many planes, in the order in which they are embedded; no sample in two of them."""

    @abstractmethod
    def prices(self, costs: Costs, changes: Planes, part: Part) -> tuple[np.ndarray, np.ndarray]:
        """What -1 and +1 cost at the samples of a part, each (rows, columns) float32, given the changes so far.

        Args:
            costs: of the cover.
            changes: (h, w) int8 for each plane: what was added to it so far; 0 in this part.
            part: one of `parts`.
        """

    def moved(self, part: Part, planes: int) -> tuple[int, ...]:
        """The planes that move when a sample of the part does, each at the same place by the same step."""
        return (part.plane,)
