"""What every coder keeps to, whatever it is called."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isgan.coders import coders
from isgan.coders.base import Infeasible

NAMES = pytest.mark.parametrize("name", coders.names())


def case(count: int, wet: float, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Elements and prices, some of them infinite in one direction, or in both with probability `wet`."""
    elements = random.integers(-3, 256, count).astype(np.int16)
    down, up = random.exponential(size=(2, count)).astype(np.float32)
    down[elements == -3] = up[elements == 255] = np.inf
    frozen = random.random(count) < wet
    down[frozen] = up[frozen] = np.inf
    return elements, down, up


@NAMES
@given(
    count=st.one_of(st.integers(0, 40), st.integers(0, 3000)),
    fullness=st.one_of(st.floats(0, 1), st.floats(0, 0.05), st.just(1.0)),
    wet=st.sampled_from([0.0, 0.0, 0.01, 0.3, 1.0]),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=150, deadline=None)
def test_every_message_comes_back_and_wet_elements_stay(name, count, fullness, wet, seed):
    random = np.random.default_rng(seed)
    coder = coders[name]()
    elements, down, up = case(count, wet, random)
    bits = random.integers(0, 2, round(fullness * coder.capacity(count)), dtype=np.uint8)
    given = [array.copy() for array in (elements, down, up, bits)]
    try:
        stego = coder.embed(elements, down, up, bits)
    except Infeasible:
        assert len(bits)  # and what was given is as it was
    else:
        change = stego - elements
        assert stego.dtype == np.int16 and stego.shape == elements.shape
        assert np.abs(change).max(initial=0) <= 1
        assert np.isfinite(down[change < 0]).all() and np.isfinite(up[change > 0]).all()
        said = coder.extract(stego, len(bits))
        assert said.dtype == np.uint8
        np.testing.assert_array_equal(said, bits)
        if not len(bits):
            assert not change.any()
    for array, before in zip((elements, down, up, bits), given, strict=True):
        np.testing.assert_array_equal(array, before)


@NAMES
@pytest.mark.parametrize("count", [300, 5000, 40_000])
def test_all_of_the_capacity_can_be_used(name, count):
    random = np.random.default_rng(count)
    coder = coders[name]()
    elements, down, up = case(count, 0, random)
    bits = random.integers(0, 2, coder.capacity(count), dtype=np.uint8)
    np.testing.assert_array_equal(coder.extract(coder.embed(elements, down, up, bits), len(bits)), bits)


@NAMES
def test_half_of_the_capacity_fits_where_some_elements_are_frozen(name):
    random = np.random.default_rng(3)
    coder = coders[name]()
    elements, down, up = case(20_000, 0.01, random)
    bits = random.integers(0, 2, coder.capacity(20_000) // 2, dtype=np.uint8)
    np.testing.assert_array_equal(coder.extract(coder.embed(elements, down, up, bits), len(bits)), bits)


@NAMES
def test_nothing_fits_where_nothing_may_change(name):
    coder = coders[name]()
    wet = np.full(1000, np.inf, np.float32)
    with pytest.raises(Infeasible):
        coder.embed(np.zeros(1000, np.int16), wet, wet, np.random.default_rng(0).integers(0, 2, 100, dtype=np.uint8))


@NAMES
def test_capacity_grows_with_the_elements_and_none_have_none(name):
    coder = coders[name]()
    assert coder.capacity(0) == 0
    capacities = [coder.capacity(count) for count in range(2000)]
    assert capacities == sorted(capacities)
    assert capacities[-1] > 1000


@NAMES
def test_any_elements_say_something(name):
    """A receiver with another key, or a picture without a secret, must not crash."""
    coder = coders[name]()
    for count in (0, 1, 2, 7, 1000):
        elements = np.random.default_rng(count).integers(-32768, 32768, count).astype(np.int16)
        for bits in {0, coder.capacity(count) // 2, coder.capacity(count)}:
            said = coder.extract(elements, bits)
            assert said.shape == (bits,) and said.max(initial=0) <= 1


@NAMES
def test_up_and_down_are_as_likely_from_odd_as_from_even_elements(name):
    """Otherwise a histogram tells, as it does of LSB replacement."""
    random = np.random.default_rng(5)
    coder = coders[name]()
    elements, down, _ = case(60_000, 0, random)
    elements = elements.clip(1, 254)
    change = coder.embed(elements, down, down, random.integers(0, 2, 30_000, dtype=np.uint8)) - elements
    for parity in (0, 1):
        moved = change[(elements & 1 == parity) & (change != 0)]
        assert abs(moved.mean()) < 4 / np.sqrt(len(moved))
