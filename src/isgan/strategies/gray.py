"""Equal steps on all planes: differences of colour stay what they were."""

from functools import reduce

import numpy as np

from isgan.costs.base import Costs
from isgan.covers.base import Planes
from isgan.strategies import strategies
from isgan.strategies.base import Part, Strategy


@strategies.register("gray")
class Gray(Strategy):
    """One part: a pixel is a symbol, and its price is the sum over the planes."""

    def parts(self, planes: int) -> list[Part]:
        return [Part(0)]

    def prices(self, costs: Costs, changes: Planes, part: Part) -> tuple[np.ndarray, np.ndarray]:
        down = reduce(np.add, costs.down)
        return down, down if costs.up is costs.down else reduce(np.add, costs.up)

    def moved(self, part: Part, planes: int) -> tuple[int, ...]:
        return tuple(range(planes))
