"""Detectors that come with isgan: how they are made and calibrated, what their cards say, and what `isgan detect` tells."""

import io
import json
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from detectors import test_features
from photos import EXAMPLES, photograph
from PIL import Image

import isgan
from isgan.__main__ import main
from isgan.covers.png import PngCover
from isgan.detectors import bundled, bundling, detectors, ensemble
from isgan.detectors.base import Pairs
from isgan.detectors.calibration import Calibration, calibrated
from isgan.detectors.classic.base import REPLACEMENT
from isgan.detectors.classic.jpeg_colors import foreign
from isgan.detectors.evidence import contributions, heat_map, smoothed
from isgan.errors import IsganError

SHIPPED = bundled.names()


def pairs(count: int, first: int = 0) -> Pairs:
    """With changes that are easy to find."""
    return test_features.pairs(count, first, (-2, -1, 1, 2))


def replaced(pixels: np.ndarray) -> np.ndarray:
    return pixels & 254 | np.random.default_rng(0).integers(0, 2, pixels.shape, dtype=np.uint8)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A card and its folder: a detector of noise, in parts of two "sources"."""
    folder = tmp_path_factory.mktemp("bundled")
    sources = ["here" if number % 2 else "there" for number in range(48)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ensemble, "SIZES", (50,))
        facts = {"against": "noise", "licence": "none"}
        return bundling.bundle("spam-test", "spam", pairs(48), sources, facts, folder / "cache", folder), folder


def test_a_card_speaks_of_files_that_no_detector_learned_from(monkeypatch):
    made, seen, kind = pairs(48), [], detectors["spam"]

    def fit(self, train: Pairs, val: Pairs, *_) -> None:
        learned, chosen = ({id(cover) for cover in part.covers} for part in (train, val))
        assert not learned & chosen
        self.known, self.threshold = learned | chosen, 0.0

    def scores(self, files) -> np.ndarray:
        seen.append(bool({id(cover) for cover in files} & self.known))
        return np.arange(len(files)) / 9

    monkeypatch.setattr(kind, "fit", fit)
    monkeypatch.setattr(kind, "scores", scores)
    bundling.cross_scores("spam", made, np.arange(48) % 5, None)
    assert seen == [False] * 10


def test_a_source_is_judged_by_what_was_learned_elsewhere(monkeypatch):
    made, told, kind = pairs(48), [], detectors["spam"]

    def cross_scores(_name, others: Pairs, parts, _cache):
        told.append({id(cover) for cover in others.covers})
        return np.arange(len(parts)) * 1.0, np.arange(len(parts)) + 1.0, []

    monkeypatch.setattr(bundling, "cross_scores", cross_scores)
    monkeypatch.setattr(kind, "fit", lambda _self, train, _val: told.append({id(cover) for cover in train.covers}))
    monkeypatch.setattr(kind, "scores", lambda _self, files: np.arange(len(files)) * 1.0)
    names = np.array(["a", "b"] * 24)
    bundling._elsewhere("spam", made, names, None)
    assert told == [{id(made.covers[place]) for place in np.flatnonzero(names != source)} for source in "aabb"]


def test_calibration_finds_the_probabilities_that_scores_were_drawn_with():
    rng = np.random.default_rng(0)
    covers, stegos = rng.normal(0, 1, 20_000), rng.normal(1, 1, 20_000)  # ln of the ratio of both densities: score - 1 / 2
    found = calibrated(covers, stegos)
    assert found.slope == pytest.approx(1, abs=0.05) and found.offset == pytest.approx(-0.5, abs=0.05)
    few = calibrated(covers[:2000], stegos)  # fewer covers: probabilities are still those of equal numbers
    assert few.slope == pytest.approx(1, abs=0.1) and few.offset == pytest.approx(-0.5, abs=0.1)
    near = np.abs(np.r_[covers, stegos] - 1) < 0.1
    assert np.r_[np.zeros(20_000), np.ones(20_000)][near].mean() == pytest.approx(found.probability(np.array([1.0]))[0], abs=0.03)


def test_calibration_of_scores_that_divide_perfectly_or_say_nothing():
    sure = calibrated(np.arange(10.0), np.arange(20.0, 30))
    assert sure.probability(np.array([0.0, 30]))[0] < 0.1 and sure.probability(np.array([0.0, 30]))[1] > 0.9 and np.isfinite(sure).all()
    blind = calibrated(np.ones(10), np.ones(10))
    assert blind.probability(np.array([1.0]))[0] == pytest.approx(0.5)
    assert np.isfinite(Calibration(1e9, 0).probability(np.array([-1e9, 1e9]))).all()


def test_what_is_made_and_its_card(made, monkeypatch):
    card, folder = made
    assert tomllib.loads((folder / "spam-test.toml").read_text()) == card
    assert card["pairs"] == 48 and card["sources"] == ["here: 24", "there: 24"] and card["size"] == 48 and card["covers"] == "png"
    assert 0 <= card["p_e"] < 0.35 and card["auc"] > 0.75 and card["cover"] < 0.4 < 0.6 < card["stego"]
    assert [row["source"] for row in card["elsewhere"]] == ["here", "there"] and all(row["p_e"] < 0.4 for row in card["elsewhere"])
    monkeypatch.setattr(bundled, "FOLDER", folder)
    found, fresh = bundled.load("spam-test"), pairs(12, 500)
    said = [found.calibration.probability(found.detector.scores(files)).mean() for files in (fresh.covers, fresh.stegos)]
    assert said[0] < 0.4 < 0.6 < said[1]  # on files that nothing was learned from
    assert found.suits(fresh.covers[0]) and found.detector.threshold == pytest.approx(-card["offset"] / card["slope"], rel=1e-4)
    whole = PngCover(photograph(128))
    squares = found.detector.parts_scores(whole, 48, 4)
    first = found.detector.scores([PngCover(photograph(128)[:48, :48])])
    assert len(squares) == 4 and squares[0] == pytest.approx(first[0], abs=1e-6)
    assert len(found.detector.parts_scores(fresh.covers[0], 48, 9)) == 1


def test_what_is_refused(made, monkeypatch, tmp_path):
    with pytest.raises(IsganError, match="39 pairs are too few"):
        bundling.bundle("x", "spam", pairs(39), ["a"] * 39, {}, folder=tmp_path)
    with pytest.raises(IsganError, match="'rs' is no set of features"):
        bundling.bundle("x", "rs", pairs(2), ["a"] * 2, {}, folder=tmp_path)
    _, folder = made
    monkeypatch.setattr(bundled, "FOLDER", folder)
    with pytest.raises(IsganError, match="did you mean 'spam-test'"):
        bundled.load("spam-tset")
    weights = (folder / "spam-test.npz").read_bytes()
    (folder / "spam-test.npz").write_bytes(weights[:-1])
    with pytest.raises(IsganError, match="not the file its card describes"):
        bundled.load("spam-test")
    (folder / "spam-test.npz").write_bytes(weights)


def test_evidence_adds_up_to_the_score(made, monkeypatch):
    monkeypatch.setattr(bundled, "FOLDER", made[1])
    detector = bundled.load("spam-test").detector
    for cover in (pairs(1, 600).stegos[0], PngCover(photograph(40, 1, gray=True)), PngCover(photograph(31)[:9])):
        assert contributions(detector, cover).mean() == pytest.approx(detector.scores([cover])[0], abs=1e-3)
    smooth = smoothed(np.eye(40), 5)
    assert smooth[20, 20] == pytest.approx(5 / 25) and smooth[0, 0] == pytest.approx(3 / 9) and smooth[0, 39] == 0


def test_the_heat_map_is_red_where_something_was_changed(made, monkeypatch):
    monkeypatch.setattr(bundled, "FOLDER", made[1])
    pixels = photograph(128)
    stego = pixels.copy()
    stego[:64] = np.clip(pixels[:64] + np.random.default_rng(0).choice([-1, 1], pixels[:64].shape), 0, 255)
    red = [heat_map(PngCover(picture), bundled.load("spam-test").detector).astype(int) for picture in (pixels, stego)]
    more = (red[1] - red[0])[..., 0] - (red[1] - red[0])[..., 2]
    assert more[:56].mean() > more[72:].mean() + 10
    jpeg = np.array(Image.open(io.BytesIO(_jpeg(pixels))))
    clean = jpeg.copy()
    jpeg[100, 100] = 200, 10, 13
    mark = heat_map(PngCover(jpeg), None).astype(int)
    assert mark[100, 100, 0] > mark[100, 100, 1] + 30 and (mark[:90, :90, 0] == mark[:90, :90, 1]).all()
    assert not foreign(PngCover(clean)).any()


def _jpeg(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_detector(name):
    """Small, whole, with a card that says what one has to know."""
    found = bundled.load(name)
    card = found.card
    assert (bundled.FOLDER / f"{name}.npz").stat().st_size < 2_000_000
    assert card["against"] and card["licence"] and card["sources"] and card["pairs"] >= 100 and card["slope"] > 0
    assert card["covers"] in detectors[card["detector"]].covers
    assert 0 <= card["p_e"] <= 0.5 + card["p_e_interval"] and 0 <= card["cover"] <= card["stego"] <= 1
    assert sum(int(source.rsplit(" ", 1)[1]) for source in card["sources"]) == card["pairs"]


def test_there_are_shipped_detectors():
    assert len(SHIPPED) >= 3


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, pixels in (("clean", photograph(128)), ("full", replaced(photograph(128)))):
        Image.fromarray(pixels).save(f"{name}.png")
    assert main(["detect", "clean.png", "full.png", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    by_name = {(row["file"], row["detector"]): row for row in rows}
    for name in ("rs", "ws", "sample-pairs"):
        assert by_name["clean.png", name]["says"] == "as usual" and by_name["full.png", name]["says"].startswith("unusual")
        assert by_name["full.png", name]["looks_for"].startswith(REPLACEMENT)
    assert {row["detector"] for row in rows} >= {name for name in SHIPPED if bundled.load(name).card["covers"] == "png"}
    assert all((row["probability"] is None) != (row["usual"] is None) and row["seconds"] >= 0 for row in rows)
    assert isgan.detect(replaced(photograph(128)))[0].detector == rows[0]["detector"]
    assert main(["detect", "full.png", "--heat-map", "heat.png"]) == 0
    assert Image.open("heat.png").size == (128, 128) and "unusual" in capsys.readouterr().out


def test_it_needs_no_torch():
    code = """import sys, isgan
