"""Every plane for itself: changes do not look at each other."""

import numpy as np

from isgan.costs.base import Costs
from isgan.covers.base import Planes
from isgan.strategies import strategies
from isgan.strategies.base import Part, Strategy


@strategies.register("independent")
class Independent(Strategy):
    """One part for each plane, at the cost's own prices."""

    def parts(self, planes: int) -> list[Part]:
        return [Part(plane) for plane in range(planes)]

    def prices(self, costs: Costs, changes: Planes, part: Part) -> tuple[np.ndarray, np.ndarray]:
        return part.of(costs.down), part.of(costs.up)
