"""How detectable: accuracy, P_E, AUC of a detector's scores, with intervals. The more an image looks like a stego
image, the higher.
"""

import math
from collections.abc import Sequence

import numpy as np

from isgan.errors import IsganError

WEIGHTED_BELOW = 0.4  # of the stego images found


def accuracy(covers: np.ndarray, stegos: np.ndarray, threshold: float = 0.0) -> float:
    """Share of all images, scores (N,) and (M,), that are recognised: stego images score over the threshold, covers do
    not.

    (#{covers <= threshold} + #{stegos > threshold}) / (N + M), in [0, 1]. `IsganError` for scores that are missing or
    not finite, as below.
    """
    covers, stegos = _checked(covers), _checked(stegos)
    return float(((covers <= threshold).sum() + (stegos > threshold).sum()) / (len(covers) + len(stegos)))


def p_e(covers: np.ndarray, stegos: np.ndarray, threshold: float) -> float:
    """P_E = (P_FA + P_MD) / 2, covers called stego and stego images missed, at a threshold that was chosen on other
    images; in [0, 1].

    Fridrich and Kodovsky's measure ("Rich models for steganalysis of digital images", 2012): 0 for a perfect detector,
    .5 for a blind one. Minimised on the images it is reported of, it would flatter the detector: a blind one scores
    about .46 on 200 images instead of .5.
    """
    covers, stegos = _checked(covers), _checked(stegos)
    return float(((covers > threshold).mean() + (stegos <= threshold).mean()) / 2)


