"""Attacks on photographs in which LSBs are replaced or matched: what they find, what they must not, and numbers of another program."""

import io

import numpy as np
import pytest
from photos import photograph
from PIL import Image, ImageDraw

from isgan.covers.jpeg import JpegCover
from isgan.covers.png import PngCover
from isgan.detectors import detectors
from isgan.detectors.base import Pairs
from isgan.detectors.classic import weighted_stego
from isgan.detectors.classic.base import REPLACEMENT
from isgan.detectors.classic.chi_square import chi_square
from isgan.detectors.classic.sample_pairs import rate
from isgan.detectors.features.sealwatch import sealwatch
from isgan.metrics.security import auc

SIDE = 128
ESTIMATORS = ("sample-pairs", "rs", "ws")


def crops() -> list[np.ndarray]:
    """Twelve parts of the example covers, (128, 128, 3) uint8, all different."""
    wholes = [photograph(2 * SIDE, number) for number in range(3)]
    return [whole[top : top + SIDE, left : left + SIDE] for whole in wholes for top in (0, SIDE) for left in (0, SIDE)]


def replaced(pixels: np.ndarray, share: float, seed: int = 0) -> np.ndarray:
    """Random bits in the LSBs of this share of the samples."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2, pixels.shape, dtype=np.uint8)
    return np.where(rng.random(pixels.shape) < share, pixels & 254 | bits, pixels)


def matched(pixels: np.ndarray, share: float, seed: int = 0) -> np.ndarray:
    """The same by adding or subtracting 1, inwards at black and white."""
    rng = np.random.default_rng(seed)
    sign = np.where(pixels == 0, 1, np.where(pixels == 255, -1, rng.choice([-1, 1], pixels.shape)))
    return (pixels + sign * (rng.random(pixels.shape) < share / 2)).astype(np.uint8)


def files(pictures: list[np.ndarray]) -> list[PngCover]:
    return [PngCover(picture) for picture in pictures]


def was_jpeg(pixels: np.ndarray, quality: int, mode: str = "RGB") -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, "JPEG", quality=quality, subsampling=0)
    return np.array(Image.open(file).convert(mode))


@pytest.fixture(scope="module")
def clean() -> list[np.ndarray]:
    return crops()


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_the_rate_of_replacement_is_estimated(name, share, clean):
    detector = detectors[name]()
    covers = detector.scores(files(clean))
    stegos = detector.scores(files([replaced(picture, share, seed) for seed, picture in enumerate(clean)]))
    assert auc(covers, stegos) > 0.99
    assert abs(np.median(covers)) < 0.1 and abs(np.median(stegos) - share) < 0.12


def test_equal_pairs_of_values_are_seen_if_nearly_all_lsbs_are_replaced(clean):
    detector = detectors["chi-square"]()
    covers = detector.scores(files(clean))
    full, little = (detector.scores(files([replaced(picture, share) for picture in clean])) for share in (1.0, 0.1))
    assert auc(covers, full) > 0.85 and abs(full.mean()) < 0.1 and auc(covers, little) < 0.7


@pytest.mark.parametrize("name", [*ESTIMATORS, "chi-square"])
def test_matching_escapes_them(name, clean):
    detector = detectors[name]()
    covers = detector.scores(files(clean))
    stegos = detector.scores(files([matched(picture, 1.0, seed) for seed, picture in enumerate(clean)]))
    assert auc(covers, stegos) < 0.75
    assert detector.note.startswith(REPLACEMENT)


def test_matching_smooths_the_adjacency_histogram():
    """In pictures that have little noise of their own; in others Ker's attack sees less."""
    detector = detectors["hcf-com"]()
    smooth = [was_jpeg(picture, 75, "L") for picture in crops()]
    covers = detector.scores(files(smooth))
    stegos = detector.scores(files([matched(picture, 1.0, seed) for seed, picture in enumerate(smooth)]))
    assert auc(covers, stegos) > 0.75


