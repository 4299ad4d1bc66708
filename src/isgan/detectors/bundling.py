"""How the detectors that come with isgan are trained, judged and calibrated; see `isgan.detectors.bundled`."""

import hashlib
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from isgan.covers import covers as formats
from isgan.detectors import bundled, detectors
from isgan.detectors.base import Detector, Pairs
from isgan.detectors.calibration import calibrated
from isgan.detectors.features.base import FeatureDetector
from isgan.errors import IsganError
from isgan.files import write_file
from isgan.metrics.security import auc, interval, p_e, share_interval
from isgan.models.card import to_toml

Scores: TypeAlias = tuple[np.ndarray, np.ndarray, list[tuple[float, float]]]

PARTS, PARTS_ELSEWHERE = 5, 3
MOST_BYTES = 2_000_000


def cross_scores(name: str, pairs: Pairs, parts: np.ndarray, cache: Path | None) -> Scores:
    """Scores of all covers and of all stego images by detectors that saw none of their photographs, and P_E and AUC of each part.

    Args:
        parts: (N,) the part of each pair. One part is scored, another one chooses the threshold, the rest is learned from.
    """
    covers, stegos = np.zeros(len(parts)), np.zeros(len(parts))
    measured = []
    numbers = np.unique(parts)
    for place, part in enumerate(numbers):
        tested, chosen = parts == part, parts == numbers[(place + 1) % len(numbers)]
        learned = ~tested & ~chosen
        detector: Detector = detectors[name](seed=place, cache=cache)
        detector.fit(pairs.take(np.flatnonzero(learned)), pairs.take(np.flatnonzero(chosen)))
        fresh = pairs.take(np.flatnonzero(tested))
        covers[tested], stegos[tested] = detector.scores(fresh.covers), detector.scores(fresh.stegos)
        measured.append((p_e(covers[tested], stegos[tested], detector.threshold), auc(covers[tested], stegos[tested])))
    return covers, stegos, measured


def bundle(name: str, feature: str, pairs: Pairs, sources: Sequence[str], facts: Mapping[str, Any], cache: Path | None = None,
           folder: Path = bundled.FOLDER) -> dict[str, Any]:  # fmt: skip
    """Trains a detector on all pairs and writes its card and weights; returns the card.

    P_E and AUC are those of five parts, each judged by detectors that had not seen it, with the 95 % interval over the parts. The
    calibration is fitted to all these scores; `cover` and `stego` are the mean probabilities of each part by a calibration of the others.
    `elsewhere` are the same of each source by detectors and calibrations of the other sources.

    Args:
        sources: of each pair, its photograph's source.
        facts: for the card: `against`, `licence` and more.

    Raises:
        IsganError: too few pairs; another kind of detector.
    """
    kind = detectors[feature]
    if not issubclass(kind, FeatureDetector):
        raise IsganError(f"'{feature}' is no set of features: only these are bundled")
    if len(pairs.covers) < 8 * PARTS:
        raise IsganError(f"{len(pairs.covers)} pairs are too few for a detector that others use: at least {8 * PARTS}")
    parts = np.random.default_rng(0).permutation(len(sources)) % PARTS
    covers, stegos, measured = cross_scores(feature, pairs, parts, cache)
    (error, error_interval), (area, area_interval) = (interval(list(values)) for values in zip(*measured, strict=True))
    error_interval = max(error_interval, share_interval(error, 2 * len(sources)))  # also where all parts agree
    calibration = calibrated(covers, stegos)
    detector = kind(seed=0, cache=cache)
    detector.fit(pairs, pairs)
    detector.threshold = calibration.threshold
    with tempfile.TemporaryDirectory() as draft:
        detector.save(Path(draft, "weights.npz"))
        data = Path(draft, "weights.npz").read_bytes()
    if len(data) > MOST_BYTES:
        raise IsganError(f"the weights take {len(data)} bytes, more than {MOST_BYTES}: choose other features")
    write_file(folder / f"{name}.npz", data, force=True)
    first, names = pairs.covers[0], np.array(sources)
    card = {
        "detector": feature, **facts, "covers": formats.name_of(type(first)), "size": min(first.pixels().shape[:2]), "pairs": len(sources),
        "sources": [f"{source}: {int((names == source).sum())}" for source in np.unique(names)],
        "p_e": error, "p_e_interval": error_interval, "auc": area, "auc_interval": area_interval, "parts": PARTS,
        "slope": calibration.slope, "offset": calibration.offset, **_means(covers, stegos, parts),
        "sha256": hashlib.sha256(data).hexdigest(), "made": time.strftime("%Y-%m-%d"),
        "elsewhere": _elsewhere(feature, pairs, names, cache),
    }  # fmt: skip
    card = _rounded(card)
    write_file(folder / f"{name}.toml", to_toml(card).encode(), force=True)
    return card


def _means(covers: np.ndarray, stegos: np.ndarray, parts: np.ndarray) -> dict[str, float]:
    """Mean probabilities, each by a calibration on the other parts."""
    said = np.zeros((2, len(parts)))
    for part in np.unique(parts):
        tested = parts == part
        other = calibrated(covers[~tested], stegos[~tested])
        said[:, tested] = other.probability(covers[tested]), other.probability(stegos[tested])
    return {"cover": float(said[0].mean()), "stego": float(said[1].mean())}


def _elsewhere(feature: str, pairs: Pairs, names: np.ndarray, cache: Path | None) -> list[dict[str, Any]]:
    """For each source: P_E and mean probabilities by what was learned from the other sources alone."""
    found = []
    for source in np.unique(names) if len(np.unique(names)) > 1 else []:
        here = names == source
        others = pairs.take(np.flatnonzero(~here))
        parts = np.random.default_rng(1).permutation(len(others.covers)) % PARTS_ELSEWHERE
        covers, stegos, _ = cross_scores(feature, others, parts, cache)
        calibration = calibrated(covers, stegos)
        detector = detectors[feature](cache=cache)
        detector.fit(others, others)
        fresh = pairs.take(np.flatnonzero(here))
        scores = detector.scores(fresh.covers), detector.scores(fresh.stegos)
        cover, stego = (float(calibration.probability(values).mean()) for values in scores)
        found.append({"source": str(source), "p_e": p_e(*scores, calibration.threshold), "cover": cover, "stego": stego})
    return found


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(content) for key, content in value.items()}
    if isinstance(value, list):
        return [_rounded(content) for content in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
