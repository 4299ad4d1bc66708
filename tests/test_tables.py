"""`isgan table`: the whole way on small images, resumed, with models that are not there; and what the rows mean."""

import csv
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import scene
from PIL import Image, ImageFilter
from torch.nn import functional as F

from isgan import models as weights
from isgan.__main__ import main
from isgan.datasets.base import open_sets, open_source
from isgan.datasets.pairs import gray
from isgan.errors import IsganError, MissingModel
from isgan.evaluation import table4, table5, table6
from isgan.detectors.network import Pairs, train_detector
from isgan.evaluation.report import page
from isgan.evaluation.results import Results, spread
from isgan.hiders import hiders
from isgan.hiders.base import Hider
from isgan.image import read_rgb, to_array, to_tensor
from isgan.losses import losses
from isgan.metrics.quality import ms_ssim, psnr, ssim
from isgan.steganographer import Steganographer, compare
from isgan.strength import PIXELS
from isgan.training.recipe import Recipe, build_part, recipe_from


def made(folder: Path, counts: dict[str, int], first: int = 0) -> Path:
    for split, count in counts.items():
        (folder / split).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(scene(70, 66, first)).save(folder / split / f"{split}{number:03}.png")
            first += 1
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("data")
    made(root / "lfw", {"train": 100, "val": 2, "test": 4})
    made(root / "voc", {"train": 4, "val": 2, "test": 3}, first=500)
    return root


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def without_times(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{key: value for key, value in row.items() if key not in ("seconds", "minutes")} for row in rows]


# ---------------------------------------------------------------------- results


def test_results_grow_and_are_read_back(tmp_path):
    results = Results(tmp_path / "r")
    assert results.rows("t") == []
    results.add("t", {"a": 1, "b": 0.123456789, "c": float("inf")})
    results.add("t", {"a": 2, "b": 3.0, "c": 'x,"y'})
    again = Results(tmp_path / "r")
    assert again.rows("t") == [{"a": "1", "b": "0.12346", "c": "inf"}, {"a": "2", "b": "3.0", "c": 'x,"y'}]
    assert again.has("t", a=2) and again.has("t", a=1, b=0.123456789) and not again.has("t", a=1, c="x")
    again.write("t", [{"a": 1}, {"b": 2}])
    assert again.rows("t") == [{"a": "1", "b": ""}, {"a": "", "b": "2"}]


@pytest.mark.parametrize("cut", [1, 3, 5])
def test_a_line_that_was_cut_off_is_measured_again(tmp_path, cut):
    results = Results(tmp_path)
    results.add("t", {"a": 1, "b": 22})
    results.add("t", {"a": 2, "b": 33})
    path = tmp_path / "t.csv"
    path.write_bytes(path.read_bytes()[:-cut])
    assert results.rows("t") == [{"a": "1", "b": "22"}]
    results.add("t", {"a": 3, "b": 44})
    assert results.rows("t") == [{"a": "1", "b": "22"}, {"a": "3", "b": "44"}]


