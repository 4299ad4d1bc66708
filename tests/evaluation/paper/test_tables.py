"""`isgan table 4` and `5`: the whole way on small images, resumed, with models that are not there; and what the rows mean."""

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

from isgan import models
from isgan.__main__ import main
from isgan.datasets.base import open_sets, open_source
from isgan.datasets.photographs import Photo, pairs_of, squares
from isgan.errors import IsganError, MissingModel
from isgan.evaluation.paper import table4, table5
from isgan.evaluation.paper.report.page import page
from isgan.evaluation.quality import send
from isgan.evaluation.results import Results
from isgan.hiders.base import Hider
from isgan.losses import losses
from isgan.metrics.pictures import compare
from isgan.metrics.quality import ms_ssim, psnr, ssim
from isgan.options import Options
from isgan.picture import read_gray
from isgan.schemes.neural import Neural
from isgan.tensors import to_tensor
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


# ---------------------------------------------------------------------- Table 4


def test_table_4(data, tmp_path, capsys):
    """All five losses start from the same weights; nothing is trained or measured twice, nor taken for something else."""
    line = ["table", "4", "--data", str(data / "lfw"), "-o", str(tmp_path / "r"), "--tiny", "--threads", "1", "-n", "2"]
    assert main([*line, "--initial", "basic"]) == 0
    rows = read(tmp_path / "r" / "table4.csv")
    assert [row["loss"] for row in rows] == list(table4.LOSSES)
    assert all((row["pairs"], row["steps"], row["initial"]) == ("2", "2", "basic") and float(row["secret_psnr"]) > 15 for row in rows)
    images = read(tmp_path / "r" / "table4-images.csv")
    for row in rows:
        own = [image for image in images if image["loss"] == row["loss"]]
        assert len(own) == 2
        assert float(row["stego_psnr"]) == pytest.approx(np.mean([min(80, float(image["stego_psnr"])) for image in own]), abs=1e-4)
    assert len({row["secret_psnr"] for row in rows}) == 5  # the losses differ
    cards = [models.card(path) for path in (tmp_path / "r").rglob("weights.safetensors")]
    assert [card["runs"][-2]["fingerprint"] for card in cards] == [models.fingerprint("basic")] * 5
    assert all(card["runs"][-1]["recipe"]["optimizer"]["freeze_norm"] for card in cards)
    assert "go on from the same trained weights, basic" in page(tmp_path / "r")

    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "r").rglob("weights.safetensors")}
    assert main([*line, "--initial", "basic"]) == 0
    assert read(tmp_path / "r" / "table4.csv") == rows and read(tmp_path / "r" / "table4-images.csv") == images
    assert {path: path.stat().st_mtime_ns for path in before} == before
    capsys.readouterr()
    longer = [*(part for part in line if part != "--tiny"), "--budget", "60", "--initial", "basic", "--side", "64"]
    for other in (line, longer):
        assert main(other) == 2
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
        assert models.card(card.with_suffix(".safetensors"))["runs"][-1]["device"] == "cpu"
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


def test_what_a_pair_is_scored_by(data, model):
    """8-bit values as `isgan hide` and `reveal` would give them."""
    sets = open_sets([data])
    pairs = pairs_of(sets["voc"], sets["lfw"], "test", 64, 2)
    assert [cover.name for cover, _ in pairs] == ["test/test000.png", "test/test001.png"]
    assert [secret.name for _, secret in pairs] == ["test/test001.png", "test/test002.png"]
    cover, secret = pairs[0][0], pairs[0][1].pixels[..., 1]
    assert cover.pixels.shape == (64, 64, 3)
    scheme = models.load(model)
    scores = table5.score(scheme, str(model), cover, secret)
    received = send(scheme, cover.pixels, secret, cover.name, Options(model=str(model)))
    assert (scores["stego_psnr"], scores["stego_ssim"]) == compare(received.stego.pixels(), cover.pixels)
    assert (scores["secret_psnr"], scores["secret_ssim"]) == compare(received.secret, secret)


class Beyond(Hider):
    """Stego images and secrets leave [0, 1]."""

    trainable = False

    def hide(self, cover, secret):
        return 2.5 * cover - 0.7 + 0.1 * secret

    def reveal(self, stego):
        return 2 * stego.mean(dim=1, keepdim=True) - 0.5


