"""`isgan leaderboard`: what it prints is what was measured, and what was measured once is not measured again."""

import csv
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import scene
from evaluation.spy import Spies, Spy
from PIL import Image

from isgan import models
from isgan.__main__ import main
from isgan.evaluation import leaderboard, security
from isgan.evaluation.results import Results, uncounted
from isgan.evaluation.standings import draw, markdown
from isgan.evaluation.usage import Usage, process
from isgan.options import Options
from isgan.picture import png_bytes


@pytest.mark.parametrize("peaks", [(300.0, 100.0), (100.0, 300.0)])
def test_costs_are_of_the_halves(folder, monkeypatch, peaks):
    """Seconds of each, memory of the larger one."""
    costs = {"hide": Usage(3.0, peaks[0]), "reveal": Usage(2.0, peaks[1])}
    monkeypatch.setattr(leaderboard, "process", lambda command, *_: costs[command])
    monkeypatch.setattr(leaderboard, "pair_up", lambda *_: [(Path("cover.png"), Path("secret.png"))])
    told = leaderboard._usage("lsb121", SimpleNamespace(images=lambda split: []))
    assert told == {"weights_mib": 0.0, "command_hide_seconds": 3, "command_reveal_seconds": 2, "peak_mib": 300}


def test_a_process_is_measured_to_its_end(folder):
    found = process("hide", "cover.png", "secret.png", "-o", "stego.png", "--model", "lsb121", "--quiet")
    assert Path("stego.png").exists() and found.seconds > 0.1 and found.peak_mib > 10


def test_what_is_measured_with_which_options():
    embedding = leaderboard.settings("adaptive", models.load("adaptive"))
    assert list(embedding) == ["auto", "30 dB", "33.5 dB", "40 dB", "47.6 dB"]
    assert embedding["auto"] == Options(model="adaptive", gray=True)
    assert embedding["33.5 dB"] == Options(model="adaptive", gray=True, risk="high", quality=33.5)
    dial = leaderboard.settings("qim", models.load("qim"))
    assert list(dial) == ["auto", *map(str, range(1, 8))] and dial["3"].strength == 3
    assert list(leaderboard.settings("lsb121", models.load("lsb121"))) == ["auto"]


def test_rows_of_other_weights_are_measured_again(folder, monkeypatch):
    """Not known by the model's name alone."""
    measured = []
    monkeypatch.setattr(leaderboard, "measure", lambda *given: measured.append(1) or MEASURE(*given))
    pairs, options = [(Path("cover.png"), Path("secret.png"))], Options(model="lsb121")
    for fingerprint, count in (("one", 1), ("one", 1), ("other", 2), ("one", 2)):
        monkeypatch.setattr(models, "fingerprint", lambda _, told=fingerprint: told)
        rows = leaderboard._measured(Results(Path("results")), "some", options, "auto", pairs, Path(), uncounted)
        assert len(measured) == count and len(rows) == 1


MEASURE = leaderboard.measure


def test_photographs_of_one_name_in_two_folders(folder):
    """Each pair has its own scores, also when they are read back."""
    pairs = []
    for name, side in (("a", 40), ("b", 56)):
        Path(name).mkdir()
        for number in (1, 2):
            Image.fromarray(scene(side, side, seed=number)).save(f"{name}/{number}.png")
        pairs.append((Path(name, "1.png"), Path(name, "2.png")))
    for _ in range(2):
        rows = leaderboard._measured(Results(Path("results")), "some", Options(model="lsb121"), "auto", pairs, Path(), uncounted)
        assert [(row.cover, row.width) for row in rows] == [("a/1.png", 40), ("b/1.png", 56)]


