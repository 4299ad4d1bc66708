"""Costs of JPEG coefficients against conseal's."""

import io

import numpy as np
import pytest
from photos import photograph
from PIL import Image

from isgan.costs import costs, juniward
from isgan.covers.jpeg import JpegCover
from isgan.jfif.dct import decoded, tiled

SHAPES = [(128, 128), (8, 40), (100, 61)]


def cover_of(height: int, width: int, quality: int = 85, gray: bool = False) -> JpegCover:
    file = io.BytesIO()
    Image.fromarray(photograph(192, gray=gray)[:height, :width]).save(file, "JPEG", quality=quality)
    return JpegCover.read(file.getvalue(), "photo.jpg")


def blocks(plane: np.ndarray) -> np.ndarray:
    return plane.reshape(plane.shape[0] // 8, 8, -1, 8).swapaxes(1, 2)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("tile", [480, 32])
def test_juniward_is_conseals(shape: tuple[int, int], tile: int, monkeypatch: pytest.MonkeyPatch):
    known = pytest.importorskip("conseal.juniward._costmap")
    monkeypatch.setattr(juniward, "TILE", tile)
    cover = cover_of(*shape)
    variant = known.Implementation.JUNIWARD_FIX_OFF_BY_ONE
    expected = known.compute_cost(decoded(cover.planes[0], cover.quantiser), cover.quantiser, implementation=variant)
    found = costs["juniward"](cover)
    assert found.up is found.down
    np.testing.assert_allclose(blocks(found.up[0]), expected, rtol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_uerd_is_conseals(shape: tuple[int, int]):
    known = pytest.importorskip("conseal.uerd._costmap")
    cover = cover_of(*shape)
    expected = known.compute_cost(blocks(cover.planes[0]).astype(float), cover.quantiser)
    np.testing.assert_allclose(blocks(costs["uerd"](cover).up[0]), expected.reshape(*expected.shape[:2], 8, 8), rtol=1e-5)


@pytest.mark.parametrize("name", ["juniward", "uerd"])
def test_prices_are_positive_and_zeros_have_one(name: str):
    cover = cover_of(128, 128, gray=True)
    (price,), _ = costs[name](cover)
    assert price.dtype == np.float32 and price.shape == cover.planes[0].shape
    assert (price > 0).all()
    zeros = cover.planes[0] == 0
    assert np.isfinite(price[zeros]).mean() > 0.9


def test_uerd_of_a_flat_picture_is_infinite():
    file = io.BytesIO()
    Image.new("L", (32, 32), 77).save(file, "JPEG")
    (price,), _ = costs["uerd"](JpegCover.read(file.getvalue(), "flat.jpg"))
    assert np.isinf(price).all()


@pytest.mark.parametrize("name", ["juniward", "uerd"])
def test_rounding_makes_one_direction_cheaper(name: str):
    cover = JpegCover.compressed(photograph(), 95)
    down, up = (planes[0] for planes in costs[name](cover))
    error, cover.rounding = cover.rounding, None
    price = costs[name](cover).up[0]
    size, near = np.abs(error), 0.5 - 1 / 8 / tiled(cover.quantiser, error.shape)
    np.testing.assert_allclose(np.where(error > 0, up, down)[size < near], (price * (1 - 2 * size))[size < near], rtol=1e-4)
    np.testing.assert_array_equal(np.where(error > 0, down, up), price)
    assert (np.minimum(down, up) > 0).all()
    # What libjpeg may have rounded away from zero because its transform knows eighths alone costs what it always does.
    unsure = size >= near
    assert 0.01 < unsure.mean() < 0.2 and (size > 0.5).any()
    np.testing.assert_array_equal(np.minimum(down, up)[unsure], price[unsure])
    away = np.sign(cover.planes[0]) * error < 0
    assert away[size > 0.5].mean() > 0.95
