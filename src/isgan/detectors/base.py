"""The contract of a detector: it learns to tell the stego images of one method from covers, or knows without learning."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np

from isgan.covers import covers as kinds
from isgan.covers.base import Cover
from isgan.errors import IsganError
from isgan.metrics.security import best_threshold

LEAST_PAIRS = 2

Value = TypeVar("Value")

SEEN = "_seen"


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


def once(cover: Cover, detector: type, compute: Callable[[Cover], Value]) -> Value:
    """What a detector computes of a file: once for as long as the cover is in memory, in however many tests it is."""
    # On the cover itself: a weak dictionary's callbacks would swallow an interrupt. A changed copy takes this along, but has another id.
    owner, known = vars(cover).get(SEEN, (0, {}))
    if owner != id(cover):
        known = {}
        vars(cover)[SEEN] = (id(cover), known)
    if detector not in known:
        known[detector] = compute(cover)
    value: Value = known[detector]
    return value


class Budget(NamedTuple):
    """How long a detector learns: minutes or steps, of both whichever is reached first; 0 for no bound.

    Networks need one of them; other detectors are done when they are done.
    """

    minutes: float = 0.0
    steps: int = 0


NO_BOUND = Budget()


class Detector(ABC):
    """Says of any file how much it looks like a stego image; most learn that from pairs first.

    Args:
        seed: of whatever is drawn while it learns: the same seed, pairs and budget give the same detector.
        cache: a folder that keeps what it computes of each file, by a hash of what it looks at; None for none.

    Attributes:
        covers: kinds of covers that it can look at, by their names in `isgan.covers.covers`.
        trained: whether it has to learn. If not, its scores are the same before `fit`, which then only chooses a threshold.
        seconds: what a score takes for a colour image of 512 x 512 pixels on one core, about; training of networks apart.
        note: what it sees, and what it does not, in a line.
        threshold: scores above it mean "stego"; the one of least P_E on the validation pairs.
    """

    covers: ClassVar[tuple[str, ...]]
    trained: ClassVar[bool]
    seconds: ClassVar[float]
    note: ClassVar[str]
    threshold: float

    def __init__(self, seed: int = 0, cache: Path | None = None):
        self.seed, self.cache = seed, cache

    @classmethod
    def suits(cls, cover: Cover) -> bool:
        """Whether it can look at a file of this kind."""
        return any(isinstance(cover, kinds[kind]) for kind in cls.covers)

    def prepare(self, covers: Sequence[Cover], progress: Callable[[float], None] = lambda _: None) -> None:  # noqa: B027
        """Computes beforehand, on all cores, what `fit` and `scores` need of each of these files; nothing where there is no such thing."""

    def fit(self, train: Pairs, val: Pairs, budget: Budget = NO_BOUND, progress: Callable[[float], None] = lambda _: None) -> None:
        """Learns from `train` and chooses by `val`; no photograph may be in both.

        `progress` is called with how much is done, 0 to 1. `IsganError` for pairs that are none, and for a network's budget without
        an end.
        """
        for pairs in (train, val):
            if len(pairs.covers) != len(pairs.stegos) or len(pairs.covers) < LEAST_PAIRS:
                raise IsganError(f"a detector needs at least {LEAST_PAIRS} covers and as many stego images: "
                                 f"{len(pairs.covers)} and {len(pairs.stegos)}")  # fmt: skip
        self.learn(train, val, budget, progress)
        self.threshold = best_threshold(self.scores(val.covers), self.scores(val.stegos))

    @abstractmethod
    def learn(self, train: Pairs, val: Pairs, budget: Budget, progress: Callable[[float], None]) -> None:
        """What `fit` does, but for the threshold."""

    @abstractmethod
    def scores(self, covers: Sequence[Cover]) -> np.ndarray:
        """(N,): the more a file looks like a stego image, the higher."""


class Untrained(Detector):
    """A detector that knows what to look for before it has seen a stego image.

    Attributes:
        usual: the score that 99 of 100 covers stay below, of 335 photographs of 256 x 256; of those about a JPEG past, which see nothing
            elsewhere, of 112 of them that had been JPEGs of quality 75 to 95.
    """

    trained = False
    usual: ClassVar[float]

    def learn(self, train: Pairs, val: Pairs, budget: Budget, progress: Callable[[float], None]) -> None:
        progress(1.0)

    def scores(self, covers: Sequence[Cover]) -> np.ndarray:
        return np.array([once(cover, type(self), self.score) for cover in covers])

    @abstractmethod
    def score(self, cover: Cover) -> float:
        """As `scores`, of one file."""
