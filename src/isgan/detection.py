"""`isgan.detect`: what the detectors that come with isgan say of a file."""

import time
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from isgan.covers import covers
from isgan.covers.base import Cover
from isgan.detectors import bundled, detectors
from isgan.detectors.base import Untrained
from isgan.detectors.evidence import heat_map
from isgan.detectors.features.spam import Spam
from isgan.errors import IsganError
from isgan.files import name_of, read_file
from isgan.options import Options
from isgan.picture import Source, read_picture

JPEG = b"\xff\xd8\xff"
MOST = 9  # squares of a large picture that a trained detector looks at


class Finding(NamedTuple):
    """What a detector says.

    Attributes:
        detector: its name.
        looks_for: what it sees, or whose stego images it was trained on.
        says: in words.
        score: the more it looks like a stego image, the higher; detectors have scales of their own.
        usual: of detectors without training: the score that 99 of 100 photographs stay below; None for others.
        probability: of trained ones, among as many covers as stego images of the sources on its card; None for others.
        seconds: that it took.
    """

    detector: str
    looks_for: str
    says: str
    score: float
    usual: float | None
    probability: float | None
    seconds: float


def detect(source: Source) -> list[Finding]:
    """What every detector says that suits a file: attacks without training, and those that were trained and come with isgan.

    A probability holds for files like those that a detector was trained on: half of them stego images of one method, covers from the
    sources that its card names. Of other files it is a hint. Nothing found is no proof that nothing is hidden.

    Args:
        source: a file, its bytes, or pixels.

    Raises:
        IsganError: no picture; the extra `audit` is missing.
    """
    cover = suspect(source)
    return [*_untrained(cover), *_trained(cover)]


def suspect(source: Source) -> Cover:
    """A file as detectors look at it: a JPEG's coefficients, or any other picture's pixels."""
    if isinstance(source, np.ndarray | Image.Image):
        return covers["png"].prepared(read_picture(source), name_of(source), Options())
    data = read_file(source)
    return covers["jpeg" if data.startswith(JPEG) else "png"].read(data, name_of(source))


def known() -> list[dict[str, Any]]:
    """Every detector: for which files, whether it is trained first, seconds for 512 x 512 pixels, and what it sees.

    Of a network without the extra `train`, the note is what to install.
    """
    rows = []
    for name in detectors.names():
        kind = detectors[name]
        try:
            known = {"files": " ".join(kind.covers), "trained": kind.trained, "seconds": kind.seconds, "note": kind.note}
        except IsganError as error:
            known = {"files": None, "trained": kind.trained, "seconds": None, "note": str(error)}
        rows.append({"detector": name} | known)
    return rows


def evidence(source: Source) -> np.ndarray:
    """Where the evidence lies in a file's pixels: red for a stego image, blue for a cover, (H, W, 3) uint8.

    Of a PNG or the like; that of the trained `spam` detector which says the highest probability, or of colours that no JPEG decoder gives.
    """
    cover = suspect(source)
    if not isinstance(cover, covers["png"]):
        raise IsganError(f"{name_of(source)} is a JPEG: heat maps are of PNG files and other pictures")
    best, highest = None, -1.0
    for trained in map(bundled.load, bundled.names()):
        if isinstance(trained.detector, Spam) and trained.suits(cover):
            probability = _probability(trained, cover)[1]
            if probability > highest:
                best, highest = trained.detector, probability
    return heat_map(cover, best)


def _untrained(cover: Cover) -> list[Finding]:
    found = []
    for name in detectors.names():
        kind = detectors[name]
        if issubclass(kind, Untrained) and kind.suits(cover):
            started = time.perf_counter()
            score = kind().score(cover)
            says = "as usual" if score <= kind.usual else "unusual: over what 99 of 100 photographs have"
            found.append(Finding(name, kind.note, says, score, kind.usual, None, time.perf_counter() - started))
    return found


def _trained(cover: Cover) -> list[Finding]:
    found = []
    for name in bundled.names():
        trained = bundled.load(name)
        if trained.suits(cover):
            started = time.perf_counter()
            score, probability = _probability(trained, cover)
            says = f"{probability:.1%}, if every other file is one; errs in {trained.card['p_e']:.1%}, guessing in 50 %"
            found.append(Finding(name, trained.card["against"], says, score, None, probability, time.perf_counter() - started))
    return found


def _probability(trained: bundled.Bundled, cover: Cover) -> tuple[float, float]:
    """Mean score of a file's squares, and its probability."""
    score = float(trained.detector.parts_scores(cover, trained.card["size"], MOST).mean())
    return score, float(trained.calibration.probability(np.array([score]))[0])
