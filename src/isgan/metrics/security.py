"""How detectable: accuracy, P_E, AUC of a detector's scores, with intervals. The more an image looks like a stego image, the higher."""

import math
from collections.abc import Sequence

import numpy as np

from isgan.errors import IsganError

# Student's t: the 97.5 % quantile for 1 to 30 degrees of freedom; the normal one beyond.
T_975 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101,
         2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)  # fmt: skip
NORMAL_975 = 1.960


def accuracy(covers: np.ndarray, stegos: np.ndarray, threshold: float = 0.0) -> float:
    """Share of all images, scores (N,) and (M,), that are recognised: stego images score over the threshold, covers do not."""
    covers, stegos = _checked(covers), _checked(stegos)
    return float(((covers <= threshold).sum() + (stegos > threshold).sum()) / (len(covers) + len(stegos)))


def p_e(covers: np.ndarray, stegos: np.ndarray, threshold: float) -> float:
    """P_E = (P_FA + P_MD) / 2, covers called stego and stego images missed, at a threshold that was chosen on other images.

    Minimised on the images it is reported of, it would flatter the detector: a blind one scores about .46 on 200 images instead of .5.
    """
    covers, stegos = _checked(covers), _checked(stegos)
    return float(((covers > threshold).mean() + (stegos <= threshold).mean()) / 2)


def best_threshold(covers: np.ndarray, stegos: np.ndarray) -> float:
    """The threshold of least P_E: between two neighbouring scores, the middle one if several are as good."""
    covers, stegos = np.sort(_checked(covers)), np.sort(_checked(stegos))
    scores = np.unique(np.concatenate([covers, stegos]))
    candidates = np.concatenate([[scores[0] - 1], (scores[1:] + scores[:-1]) / 2, [scores[-1] + 1]])
    false_alarms = 1 - np.searchsorted(covers, candidates, side="right") / len(covers)
    missed = np.searchsorted(stegos, candidates, side="right") / len(stegos)
    error = false_alarms + missed
    best = np.flatnonzero(error <= error.min() + 1e-12)
    return float(candidates[best[len(best) // 2]])


def auc(covers: np.ndarray, stegos: np.ndarray) -> float:
    """Area under the ROC curve: how often a stego image scores higher than a cover, a tie counting half (Mann and Whitney 1947)."""
    covers, stegos = np.sort(_checked(covers)), _checked(stegos)
    below = np.searchsorted(covers, stegos, side="left")
    not_above = np.searchsorted(covers, stegos, side="right")
    return float((below + not_above).sum() / 2 / (len(covers) * len(stegos)))


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean of at least two runs, and half the width of its 95 % interval (Student's t)."""
    runs = _checked(np.asarray(values, float))
    if len(runs) < 2:
        raise IsganError("an interval needs at least two runs")
    quantile = T_975[len(runs) - 2] if len(runs) - 2 < len(T_975) else NORMAL_975
    return float(runs.mean()), float(quantile * runs.std(ddof=1) / math.sqrt(len(runs)))


def _checked(scores: np.ndarray) -> np.ndarray:
    scores = np.asarray(scores, float)
    if scores.ndim != 1 or not len(scores) or not np.isfinite(scores).all():
        raise IsganError(f"scores have to be finite and at least one: {scores.shape}, {np.count_nonzero(~np.isfinite(scores))} not finite")
    return scores
