"""What only exploiting modification direction promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isgan.coders.masks import VARIANT
from isgan.coders.modulus import LARGEST, SMALLEST, Modulus, _choices, _room, _size


@pytest.mark.parametrize("size", [SMALLEST, 4, 17, LARGEST])
def test_each_way_makes_its_digit_with_at_most_two_elements(size):
    choices = _choices(size)
    assert choices.shape[0] == 2 * size + 1
    for digit, ways in enumerate(choices):
        for first, second in ways:
            total = sum((place + 1) * (0, 1, -1)[step] for place, step in (first, second))
            assert total % (2 * size + 1) == digit
            assert first[0] != second[0] or first[1] == 0 or second[1] == 0


def test_one_move_is_enough_where_all_elements_may_move():
    random = np.random.default_rng(0)
    elements = random.integers(1, 255, 9000).astype(np.int16)
    free = np.ones(9000, np.float32)
    bits = random.integers(0, 2, Modulus().capacity(9000), dtype=np.uint8)
    moved = (Modulus().embed(elements, free, free, bits) != elements).reshape(-1, SMALLEST).sum(axis=1)
    assert moved.max() == 1
    assert moved.mean() == pytest.approx(6 / 7, abs=0.05)


def test_a_group_of_three_with_one_frozen_element_says_any_digit():
    random = np.random.default_rng(1)
    elements = random.integers(1, 255, 9000).astype(np.int16)
    prices = np.ones(9000, np.float32)
    prices[::3] = np.inf
    bits = random.integers(0, 2, Modulus().capacity(9000), dtype=np.uint8)
    np.testing.assert_array_equal(Modulus().extract(Modulus().embed(elements, prices, prices, bits), len(bits)), bits)


def test_digits_have_as_many_elements_as_there_is_room_for():
    assert _size(10_000, Modulus().capacity(10_000)) == SMALLEST
    assert _size(10_000, 1) == LARGEST
    for bits in range(0, Modulus().capacity(500) + 1, 17):
        size = _size(500, bits)
        assert _room(500, size) >= bits + VARIANT
        assert size == LARGEST or _room(500, size + 1) < bits + VARIANT


@given(wet=st.floats(0, 0.005), sides=st.floats(0, 0.03), seed=st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_all_of_the_capacity_is_of_use_where_a_few_elements_are_frozen(wet, sides, seed):
    """Two frozen elements of three leave digits that nothing reaches; a mask is found with which none is wanted."""
    random = np.random.default_rng(seed)
    elements = random.integers(0, 256, 16_384).astype(np.int16)
    down, up = random.exponential(size=(2, elements.size)).astype(np.float32)
    down[random.random(elements.size) < sides / 2] = up[random.random(elements.size) < sides / 2] = np.inf
    frozen = random.random(elements.size) < wet
    down[frozen] = up[frozen] = np.inf
    bits = random.integers(0, 2, Modulus().capacity(elements.size), dtype=np.uint8)
    np.testing.assert_array_equal(Modulus().extract(Modulus().embed(elements, down, up, bits), len(bits)), bits)