findings = isgan.detect('examples/covers/canal.png')
sys.exit('torch' in sys.modules or not any(finding.probability is not None for finding in findings))"""
    assert subprocess.run([sys.executable, "-c", code], cwd=EXAMPLES.parent).returncode == 0


def test_detectors_are_listed_without_any_extra(monkeypatch, capsys):
    monkeypatch.setattr("isgan.errors.find_spec", lambda name: None)
    assert main(["detect", "--json"]) == 0
    notes = {row["detector"]: row["note"] for row in json.loads(capsys.readouterr().out)}
    assert notes["srnet"] == "this needs torch: pip install 'isgan[train]'" and notes["rs"].startswith("sees LSB replacement")


def test_a_missing_extra_is_named(monkeypatch, tmp_path, capsys):
    Image.fromarray(photograph(64)).save(tmp_path / "a.png")
    monkeypatch.setattr("isgan.errors.find_spec", lambda name: None)
    assert main(["detect", str(tmp_path / "a.png")]) == 2
    assert "pip install --no-deps sealwatch" in capsys.readouterr().err


def test_the_command_lists_all_detectors(capsys):
    assert main(["detect", "--json"]) == 0
    assert [row["detector"] for row in json.loads(capsys.readouterr().out)] == detectors.names()


def test_what_the_command_refuses(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(photograph(64)).save("a.png")
    (tmp_path / "a.jpg").write_bytes(_jpeg(photograph(64)))
    (tmp_path / "b.png").write_bytes(b"no picture")
    for line, error in (
        (["a.png", "b.png", "--heat-map", "h.png"], "--heat-map is of one picture"),
        (["a.png", "--heat-map", "a.png", "--force"], "is also an input"),
        (["a.jpg", "--heat-map", "h.png"], "is a JPEG: heat maps are of PNG files"),
        (["b.png"], "b.png"),
        (["missing.png"], "does not exist"),
    ):
        assert main(["detect", *line]) == 2
        assert error in capsys.readouterr().err
    assert not (tmp_path / "h.png").exists()
    assert main(["detect", "a.jpg"]) == 0
