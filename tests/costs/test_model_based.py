"""The conversion against a slow solver, written from the equations alone."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from isgan.costs import costs
from isgan.costs.base import Costs
from isgan.costs.model_based import entropy, from_information, least_deflection, model_based
from isgan.covers.png import PngCover


def bits_of(probability: np.ndarray) -> float:
    """Payload in bits of samples that change by -1 and by +1 with a probability each."""
    p = np.stack([probability, probability, 1 - 2 * probability])
    return float(-np.sum(p * np.log2(np.maximum(p, 1e-300))))


def bisected(falling, target: float, low: float, high: float) -> float:
    for _ in range(200):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if falling(middle) > target else (low, middle)
    return low


def slow(prices: np.ndarray, design: float, bits: float) -> np.ndarray:
    """Prices for a payload: probabilities at the design rate, Fisher information, probabilities of least deflection."""

    def optimal(scale: float) -> np.ndarray:
        odds = np.exp(-scale * prices)
        return odds / (1 + 2 * odds)

    information = prices / optimal(bisected(lambda scale: bits_of(optimal(scale)), design * prices.size, 1e-9, 1e9))

    def least(factor: float) -> np.ndarray:
        """p with p I factor = ln((1 - 2 p) / p), by bisection for each sample."""
        low, high = np.full(prices.shape, 1e-300), np.full(prices.shape, 1 / 3)
        for _ in range(1100):
            middle = (low + high) / 2
            less = middle * information * factor < np.log((1 - 2 * middle) / middle)
            low, high = np.where(less, middle, low), np.where(less, high, middle)
        return low

    p = least(bisected(lambda factor: bits_of(least(factor)), bits, 1e-12, 1e12))
    return np.log(1 / p - 2)


def both(prices: np.ndarray) -> Costs:
    planes = (prices,)
    return Costs(planes, planes)


@pytest.mark.parametrize(("design", "rate"), [(0.5, 0.05), (0.5, 0.3), (0.3, 0.6), (1.0, 0.01)])
def test_slow_solver_says_the_same(design, rate):
    prices = np.exp(np.random.default_rng(3).normal(0, 0.7, (8, 20))).astype(np.float32)
    bits = round(rate * 160)
    (ours,) = model_based(both(prices), design, bits).up
    np.testing.assert_allclose(ours, slow(prices.astype(np.float64), design, bits), rtol=2e-3)


@given(st.integers(0, 1000), st.floats(0.5, 3), st.floats(0.02, 1.4), st.floats(0.02, 1.4))
@example(0, 3.0, 0.25, 1.0)
@settings(max_examples=30, deadline=None)
def test_payload_and_order_are_kept(seed, spread, design, rate):
    prices = np.exp(np.random.default_rng(seed).normal(2, spread, (40, 50))).astype(np.float32)
    (converted,) = model_based(both(prices), design, round(rate * 2000)).up
    assert entropy(converted.astype(np.float64)).sum() == pytest.approx(rate * 2000, rel=0.01, abs=1)
    assert (np.diff(converted.reshape(-1)[np.argsort(prices.reshape(-1))]) >= 0).all()


def test_entropy_of_a_price():
    prices = np.array([0.01, 0.7, 3, 30])
    p = 1 / (np.exp(prices) + 2)
    assert entropy(prices).sum() == pytest.approx(bits_of(p))


def test_least_deflection_solves_its_equation():
    information = np.linspace(-30, 600, 500)
    c = least_deflection(information)
    np.testing.assert_allclose(np.log(c) + c + np.log1p(2 * np.exp(-c)), information, rtol=1e-9, atol=1e-9)


def test_infinite_prices_stay_and_equal_directions_stay_one_array():
    prices = np.random.default_rng(0).random((30, 40), np.float32) + 0.1
    prices[3:6, 7] = np.inf
    converted = model_based(both(prices), 0.5, 200)
    assert converted.up is converted.down
    np.testing.assert_array_equal(np.isinf(converted.up[0]), np.isinf(prices))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [1e-30, 1.0, 3e38, np.inf])
def test_one_price_everywhere(value):
    prices = np.full((20, 20), value, np.float32)
    (converted,) = model_based(both(prices), 0.5, 40).up
    if np.isfinite(value):
        assert entropy(converted.astype(np.float64)).sum() == pytest.approx(40, rel=0.01)
    else:
        assert np.isinf(converted).all()


def test_directions_apart():
    rng = np.random.default_rng(1)
    down, up = (np.exp(rng.normal(0, 1, (40, 40))).astype(np.float32) for _ in range(2))
    converted = model_based(Costs((down,), (up,)), 0.5, 300)
    carried = entropy(np.concatenate([converted.down[0], converted.up[0]]).astype(np.float64)).sum() / 2
    assert carried == pytest.approx(300, rel=0.01)
    swapped = model_based(Costs((up,), (down,)), 0.5, 300)
    np.testing.assert_array_equal(swapped.down[0], converted.up[0])


def test_a_payload_beyond_the_ternary_bound_makes_every_change_cheap():
    prices = np.random.default_rng(0).random((20, 30), np.float32) + 0.5
    assert (model_based(both(prices), 0.5, 2000).up[0] < 0.01).all()


def test_information_back_and_forth():
    """Prices of MiPOD at its design rate, made model-based for that rate, are the same prices."""
    picture = np.random.default_rng(5).normal(128, 20, (64, 80, 3)).clip(0, 255).astype(np.uint8)
    picture[:32] //= 4
    prices = costs["mipod"](PngCover(picture))
    again = model_based(prices, 0.4, round(0.4 * picture.size))
    for one, other in zip(prices.up, again.up, strict=True):
        np.testing.assert_allclose(one, other, rtol=5e-3)


def test_information_has_no_unit():
    planes = (np.random.default_rng(4).random((30, 40), np.float32) + 0.2,)
    np.testing.assert_allclose(
        from_information(planes, 0.3)[0], from_information((planes[0] * np.float32(1000),), 0.3)[0], rtol=5e-3
    )
