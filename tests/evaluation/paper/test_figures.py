"""`isgan figures`: what stands in the pictures, which are kept, and the curves of training runs."""

import csv
import math
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from conftest import scene
from PIL import Image

from isgan import models
from isgan.__main__ import main
from isgan.datasets.base import open_sets
from isgan.datasets.photographs import pairs_of
from isgan.evaluation.paper.curves import copied, read
from isgan.evaluation.quality import send
from isgan.evaluation.results import Results
from isgan.figures import residual
from isgan.options import Options
from isgan.picture import read_gray, read_rgb


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("data")
    for first, name in enumerate(("lfw", "mine")):
        for split in ("train", "val", "test"):
            (root / name / split).mkdir(parents=True)
            for number in range(3):
                Image.fromarray(scene(70, 66, 10 * first + number)).save(root / name / split / f"{split}{number}.png")
    return root


@pytest.fixture
def line(data, tmp_path, model):
    """The command with two models that exist and one that does not."""

    def tokens(*more: str, pairs: int = 2, small: object = model) -> list[str]:
        return ["figures", "--data", str(data), "-o", str(tmp_path / "r"), "--side", "64", "-n", str(pairs),
                "--model", f"small={small}", "lsb332", "ghost", *more]  # fmt: skip

    return tokens


def pictures(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (folder / "figures").iterdir()}


# ---------------------------------------------------------------------- the command


def test_figures(line, data, tmp_path, model, capsys):
    assert main(line()) == 0
    out, err = capsys.readouterr()
    files = ["figure4-lfw.png", "figure7-lfw.png", "figure-mine.png", "figure7-mine.png"]
    assert [line.split()[-1] for line in out.splitlines()] == [str(tmp_path / "r" / "figures" / file) for file in files]
    assert err.startswith("isgan: note: ghost is not trained and left out") and err.count("\n") == 1
    rows = Results(tmp_path / "r").rows("figures")
    assert [row["file"] for row in rows] == files and [row["figure"] for row in rows] == ["4", "7", "", "7"]
    assert [row["set"] for row in rows] == ["lfw", "lfw", "mine", "mine"]
    assert all(row["models"] == "small lsb332" and row["absent"] == "ghost" and row["pairs"] == "2" and row["side"] == "64" for row in rows)
    # The pairs are those of Table 5, the stego images 8-bit ones.
    source = open_sets([data])["lfw"]
    page, secrets = (read_rgb(tmp_path / "r" / "figures" / file) for file in files[:2])
    for cover, guest in pairs_of(source, source, "test", 64, None)[:2]:
        secret = read_gray(guest.pixels)
        for name in (model, "lsb332"):
            received = send(models.load(name), cover.pixels, secret, cover.name, Options(model=str(name)))
            stego, revealed = received.stego.pixels(), received.secret
            for picture in (cover.pixels, secret, stego, revealed, residual(stego, cover.pixels)):
                assert stands_in(page, picture)
            assert stands_in(secrets, residual(revealed, secret))


def stands_in(page: np.ndarray, picture: np.ndarray) -> bool:
    tile = np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture
    height, width = tile.shape[:2]
    corners = np.argwhere((page[: 1 - height, : 1 - width] == tile[0, 0]).all(axis=2)).tolist()
    return any(np.array_equal(page[top : top + height, left : left + width], tile) for top, left in corners)


def test_pictures_are_kept_until_something_changes(line, tmp_path, capsys):
    assert main(line()) == 0
    before = pictures(tmp_path / "r")
    assert main(line()) == 0 and pictures(tmp_path / "r") == before
    # One that is gone is drawn again, with its sister; those of other sets are left alone.
    (tmp_path / "r" / "figures" / "figure7-mine.png").unlink()
    assert main(line()) == 0
    after = pictures(tmp_path / "r")
    assert after.keys() == before.keys()
    assert {name for name in before if after[name] == before[name]} == {"figure4-lfw.png", "figure7-lfw.png"}
    for changed in (line(pairs=1), line(pairs=1, small="lsb121"), line("--force", pairs=1, small="lsb121")):
        before = pictures(tmp_path / "r")
        assert main(changed) == 0
        assert all(pictures(tmp_path / "r")[name] != before[name] for name in before), changed
    assert len(Results(tmp_path / "r").rows("figures")) == 4


def test_tiny(line, tmp_path, capsys):
    assert main(line("--tiny")) == 0
    rows = Results(tmp_path / "r").rows("figures")
    assert {(row["pairs"], row["side"]) for row in rows} == {("1", "64")}


def test_no_model_at_all(data, tmp_path, capsys):
    assert main(["figures", "--data", str(data), "-o", str(tmp_path / "r"), "--model", "ghost"]) == 2
    assert "none of the models is trained (ghost)" in capsys.readouterr().err.splitlines()[-1]