def table(text: str) -> list[dict[str, str]]:
    """A Markdown table as rows; of columns of one name the first."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    assert len({len(cells) for cells in lines}) == 1
    return [dict(zip(lines[0][::-1], cells[::-1], strict=True)) for cells in lines[2:]]


def test_what_the_table_says():
    row = {"set": "some", "model": "mine", "setting": "auto", "stego_psnr": "45.123", "stego_ssim": "0.98765", "secret_psnr": "inf",
           "secret_ssim": "1", "worst_stego_psnr": "44", "worst_secret_psnr": "inf", "changed": "0.374", "rate": "0.26", "p_e": "0.3125",
           "p_e_interval": "0.0441", "hide_seconds": "0.512", "command_hide_seconds": "3", "peak_mib": "412.7",
           "weights_mib": "2.94", "secret_pixels": "4096"}  # fmt: skip
    control = {"set": "some", "model": "cover", "setting": "control", "p_e": "0.5", "p_e_interval": "0.1"}
    first, cells = table(markdown([row, row | {"setting": "3", "p_e": ""}, control]))  # the hardest to find first
    assert (first["model"], first["P_E"], first["changed"]) == ("`cover`", "0.50 ± 0.10", "")
    assert cells == {"set": "some", "model": "`mine`", "setting": "auto", "stego: dB / SSIM": "45.12 / 0.9877",
                     "secret: dB / SSIM": "exact / 1.0000", "worst": "44.00", "pixels": "4096", "changed": "37.4 %",
                     "bits a sample": "0.260", "P_E": "0.31 ± 0.04", "hide, s": "0.51", "memory, MiB": "413",
                     "weights, MiB": "2.9"}  # fmt: skip
    (cells,) = table(markdown([row | {"peak_mib": "", "weights_mib": "", "rate": ""}]))
    assert (cells["memory, MiB"], cells["weights, MiB"], cells["bits a sample"]) == ("", "", "")


@pytest.fixture
def board(folder, dial, monkeypatch):
    monkeypatch.setattr("isgan.key.MEMORY_KIB", 64)  # many keys
    for split in ("train", "val", "test"):
        (folder / "photos" / split).mkdir(parents=True)
        for number in range(90 if split == "train" else 3):
            (folder / "photos" / split / f"{number}.png").write_bytes(png_bytes(scene(96, 96, 100 * len(split) + number)))
    return ["leaderboard", "--data", "photos", "-o", "results", "--tiny", "--model", str(dial)]


@pytest.mark.parametrize("wrong, words", [(["--model", "nix"], "nix"), (["--model", "lsb121", "--splits", "1"], "--splits")])
def test_what_is_wrong_is_known_before_there_is_a_folder(board, capsys, wrong, words):
    assert main([*board[:6], *wrong]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1 and not Path("results").exists()


def test_too_few_photographs_are_known_before_there_is_a_folder(board, capsys):
    for path in sorted(Path("photos/train").iterdir())[4:]:
        path.unlink()
    assert main(board) == 2
    error = capsys.readouterr().err
    assert "unseen photographs" in error and error.count("\n") == 1 and not Path("results").exists()


def test_the_whole_way_and_again(board, dial, capsys, monkeypatch):
    monkeypatch.setattr(security, "detectors", Spies())
    monkeypatch.setattr(leaderboard, "process", lambda command, *_: Usage({"hide": 2.0, "reveal": 1.0}[command], 99.0))
    monkeypatch.setattr(leaderboard, "QUALITIES", (20.0,))
    board += ["lsb332", "webp"]
    assert main(board) == 0
    printed = capsys.readouterr().out
    with Path("results/leaderboard.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    controls = [("lsb-matching", "control"), ("cover", "control")]
    settings = [(row["model"], row["setting"]) for row in rows]
    assert settings == [*((str(dial), setting) for setting in ("auto", *map(str, range(1, 8)))), ("lsb332", "auto"), ("webp", "auto"),
                        ("webp", "20 dB"), *controls]  # fmt: skip
    with Path("results/leaderboard-images.csv").open(newline="") as file:
        images = list(csv.DictReader(file))
    for row in rows[:-2]:
        own = [image for image in images if (image["model"], image["setting"]) == (row["model"], row["setting"])]
        assert len(own) == int(row["pairs"]) == 2
        for column in ("stego_psnr", "secret_psnr", "changed"):
            assert float(row[column]) == pytest.approx(np.mean([float(image[column]) for image in own]), abs=1e-4)
        assert (row["p_e"] != "") == (row["peak_mib"] != "") == (row["setting"] == "auto")
        assert f"{float(row['stego_psnr']):.2f}" in printed
    assert float(rows[0]["weights_mib"]) == pytest.approx(dial.stat().st_size / 2**20, abs=1e-4)
    assert [float(row["rate"]) > 0 if row["rate"] else None for row in rows[8:11]] == [None, True, True]
    assert Image.open("results/figures/leaderboard.png").size[0] > 600
    cells = table(Path("results/leaderboard.md").read_text())
    assert {(row["model"].strip("`"), row["setting"]) for row in cells} == {key for key in settings if key[1] in ("auto", "control")}
    before = Path("results/leaderboard-images.csv").read_bytes(), Path("results/table6-runs.csv").read_bytes()
    count = len(Spy.trained)
    assert main(board) == 0 and len(Spy.trained) == count
    assert before == (Path("results/leaderboard-images.csv").read_bytes(), Path("results/table6-runs.csv").read_bytes())


def test_dots_in_one_place_have_one_label_and_settings_are_a_line(tmp_path, monkeypatch):
    from matplotlib.axes import Axes

    labels, lines, plot = [], [], Axes.plot
    monkeypatch.setattr(Axes, "plot", lambda axis, *line, **how: lines.append(line[:2]) or plot(axis, *line, **how))
    monkeypatch.setattr(Axes, "annotate", lambda axis, text, place, **_: labels.append((text, place)))
    results = Results(tmp_path / "results")
    for name, stego, secret in (("first", 50.0, 47.0), ("beside", 50.2, 47.3), ("away", 50.0, 46.0), ("exact", 39.0, float("inf"))):
        results.add("leaderboard", {"set": "lfw", "model": name, "setting": "auto", "stego_psnr": stego, "secret_psnr": secret, "p_e": 0.1})
    for psnr, stego in ((30, 63.5), (40, 58.0)):
        row = {"set": "lfw", "model": "exact", "setting": f"{psnr} dB", "stego_psnr": stego, "secret_psnr": psnr, "p_e": ""}
        results.add("leaderboard", row)
    draw(results)
    assert ((63.5, 58.0), (30, 40)) in lines
    assert labels == [("first, beside", (50.0, 47.0)), ("away", (50.0, 46.0)), ("exact (exact)", (39.0, 60.0))]