def test_folders_that_are_no_results(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(IsganError, match="not a folder of results"):
        Results(tmp_path / "mine")
    Results(tmp_path / "old")
    (tmp_path / "old" / "VERSION").write_text("0\n")
    with pytest.raises(IsganError, match="version 0"):
        Results(tmp_path / "old")


def test_a_table_of_other_columns_is_named(tmp_path):
    results = Results(tmp_path / "results")
    (results.folder / "table5.csv").write_text("a,b\n1,2\n")
    with pytest.raises(IsganError, match=r"table5\.csv has other columns"):
        results.merge("table5", [{"covers": "lfw", "secrets": "lfw", "model": "isgan"}], ("covers", "secrets", "model"))


def test_rows_of_other_keys_stay(tmp_path):
    """And rows of one group stand together, in the order in which the groups came."""
    results = Results(tmp_path)
    results.merge("t", [{"set": "a", "model": "x", "v": 1}, {"set": "b", "model": "x", "v": 2}], ("set", "model"))
    results.merge("t", [{"set": "a", "model": "y", "v": 3}, {"set": "b", "model": "x", "v": 4}], ("set", "model"))
    assert [tuple(row.values()) for row in results.rows("t")] == [("a", "x", "1"), ("a", "y", "3"), ("b", "x", "4")]


def test_spread():
    found = spread([{"m": 1.0}, {"m": 3.0}, {"m": "8"}], ["m"])
    assert found == {"m": 4.0, "m_sd": pytest.approx(np.std([1, 3, 8])), "m_worst": 1.0}


# ---------------------------------------------------------------------- Table 4


def test_table_4(data, tmp_path, capsys):
    line = ["table", "4", "--data", str(data / "lfw"), "-o", str(tmp_path / "r"), "--tiny", "--threads", "1"]
    assert main(line) == 0
    rows = read(tmp_path / "r" / "table4.csv")
    assert [row["loss"] for row in rows] == list(table4.LOSSES)
    assert all(row["pairs"] == "4" and row["steps"] == "2" for row in rows)
    images = read(tmp_path / "r" / "table4-images.csv")
    for row in rows:
        own = [image for image in images if image["loss"] == row["loss"]]
        assert len(own) == 4
        assert float(row["stego_psnr"]) == pytest.approx(np.mean([min(80, float(image["stego_psnr"])) for image in own]), abs=1e-4)
    assert len({row["secret_psnr"] for row in rows}) == 5  # the losses differ
    # Nothing is trained or measured twice.
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "r").rglob("weights.safetensors")}
    assert len(before) == 5 and main(line) == 0
    assert read(tmp_path / "r" / "table4.csv") == rows and read(tmp_path / "r" / "table4-images.csv") == images
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_table_4_from_trained_weights(data, tmp_path, capsys):
    """All five start from them, the results say so, and they are not taken for runs from random weights."""
    line = ["table", "4", "--data", str(data / "lfw"), "-o", str(tmp_path / "r"), "--tiny", "--threads", "1"]
    assert main([*line, "--initial", "basic"]) == 0
    rows = read(tmp_path / "r" / "table4.csv")
    assert {row["initial"] for row in rows} == {"basic"} and all(float(row["secret_psnr"]) > 15 for row in rows)
    cards = [weights.card(path) for path in (tmp_path / "r").rglob("weights.safetensors")]
    assert [card["initial"]["fingerprint"] for card in cards] == [weights.fingerprint("basic")] * 5
    assert "go on from the same trained weights, basic" in page(tmp_path / "r")
    assert main(line) == 2 and "another recipe, --initial or --budget" in capsys.readouterr().err


def test_a_run_of_another_length_is_not_taken_for_this_one(data, tmp_path, capsys):
    line = ["table", "4", "--data", str(data / "lfw"), "-o", str(tmp_path / "r"), "--threads", "1"]
    assert main([*line, "--tiny"]) == 0
    assert main([*line, "--budget", "60", "-n", "2", "--side", "64"]) == 2
    assert "another recipe, --initial or --budget: choose another --output" in capsys.readouterr().err


@pytest.fixture
def short() -> Recipe:
    """Two steps of a small network."""
    tables = {"hider": {"name": "wavelet", "blocks": 1, "hidden": 8}, "loss": {"name": "mse"},
              "photos": {"crop": 32, "batch": 2, "validation": 1}, "schedule": {"steps": 2, "warmup": 0}}  # fmt: skip
    return recipe_from(tables)


def test_a_run_that_was_stopped_goes_on_and_each_card_tells_its_length(data, tmp_path, short):
    results, folder = Results(tmp_path / "r"), tmp_path / "r" / "runs" / "table4-mse"
    stopped = replace(short, loss=table4.LOSSES["mse"], schedule=replace(short.schedule, steps=1))
    table4.train(stopped, [data / "lfw"], folder, threads=1)
    rows = table4.run(results, [data / "lfw"], short, side=64, limit=1, threads=1)
    assert [row["loss"] for row in rows] == list(table4.LOSSES) and {row["steps"] for row in rows} == {2}
    assert [row["step"] for row in read(folder / "validation.csv")] == ["1", "2"]
    # The columns are those of the card.
    for number, name in enumerate(table4.LOSSES):
        card = results.folder / "runs" / f"table4-{name}" / "weights.toml"
        assert weights.card(card.with_suffix(".safetensors"))["device"] == "cpu"
        card.write_text(re.sub("^hours = .*$", f"hours = {1.5 + number / 100}", card.read_text(), flags=re.M))
    rows = table4.run(results, [data / "lfw"], short, side=64, limit=1, threads=1)
    assert [row["minutes"] for row in rows] == pytest.approx([90.0, 90.6, 91.2, 91.8, 92.4])


