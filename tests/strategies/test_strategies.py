"""Parts share out every sample once, and prices follow changes by the rule that each strategy states."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isgan.costs.base import Costs
from isgan.strategies import strategies
from isgan.strategies.cmdc import DISCOUNT

NAMES = strategies.names()
SHAPES = [(1, 1), (1, 7), (5, 2), (8, 9)]


def example(shape: tuple[int, int], planes: int, seed: int = 0) -> tuple[Costs, tuple[np.ndarray, ...]]:
    """Prices of both directions, and changes everywhere."""
    rng = np.random.default_rng(seed)
    down, up = (tuple(rng.random(shape, np.float32) + 0.1 for _ in range(planes)) for _ in range(2))
    return Costs(down, up), tuple(rng.integers(-1, 2, shape).astype(np.int8) for _ in range(planes))


def none(changes):
    return tuple(np.zeros_like(change) for change in changes)


@pytest.mark.parametrize("planes", [1, 3])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_every_sample_moves_with_one_part(name, shape, planes):
    strategy = strategies[name]()
    moved = tuple(np.zeros(shape, int) for _ in range(planes))
    for part in strategy.parts(planes):
        assert part.plane in strategy.moved(part, planes)
        for plane in strategy.moved(part, planes):
            part._replace(plane=plane).of(moved)[...] += 1
    assert all((times == 1).all() for times in moved)


@pytest.mark.parametrize("planes", [1, 3])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_without_changes_prices_are_those_of_the_cost(name, shape, planes):
    strategy = strategies[name]()
    costs, changes = example(shape, planes)
    for part in strategy.parts(planes):
        down, up = strategy.prices(costs, none(changes), part)
        for price, cost in ((down, costs.down), (up, costs.up)):
            expected = sum(part._replace(plane=plane).of(cost) for plane in strategy.moved(part, planes))
            assert price.dtype == np.float32
            np.testing.assert_allclose(price, expected, rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_prices_leave_costs_and_changes_as_they_are(name):
    strategy = strategies[name]()
    costs, changes = example((6, 8), 3)
    kept = [array.copy() for array in (*costs.down, *costs.up, *changes)]
    for part in strategy.parts(3):
        strategy.prices(costs, changes, part)
    for array, before in zip((*costs.down, *costs.up, *changes), kept, strict=True):
        np.testing.assert_array_equal(array, before)


@given(st.sampled_from([1, 3]), st.integers(1, 9), st.integers(1, 9), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_cmdc_follows_the_majority(planes, height, width, seed):
    strategy = strategies["cmdc"]()
    costs, changes = example((height, width), planes, seed)
    parts = strategy.parts(planes)
    for done, part in enumerate(parts):
        so_far = none(changes)
        for earlier in parts[:done]:
            earlier.of(so_far)[...] = earlier.of(changes)
        down, up = strategy.prices(costs, so_far, part)
        for i, y in enumerate(range(part.row, height, 2)):
            for j, x in enumerate(range(part.column, width, 2)):
                vote = sum(int(change[y, x]) for plane, change in enumerate(so_far) if plane != part.plane)
                for near_y, near_x in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                    if 0 <= near_y < height and 0 <= near_x < width:
                        vote += int(so_far[part.plane][near_y, near_x])
                expected = (
                    costs.down[part.plane][y, x] / (DISCOUNT if vote < 0 else 1),
                    costs.up[part.plane][y, x] / (DISCOUNT if vote > 0 else 1),
                )
                assert (down[i, j], up[i, j]) == pytest.approx(expected, rel=1e-6)


def test_green_first_goes_before_red_and_blue_which_follow_it():
    strategy = strategies["green_first"]()
    costs, changes = example((5, 6), 3)
    green, *others = strategy.parts(3)
    assert [part.plane for part in (green, *others)] == [1, 0, 2]
    for part in others:
        down, up = strategy.prices(costs, (*none(changes)[:1], changes[1], *none(changes)[:1]), part)
        np.testing.assert_allclose(costs.down[part.plane] / down, np.where(changes[1] < 0, 9, 1), rtol=1e-6)
        np.testing.assert_allclose(costs.up[part.plane] / up, np.where(changes[1] > 0, 9, 1), rtol=1e-6)
