"""The ensemble of linear discriminants that features are judged by.

Kodovsky, Fridrich and Holub, "Ensemble classifiers for steganalysis of digital media", IEEE TIFS 7(2), 2012: each learner is Fisher's
linear discriminant of a random subset of the features, trained on pairs that are drawn with replacement; the subsets' size is the one
of least error on the pairs that a learner did not draw (out of bag).
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

LEARNERS = 61
SIZES = (50, 100, 200, 600)
"""Of the subsets, as far as there are features."""
RIDGE = 1e-2
"""Added to the variances, which are 1: the more features than pairs, the more it steadies."""


class Ensemble(NamedTuple):
    """Learners, each with a subset of the features.

    Attributes:
        places: (L, d) int32, which features a learner looks at.
        weights: (L, d) float32, of these features as they are.
        offsets: (L,) float64; a learner says "stego" where weights x features > offset.
        scales: (L,) float64: the standard deviation of weights x features, out of bag, within covers and within stego images.
        error: (P_FA + P_MD) / 2 of all learners out of bag: an estimate from the training pairs alone.
    """

    places: np.ndarray
    weights: np.ndarray
    offsets: np.ndarray
    scales: np.ndarray
    error: float

    def scores(self, features: np.ndarray) -> np.ndarray:
        """(N, D) -> (N,): the mean margin of the learners, in their standard deviations; above 0 means stego.

        The paper counts votes; margins, as in Cogranne and Fridrich, "Modeling and extending the ensemble classifier for steganalysis
        of digital images using hypothesis testing theory", IEEE TIFS 10(12), 2015, tell files with equally many votes apart.
        """
        learners = zip(self.places, self.weights, self.offsets, self.scales, strict=True)
        margins = [(features[:, places].astype(np.float64) @ weights - offset) / scale for places, weights, offset, scale in learners]
        return np.mean(margins, axis=0)

    def linear(self, dimensions: int) -> tuple[np.ndarray, float]:
        """The same scores as one discriminant: features (N, D) @ weights (D,) - offset."""
        weights = np.zeros(dimensions)
        for places, own, scale in zip(self.places, self.weights, self.scales, strict=True):
            weights[places] += own / scale / len(self.places)
        return weights, float((self.offsets / self.scales).mean())

    def packed(self) -> dict[str, np.ndarray]:
        """Arrays for a file: each learner scaled so that its weights fit 16-bit floats, which changes no score but by rounding."""
        largest = np.abs(self.weights).max(axis=1)
        return {"places": self.places.astype(np.uint16), "weights": (self.weights / largest[:, None]).astype(np.float16),
                "offsets": self.offsets / largest, "scales": self.scales / largest, "error": np.array(self.error)}  # fmt: skip

    @classmethod
    def unpacked(cls, arrays: Mapping[str, np.ndarray]) -> "Ensemble":
        """The inverse of `packed`. `ValueError` for arrays that do not fit together or are not finite, `KeyError` for missing ones."""
        places, weights = arrays["places"].astype(np.int32), arrays["weights"].astype(np.float32)
        offsets, scales = arrays["offsets"], arrays["scales"]
        if places.shape != weights.shape or places.ndim != 2 or offsets.shape != scales.shape or offsets.shape != places.shape[:1]:
            raise ValueError("arrays of different learners")
        if not (np.isfinite(weights).all() and np.isfinite(offsets).all() and (scales > 0).all()):
            raise ValueError("values that are not finite")
        return cls(places, weights, offsets, scales, float(arrays["error"]))


def trained(covers: np.ndarray, stegos: np.ndarray, seed: int, progress: Callable[[float], None] = lambda _: None) -> Ensemble:
    """The ensemble of the best size of subsets for these pairs, (N, D) float32 each in the same order."""
    spread = np.concatenate([covers, stegos]).std(axis=0, dtype=np.float64)
    telling = np.flatnonzero(spread > 1e-12)
    covers, stegos = (np.asarray(features[:, telling] / spread[telling], np.float64) for features in (covers, stegos))
    best = None
    sizes = [size for size in SIZES if size < len(telling)] or [len(telling)]
    for number, size in enumerate(sizes):
        found = _of_size(covers, stegos, size, seed)
        progress((number + 1) / len(sizes))
        if best is None or found.error < best.error:
            best = found
    assert best is not None
    places = telling[best.places]
    return best._replace(places=places.astype(np.int32), weights=(best.weights / spread[places]).astype(np.float32))


def _of_size(covers: np.ndarray, stegos: np.ndarray, size: int, seed: int) -> Ensemble:
    count, dimensions = covers.shape
    rng = np.random.default_rng((seed, size))
    learners, sums, times = [], np.zeros((2, count)), np.zeros(count)
    for _ in range(LEARNERS):
        places = np.sort(rng.choice(dimensions, size, replace=False))
        drawn = rng.integers(count, size=count)
        left = np.setdiff1d(np.arange(count), drawn)
        if len(left) < 2:  # of very few pairs
            left = np.arange(count)
        learned = covers[np.ix_(drawn, places)], stegos[np.ix_(drawn, places)]
        weights = discriminant(*learned)
        offset = _threshold(learned[0] @ weights, learned[1] @ weights)
        seen = covers[np.ix_(left, places)] @ weights, stegos[np.ix_(left, places)] @ weights
        scale = float(np.sqrt(np.mean([values.var() for values in seen]))) or 1.0
        for row, values in enumerate(seen):
            sums[row, left] += (values - offset) / scale
        times[left] += 1
        learners.append((places, weights, offset, scale))
    judged = times > 0
    error = ((sums[0, judged] > 0).mean() + (sums[1, judged] <= 0).mean()) / 2
    places, weights, offsets, scales = (np.array(part) for part in zip(*learners, strict=True))
    return Ensemble(places, weights, offsets, scales, float(error))


def discriminant(covers: np.ndarray, stegos: np.ndarray) -> np.ndarray:
    """Fisher's: (S_covers + S_stegos)^-1 (mean of stegos - mean of covers), (d,); larger products are more like stego images."""
    means = covers.mean(axis=0), stegos.mean(axis=0)
    spread = np.concatenate([(part - mean) / len(part) ** 0.5 for part, mean in zip((covers, stegos), means, strict=True)])
    away = means[1] - means[0]
    if len(spread) >= spread.shape[1]:
        return np.linalg.solve(spread.T @ spread + RIDGE * np.eye(spread.shape[1]), away)
    # Fewer files than features: the same by Woodbury's identity, with a matrix of files by files.
    inner = np.linalg.solve(spread @ spread.T + RIDGE * np.eye(len(spread)), spread @ away)
    return (away - spread.T @ inner) / RIDGE


def _threshold(covers: np.ndarray, stegos: np.ndarray) -> float:
    """Halfway between the means: with equal spreads the one of least error, and steadier than the best of a few drawn pairs."""
    return float(covers.mean() + stegos.mean()) / 2
