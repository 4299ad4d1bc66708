"""The contract of a detector: it learns to tell the stego images of one method from covers."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from isgan.covers.base import Cover
from isgan.errors import IsganError
from isgan.metrics.security import best_threshold

LEAST_PAIRS = 2


class Chosen(Sequence[Cover]):
    """Some of a sequence of covers."""

    def __init__(self, covers: Sequence[Cover], places: np.ndarray):
        self.covers, self.places = covers, places

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, place: Any) -> Any:
        return (
            Chosen(self.covers, self.places[place])
            if isinstance(place, slice)
            else self.covers[int(self.places[place])]
        )


class Pairs(NamedTuple):
    """Covers and their stego images in the same order: files, so that a detector may look at pixels or at coefficients."""

    covers: Sequence[Cover]
    stegos: Sequence[Cover]

    def take(self, places: np.ndarray) -> "Pairs":
        """The pairs at these places, not read before they are looked at."""
        return Pairs(Chosen(self.covers, places), Chosen(self.stegos, places))


class Budget(NamedTuple):
    """How long a detector learns: minutes or steps, of both whichever is reached first; 0 for no bound."""

    minutes: float = 0.0
    steps: int = 0


class Detector(ABC):
    """Learns from pairs, then says of any file how much it looks like a stego image.

    Attributes:
        threshold: scores above it mean "stego"; the one of least P_E on the validation pairs.
    """

    threshold: float

    def fit(self, train: Pairs, val: Pairs, budget: Budget, progress: Callable[[float], None] = lambda _: None) -> None:
        """Learns from `train` and chooses by `val`; no photograph may be in both.

        `progress` is called with how much is done, 0 to 1. `IsganError` for pairs that are none, and for a budget
        without an end.
        """
        for pairs in (train, val):
            if len(pairs.covers) != len(pairs.stegos) or len(pairs.covers) < LEAST_PAIRS:
                raise IsganError(f"a detector needs at least {LEAST_PAIRS} covers and as many stego images: "
                                 f"{len(pairs.covers)} and {len(pairs.stegos)}")  # fmt: skip
        if not (budget.minutes > 0 or budget.steps > 0):
            raise IsganError("a detector needs minutes or steps to be trained")
        self.learn(train, val, budget, progress)
        self.threshold = best_threshold(self.scores(val.covers), self.scores(val.stegos))

    @abstractmethod
    def learn(self, train: Pairs, val: Pairs, budget: Budget, progress: Callable[[float], None]) -> None:
        """What `fit` does, but for the threshold."""

    @abstractmethod
    def scores(self, covers: Sequence[Cover]) -> np.ndarray:
        """(N,): the more a file looks like a stego image, the higher."""
