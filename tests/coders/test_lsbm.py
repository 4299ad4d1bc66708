"""What only LSB matching promises."""

import numpy as np
import pytest

from isgan.coders.base import Infeasible
from isgan.coders.lsbm import Lsbm, _sum_of


def test_half_of_the_bits_change_an_element_up_or_down():
    random = np.random.default_rng(0)
    elements = random.integers(1, 255, 40_000).astype(np.int16)
    free = np.ones(40_000, np.float32)
    change = Lsbm().embed(elements, free, free, random.integers(0, 2, 20_000, dtype=np.uint8)) - elements
    assert (change != 0).sum() == pytest.approx(10_000, abs=400)
    assert (change > 0).sum() == pytest.approx((change < 0).sum(), abs=600)


def test_elements_that_are_left_over_say_what_frozen_ones_cannot():
    random = np.random.default_rng(1)
    elements = random.integers(1, 255, 20_000).astype(np.int16)
    prices = np.where(random.random(20_000) < 0.05, np.inf, 1).astype(np.float32)
    bits = random.integers(0, 2, 15_000, dtype=np.uint8)
    np.testing.assert_array_equal(Lsbm().extract(Lsbm().embed(elements, prices, prices, bits), 15_000), bits)


def test_a_sum_of_vectors_is_found_if_there_is_one():
    random = np.random.default_rng(2)
    for _ in range(50):
        vectors = [int(v) for v in random.integers(0, 256, 6)]
        sums = {0}
        for vector in vectors:
            sums |= {other ^ vector for other in sums}
        for target in range(256):
            if target in sums:
                total = 0
                for i in _sum_of(vectors, target):
                    total ^= vectors[i]
                assert total == target
            else:
                with pytest.raises(Infeasible):
                    _sum_of(vectors, target)
