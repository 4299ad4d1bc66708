"""Costs of pixels against conseal's, and what any of them must do."""

import numpy as np
import pytest

from isgan.costs import costs, windows
from isgan.costs.mipod import information
from isgan.covers.png import PngCover

SPATIAL = ("flat", "hill", "mipod", "suniward", "wow")


def photograph(height: int, width: int, channels: int = 3) -> np.ndarray:
    """Waves, an edge and noise that grows to the right, so that smooth and rough places are there; uint8."""
    rng = np.random.default_rng(height * 1000 + width)
    y, x = np.mgrid[:height, :width]
    waves = 120 + 50 * np.sin(x / 7 + y / 11) + 40 * (x + y > height)
    noise = rng.normal(size=(channels, height, width)) * (0.7 + 9 * x / width)
    return np.clip(np.rint(waves + noise), 0, 255).astype(np.uint8).transpose(1, 2, 0)


def of_conseal(name: str, plane: np.ndarray) -> np.ndarray:
    pytest.importorskip("conseal")
    import conseal

    return {
        "hill": conseal.hill._costmap._compute_cost,
        "wow": conseal.wow._costmap._compute_cost,
        "suniward": conseal.suniward._costmap.compute_cost,
        "mipod": conseal.mipod._costmap.compute_cost,
    }[name](plane.astype(np.float64))


@pytest.mark.filterwarnings("ignore:invalid variance")
@pytest.mark.parametrize("size", [(96, 128), (37, 20)])
@pytest.mark.parametrize("name", ["hill", "wow", "suniward", "mipod"])
def test_equal_to_conseal(name, size):
    cover = PngCover(photograph(*size))
    ours = information(cover.planes) if name == "mipod" else costs[name](cover).up
    for plane, cost in zip(cover.planes, ours, strict=True):
        np.testing.assert_allclose(cost, of_conseal(name, plane), rtol=1e-5)


@pytest.mark.parametrize("name", SPATIAL)
@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 40, 3), (3, 2, 3), (33, 50, 3), (33, 50)])
def test_prices_are_positive_and_as_large_as_the_planes(name, shape):
    samples = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    down, up = costs[name](PngCover(samples))
    assert len(up) == (3 if len(shape) == 3 else 1)
    assert all(low is high for low, high in zip(down, up, strict=True))
    for price in up:
        assert price.shape == shape[:2]
        assert price.dtype == np.float32
        assert np.isfinite(price).all()
        assert (price > 0).all()


@pytest.mark.parametrize("value", [0, 130, 255])
@pytest.mark.parametrize("name", SPATIAL)
def test_one_color(name, value):
    up = costs[name](PngCover(np.full((40, 50, 3), value, np.uint8))).up
    assert all(np.isfinite(price).all() and (price > 0).all() for price in up)


@pytest.mark.parametrize("name", ["hill", "suniward", "wow"])
def test_each_channel_for_itself(name):
    picture = photograph(40, 50)
    for channel, price in enumerate(costs[name](PngCover(picture)).up):
        (alone,) = costs[name](PngCover(picture[..., channel].copy())).up
        np.testing.assert_array_equal(price, alone)


@pytest.mark.parametrize("name", ["hill", "mipod", "suniward", "wow"])
def test_rough_places_are_cheaper(name):
    for price in costs[name](PngCover(photograph(60, 120))).up:
        assert np.median(price[:, :20]) > 2 * np.median(price[:, -20:])


@pytest.mark.parametrize("name", ["hill", "mipod", "suniward", "wow"])
def test_strips_do_not_show(name, monkeypatch):
    cover = PngCover(photograph(150, 40))
    whole = costs[name](cover).up
    monkeypatch.setattr(windows, "STRIP", 40)
    for price, expected in zip(costs[name](cover).up, whole, strict=True):
        np.testing.assert_allclose(price, expected, rtol=1e-6)


def test_mirrored():
    assert windows.mirrored(3, -7, 9).tolist() == [0, 0, 1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1, 2]
    np.testing.assert_array_equal(np.arange(5)[windows.mirrored(5, -3, 8)], np.pad(np.arange(5), 3, "symmetric"))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 12, 15])
def test_sums_over_windows(size, axis):
    values = np.random.default_rng(2).random((20, 19))
    expected = np.lib.stride_tricks.sliding_window_view(values, size, axis).sum(-1)
    np.testing.assert_allclose(windows.window_sum(values, size, axis), expected, rtol=1e-12)
    taps = np.random.default_rng(3).random(size)
    expected = np.lib.stride_tricks.sliding_window_view(values, size, axis) @ taps
    np.testing.assert_allclose(windows.correlate(values, taps, axis), expected, rtol=1e-12)