# ---------------------------------------------------------------------- curves

HEADER = "step,minutes,set,stego_psnr,stego_ssim,secret_psnr,secret_ssim"


def run_folder(folder: Path, *lines: str, header: str = HEADER) -> Path:
    folder.mkdir()
    (folder / "validation.csv").write_text("\n".join([header, *lines]) + "\n")
    return folder


def test_curves(data, tmp_path, capsys):
    plain = run_folder(tmp_path / "plain", "100,1.0,lfw,20,.8,18,.7", "100,1.0,voc,22,.9,20,.8", "200,2.0,lfw,25,.9,24,.8",
                       "200,2.0,voc,27,.9,26,.8")  # fmt: skip
    played = run_folder(tmp_path / "played", "100,1.5,lfw,21,.8,19,.7,nan,.5,.5", "200,2.5,lfw,26,.8,25,.7,.004,.9,.8",
                        header=HEADER + ",loss,accuracy_cover,accuracy_stego")  # fmt: skip
    line = ["figures", "--data", str(data), "-o", str(tmp_path / "r"), "--tiny", "--model", "lsb332", "--run"]
    assert main([*line, str(plain)]) == 0
    capsys.readouterr()
    one = Image.open(tmp_path / "r" / "figures" / "curves.png").size
    assert main([*line, f"isgan={played}"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["curves", str(tmp_path / "r" / "figures" / "curves.png")]
    two = Image.open(tmp_path / "r" / "figures" / "curves.png").size
    assert one[0] == two[0] and two[1] == 2 * one[1]  # loss and steganalyzer below
    assert (tmp_path / "r" / "curves" / "isgan.csv").read_bytes() == (played / "validation.csv").read_bytes()
    runs = copied(Results(tmp_path / "r"))
    assert list(runs) == ["isgan", "plain"] and [row["step"] for row in runs["plain"]] == [100, 200]
    assert runs["plain"][0]["stego_psnr"] == 21 and runs["plain"][0]["sets"] == 2 and runs["plain"][1]["minutes"] == 2
    assert math.isnan(runs["isgan"][0]["loss"]) and runs["isgan"][1]["accuracy_stego"] == 0.8


def test_a_line_that_was_cut_off(tmp_path):
    folder = run_folder(tmp_path / "run", "100,1.0,lfw,20,.8,18,.7")
    with (folder / "validation.csv").open("a") as file:
        file.write("200,2.0,lf")
    assert [row["step"] for row in read(folder / "validation.csv")] == [100]


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        (["nowhere"], "give the folder of a training run"),
        (["empty"], "not the validation table"),
        (["other"], "not the validation table"),
        (["good", "good"], "two runs are called 'good'"),
        (["a/b=good"], "cannot be a run's name"),
        ([".=good"], "cannot be a run's name"),
    ],
)
def test_runs_that_are_refused(data, tmp_path, capsys, monkeypatch, runs, words):
    monkeypatch.chdir(tmp_path)
    run_folder(tmp_path / "empty")
    run_folder(tmp_path / "other", "1,2", header="a,b")
    run_folder(tmp_path / "good", "100,1.0,lfw,20,.8,18,.7")
    assert main(["figures", "--data", str(data), "-o", "r", "--tiny", "--model", "lsb332", "--run", *runs]) == 2
    err = capsys.readouterr().err
    assert words in err and err.count("\n") == 1 and not list(tmp_path.glob("r/curves/*"))


def test_without_matplotlib(data, tmp_path, capsys, monkeypatch):
    folder = run_folder(tmp_path / "run", "100,1.0,lfw,20,.8,18,.7")
    monkeypatch.setattr("isgan.errors.find_spec", lambda name: None if name == "matplotlib" else find_spec(name))
    assert main(["figures", "--data", str(data), "-o", str(tmp_path / "r"), "--tiny", "--model", "lsb332", "--run", str(folder)]) == 2
    assert capsys.readouterr().err == "isgan: error: this needs matplotlib: pip install 'isgan[train]'\n"


def test_pictures_of_at_most_so_many_bytes(line, tmp_path):
    assert main(line("--most", "12")) == 0
    assert all(path.stat().st_size <= 12 << 10 for path in (tmp_path / "r" / "figures").iterdir())


def test_what_is_listed_is_there(line, tmp_path, capsys):
    """A picture's row is written after the picture, so that a run that was stopped draws it again."""
    assert main(line()) == 0
    with (tmp_path / "r" / "figures.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    (tmp_path / "r" / "figures.csv").write_text("")
    before = pictures(tmp_path / "r")
    assert main(line()) == 0
    assert Results(tmp_path / "r").rows("figures") == rows and all(pictures(tmp_path / "r")[name] != before[name] for name in before)
