"""The contract of costs: what it costs to change a sample."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from isgan.covers.base import Planes


class Costs(NamedTuple):
    """The price of -1 and of +1 at each sample; each (h, w) float32, positive. Both may be the very same arrays.

    Only what the method says: bounds of the cover and frozen samples are the embedding's business.
    """

    down: Planes
    up: Planes


Cost: TypeAlias = Callable[[Any], Costs]
"""A registered function cover -> Costs; the annotation of its one argument is the class of covers that it is for."""
