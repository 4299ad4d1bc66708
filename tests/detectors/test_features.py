"""Features against sealwatch's own, and detectors that learn from them: deterministic, kept, found again."""

import io
import pickle
import subprocess
import sys

import numpy as np
import pytest
from photos import photograph
from PIL import Image

import isgan.detectors.features.sealwatch as counting
from isgan.covers.jpeg import JpegCover
from isgan.covers.png import PngCover
from isgan.detectors import detectors
from isgan.detectors.base import Budget, Pairs
from isgan.detectors.ensemble import RIDGE, Ensemble, discriminant, trained
from isgan.detectors.features.base import FeatureDetector
from isgan.detectors.features.sealwatch import count_colors, count_neighbours, sealwatch
from isgan.errors import IsganError
from isgan.jfif.dct import unrounded
from isgan.metrics.security import auc

SIZES = {"spam": 2744, "srmq1": 12_753, "srm": 34_671, "crm": 5404, "jrm": 11_255, "dctr": 8000, "gfr": 17_000}
SIDE = 48


def sets() -> list[str]:
    return [name for name in detectors.names() if issubclass(detectors[name], FeatureDetector)]


def jpeg(pixels: np.ndarray, quality: int = 90) -> JpegCover:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=0)
    return JpegCover.read(file.getvalue(), "a file")


def pairs(count: int, first: int = 0, changes: tuple[int, ...] = (-1, 0, 0, 1)) -> Pairs:
    """Parts of photographs, and the same with half of the samples changed by 1, or with other changes."""
    covers, stegos = [], []
    for number in range(first, first + count):
        rng = np.random.default_rng(number)
        whole = photograph(256, number % 3)
        top, left = rng.integers(0, 256 - SIDE, 2)
        cover = whole[top : top + SIDE, left : left + SIDE]
        covers.append(PngCover(cover))
        change = rng.choice(changes, cover.shape)
        stegos.append(PngCover(np.clip(cover.astype(int) + change, 0, 255).astype(np.uint8)))
    return Pairs(covers, stegos)


@pytest.fixture(scope="module")
def detector() -> FeatureDetector:
    found = detectors["spam"](seed=3)
    found.fit(pairs(40), pairs(12, 40))
    return found


@pytest.mark.parametrize("name", sets())
def test_every_set_has_its_published_number_of_features(name):
    cover = jpeg(photograph(64)) if "png" not in detectors[name].covers else PngCover(photograph(64))
    found = detectors[name]().features([cover])
    assert found.shape == (1, SIZES[name]) and found.dtype == np.float32 and np.isfinite(found).all()
    assert set(sets()) == SIZES.keys()


def test_features_are_sealwatchs_own(tmp_path, monkeypatch):
    """Bit for bit, also where its loops were replaced; of JPEG files as it reads them itself, up to rounding."""
    watch, pixels = sealwatch(), photograph(64)
    cover, file = PngCover(pixels), jpeg(photograph(64))
    (tmp_path / "a.jpg").write_bytes(file.encode())
    flat = counting.flat
    ours = {name: detectors[name]().features([cover if "png" in detectors[name].covers else file])[0] for name in SIZES if name != "srm"}
    with watch.BACKEND_RUST:
        spam = [flat(watch.spam.extract(np.ascontiguousarray(pixels[..., channel]))) for channel in range(3)]
    assert np.array_equal(ours["spam"][: 3 * 686], np.concatenate(spam))
    assert np.allclose(ours["dctr"], flat(watch.dctr.extract_from_file(tmp_path / "a.jpg", qf=90)), atol=0.05)  # ties of rounding
    assert np.array_equal(ours["jrm"], flat(watch.jrm.extract_from_file(tmp_path / "a.jpg")))
    steps = [0.1 + (coarse - 0.1) * 0.25 if fine == 0.1 else fine + (coarse - fine) * 0.25
             for coarse, fine in zip((2, 4, 6, 8), (0.1, 1, 1.5, 2), strict=True)]  # fmt: skip
    gabor = watch.gfr.extract_from_file(tmp_path / "a.jpg", quantization_steps=steps)
    assert np.allclose(ours["gfr"], gabor.ravel(), atol=0.05)


