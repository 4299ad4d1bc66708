"""Detection measures, against brute force, scikit-learn's kind of oracle (all pairs counted), and what they are for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from isgan.errors import IsganError
from isgan.metrics.security import accuracy, auc, best_threshold, interval, missed, p_e, roc, share_interval, weighted_auc

# Whole numbers: monotone maps keep their ties.
scores = arrays(np.float64, st.integers(1, 30), elements=st.integers(-6, 6).map(float))


@given(scores, scores)
def test_auc_counts_pairs(covers, stegos):
    greater = (stegos[:, None] > covers[None]).mean() + (stegos[:, None] == covers[None]).mean() / 2
    assert auc(covers, stegos) == pytest.approx(greater)
    assert auc(covers, stegos) == pytest.approx(stats.mannwhitneyu(stegos, covers).statistic / (len(covers) * len(stegos)))
    assert auc(stegos, covers) == pytest.approx(1 - auc(covers, stegos))


@given(scores, scores)
def test_the_best_threshold_is_the_best(covers, stegos):
    found = p_e(covers, stegos, best_threshold(covers, stegos))
    everywhere = [p_e(covers, stegos, value) for value in np.arange(-7.5, 7.5)]
    assert found == pytest.approx(min(everywhere))
    assert 0 <= found <= 0.5


@given(scores, scores)
def test_only_the_order_counts(covers, stegos):
    curved = [np.arctan(values) * 3 + 1 for values in (covers, stegos)]
    assert auc(*curved) == pytest.approx(auc(covers, stegos))
    assert p_e(*curved, best_threshold(*curved)) == pytest.approx(p_e(covers, stegos, best_threshold(covers, stegos)))


@given(scores, scores, st.integers(-7, 7))
def test_p_e_and_accuracy_by_hand(covers, stegos, threshold):
    alarms = sum(score > threshold for score in covers)
    missed = sum(score <= threshold for score in stegos)
    assert p_e(covers, stegos, threshold) == pytest.approx((alarms / len(covers) + missed / len(stegos)) / 2)
    assert accuracy(covers, stegos, threshold) == pytest.approx(1 - (alarms + missed) / (len(covers) + len(stegos)))


def test_clear_cases():
    covers, stegos = np.array([0.0, 1.0]), np.array([4.0, 8.0])
    assert auc(covers, stegos) == 1 and best_threshold(covers, stegos) == 2.5
    assert p_e(covers, stegos, 2.5) == 0 and accuracy(covers, stegos, 2.5) == 1
    assert p_e(stegos, covers, 2.5) == 1 and auc(stegos, covers) == 0
    same = np.zeros(5)
    assert auc(same, same) == 0.5 and p_e(same, same, best_threshold(same, same)) == 0.5


def test_a_threshold_chosen_on_the_test_images_flatters_a_blind_detector():
    rng = np.random.default_rng(0)
    own, fair = [], []
    for _ in range(200):
        test, val = rng.normal(size=(2, 100)), rng.normal(size=(2, 100))
        own.append(p_e(*test, best_threshold(*test)))
        fair.append(p_e(*test, best_threshold(*val)))
    assert np.mean(own) < 0.465 and np.mean(fair) == pytest.approx(0.5, abs=0.006)


@given(scores, scores, st.sampled_from([np.finfo(float).eps, 5e-324, 16.0]), st.sampled_from([0.0, 1.0, 1e17]))
def test_the_best_threshold_of_scores_between_which_nothing_fits(covers, stegos, grain, start):
    spread = [start + values * grain for values in (covers, stegos)]
    found = p_e(*spread, best_threshold(*spread))
    edge = np.nextafter(min(values.min() for values in spread), -np.inf)
    assert found == pytest.approx(min(p_e(*spread, value) for value in np.append(np.concatenate(spread), edge)))


def test_the_best_threshold_of_huge_scores():
    covers, stegos = np.array([1.5e308, -1.7e308]), np.array([1.7e308, 1.6e308])
    with np.errstate(over="raise"):
        threshold = best_threshold(covers, stegos)
    assert threshold == pytest.approx(1.55e308) and p_e(covers, stegos, threshold) == 0


def test_as_good_thresholds_are_decided_in_the_middle():
    covers, stegos = np.array([0.0, 2.0, 4.0]), np.array([1.0, 3.0, 5.0])  # as good: .5, 2.5, 4.5
    assert best_threshold(covers, stegos) == best_threshold(covers[::-1], stegos[::-1]) == 2.5


@settings(max_examples=50)
@given(arrays(np.float64, st.integers(2, 40), elements=st.floats(-10, 10)), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_interval_is_students(values, level):
    mean, half = interval(list(values), level)
    low, high = stats.t.interval(level, len(values) - 1, loc=values.mean(), scale=stats.sem(values)) if values.std() else (mean, mean)
    assert mean == pytest.approx(values.mean(), abs=1e-9)
    assert half == pytest.approx((high - low) / 2, rel=1e-6, abs=1e-9)
    assert level != 0.95 or interval(list(values)) == (mean, half)


@pytest.mark.parametrize("count", [2, 3, 4, 5, 30, 31, 32, 33, 101, 1000])
@pytest.mark.parametrize("level", [0.01, 0.95, 0.999])
def test_quantiles(count, level):
    """Runs of -1 and 1, as many of both as there can be."""
    runs = np.where(np.arange(count) % 2, 1.0, -1.0)
    assert interval(runs, level)[1] == pytest.approx(stats.t.ppf((1 + level) / 2, count - 1) * stats.sem(runs), rel=1e-8)


def test_equal_runs_have_no_spread():
    assert interval([0.25, 0.25, 0.25]) == (0.25, 0.0)


@pytest.mark.parametrize("count", [10, 40, 200])
def test_shares_lie_in_their_interval(count):
    """Whatever the share really is, also 0 and 1, in about 19 of 20 samples; and the interval is no wider than that takes."""
    found = np.arange(count + 1)
    widths = np.array([share_interval(number / count, count) for number in found])
    for share in np.linspace(0, 1, 51):
        covered = np.abs(found / count - share) <= widths
        assert stats.binom.pmf(found[covered], count, share).sum() > 0.94
    assert widths == pytest.approx(widths[::-1]) and widths[0] < 5 / count
    assert widths[count // 2] == pytest.approx(1.96 / 2 / np.sqrt(count + 4))


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, -0.5, float("nan")])
def test_levels_that_are_none(level):
    with pytest.raises(IsganError, match="level"):
        interval([0.1, 0.2], level)


@pytest.mark.parametrize("bad", [np.array([]), np.array([np.nan]), np.array([1.0, np.inf]), np.zeros((2, 2))])
def test_scores_that_are_none(bad):
    good = np.zeros(3)
    for measure in (lambda a, b: p_e(a, b, 0), lambda a, b: accuracy(a, b), best_threshold, auc):
        for pair in ((bad, good), (good, bad)):
            with pytest.raises(IsganError, match="scores"):
                measure(*pair)


def test_one_run_has_no_interval():
    with pytest.raises(IsganError, match="two runs"):
        interval([0.5])
    with pytest.raises(IsganError, match="scores"):
        interval([0.5, float("nan")])


@settings(max_examples=30)
@given(scores, scores)
def test_weighted_auc_is_the_area_in_two_bands(covers, stegos):
    alarms, found = roc(covers, stegos)
    fine = np.linspace(0, 1, 20_001)
    # Of a vertical piece the upper end counts; elsewhere the curve lies on straight lines.
    curve = np.array([np.interp(x, alarms, found) for x in fine])
    for place in np.flatnonzero(np.diff(alarms) == 0):
        curve[fine == alarms[place]] = np.maximum(curve[fine == alarms[place]], found[place + 1])
    low, high = np.minimum(curve, 0.4), np.maximum(curve - 0.4, 0)
    assert weighted_auc(covers, stegos) == pytest.approx((2 * np.trapezoid(low, fine) + np.trapezoid(high, fine)) / 1.4, abs=2e-4)
    assert np.trapezoid(found, alarms) == pytest.approx(auc(covers, stegos))


def test_weighted_auc_of_the_best_and_of_a_blind_detector():
    scores = np.arange(50.0)
    assert weighted_auc(scores, scores + 100) == pytest.approx(1) and weighted_auc(scores + 100, scores) == 0
    # Guessing: 2 (.4^2 / 2 + .6 x .4) + .6^2 / 2, of 1.4.
    assert weighted_auc(scores, scores) == pytest.approx(0.82 / 1.4, abs=1e-2)
    assert weighted_auc(np.zeros(3), np.zeros(7)) == pytest.approx(0.82 / 1.4)


def test_missed_at_five_false_alarms_of_a_hundred():
    covers = np.arange(100.0)
    assert missed(covers, covers) == pytest.approx(0.95) and missed(np.zeros(4), np.zeros(9)) == pytest.approx(0.95)
    assert missed(covers, np.full(10, 96.5)) == 0
    assert missed(covers, np.array([97.5, 50.0, 40.0, 99.5])) == pytest.approx(0.5)
    assert missed(covers, covers + 200) == 0 and missed(covers, covers, 1.0) == 0