def test_the_losses_of_table_4():
    """Eq. 5 and 8-12 with alpha .5, beta .3, gamma .85; what a loss is not named after does not count, but MSE beside SSIM."""
    pictures = [to_tensor(scene(64, 64, seed)) for seed in range(4)]
    images = pictures[0], pictures[1], *(picture[:, :1] for picture in pictures[2:])
    ends = images[:2], images[2:]
    squares = [F.mse_loss(*end).item() for end in ends]
    single, multi = ([1 - measure(*end).item() for end in ends] for measure in (ssim, ms_ssim))
    expected = {
        "mse": lambda end: squares[end],
        "ssim": lambda end: single[end],
        "mse+ssim": lambda end: single[end] + 0.3 * squares[end],
        "mse+ms-ssim": lambda end: multi[end] + 0.3 * squares[end],
        "mse+ssim+ms-ssim": lambda end: 0.5 * single[end] + 0.5 * multi[end] + 0.3 * squares[end],
    }
    assert list(table4.LOSSES) == list(expected)
    for name, distance in expected.items():
        total, cover, secret = (term.item() for term in build_part(losses, table4.LOSSES[name])(*images))
        assert (cover, secret) == pytest.approx((distance(0), distance(1)), abs=1e-6), name
        assert total == pytest.approx(distance(0) + 0.85 * distance(1), abs=1e-6), name


# ---------------------------------------------------------------------- Table 5


def test_table_5(data, tmp_path, model, capsys):
    out = tmp_path / "r"
    line = ["table", "5", "--data", str(data), "-o", str(out), "-n", "3", "--side", "64", "--model", f"mine={model}", "lsb332", "ghost"]
    assert main(line) == 0
    assert "not trained" in capsys.readouterr().out
    rows = read(out / "table5.csv")
    assert [(row["model"], row["covers"], row["secrets"]) for row in rows] == [
        (name, *sets) for sets in (("lfw", "lfw"), ("voc", "voc"), ("voc", "lfw")) for name in ("mine", "lsb332", "ghost")
    ]
    assert {row["status"] for row in rows if row["model"] == "ghost"} == {"not trained"}
    exact = [row for row in rows if row["model"] == "lsb332"]
    assert all(float(row["secret_psnr"]) == 80 and float(row["float_secret_psnr"]) == 80 for row in exact)
    # A run that was stopped in the middle ends on the same rows, and measures nothing twice.
    images = (out / "table5-images.csv").read_bytes()
    lines = images.splitlines(keepends=True)
    (out / "table5-images.csv").write_bytes(b"".join(lines[:5]) + lines[5][:7])
    (out / "table5.csv").unlink()
    assert main(line) == 0
    assert (out / "table5-images.csv").read_bytes() == images and read(out / "table5.csv") == rows


def test_what_a_pair_is_scored_by(data, tmp_path, model):
    """8-bit values as `isgan hide` and `reveal` would give them, and float values that were never rounded."""
    sets = open_sets([data])
    pairs = table5.pairs_of(sets["voc"], sets["lfw"], "test", 64, 2)
    assert [cover.name for cover, _ in pairs] == ["test/test000.png", "test/test001.png"]
    assert [secret.name for _, secret in pairs] == ["test/test001.png", "test/test002.png"]
    hider = weights.hider(model)
    cover, secret = pairs[0][0].pixels, pairs[0][1].pixels[..., 1]
    assert cover.shape == (64, 64, 3)
    scores = table5.score(hider, cover, secret, tmp_path / "stego.png")
    steganographer = Steganographer(hider)
    stego = steganographer.hide(cover, secret)
    assert np.array_equal(read_rgb(tmp_path / "stego.png"), stego)
    assert scores["stego_psnr"] == compare(stego, cover).psnr
    assert scores["secret_psnr"] == compare(steganographer.reveal(stego), secret).psnr
    assert (scores["stego_ssim"], scores["secret_ssim"]) == (compare(stego, cover).ssim, compare(steganographer.reveal(stego), secret).ssim)


