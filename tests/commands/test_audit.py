"""`isgan audit` as a user runs it: a report that says what the tables say, runs that go on, and bad input in one line."""

import csv
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from conftest import scene
from PIL import Image

from isgan.__main__ import main
from isgan.detectors import detectors
from isgan.options import Options


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("photographs") / "mine"
    folder.mkdir()
    for seed in range(44):
        Image.fromarray(scene(96, 96, seed)).save(folder / f"{seed}.png")
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


class Links(HTMLParser):
    """What a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.cells = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [str(value) for name, value in attrs if name in ("src", "href", "action")] + ([tag] if tag == "script" else [])
        self.cells += tag == "td"


def audit(photographs: Path, output: Path, *options: str) -> int:
    return main(["audit", "--tiny", "--data", str(photographs), "-o", str(output), "--model", "lsb332", *options])


def test_the_whole_way_and_the_same_command_goes_on(photographs, tmp_path, capsys):
    out = tmp_path / "out"
    options = ("--detectors", "spam", "ws", "--levels", "S0", "S3", "S4")
    assert audit(photographs, out, *options) == 0
    shown = capsys.readouterr().out
    table = rows(out / "audit.csv")
    page = (out / "audit.html").read_text()
    best = {(row["level"], row["subject"], row["leaked"]): row for row in table if row["strongest"]}
    own = best["S3", "lsb332", "0"]
    assert float(own["p_e"]) < 0.2 and own["detector"] == "spam" and best["S0", "lsb332", "0"]["detector"] == "ws"
    assert float(own["auc"]) > 0.9 and f"{float(own['p_e']):.4f}" in shown
    links = Links()
    links.feed(page)
    assert links.found == [] and links.cells > 50 and "http" not in re.sub(r"http-equiv", "", page)
    assert "prefers-color-scheme: dark" in page
    for words in ("whoever trains spam on", "lsb332 has no key", "the null test", "the positive control", "<polyline", "AUC 1.00"):
        assert words in page
    before = (out / "audit-runs.csv").read_text()
    lines = before.splitlines(keepends=True)
    (out / "audit-runs.csv").write_text("".join(lines[:-2]))  # as if it had been stopped
    assert audit(photographs, out, *options) == 0
    assert len(rows(out / "audit-runs.csv")) == len(lines) - 1
    for row, again in zip(table, rows(out / "audit.csv"), strict=True):
        assert row | {"seconds": again["seconds"]} == again


def test_every_level_is_tested_or_it_is_said_why_not(photographs, tmp_path, capsys):
    assert audit(photographs, tmp_path / "out", "--detectors", "spam", "--levels", "S1", "S5") == 0
    tested = {(row["level"], row["subject"], row["trained_on"]) for row in rows(tmp_path / "out" / "audit.csv")}
    assert {("S1", "lsb332", "basic"), ("S1", "basic", "basic")} <= tested and not any(level == "S5" for level, *_ in tested)
    page = (tmp_path / "out" / "audit.html").read_text()
    assert "S5 is not tested on png covers: it takes folders of different sources" in page and "S1 is not tested" not in page


def test_pairs_of_which_the_secret_does_not_fit_are_left_out_and_it_is_said(tmp_path, capsys):
    (tmp_path / "covers").mkdir()
    (tmp_path / "secrets").mkdir()
    for seed in range(26):
        Image.fromarray(scene(96, 96, seed)).save(tmp_path / "covers" / f"{seed}.png")
        hard = np.random.default_rng(seed).integers(0, 256, (96, 96, 3), np.uint8)  # noise, which nothing makes small
        easy = np.linspace(0, 200 + seed, 96 * 96 * 3).reshape(96, 96, 3).astype(np.uint8)
        Image.fromarray(hard if seed % 9 == 0 else easy).save(tmp_path / "secrets" / f"{seed}.png")
    line = ["audit", "--tiny", "--data", str(tmp_path / "covers"), "--secrets", str(tmp_path / "secrets"), "-o", str(tmp_path / "out"),
            "--model", "adaptive", "--detectors", "spam", "--levels", "S3"]  # fmt: skip
    assert main(line) == 0
    page = (tmp_path / "out" / "audit.html").read_text()
    assert "3 of 26 pairs on png covers left out, the first because" in page
    tested = {row["tested_pairs"] for row in rows(tmp_path / "out" / "audit.csv") if row["level"] == "S3" and row["leaked"] == "0"}
    assert tested == {"23"}


def test_time_that_is_up_is_said(photographs, tmp_path, capsys):
    assert audit(photographs, tmp_path / "out", "--detectors", "spam", "--levels", "S3", "--minutes", "1e-9") == 0
    assert "The time was up before everything was measured" in (tmp_path / "out" / "audit.html").read_text()


def test_a_table_of_ways_to_embed(photographs, tmp_path, capsys):
    line = ["audit", "--table", "--tiny", "--data", str(photographs), "-o", str(tmp_path / "out"), "--detectors", "spam"]
    assert main(line) == 0
    control, default = rows(tmp_path / "out" / "audit-table.csv")
    assert (control["name"], default["name"], default["setting"]) == ("lsb-matching", "hill, cmdc", "33.5 dB")
    assert float(default["secret_psnr"]) >= 33.5 and float(default["stego_psnr"]) > float(control["stego_psnr"]) - 20
    images = [row for row in rows(tmp_path / "out" / "audit-images.csv") if row["setting"] == "33.5 dB"]
    assert float(default["bytes"]) == pytest.approx(np.mean([float(row["bytes"]) for row in images]), abs=1e-4)
    # A detector that comes later joins those that looked before, in the rows that are asked for.
    assert main([*line[:-1], "crm", "--rows", "hill, cmdc, 33.5 dB"]) == 0
    alone, both = rows(tmp_path / "out" / "audit-table.csv")
    assert alone == control | {"p_e_crm": "", "interval_crm": ""} and both["p_e_spam"] == default["p_e_spam"] and both["p_e_crm"]
    assert main([*line, "--rows", "99 dB"]) == 2
    assert "no row of the table has '99 dB' in its name" in capsys.readouterr().err
    assert main([*line, "--write"]) == 2
    assert "run it to its end first" in capsys.readouterr().err


BAD = {
    "did you mean 'spam'?": ["--detectors", "spamm"],
    "unknown level 'S9'": ["--levels", "S9"],
    "did you mean 'adaptive'?": ["--model", "adaptiv"],
    "is the name of a control": ["--model", "cover=lsb332"],
    "--write is for --table": ["--write"],
    "--rows is for --table": ["--rows", "dB"],
    "leave out --model and --quality": ["--table", "--model", "adaptive", "--quality", "40"],
    "leave out --levels and --risk": ["--table", "--levels", "S3", "--risk", "low"],
    "leave out --risk low, or --quality": ["--quality", "40", "--risk", "low"],
    "splits": ["--splits", "1"],
    "pairs": ["--pairs", "3"],
    "no such folder": ["--data", "nowhere"],
}


@pytest.mark.parametrize(("words", "options"), BAD.items())
def test_bad_input_is_one_line_and_leaves_nothing(photographs, tmp_path, capsys, words, options):
    line = ["audit", "--tiny", "-o", str(tmp_path / "out"), *(() if "--data" in options else ("--data", str(photographs))), *options]
    assert main(line) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1 and not (tmp_path / "out").exists()


@pytest.mark.parametrize(("options", "quality", "risk"), [
    ([], None, "medium"), (["--quality", "36"], 36.0, "high"), (["--risk", "low"], None, "low"),
])  # fmt: skip
def test_models_hide_as_they_are_told(photographs, tmp_path, monkeypatch, options, quality, risk):
    asked = []
    monkeypatch.setattr("isgan.evaluation.audit.run.audit", lambda _results, request, **_: asked.append(request.subjects) or [])
    assert audit(photographs, tmp_path, *options) == 0
    assert asked == [{"lsb332": Options(model="lsb332", gray=True, quality=quality, risk=risk)}]


def test_too_few_photographs_and_covers_with_a_past(tmp_path, capsys):
    data = tmp_path / "few"
    data.mkdir()
    for seed in range(9):
        Image.fromarray(scene(96, 96, seed)).save(data / f"{seed}.png")
    assert audit(data, tmp_path / "out") == 2
    assert "4 of PNG files that show no past; an audit needs 20 pairs" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_results_of_another_version_are_refused(photographs, tmp_path, capsys):
    (tmp_path / "VERSION").write_text("1\n")
    assert audit(photographs, tmp_path) == 2
    assert "holds results of version 1" in capsys.readouterr().err


def test_the_extra_that_is_missing_is_named(photographs, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("isgan.errors.find_spec", lambda name: None if name == "sealwatch" else object())
    assert audit(photographs, tmp_path / "out") == 2
    assert "pip install 'isgan[audit]', then pip install --no-deps sealwatch" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_every_detector_of_the_fast_set_is_known():
    from isgan.evaluation.audit.levels import FAST, chosen

    for kind, names in FAST.items():
        assert set(names) <= set(chosen(["fast"], kind)) <= set(chosen(["all"], kind)) <= set(detectors.names())
    assert "jrm" not in chosen(["all"], "png") and "rs" not in chosen(["all"], "jpeg")