@pytest.mark.parametrize("beyond", [False, True])
def test_the_float_columns(model, beyond):
    """A stego image that was clipped but not rounded, and what is revealed from that."""
    hider = Beyond() if beyond else models.hider(model)
    cover, secret = scene(64, 64), scene(64, 64, 1)[..., 1]
    scores = table5.score(Neural(hider), "mine", Photo("a.png", cover), secret)
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


def test_a_dial_is_set_as_hide_sets_it():
    scheme = models.load("qim")
    cover = Photo("a.png", scene(64, 64))
    secret = np.array(Image.fromarray(scene(64, 64, 1)[..., 1]).filter(ImageFilter.GaussianBlur(1)))
    chosen = scheme.choose(cover.pixels, secret)
    assert 1 < chosen < scheme.strengths
    scores = table5.score(scheme, "qim", cover, secret)
    hider = scheme.dial.at(chosen)
    with torch.no_grad():
        stego = hider.hide(to_tensor(cover.pixels), to_tensor(secret))
    assert scores["float_stego_psnr"] == pytest.approx(psnr(stego, to_tensor(cover.pixels)).item(), abs=1e-3)
    assert scores["float_secret_psnr"] == pytest.approx(psnr(hider.reveal(stego).clamp(0, 1), to_tensor(secret)).item(), abs=1e-3)


def test_models_that_are_no_networks_are_refused():
    with pytest.raises(IsganError, match="'adaptive' is no network"):
        table5.score(models.load("adaptive"), "adaptive", Photo("a.png", scene(64, 64)), scene(64, 64)[..., 0])


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
    source = {name: {photo.name: photo for photo in squares(three[name], three[name].images("test"), 64)} for name in three}
    for row in images[-4:]:
        cover, secret = source[row["covers"]][row["cover"]], source[row["secrets"]][row["secret"]]
        scores = table5.score(models.load("lsb121"), "lsb121", cover, read_gray(secret.pixels))
        assert float(row["stego_psnr"]) == pytest.approx(scores["stego_psnr"], abs=1e-3)


def test_the_rows_of_table_5(three, tmp_path, monkeypatch):
    """The paper's models and ours, each of which says so if it is not trained."""

    def missing(model):
        raise MissingModel(model)

    monkeypatch.setattr(models, "fingerprint", missing)
    rows = table5.run(Results(tmp_path / "r"), {"lfw": three["lfw"]}, side=64)
    assert [row["model"] for row in rows] == ["atique", "basic", "isgan", "baluja", "qim", "wavelet", "wavelet-adversarial"]
    assert {row["status"] for row in rows} == {"not trained"}


def test_another_side_is_measured_anew(three, tmp_path):
    """Rows of one size are not taken for those of another."""
    sets, names = {"lfw": three["lfw"]}, {"lsb121": "lsb121"}
    alone = table5.run(Results(tmp_path / "alone"), sets, names, side=80)
    results = Results(tmp_path / "r")
    first = table5.run(results, sets, names, side=64)
    assert table5.run(results, sets, names, side=80) == alone and alone[0]["stego_psnr"] != first[0]["stego_psnr"]
    assert table5.run(results, sets, names, side=64) == first
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
    assert all(cover.name != secret.name for cover, secret in pairs_of(source, source, "test", 64, None))


def test_photographs_of_mixed_sizes(tmp_path):
    """Every photograph becomes a square of one side; what cannot be read is left out and does not count."""
    sizes = {"a": (40, 90), "b": (300, 200), "d": (64, 64)}
    for name, (height, width) in sizes.items():
        Image.fromarray(scene(height, width)).save(tmp_path / f"{name}.png")
    (tmp_path / "c.png").write_bytes(b"no picture")
    photos = list(squares(open_source(tmp_path), sorted(tmp_path.iterdir()), 64, 3))
    assert [photo.name for photo in photos] == ["a.png", "b.png", "d.png"]
    assert {photo.pixels.shape for photo in photos} == {(64, 64, 3)}
    assert np.array_equal(photos[2].pixels, scene(64, 64))


def test_sets_that_are_not_the_papers(data, tmp_path, capsys):
    made(tmp_path / "mine", {"train": 1, "val": 1, "test": 2})
    assert main(["table", "5", "--data", str(tmp_path / "mine"), "-o", str(tmp_path / "r")]) == 2
    assert "lfw, voc, imagenet or cc" in capsys.readouterr().err
