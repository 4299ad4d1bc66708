"""The ternary code against other ways to find the cheapest steps."""

import itertools

import numpy as np
import pytest

from isgan.coders import ternary
from isgan.coders.base import Infeasible
from isgan.coders.stc import DENSE, Stc
from isgan.coders.trellis import edges


def matrix(count: int, digits: int) -> np.ndarray:
    """H as the specification has it, (digits, count)."""
    starts = edges(count, digits)
    sizes = np.diff(starts)
    found = np.zeros((digits, count), int)
    for block in range(digits):
        chosen = ternary.columns(int(sizes[0] if block == 0 else max(sizes[1:])))
        for element in range(starts[block], starts[block + 1]):
            for row in range(min(ternary.HEIGHT, digits - block)):
                found[block + row, element] = chosen[element - starts[block]][row]
    return found


def least(down: np.ndarray, up: np.ndarray, syndrome: np.ndarray) -> float:
    """The price of the cheapest steps: that of every syndrome, after each element in turn."""
    places = np.arange(3 ** len(syndrome))
    every = places[:, None] // 3 ** np.arange(len(syndrome)) % 3
    best = np.full(len(every), np.inf)
    best[0] = 0
    for lower, higher, column in zip(down, up, matrix(len(down), len(syndrome)).T, strict=True):
        raised, lowered = ((every - sign * column) % 3 @ 3 ** np.arange(len(syndrome)) for sign in (1, -1))
        best = np.minimum(best, np.minimum(best[raised] + higher, best[lowered] + lower))
    return best[syndrome @ 3 ** np.arange(len(syndrome))]


@pytest.mark.parametrize(("count", "digits"), [(1, 1), (9, 9), (14, 8), (30, 10), (33, 1), (25, 3)])
@pytest.mark.parametrize("wet", [0, 0.2])
def test_steps_are_the_cheapest_that_say_the_message(count, digits, wet):
    random = np.random.default_rng(count)
    down, up = random.exponential(size=(2, count)).astype(np.float32)
    down[random.random(count) < wet] = up[random.random(count) < wet] = np.inf
    syndrome = random.integers(0, 3, digits)
    steps = ternary.cheapest(down, up, syndrome)
    best = least(down.astype(float), up.astype(float), syndrome)
    if steps is None:
        assert best == np.inf
    else:
        np.testing.assert_array_equal(matrix(count, digits) @ steps % 3, syndrome)
        assert down[steps < 0].sum(dtype=float) + up[steps > 0].sum(dtype=float) == pytest.approx(best, rel=1e-5)


def test_every_way_was_tried():
    """Plain enumeration of all steps of a few elements."""
    random = np.random.default_rng(0)
    down, up = random.exponential(size=(2, 8)).astype(np.float32)
    every = np.array(list(itertools.product((-1, 0, 1), repeat=8)))
    prices = (every < 0) @ down + (every > 0) @ up
    for syndrome in random.integers(0, 3, (5, 5)):
        steps = ternary.cheapest(down, up, syndrome)
        fits = (every @ matrix(8, 5).T % 3 == syndrome).all(axis=1)
        assert (steps < 0) @ down + (steps > 0) @ up == pytest.approx(prices[fits].min(), rel=1e-5)


@pytest.mark.parametrize(("count", "digits"), [(5, 1), (30, 30), (1000, 33), (1000, 900)])
def test_message_is_the_product_with_the_matrix(count, digits):
    values = np.random.default_rng(1).integers(0, 3, count)
    np.testing.assert_array_equal(ternary.message(values, digits), matrix(count, digits) @ values % 3)


def test_columns_have_first_and_last_digits():
    for width in (1, 2, 5, 30):
        chosen = ternary.columns(width)
        assert chosen.shape == (width, ternary.HEIGHT) and set(np.unique(chosen)) <= {0, 1, 2}
        assert (chosen[:, 0] == 1).all() and chosen[:, -1].all()


@pytest.mark.parametrize("rate", [1.11, 1.4, 1.55])
def test_dense_messages_come_back_at_nearly_the_least_price(rate):
    random = np.random.default_rng(2)
    elements = random.integers(0, 256, 20_000).astype(np.int16)
    prices = np.ones(20_000, np.float32)
    down, up = (np.where(elements == end, np.float32(np.inf), prices) for end in (0, 255))
    bits = random.integers(0, 2, round(rate * 20_000), dtype=np.uint8)
    assert 100 * rate > DENSE
    stego = Stc().embed(elements, down, up, bits)
    np.testing.assert_array_equal(Stc().extract(stego, len(bits)), bits)
    change = stego - elements
    assert np.abs(change).max() == 1 and stego.min() >= 0 and stego.max() <= 255
    # With equal prices the least changes p solve H(p) + p = rate.
    shares = np.linspace(0.01, 2 / 3 - 1e-9, 100_000)
    entropies = -shares * np.log2(shares) - (1 - shares) * np.log2(1 - shares) + shares
    assert 1 < np.mean(change != 0) / shares[np.searchsorted(entropies, rate)] < 1.09


def test_where_one_mask_leaves_no_way_another_does():
    """A seventh of the elements is wet: fewer than one message in two finds a way."""
    random = np.random.default_rng(5)
    elements = random.integers(1, 255, 8000).astype(np.int16)
    prices = np.where(random.random(8000) < 0.14, np.inf, 1).astype(np.float32)
    for _ in range(4):
        bits = random.integers(0, 2, 9900, dtype=np.uint8)
        stego = Stc().embed(elements, prices, prices, bits)
        np.testing.assert_array_equal(Stc().extract(stego, len(bits)), bits)


def test_too_few_dry_elements_are_refused():
    wet = np.full(4000, np.inf, np.float32)
    with pytest.raises(Infeasible):
        Stc().embed(np.zeros(4000, np.int16), wet, np.ones(4000, np.float32), np.ones(6000, np.uint8))