class Beyond(Hider):
    """Stego images and secrets leave [0, 1]."""

    trainable = False

    def hide(self, cover, secret):
        return 2.5 * cover - 0.7 + 0.1 * secret

    def reveal(self, stego):
        return 2 * stego.mean(dim=1, keepdim=True) - 0.5


@pytest.mark.parametrize("beyond", [False, True])
def test_the_float_columns(tmp_path, model, beyond):
    """A stego image that was clipped but not rounded, and what is revealed from that."""
    hider = Beyond() if beyond else weights.hider(model)
    cover, secret = scene(64, 64), scene(64, 64, 1)[..., 1]
    scores = table5.score(hider, cover, secret, tmp_path / "stego.png")
    host, guest = to_tensor(cover), to_tensor(secret)
    with torch.no_grad():
        stego = hider.hide(host, guest)
        assert not beyond or (stego.min() < 0 and stego.max() > 1)
        stego = stego.clamp(0, 1)
        revealed = hider.reveal(stego)
        assert not beyond or (revealed.min() < 0 and revealed.max() > 1)
        revealed = revealed.clamp(0, 1)
    expected = {"float_stego_psnr": psnr(stego, host), "float_stego_ssim": ssim(stego, host),
                "float_secret_psnr": psnr(revealed, guest), "float_secret_ssim": ssim(revealed, guest)}  # fmt: skip
    assert list(scores) == ["stego_psnr", "stego_ssim", "secret_psnr", "secret_ssim", *expected]
    for key, value in expected.items():
        assert scores[key] == pytest.approx(value.item(), rel=1e-5) and scores[key] != scores[key.removeprefix("float_")], key


def test_a_dial_is_set_as_hide_sets_it(tmp_path):
    """Whatever it was set to before; only the strength itself is not written into the picture."""
    hider = weights.hider("qim")
    cover, secret = scene(64, 64), np.array(Image.fromarray(scene(64, 64, 1)[..., 1]).filter(ImageFilter.GaussianBlur(1)))
    stego = Steganographer(hider).hide(cover, secret)
    chosen = Steganographer(hider).strength_of(stego)
    assert 1 < chosen < hider.strengths
    for before in (1, hider.strengths):
        hider.set_strength(before)
        scores = table5.score(hider, cover, secret, tmp_path / "stego.png")
        saved = read_rgb(tmp_path / "stego.png")
        assert (saved != stego).any(axis=2).sum() <= PIXELS
        assert scores["stego_psnr"] == compare(saved, cover).psnr
        assert scores["secret_psnr"] == pytest.approx(compare(Steganographer(hider).reveal(stego), secret).psnr, abs=0.1)


@pytest.fixture(scope="module")
def three(tmp_path_factory) -> dict:
    """The paper's sets, whose photographs are named after them."""
    root = tmp_path_factory.mktemp("three")
    for number, name in enumerate(("lfw", "imagenet", "voc")):
        for split in ("train", "val", "test"):
            (root / name / split).mkdir(parents=True)
            for index in range(2):
                Image.fromarray(scene(70, 66, 10 * number + index)).save(root / name / split / f"{name}{index}.png")
    return open_sets([root / name for name in ("lfw", "imagenet", "voc")])


def test_which_set_hides_in_which(three, tmp_path):
    """The paper's five rows: covers of the first set, secrets of the second."""
    results = Results(tmp_path / "r")
    rows = table5.run(results, three, {"lsb121": "lsb121"}, side=64)
    wanted = [("lfw", "lfw"), ("imagenet", "imagenet"), ("voc", "voc"), ("voc", "lfw"), ("imagenet", "voc")]
    assert [(row["covers"], row["secrets"]) for row in rows] == wanted
    images = results.rows(table5.IMAGES)
    assert len(images) == 2 * len(wanted)
    for row in images:
        assert (row["cover"][:-5], row["secret"][:-5]) == (f"test/{row['covers']}", f"test/{row['secrets']}")
    source = {name: {photo.name: photo for photo in table5.squares(three[name], three[name].images("test"), 64)} for name in three}
    for row in images[-4:]:
        cover, secret = source[row["covers"]][row["cover"]], source[row["secrets"]][row["secret"]]
        scores = table5.score(hiders["lsb121"](), cover.pixels, to_array(gray(to_tensor(secret.pixels))), tmp_path / "stego.png")
        assert float(row["stego_psnr"]) == pytest.approx(scores["stego_psnr"], abs=1e-3)


