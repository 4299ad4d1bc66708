"""Bits as digits to another base."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isgan.coders.digits import bits_of, digits_of, needed, room, word


@given(base=st.integers(3, 65), count=st.integers(0, 500), seed=st.integers(0, 2**32))
def test_bits_come_back_from_digits(base, count, seed):
    bits = np.random.default_rng(seed).integers(0, 2, count, dtype=np.uint8)
    digits = digits_of(bits, base)
    assert len(digits) == needed(count, base) and digits.min(initial=0) >= 0 and digits.max(initial=0) < base
    np.testing.assert_array_equal(bits_of(digits, count, base), bits)


@given(base=st.integers(3, 65), digits=st.integers(0, 500))
def test_room_is_what_so_many_digits_say_and_no_less(base, digits):
    assert needed(room(digits, base), base) <= digits < needed(room(digits, base) + 1, base)


def test_digits_are_those_of_the_number():
    bits = np.array([1, 0, 1, 1, 0, 1, 0, 1, 1, 1, 0, 0, 1, 0, 1, 1, 0, 0, 1], np.uint8)  # a word to the base of 3
    number = sum(int(bit) << i for i, bit in enumerate(bits))
    assert digits_of(bits, 3).tolist() == [number // 3**i % 3 for i in range(12)]


@pytest.mark.parametrize("base", [3, 7, 9, 65])
def test_words_waste_little(base):
    length, bits = word(base)
    assert base**length < 2**62
    assert bits / length > 0.989 * np.log2(base)
