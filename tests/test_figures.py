"""What stands in figures: residuals, sheets with headings, and pictures that have to stay small."""

import io

import numpy as np
import pytest
from conftest import scene
from PIL import Image

from isgan.figures import Column, Sample, decibels, residual, secret_residuals, sheet, side_by_side, small_png, stego_and_secret
from isgan.metrics.pictures import psnr


@pytest.mark.parametrize("gain", [1, 10])
def test_a_residual_shows_every_level_of_difference(gain):
    original = np.full((1, 41), 100, np.uint8)
    levels = np.arange(-20, 21)
    found = residual((original + levels).astype(np.uint8), original, gain)[0]
    assert found.tolist() == (128 + levels * gain).clip(0, 255).tolist()


def samples(seed: int, count: int = 2) -> list[Sample]:
    rng = np.random.default_rng(seed)
    return [Sample(*(rng.integers(0, 256, shape, dtype=np.uint8) for shape in ((40, 40, 3), (40, 40)) * 2)) for _ in range(count)]


def found_in(page: np.ndarray, picture: np.ndarray) -> list[tuple[int, int]]:
    """Where a picture stands in a sheet, as (top, left)."""
    tile = np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture
    height, width = tile.shape[:2]
    corners = np.argwhere((page[: 1 - height or None, : 1 - width or None] == tile[0, 0]).all(axis=2))
    return [(top, left) for top, left in corners.tolist() if np.array_equal(page[top : top + height, left : left + width], tile)]


def test_stego_images_and_secrets_of_two_models():
    first, second = samples(1), samples(2)
    second = [sample._replace(cover=own.cover, secret=own.secret) for sample, own in zip(second, first, strict=True)]
    page = stego_and_secret({"one": first, "two": second})
    places = []
    for sample, other in zip(first, second, strict=True):
        row = [sample.cover, sample.secret]
        for s in (sample, other):
            row += [s.stego, residual(s.stego, s.cover, 1), residual(s.stego, s.cover, 10), s.revealed]
        hits = [found_in(page, picture) for picture in row]
        assert all(len(hit) == 1 for hit in hits)  # the same pair once, whatever the number of models
        places.append([hit[0] for hit in hits])
    for row in places:
        assert len({top for top, _ in row}) == 1 and [left for _, left in row] == sorted(left for _, left in row)
    assert places[1][0][0] - places[0][0][0] > 40  # room for the PSNR
    assert (page[: places[0][0][0] - 1] != 255).any() and page.dtype == np.uint8


def test_the_secrets_residuals():
    page, (sample,) = secret_residuals({"one": samples(3, 1)}), samples(3, 1)
    row = [sample.secret, sample.revealed, residual(sample.revealed, sample.secret, 1), residual(sample.revealed, sample.secret, 10)]
    hits = [found_in(page, picture) for picture in row]
    assert [len(hit) for hit in hits] == [1] * 4 and [hit[0][1] for hit in hits] == sorted(hit[0][1] for hit in hits)


def test_headings_and_captions_are_written():
    def page(name: str, heading: str, caption: str) -> np.ndarray:
        return sheet({name: [Column(heading, [np.full((64, 64), 255, np.uint8)], [caption])]})

    pages = [page("", "", ""), page("isgan", "", ""), page("", "stego", ""), page("", "", "31.41 dB")]
    assert len({each.shape for each in pages}) == 1 and (pages[0] == 255).all()
    dark = [np.argwhere((each < 128).any(axis=2))[:, 0].mean() for each in pages[1:]]
    assert dark[0] < dark[1] < dark[2]  # name, heading, caption: from above


def test_captions():
    sample = samples(4)[0]
    assert decibels(sample.stego, sample.cover) == f"{psnr(sample.stego, sample.cover):.2f} dB"
    assert decibels(sample.cover, sample.cover) == "exact"


def test_side_by_side_pads_to_the_widest():
    cover, gray = scene(8, 10), scene(8, 10)[..., 0]
    narrow = Sample(cover[:, :6], gray[:, :6], cover[:, :6] + 1, gray[:, :6])
    picture = side_by_side([Sample(cover, gray, cover, gray), narrow])
    assert picture.shape == (16, 50, 3) and picture.dtype == np.uint8
    assert np.array_equal(picture[:8, :10], cover) and (picture[:8, 20:30] == 128).all()
    assert (picture[8:, 12:18] == 138).all() and not picture[8:, 30:].any()


def test_a_picture_for_a_document_has_at_most_so_many_bytes():
    picture = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    whole = small_png(picture)
    assert np.array_equal(np.array(Image.open(io.BytesIO(whole))), picture) and small_png(picture, len(whole)) == whole
    fewer = small_png(picture, len(whole) // 2)
    assert len(fewer) <= len(whole) // 2 and Image.open(io.BytesIO(fewer)).size == (160, 120)
    tiny = small_png(picture, 3000)
    assert len(tiny) <= 3000 and Image.open(io.BytesIO(tiny)).width < 160
