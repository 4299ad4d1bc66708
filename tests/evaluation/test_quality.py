"""What is measured of a pair: the file that was read back, the secret at its own size, means over rows."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import scene
from photos import photograph, secret

from isgan import models
from isgan.covers.png import PngCover
from isgan.errors import IsganError
from isgan.evaluation.quality import Row, measure, pair_up, pass_phrase, send, summary
from isgan.metrics import EXACT
from isgan.metrics.pictures import psnr
from isgan.options import Options
from isgan.picture import fit, png_bytes
from isgan.schemes.base import Hidden, Scheme
from isgan.secret import Secret


class Stub(Scheme):
    """Adds 4 to B of the upper half where it may, and reveals white, at half the secret's size if it keeps sizes."""

    keyed = True

    def __init__(self, resizes: bool):
        self.resizes = resizes  # type: ignore[misc]
        self.seen: list[Any] = []

    def hide(self, cover, secret, key, options, progress=None):
        self.seen.append((key.subkey("test"), secret.picture.shape))
        planes = tuple(plane.copy() for plane in cover.planes)
        planes[2][: len(planes[2]) // 2] += 4 * ~cover.frozen[2][: len(planes[2]) // 2]
        return Hidden(cover.changed(planes), secret, {"rate": 0.25, "strength": 3})

    def reveal(self, stego, key, progress=None):
        height, width = self.seen[-1][1]
        assert key.subkey("test") == self.seen[-1][0]
        return Secret(np.full((height // (1 if self.resizes else 2), width), 255, np.uint8))


@pytest.mark.parametrize("resizes", [True, False])
def test_what_is_measured_of_a_pair(tmp_path, resizes):
    """`changed` is the share of the samples, three a pixel; a smaller secret is compared with the secret at that size."""
    pictures = [scene(32, 48), scene(40, 30, 1)]
    paths = [tmp_path / f"{seed}.png" for seed in range(2)]
    for path, picture in zip(paths, pictures, strict=True):
        path.write_bytes(png_bytes(picture))
    scheme = Stub(resizes)
    (row,) = measure(scheme, Options(model="stub", gray=True), "set so", "some", [tuple(paths)], (tmp_path, tmp_path))
    assert (row.set, row.model, row.setting, row.cover, row.secret) == ("some", "stub", "set so", "0.png", "1.png")
    changed = 16 * 48 - PngCover(pictures[0]).frozen[2][:16].sum()
    assert row.changed == pytest.approx(changed / (3 * 32 * 48)) and (row.width, row.height, row.strength, row.rate) == (48, 32, 3, 0.25)
    assert row.stego_psnr == pytest.approx(10 * math.log10(255**2 / (16 * changed / (3 * 32 * 48))), abs=1e-4)
    size = (32, 48) if resizes else (20, 30)
    assert (row.secret_height, row.secret_width) == size
    gray = np.array(fit(_gray(pictures[1]), *size) if not resizes else fit(_gray(pictures[1]), 32, 48))
    assert row.secret_psnr == pytest.approx(psnr(np.full(size, 255, np.uint8), gray), abs=1e-9)


def _gray(picture: np.ndarray) -> np.ndarray:
    from PIL import Image

    return np.array(Image.fromarray(picture).convert("L"))


def test_each_image_has_a_pass_phrase_of_its_own():
    assert pass_phrase("a.png") != pass_phrase("b.png")
    scheme = Stub(True)
    for name in ("a", "b", "a"):
        send(scheme, scene(32, 48), scene(32, 48)[..., 0], name, Options())
    keys = [key for key, _ in scheme.seen]
    assert keys[0] == keys[2] != keys[1]


def test_an_embedding_model_is_measured_on_files():
    """The very planes of the file give the secret, which keeps its size."""
    received = send(models.load("adaptive"), photograph(128), secret(), "a.png", Options(gray=True, risk="high", quality=33.5))
    assert isinstance(received.stego, PngCover) and received.secret.shape == secret().shape
    assert psnr(received.secret, secret()) == pytest.approx(33.5, abs=0.7)
    changes = [(a - b) for a, b in zip(received.stego.planes, received.cover.planes, strict=True)]
    assert all(abs(change).max() == 1 for change in changes) and received.facts["rate"] > 0


def test_a_secret_that_does_not_fit_is_hidden_as_well_as_it_fits():
    """At the best quality, or smaller; a pair is never left out."""
    received = send(models.load("adaptive"), photograph(64), secret(256, 256), "a.png", Options(gray=True, risk="high", quality=45.0))
    reference = fit(secret(256, 256), *received.secret.shape)
    assert 25 < psnr(received.secret, reference) < 45


def test_what_goes_wrong_names_the_cover():
    with pytest.raises(IsganError, match=r"adaptive, cover some/a\.png: the picture is too small"):
        send(models.load("adaptive"), scene(8, 8), secret(), "some/a.png", Options())


ROW = Row("some", "lsb121", "auto", "a.png", "b.png", 64, 64, 64, 64, "", 40.0, 0.9, 30.0, 0.8, 0.5, "", 0.1, 0.1)


def test_a_summary_has_means_and_the_worst():
    numbers = [(50.0, 0.99, 30.0, 0.9), (40.0, 0.95, 38.0, 0.98), (45.0, 0.97, 34.0, 0.94)]
    rows = [Row("some", "stub", "auto", "a.png", "b.png", 9, 9, 9, n + 1, "", *four, 0.1 * n, 0.2 * n, n, 2 * n)
            for n, four in enumerate(numbers)]  # fmt: skip
    told = summary(rows)
    assert (told["worst_stego_psnr"], told["worst_secret_psnr"], told["pairs"], told["secret_pixels"]) == (40, 30, 3, 18)
    names = ("stego_psnr", "stego_ssim", "secret_psnr", "secret_ssim", "changed", "rate", "hide_seconds", "reveal_seconds")
    assert [told[name] for name in names] == pytest.approx([45, 0.97, 34, 0.94, 0.1, 0.2, 1, 2])
    assert summary([ROW])["rate"] == ""


def test_a_pair_that_comes_back_exactly_does_not_make_a_mean_exact():
    exact = replace(ROW, secret_psnr=math.inf, secret_ssim=1.0)
    assert summary([ROW, ROW, exact])["secret_psnr"] == pytest.approx((30 + 30 + EXACT) / 3)
    assert summary([ROW, exact])["worst_secret_psnr"] == 30 and summary([exact, exact])["secret_psnr"] == math.inf


def test_the_last_cover_of_a_limit_has_the_next_photograph_as_secret():
    photographs = [Path(name) for name in "abc"]
    assert pair_up(photographs, 2) == [(photographs[0], photographs[1]), (photographs[1], photographs[2])]
    with pytest.raises(IsganError, match="a pair needs a cover and another photograph"):
        pair_up(photographs[:1])