def test_the_rows_of_table_5(three, tmp_path, monkeypatch):
    """The paper's models and ours, each of which says so if it is not trained."""

    def missing(model):
        raise MissingModel(model)

    monkeypatch.setattr(weights, "fingerprint", missing)
    rows = table5.run(Results(tmp_path / "r"), {"lfw": three["lfw"]}, side=64)
    assert [row["model"] for row in rows] == ["atique", "basic", "isgan", "baluja", "qim", "wavelet", "wavelet-adversarial"]
    assert {row["status"] for row in rows} == {"not trained"}


def test_another_side_is_measured_anew(three, tmp_path):
    """Rows of one size are not taken for those of another."""
    sets, models = {"lfw": three["lfw"]}, {"lsb121": "lsb121"}
    alone = table5.run(Results(tmp_path / "alone"), sets, models, side=80)
    results = Results(tmp_path / "r")
    first = table5.run(results, sets, models, side=64)
    assert table5.run(results, sets, models, side=80) == alone and alone[0]["stego_psnr"] != first[0]["stego_psnr"]
    assert table5.run(results, sets, models, side=64) == first
    assert [row["side"] for row in results.rows(table5.IMAGES)] == ["64", "64", "80", "80"]


def test_photographs_of_one_name_in_two_folders(tmp_path):
    for folder, seed in (("anna", 1), ("bert", 5)):
        (tmp_path / "lfw" / "test" / folder).mkdir(parents=True)
        Image.fromarray(scene(64, 64, seed)).save(tmp_path / "lfw" / "test" / folder / "1.png")
    (tmp_path / "lfw" / "train").mkdir()
    Image.fromarray(scene(64, 64, 9)).save(tmp_path / "lfw" / "train" / "1.png")
    line = ["table", "5", "--data", str(tmp_path / "lfw"), "-o", str(tmp_path / "r"), "--model", "lsb121", "--side", "64"]
    assert main(line) == 0
    rows = read(tmp_path / "r" / "table5.csv")
    assert main(line) == 0 and read(tmp_path / "r" / "table5.csv") == rows
    assert [row["cover"] for row in read(tmp_path / "r" / "table5-images.csv")] == ["test/anna/1.png", "test/bert/1.png"]


def test_a_damaged_model_is_an_error_and_not_a_row(data, tmp_path, model, capsys):
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"nothing")
    assert main(["table", "5", "--data", str(data), "-o", str(tmp_path / "r"), "-n", "2", "--side", "64", "--model", f"mine={bad}"]) == 2
    assert "bad.safetensors" in capsys.readouterr().err


def test_secrets_of_one_set_are_other_photographs(data):
    source = open_sets([data])["lfw"]
    assert all(cover.name != secret.name for cover, secret in table5.pairs_of(source, source, "test", 64, None))


def test_photographs_of_mixed_sizes(tmp_path):
    """Every photograph becomes a square of one side; what cannot be read is left out and does not count."""
    sizes = {"a": (40, 90), "b": (300, 200), "d": (64, 64)}
    for name, (height, width) in sizes.items():
        Image.fromarray(scene(height, width)).save(tmp_path / f"{name}.png")
    (tmp_path / "c.png").write_bytes(b"no picture")
    photos = list(table5.squares(open_source(tmp_path), sorted(tmp_path.iterdir()), 64, 3))
    assert [photo.name for photo in photos] == ["a.png", "b.png", "d.png"]
    assert {photo.pixels.shape for photo in photos} == {(64, 64, 3)}
    assert np.array_equal(photos[2].pixels, scene(64, 64))


# ---------------------------------------------------------------------- Table 6


