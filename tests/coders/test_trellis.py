"""The binary code against other ways to find the cheapest flips."""

import itertools

import numpy as np
import pytest

from isgan.coders import trellis
from isgan.coders.columns import columns


def matrix(count: int, bits: int, height: int) -> np.ndarray:
    """H as the specification has it, (bits, count)."""
    starts = trellis.edges(count, bits)
    sizes = np.diff(starts)
    found = np.zeros((bits, count), int)
    for block in range(bits):
        chosen = columns(height, sizes[0] if block == 0 else max(sizes[1:]))
        for element in range(starts[block], starts[block + 1]):
            for row in range(min(height, bits - block)):
                found[block + row, element] = chosen[element - starts[block]] >> row & 1
    return found


def least(prices: np.ndarray, syndrome: np.ndarray, height: int) -> float:
    """The price of the cheapest flips: that of every syndrome, after each element in turn."""
    numbers = (1 << np.arange(len(syndrome))) @ matrix(len(prices), len(syndrome), height)
    best = np.full(1 << len(syndrome), np.inf)
    best[0] = 0
    for price, number in zip(prices, numbers, strict=True):
        best = np.minimum(best, best[np.arange(len(best)) ^ number] + price)
    return best[(1 << np.arange(len(syndrome))) @ syndrome]


@pytest.mark.parametrize("height", [7, 8, 10, 12])
@pytest.mark.parametrize(("count", "bits"), [(1, 1), (9, 9), (40, 11), (14, 12), (90, 10), (33, 1), (25, 3), (200, 4)])
def test_flips_are_the_cheapest_that_say_the_message(height, count, bits):
    random = np.random.default_rng(count + height)
    for wet in (0, 0.3):
        prices = random.exponential(size=count).astype(np.float32)
        prices[random.random(count) < wet] = np.inf
        syndrome = random.integers(0, 2, bits, dtype=np.uint8)
        flips = trellis.cheapest(prices, syndrome, height)
        best = least(prices.astype(float), syndrome, height)
        if flips is None:
            assert best == np.inf
        else:
            np.testing.assert_array_equal(matrix(count, bits, height) @ flips % 2, syndrome)
            assert prices[flips].sum(dtype=float) == pytest.approx(best, rel=1e-5)


def test_every_way_was_tried():
    """Plain enumeration of all flips of a few elements."""
    random = np.random.default_rng(0)
    prices = random.exponential(size=12).astype(np.float32)
    for syndrome in random.integers(0, 2, (8, 7), dtype=np.uint8):
        all_flips = np.array(list(itertools.product((0, 1), repeat=12)))
        fits = (all_flips @ matrix(12, 7, 8).T % 2 == syndrome).all(axis=1)
        flips = trellis.cheapest(prices, syndrome, 8)
        assert prices[flips].sum() == pytest.approx((all_flips[fits] @ prices).min(), rel=1e-5)


@pytest.mark.parametrize("height", [7, 10])
@pytest.mark.parametrize(("count", "bits"), [(5, 1), (30, 30), (1000, 33), (1000, 700)])
def test_message_is_the_product_with_the_matrix(height, count, bits):
    flips = np.random.default_rng(1).integers(0, 2, count, dtype=np.uint8)
    np.testing.assert_array_equal(trellis.message(flips, bits, height), matrix(count, bits, height) @ flips % 2)


def test_first_block_is_longer_where_there_is_room():
    """Wet elements at the very start have nothing before them that could help: most failures came from there."""
    assert list(np.diff(trellis.edges(1000, 400)))[:4] == [18, 2, 3, 2]
    random = np.random.default_rng(2)
    for _ in range(50):
        prices = np.where(random.random(1000) < 0.3, np.inf, 1).astype(np.float32)
        assert trellis.cheapest(prices, random.integers(0, 2, 400, dtype=np.uint8), 8) is not None


@pytest.mark.parametrize("height", range(7, 13))
def test_columns_have_the_first_and_last_bit_and_differ_while_they_can(height):
    for width in (1, 2, 3, 10, 48, 60):
        chosen = columns(height, width)
        assert len(chosen) == width
        assert (chosen & 1).all() and (chosen >> (height - 1) == 1).all()
        assert len(set(chosen)) == min(width, 1 << (height - 2))