def test_numbers_of_sealwatch(clean):
    for picture in clean[:3]:
        plane = picture[..., 1].astype(np.int64)
        statistic, freedom = chi_square(plane)
        assert statistic == pytest.approx(sealwatch().chi2.attack(plane)[0])
        assert 20 < freedom < 128
        for stego in (plane, replaced(picture, 0.6)[..., 1].astype(np.int64)):
            theirs = sealwatch().spa.attack(stego)
            ours = rate(stego[:, :-1].ravel(), stego[:, 1:].ravel())
            assert theirs == pytest.approx(ours, abs=1e-9) if ours > 0.01 else theirs == 0
            share = weighted_stego.flipped_share(stego)
            assert max(share, 0) == pytest.approx(sealwatch().ws.attack(stego.astype(np.uint8), correct_bias=True), abs=1e-4)


@pytest.mark.parametrize("quality", [75, 95])
def test_one_sample_betrays_a_picture_that_was_a_jpeg(quality, clean):
    detector = detectors["jpeg-colors"]()
    covers = [was_jpeg(picture, quality) for picture in clean]
    assert not detector.scores(files(covers)).any() and not detector.scores(files(clean)).any()
    found = 0
    for seed, cover in enumerate(covers):
        rng = np.random.default_rng(seed)
        stego = cover.copy()
        for row, column, channel in zip(*rng.integers(0, SIDE, (2, 3)), rng.integers(0, 3, 3), strict=True):
            stego[row, column, channel] ^= 1
        found += detector.score(PngCover(stego)) > 0
    assert found >= 11  # of 12, three samples changed in each
    together = np.stack([covers[0][..., channel] + np.uint8(1) for channel in range(3)], axis=2)[1:-1]
    assert detector.score(PngCover(together)) == pytest.approx(0, abs=0.03)  # what is changed alike stays on the lattice


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_changes_fill_the_gaps_between_quantised_coefficients(mode, clean):
    detector = detectors["jpeg-grid"]()
    covers = [was_jpeg(picture, 85, mode) for picture in clean]
    scores = detector.scores(files(covers))
    stegos = detector.scores(files([matched(picture, 0.4, seed) for seed, picture in enumerate(covers)]))
    known = scores > 0
    assert known.sum() >= 8 and (scores < 1.2).all() and auc(scores[known], stegos[known]) > 0.95
    assert not detector.scores(files(clean)).any()  # never were a JPEG
    shifted = [np.ascontiguousarray(picture[3:, 5:]) for picture in covers]
    assert np.corrcoef(detector.scores(files(shifted)), scores)[0, 1] > 0.8  # wherever the grid lies


@pytest.mark.parametrize("name", [name for name in detectors.names() if not detectors[name].trained])
def test_pages_of_text_are_scored(name):
    page = Image.new("RGB", (1280, 800), "white")
    for line in range(30):
        ImageDraw.Draw(page).text((50, 80 + 22 * line), "The quick brown fox jumps over the lazy dog " * 3, fill="black")
    for picture in (page, page.convert("L"), Image.new("RGB", (64, 64), "white")):
        assert np.isfinite(detectors[name]().score(PngCover(np.array(picture))))


@pytest.mark.parametrize("name", [name for name in detectors.names() if not detectors[name].trained])
def test_attacks_need_no_training(name, clean):
    detector = detectors[name]()
    pairs = Pairs(files(clean[:4]), files([replaced(picture, 1.0) for picture in clean[:4]]))
    before = detector.scores(pairs.covers)
    detector.fit(pairs, pairs)
    assert np.array_equal(detector.scores(pairs.covers), before) and np.isfinite(detector.threshold)
    assert before.shape == (4,) and before[0] == detector.score(pairs.covers[0])
    assert detectors[name].suits(pairs.covers[0])
    file = io.BytesIO()
    Image.fromarray(clean[0]).save(file, "JPEG")
    assert not detectors[name].suits(JpegCover.read(file.getvalue(), "a file"))


@pytest.mark.parametrize("name", [name for name in detectors.names() if not detectors[name].trained])
@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("shape", [(5, 3, 3), (8, 40), (16, 16, 3)])
def test_flat_and_small_pictures(name, level, shape):
    assert np.isfinite(detectors[name]().score(PngCover(np.full(shape, level, np.uint8))))