def test_table_6(data, tmp_path, model, capsys):
    out = tmp_path / "r"
    line = ["table", "6", "--data", str(data / "lfw"), "-o", str(out), "--tiny", "--model", f"basic={model}", "lsb332", "ghost"]
    assert main(line) == 0
    runs, rows = read(out / "table6-runs.csv"), read(out / "table6.csv")
    tests = [(row["test"], row["tested_on"]) for row in rows]
    assert tests == [
        ("control", "lsb-matching"), ("control", "cover"), ("retrained", "basic"), ("retrained", "lsb332"),
        ("retrained", "ghost"), ("clean", "basic"), ("clean", "lsb332"), ("clean", "ghost"),
        ("printed", "basic"), ("printed", "lsb332"), ("printed", "ghost"),
    ]  # fmt: skip
    assert len(runs) == 2 * 8 and rows[4]["status"] == "not trained"
    # The covers against other covers: photographs as they are, saved by the same code, none twice.
    pictures = [read_rgb(path).tobytes() for name in ("cover", "cover-cover") for path in out.glob(f"images/lfw-*/unseen/{name}/*")]
    assert len(set(pictures)) == len(pictures) >= 2 * table6.LEAST
    # The transfer test uses the detector of the retrained one: on the basic model itself they agree.
    same = [row for row in runs if row["tested_on"] == "basic" and row["test"] in ("clean", "retrained") and row["split"] == "0"]
    assert same[0]["auc"] == same[1]["auc"] and same[0]["threshold"] == same[1]["threshold"]
    assert {row["seen"] for row in rows if row["tested_on"] != "ghost"} == {"no"}
    # Resumed: the last rows are made again, the others kept.
    lines = (out / "table6-runs.csv").read_text().splitlines(keepends=True)
    (out / "table6-runs.csv").write_text("".join(lines[:-2]))
    assert main(line) == 0
    assert without_times(read(out / "table6-runs.csv")) == without_times(runs)
    assert without_times(read(out / "table6.csv")) == without_times(rows)


def test_photographs_of_table_6_are_all_different(data):
    source = open_sets([data])["lfw"]
    seen, unseen = table6.photographs(source, table6.Plan(side=64, share=0.5))
    names = [photo.name for pairs in (seen, unseen) for pair in pairs for photo in pair]
    assert len(names) == len(set(names)) >= 4 * table6.LEAST
    assert not any(name.startswith("val/") for name in names) and not any(photo.name.startswith("test/") for pair in seen for photo in pair)
    # Fewer pairs are the first of these, so that stego images on disk stay right.
    few = table6.photographs(source, table6.Plan(side=64, share=0.5, limit=20))[1]
    assert [(a.name, b.name) for a, b in few] == [(a.name, b.name) for a, b in unseen[:20]]
    # The test photographs are among the unseen ones, and all are mixed.
    covers = [cover.name for cover, _ in unseen]
    assert any(photo.name.startswith("test/") for pair in unseen for photo in pair) and covers != sorted(covers)


def test_a_digest_tells_which_pairs_are_whose():
    pair, other = ((table6.Photo(name, scene(8, 8, seed)),) * 2 for name, seed in (("a", 1), ("b", 2)))
    assert table6.digest([pair], [other]) == table6.digest([pair], [other]) != table6.digest([pair, other], [])


def test_too_few_photographs_for_table_6(data, tmp_path, capsys):
    assert main(["table", "6", "--data", str(data / "voc"), "-o", str(tmp_path / "r"), "--tiny", "--model", "lsb332"]) == 2
    assert re.search(r"voc has \d+ used photographs, the test needs 40", capsys.readouterr().err)


@pytest.mark.parametrize("split", range(3))
def test_no_pair_is_in_two_divisions(split):
    parts = table6.divide(101, split)
    assert sorted(np.concatenate(parts)) == list(range(101))
    assert [len(part) for part in parts] == [60, 15, 26]
    assert not np.array_equal(parts[0], table6.divide(101, split + 1)[0])


def test_detectors_see_what_is_saved(model):
    cover, secret = scene(64, 64), scene(64, 64, 1)
    hidden = table6._hiding(str(model))(cover, secret, 0)
    assert np.array_equal(hidden, Steganographer(weights.hider(model)).hide(cover, to_array(gray(to_tensor(secret)))))


def test_lsb_matching_changes_a_fifth_of_the_samples_by_one():
    cover = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    stego = table6.lsb_matching(cover, cover[..., 0], 3)
    change = stego.astype(int) - cover
    assert np.abs(change).max() == 1 and np.abs(change).mean() == pytest.approx(0.2, abs=0.005)
    assert change.mean() == pytest.approx(0, abs=0.005)
    assert not np.array_equal(stego, table6.lsb_matching(cover, cover[..., 0], 4))