@pytest.mark.parametrize("limit", [2, 3])
def test_counting_is_bit_identical(limit):
    """To sealwatch's nested loops, which `sealwatch()` no longer calls."""
    rng = np.random.default_rng(limit)
    theirs = sealwatch().srm.cooccurrence
    for residual in (rng.integers(-5, 6, (40, 33)), rng.normal(0, 2, (30, 31)).round(), rng.normal(0, 2, (20, 25)),
                     rng.normal(0, 300, (40, 40))):  # fmt: skip
        residual = np.where(rng.random(residual.shape) < 0.9, np.clip(np.round(residual), -limit, limit), residual)
        for kind in ("hor", "ver"):
            assert np.array_equal(count_neighbours(residual, kind, limit), theirs.cooccurrence4(residual, kind, limit))
        colors = np.stack([residual, residual.round(), np.zeros_like(residual)], axis=2).astype("float32")
        assert np.array_equal(count_colors(colors, "col", limit), theirs.cooccurrence3_col(colors, "col", limit))


@pytest.fixture(scope="module")
def theirs() -> list[np.ndarray]:
    """What sealwatch, as it is installed, gives of the JPEG below; in a process of its own, where nothing is replaced."""
    file = jpeg(photograph(96), quality=75)
    plane, quantiser = file.planes[0], file.quantiser
    samples = unrounded(plane, quantiser)
    blocks = plane.reshape(12, 8, 12, 8).transpose(0, 2, 1, 3).astype(np.int64)
    script = (
        "import sys, pickle; from isgan.detectors.features import quick; quick.replace_slow_parts = lambda watch: None\n"
        "from isgan.detectors.features import sealwatch as s; s.replace_slow_parts = quick.replace_slow_parts\n"
        "watch, (samples, blocks) = s.sealwatch(), pickle.load(sys.stdin.buffer)\n"
        "found = [s.flat(watch.dctr.extract(samples - 128, 4.0)), s.flat(watch.jrm.extract(blocks)), watch.gfr.extract(samples, "
        "quantization_steps=(2, 4, 6, 8)).ravel().astype('f4')]\n"
        "sys.stdout.buffer.write(pickle.dumps(found))"
    )
    done = subprocess.run([sys.executable, "-c", script], input=pickle.dumps((samples, blocks)), capture_output=True, check=True)
    return pickle.loads(done.stdout)


def test_replaced_parts_of_jpeg_features_are_bit_identical(theirs):
    file = jpeg(photograph(96), quality=75)
    for name, features in zip(("dctr", "jrm", "gfr"), theirs, strict=True):
        assert np.array_equal(detectors[name]().features([file])[0], features), name


def test_it_finds_what_is_hidden(detector):
    fresh = pairs(24, 100)
    covers, stegos = detector.scores(fresh.covers), detector.scores(fresh.stegos)
    assert auc(covers, stegos) > 0.8 and detector.ensemble.error < 0.3
    assert (covers > detector.threshold).mean() + (stegos <= detector.threshold).mean() < 0.6


def test_the_same_seed_learns_the_same(detector):
    again, other = detectors["spam"](seed=3), detectors["spam"](seed=4)
    for one in (again, other):
        one.fit(pairs(40), pairs(12, 40), Budget(steps=1))
    fresh = pairs(4, 200).covers
    assert np.array_equal(again.scores(fresh), detector.scores(fresh)) and not np.array_equal(other.scores(fresh), detector.scores(fresh))


def test_features_are_computed_once(tmp_path, monkeypatch):
    spam = detectors["spam"]
    found = spam(cache=tmp_path).features(pairs(3).covers)
    kept = sorted(tmp_path.rglob("*.npy"))
    assert len(kept) == 3 and kept[0].parent.name == f"spam-{spam.version}"
    kept[0].write_bytes(b"damaged")
    asked = []
    monkeypatch.setattr(spam, "extract", staticmethod(lambda planes: asked.append(1) or found[0]))
    covers = pairs(3).covers
    for _ in range(2):  # the second time they are in memory
        assert spam(cache=tmp_path).features(covers).shape == found.shape
    assert len(asked) == 1
    monkeypatch.setattr(spam, "version", spam.version + 1)
    spam(cache=tmp_path).features(pairs(1).covers)
    assert len(asked) == 2  # those of another version are not taken


def test_a_changed_cover_is_looked_at_anew():
    cover = pairs(1).covers[0]
    spam = detectors["spam"]()
    found = spam.features([cover])
    changed = cover.changed(tuple(plane ^ 1 for plane in cover.planes))
    assert not np.array_equal(spam.features([changed]), found)
    assert np.array_equal(spam.features([changed]), spam.features([PngCover(changed.pixels())]))


