"""From scores to probabilities: Platt, "Probabilistic outputs for support vector machines", 1999."""

from typing import NamedTuple

import numpy as np

ROUNDS = 100
STEADY = 1e-9


class Calibration(NamedTuple):
    """probability = 1 / (1 + exp(-(slope x score + offset))), for covers and stego images in equal number."""

    slope: float
    offset: float

    @property
    def threshold(self) -> float:
        """The score of probability .5."""
        return -self.offset / self.slope

    def probability(self, scores: np.ndarray) -> np.ndarray:
        """(N,) in (0, 1): how many of the files with such a score were stego images, of as many covers as stego images."""
        return np.asarray(1 / (1 + np.exp(-np.clip(self.slope * scores + self.offset, -500, 500))))


def calibrated(covers: np.ndarray, stegos: np.ndarray) -> Calibration:
    """The likeliest for scores (N,) and (M,) of files that the detector did not learn from, each kind weighing the same.

    As Platt does, it is fitted to slightly less than certain answers, so that it stays finite where scores divide perfectly: N covers
    have 1 / (N + 2) instead of 0, M stego images (M + 1) / (M + 2) instead of 1.
    """
    scores = np.concatenate([covers, stegos])
    middle, spread = float(scores.mean()), float(scores.std()) or 1.0
    inputs = np.stack([(scores - middle) / spread, np.ones(len(scores))], axis=1)
    wanted = np.r_[np.full(len(covers), 1 / (len(covers) + 2)), np.full(len(stegos), (len(stegos) + 1) / (len(stegos) + 2))]
    weights = np.r_[np.full(len(covers), 0.5 / len(covers)), np.full(len(stegos), 0.5 / len(stegos))]
    found = np.zeros(2)
    for _ in range(ROUNDS):  # Newton's method, each step no longer than 2
        said = 1 / (1 + np.exp(-np.clip(inputs @ found, -500, 500)))
        slopes = inputs.T @ (weights * (said - wanted))
        bends = (inputs * (weights * said * (1 - said))[:, None]).T @ inputs + STEADY * np.eye(2)
        step = np.linalg.solve(bends, slopes)
        found -= step * min(1.0, 2 / max(float(np.linalg.norm(step)), 1e-300))
        if np.abs(step).max() < STEADY:
            break
    return Calibration(float(found[0] / spread), float(found[1] - found[0] * middle / spread))