def test_other_photographs_are_measured_anew(data, tmp_path):
    """Rows and stego images of one choice of photographs are not taken for those of another."""
    results, sets = Results(tmp_path), open_sets([data / "lfw"])
    fewer, others = table6.Plan(steps=2, splits=2, limit=20, side=64), table6.Plan(steps=2, splits=2, limit=20, side=64, share=0.45)
    table6.run(results, sets, fewer, {"lsb332": "lsb332"})
    first = results.rows(table6.RUNS)
    table6.run(results, sets, fewer, {"lsb332": "lsb332"})
    assert results.rows(table6.RUNS) == first
    table6.run(results, sets, others, {"lsb332": "lsb332"})
    assert len(results.rows(table6.RUNS)) == 2 * len(first) and len(list(tmp_path.glob("images/*"))) == 2
    assert len({row["photographs"] for row in results.rows(table6.TABLE)}) == 1  # of the run that was last


def test_who_was_trained_on_what():
    own = {"photographs": {"lfw": 10}, "recipe": {"photos": {"share": 0.5}}}
    assert table6.share(own, "lfw") == 0.5 and table6.share(own, "voc") == 0 and table6.share({}, "lfw") == 0
    assert table6.share(own | {"initial": {"photographs": {"lfw": 20, "voc": 1}, "recipe": {"photos": {}}}}, "lfw") == 1
    assert table6.share(weights.card("qim"), "lfw") == 1 and table6.share(weights.card("isgan"), "lfw") == 0.5


# ---------------------------------------------------------------------- the detector


def flat(count: int, value: int, seed: int) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.integers(value - 20, value + 20, (count, 3, 64, 64)).astype(np.uint8))


@pytest.fixture(scope="module")
def noisy() -> Pairs:
    """Smooth covers, and the same with plain noise: what any detector has to find."""
    covers = torch.stack([torch.from_numpy(scene(64, 64, seed)).permute(2, 0, 1) for seed in range(40)])
    noise = torch.randint(-40, 41, covers.shape, generator=torch.Generator().manual_seed(0))
    return Pairs(covers, (covers.int() + noise).clamp(0, 255).to(torch.uint8))


@pytest.mark.parametrize("name", ["isgan", "xunet"])
def test_a_detector_learns(noisy, name):
    parts = [noisy.take(np.arange(*span)) for span in ((0, 20), (20, 30), (30, 40))]
    detector = train_detector(name, parts[0], parts[1], steps=40, seed=1)
    covers, stegos = detector.scores(parts[2])
    assert covers.shape == stegos.shape == (10,)
    assert (covers < detector.threshold).mean() > 0.8 and (stegos > detector.threshold).mean() > 0.8
    assert detector.steps == 40


def test_one_seed_one_detector(noisy):
    first, second = (train_detector("isgan", noisy.take(np.arange(20)), noisy.take(np.arange(20, 30)), steps=3, seed=5) for _ in range(2))
    assert np.array_equal(first.scores(noisy)[1], second.scores(noisy)[1]) and first.threshold == second.threshold


def test_pairs_have_to_match(noisy):
    with pytest.raises(IsganError, match="pairs"):
        Pairs(noisy.covers, noisy.stegos[:3])
    with pytest.raises(IsganError, match="minutes or steps"):
        train_detector("isgan", noisy, noisy)


# ---------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--model", "=x"], "NAME=FILE"),
        (["--side", "8"], "64"),
        (["--splits", "2"], "3"),
        (["--budget", "0"], "0"),
        (["--model", "cover=isgan", "--tiny"], "name of a control"),
    ],
)
def test_command_lines_that_are_refused(data, tmp_path, capsys, more, words):
    assert main(["table", "6", "--data", str(data), "-o", str(tmp_path / "r"), *more]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1


def test_sets_that_are_not_the_papers(data, tmp_path, capsys):
    made(tmp_path / "mine", {"train": 1, "val": 1, "test": 2})
    assert main(["table", "5", "--data", str(tmp_path / "mine"), "-o", str(tmp_path / "r")]) == 2
    assert "lfw, voc, imagenet or cc" in capsys.readouterr().err


def test_all_weightless_hiders_can_be_rows(data, tmp_path):
    names = [name for name in hiders.names() if not hiders[name].trainable]
    table = table5.run(Results(tmp_path), open_sets([data / "voc"]), {name: name for name in names}, side=64, limit=1)
    assert [row["model"] for row in table] == names and all(row["pairs"] == 1 for row in table)