def test_features_are_computed_beforehand_in_processes(tmp_path, monkeypatch):
    spam, told = detectors["spam"], []
    spam(cache=tmp_path / "few").prepare(pairs(3).covers)
    spam().prepare(pairs(16).covers)
    assert not list(tmp_path.rglob("*.npy"))
    monkeypatch.setattr("isgan.detectors.features.base.cores", lambda: 2)
    spam(cache=tmp_path / "many").prepare(pairs(16).covers, told.append)
    assert len(list(tmp_path.rglob("many/*/*.npy"))) == len(told) == 16 and told[-1] == 1
    monkeypatch.setattr(spam, "extract", staticmethod(lambda planes: pytest.fail("computed again")))
    spam(cache=tmp_path / "many").prepare(pairs(16).covers)
    found = spam(cache=tmp_path / "many").features(pairs(16).covers)
    monkeypatch.undo()
    assert np.array_equal(found, spam().features(pairs(16).covers))
    (tmp_path / "file").touch()
    monkeypatch.setattr("isgan.detectors.features.base.cores", lambda: 2)
    with pytest.raises(IsganError, match="choose another folder"):
        spam(cache=tmp_path / "file").prepare(pairs(16).covers)


def test_it_is_kept(detector, tmp_path):
    detector.save(tmp_path / "d.npz")
    again, fresh = detectors["spam"].load(tmp_path / "d.npz"), pairs(6, 300).stegos
    assert np.allclose(again.scores(fresh), detector.scores(fresh), atol=0.05) and again.threshold == detector.threshold
    assert (tmp_path / "d.npz").stat().st_size < 200_000
    (tmp_path / "e.npz").write_bytes(b"PK nonsense")
    for path in (tmp_path / "e.npz", tmp_path / "missing.npz"):
        with pytest.raises(IsganError, match="not a detector of this version: train it again"):
            detectors["spam"].load(path)


@pytest.mark.parametrize(
    ("name", "value"), [("weights", np.nan), ("offsets", np.inf), ("scales", 0.0), ("places", None), ("weights", None)]
)
def test_damaged_weights_are_refused(detector, name, value):
    arrays = dict(detector.ensemble.packed())
    arrays[name] = arrays[name][:-1] if value is None else np.full_like(arrays[name], value)
    with pytest.raises(ValueError):
        Ensemble.unpacked(arrays)


def test_fishers_discriminant_is_the_textbooks():
    """Equal covariances: the direction is the inverse of the covariance times the difference of the means."""
    rng = np.random.default_rng(0)
    mixing = np.array([[2.0, 0.5, 0], [0, 1, 0.3], [0, 0, 0.7]])
    covers, stegos = (rng.normal(size=(20_000, 3)) @ mixing + mean for mean in (np.zeros(3), np.array([0.2, -0.1, 0.3])))
    expected = np.linalg.solve(mixing.T @ mixing, [0.2, -0.1, 0.3])
    found = discriminant(covers, stegos)
    assert found @ expected / np.linalg.norm(found) / np.linalg.norm(expected) > 0.99


def test_fewer_files_than_features_have_the_same_discriminant():
    rng = np.random.default_rng(1)
    covers, stegos = rng.normal(size=(6, 30)), rng.normal(0.5, 1, (9, 30))
    scatter = np.cov(covers.T, bias=True) + np.cov(stegos.T, bias=True)
    expected = np.linalg.solve(scatter + RIDGE * np.eye(30), stegos.mean(axis=0) - covers.mean(axis=0))
    assert np.allclose(discriminant(covers, stegos), expected, rtol=1e-8)


def test_nothing_to_learn():
    """Pairs that are the same: no error is below one half on other files, and constant features divide nothing."""
    rng = np.random.default_rng(0)
    features = np.concatenate([rng.normal(size=(60, 20)), np.ones((60, 5))], axis=1).astype(np.float32)
    ensemble = trained(features[:30], features[30:], seed=0)
    assert not np.isin(np.arange(20, 25), ensemble.places).any() and 0.25 < ensemble.error < 0.75
    assert np.isfinite(ensemble.scores(features)).all()


def test_jpeg_features_ask_for_jpeg_files():
    with pytest.raises(IsganError, match="are of JPEG files: choose a detector for PNG files"):
        detectors["jrm"]().features(pairs(1).covers)


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setattr("isgan.errors.find_spec", lambda name: None)
    with pytest.raises(IsganError, match=r"pip install 'isgan\[audit\]', then pip install --no-deps sealwatch"):
        detectors["spam"]()