def best_threshold(covers: np.ndarray, stegos: np.ndarray) -> float:
    """The threshold of least P_E: halfway between two neighbouring scores, the middle one if several are as good.

    To be found on validation images. At least as good as calling all images the same, so P_E of the scores it comes
    from is at most .5.
    """
    covers, stegos = np.sort(_checked(covers)), np.sort(_checked(stegos))
    scores = np.unique(np.concatenate([covers, stegos]))
    low, high = scores[:-1], scores[1:]
    middle = low / 2 + high / 2  # the sum could overflow
    middle = np.where((low <= middle) & (middle < high), middle, low)  # nothing fits between neighbouring numbers
    candidates = np.concatenate([[min(scores[0] - 1, np.nextafter(scores[0], -np.inf))], middle, [scores[-1] + 1]])
    false_alarms = 1 - np.searchsorted(covers, candidates, side="right") / len(covers)
    missed = np.searchsorted(stegos, candidates, side="right") / len(stegos)
    error = false_alarms + missed
    best = np.flatnonzero(error <= error.min() + 1e-12)
    return float(candidates[best[len(best) // 2]])


def auc(covers: np.ndarray, stegos: np.ndarray) -> float:
    """Area under the ROC curve: how often a stego image scores higher than a cover, a tie counting half (Mann and
    Whitney 1947).

    (#{pairs with stego > cover} + #{pairs with stego = cover} / 2) / (N M), in [0, 1]; .5 is guessing.
    """
    covers, stegos = np.sort(_checked(covers)), _checked(stegos)
    below = np.searchsorted(covers, stegos, side="left")
    not_above = np.searchsorted(covers, stegos, side="right")
    return float((below + not_above).sum() / 2 / (len(covers) * len(stegos)))


def roc(covers: np.ndarray, stegos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of covers and of stego images that score at least as high as each score, from (0, 0) to (1, 1), both rising.

    Straight lines between these points are the curve: where scores tie, it is as good as chance makes it.
    """
    covers, stegos = np.sort(_checked(covers)), np.sort(_checked(stegos))
    scores = np.unique(np.concatenate([covers, stegos]))[::-1]
    alarms = 1 - np.searchsorted(covers, scores, side="left") / len(covers)
    found = 1 - np.searchsorted(stegos, scores, side="left") / len(stegos)
    return np.append(0.0, alarms), np.append(0.0, found)


def weighted_auc(covers: np.ndarray, stegos: np.ndarray) -> float:
    """ALASKA's wAUC: the area under the ROC curve where the lower 40 % of detections count twice, over its greatest value.

    Cogranne, Giboulot, Bas, "ALASKA#2: challenging academic research on steganalysis with realistic images" (WIFS 2020).
    The point at which the curve passes 40 % is inserted, so that few images do not lose the piece between two of them:
    1 for a perfect detector, .5857 for one that guesses.
    """
    alarms, found = roc(covers, stegos)
    place = int(np.searchsorted(found, WEIGHTED_BELOW))
    between = (WEIGHTED_BELOW - found[place - 1]) / (found[place] - found[place - 1])
    alarms = np.insert(alarms, place, alarms[place - 1] + between * (alarms[place] - alarms[place - 1]))
    found = np.insert(found, place, WEIGHTED_BELOW)
    weight = np.minimum(found, WEIGHTED_BELOW) * 2 + np.maximum(found - WEIGHTED_BELOW, 0)
    return float(np.trapezoid(weight, alarms) / (1 + WEIGHTED_BELOW))


def missed(covers: np.ndarray, stegos: np.ndarray, false_alarms: float = 0.05) -> float:
    """Share of stego images that are missed where so many covers raise an alarm: MD5 of ALASKA for .05; `false_alarms`
    less is guessing.
    """
    alarms, found = roc(covers, stegos)
    place = int(np.searchsorted(alarms, false_alarms, side="right"))
    if place == len(alarms):
        return float(1 - found[-1])
    between = (false_alarms - alarms[place - 1]) / (alarms[place] - alarms[place - 1])
    return float(1 - found[place - 1] - between * (found[place] - found[place - 1]))


def interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Mean of at least two runs, and half the width of its interval at a level of confidence: t s / sqrt(N), with
    Student's t.

    `IsganError` for fewer runs, values that are not finite, and levels outside (0, 1).
    """
    runs = _checked(np.asarray(values, float))
    if len(runs) < 2:
        raise IsganError("an interval needs at least two runs")
    if not 0 < level < 1:
        raise IsganError(f"an interval's level lies between 0 and 1: {level}, say .95")
    return float(runs.mean()), float(_student(level, len(runs) - 1) * runs.std(ddof=1) / math.sqrt(len(runs)))


def share_interval(share: float, count: int) -> float:
    """Half the width of the 95 % interval of a share that was found in `count` trials, also where it is 0 or 1 (Agresti
    and Coull 1998).
    """
    trials = count + 4
    centre = (share * count + 2) / trials
    return abs(centre - share) + 1.96 * math.sqrt(centre * (1 - centre) / trials)


def _student(level: float, freedom: int) -> float:
    """The t for which a Student variable lies in [-t, t] as often as `level` says, found by bisection on angle =
    arctan(t / sqrt(freedom)).

    The share within is the finite sum of Abramowitz and Stegun, "Handbook of mathematical functions", 26.7.3 and
    26.7.4.
    """

    def within(angle: float) -> float:
        odd, cosine = freedom % 2, math.cos(angle)
        term, total = (cosine if odd else 1.0), 0.0
        for k in range(1, freedom // 2 + 1):
            total += term
            term *= cosine**2 * (2 * k - 1 + odd) / (2 * k + odd)
        total *= math.sin(angle)
        return 2 / math.pi * (angle + total) if odd else total

    low, high = 0.0, math.pi / 2
    for _ in range(60):
        angle = (low + high) / 2
        low, high = (angle, high) if within(angle) < level else (low, angle)
    return math.sqrt(freedom) * math.tan(low)


def _checked(scores: np.ndarray) -> np.ndarray:
    scores = np.asarray(scores, float)
    if scores.ndim != 1 or not len(scores) or not np.isfinite(scores).all():
        raise IsganError(
            f"scores have to be finite and at least one: {scores.shape}, {np.count_nonzero(~np.isfinite(scores))} not finite"
        )
    return scores
