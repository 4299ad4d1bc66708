"""Detectors that were trained and come with isgan: a card, NAME.toml, and the weights, NAME.npz, each.

The card says what a detector was trained against and on which photographs, how often it errs, and how its score becomes a probability.
It is a calibration on these photographs and on an equal number of covers and stego images, not a verdict on any other file.
"""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isgan.covers import covers
from isgan.covers.base import Cover
from isgan.detectors import detectors
from isgan.detectors.calibration import Calibration
from isgan.detectors.features.base import FeatureDetector
from isgan.errors import IsganError
from isgan.registry import unknown

FOLDER = Path(__file__).parent / "cards"


@dataclass(frozen=True)
class Bundled:
    """A trained detector and its card.

    Attributes:
        name: of card and weights.
        card: `detector`, the features' name; `covers`, the kind of files; `against`, whose stego images it learned from; `sources` of
            the photographs; `size` of their sides; `pairs`; `p_e` and `auc`, each with an `_interval`; `cover` and `stego`, the mean
            probability of files that it had not seen; `elsewhere`, of each source by what was learned from the others.
        detector: as it was trained.
        calibration: from its scores to probabilities.
    """

    name: str
    card: dict[str, Any]
    detector: FeatureDetector
    calibration: Calibration

    def suits(self, cover: Cover) -> bool:
        """Whether it was trained on files of this kind."""
        return covers.name_of(type(cover)) == self.card["covers"]


def names() -> list[str]:
    """All of them, from a listing of the folder."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str, cache: Path | None = None) -> Bundled:
    """A trained detector; `IsganError` if there is none of this name, or its weights are not those of its card."""
    if name not in names():
        raise unknown("trained detector", name, names())
    card = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    weights = FOLDER / f"{name}.npz"
    if not weights.exists() or hashlib.sha256(weights.read_bytes()).hexdigest() != card["sha256"]:
        raise IsganError(f"'{weights}' is not the file its card describes (other sha256): reinstall isgan")
    kind = detectors[card["detector"]]
    assert issubclass(kind, FeatureDetector)
    return Bundled(name, card, kind.load(weights, cache), Calibration(card["slope"], card["offset"]))
