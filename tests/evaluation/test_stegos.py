"""Methods that hide, and their stego images as files."""

import io

import numpy as np
import pytest
from conftest import scene
from evaluation.spy import images
from PIL import Image

from isgan import models
from isgan.covers.png import PngCover
from isgan.datasets.photographs import Photo
from isgan.evaluation.quality import send
from isgan.evaluation.stegos import Files, cover_of, digest, hiding, lsb_matching, other_cover
from isgan.options import Options
from isgan.picture import read_gray


def test_a_digest_tells_which_pairs_are_whose():
    pair, other = ((Photo(name, scene(8, 8, seed)),) * 2 for name, seed in (("a", 1), ("b", 2)))
    assert digest([pair], [other]) == digest([pair], [other]) != digest([pair, other], [])


def test_detectors_see_what_is_saved(model):
    cover, secret = Photo("a.png", scene(64, 64)), Photo("b.png", scene(64, 64, 1))
    options = Options(model=str(model), gray=True)
    method = hiding(options)
    wanted = send(models.load(model), cover.pixels, read_gray(secret.pixels), "a.png", options).stego
    assert images([method.hide(cover, secret, 0)]) == images([wanted])


def test_settings_of_a_model_are_methods_of_their_own(model):
    """A detector that is kept for one of them does not judge another one."""
    told = [hiding(Options(model=name, gray=True, quality=quality)).fingerprint for name in (str(model), "qim") for quality in (None, 33.5)]
    assert len(set(told)) == 4 and told[0] == hiding(Options(model=str(model), gray=True)).fingerprint


def test_lsb_matching_changes_a_fifth_of_the_samples_by_one():
    cover = Photo("a.png", np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8))
    stego = lsb_matching(cover, cover, 3).pixels()
    change = stego.astype(int) - cover.pixels
    assert np.abs(change).max() == 1 and np.abs(change).mean() == pytest.approx(0.2, abs=0.005)
    assert change.mean() == pytest.approx(0, abs=0.005)
    assert not np.array_equal(stego, lsb_matching(cover, cover, 4).pixels())
    assert np.array_equal(other_cover(cover, Photo("b.png", scene(8, 8)), 0).pixels(), scene(8, 8))


def test_lsb_matching_in_a_jpeg_changes_a_fifth_of_the_coefficients_that_are_not_0():
    file = io.BytesIO()
    Image.fromarray(scene(96, 96)).save(file, "JPEG", quality=90, subsampling=0)
    photo = Photo("a.jpg", np.empty(0, np.uint8), file.getvalue())
    before, after = (np.stack(cover.planes, -1).astype(int) for cover in (cover_of(photo), lsb_matching(photo, photo, 0)))
    usable = (before != 0) & (np.indices(before.shape[:2]) % 8).any(0)[..., None]
    assert not (after != before)[~usable].any() and (after != before)[usable].mean() == pytest.approx(0.2, abs=0.05)
    assert (abs(after) >= abs(before)).all()


def test_files_are_read_when_they_are_looked_at(tmp_path):
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for number, path in enumerate(paths[:2]):
        path.write_bytes(PngCover(scene(16, 16, number)).encode())
    files = Files(paths)
    assert len(files) == 3 and np.array_equal(files[1].pixels(), scene(16, 16, 1)) and len(files[:2]) == 2
    with pytest.raises(FileNotFoundError):
        files[2]
