"""`isgan report`: one page that needs no other file, and says what the numbers say - for results that were made up to hold, and not to."""

import math
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from conftest import scene
from PIL import Image

from isgan.__main__ import main
from isgan.evaluation.paper.curves import VALIDATION, collect, draw
from isgan.evaluation.paper.report.page import page
from isgan.evaluation.paper.report.pictures import WIDEST
from isgan.evaluation.paper.report.table4 import order
from isgan.evaluation.paper.report.table6 import Detection, verdicts
from isgan.evaluation.paper.report.values import Estimate
from isgan.evaluation.results import Results, decibels

QUALITY = ("stego_psnr", "stego_ssim", "secret_psnr", "secret_ssim")
LOSSES = ("mse", "ssim", "mse+ssim", "mse+ms-ssim", "mse+ssim+ms-ssim")
VOID = {"meta", "br", "img"}


def quality(value: float, float_gain: float = 1.0) -> dict[str, float]:
    """The measures of a row of Tables 4 and 5, told apart by their last digits."""
    row = {}
    for number, name in enumerate(QUALITY):
        mean = value + number if name.endswith("psnr") else min(1.0, value / 50 + number / 1000)
        for prefix, shift in (("", 0.0), ("float_", float_gain)):
            row |= {f"{prefix}{name}": mean + shift, f"{prefix}{name}_sd": 1.5, f"{prefix}{name}_worst": mean - 5}
    return row


def table4(values: tuple[float, ...] = (30, 31, 32, 33, 34), set_name: str = "lfw") -> list[dict]:
    return [{"loss": loss, "set": set_name, "fingerprint": "abcd1234", "side": 256, "pairs": 60, "steps": 900, "minutes": 10.0,
             **quality(value)} for loss, value in zip(LOSSES, values, strict=True)]  # fmt: skip


def table5() -> list[dict]:
    shared = {"status": "measured", "fingerprint": "abcd1234", "pairs": 60, "side": 256}
    return [
        {"model": "atique", "covers": "lfw", "secrets": "lfw", "status": "not trained"},
        {"model": "isgan", "covers": "lfw", "secrets": "lfw", **shared, **quality(30.11)},
        {"model": "qim", "covers": "lfw", "secrets": "lfw", **shared, **quality(78.0, float_gain=7.25)},
        {"model": "baluja", "covers": "voc", "secrets": "lfw", "status": "not trained"},
        {"model": "isgan", "covers": "voc", "secrets": "lfw", **shared, **quality(29.5)},
    ]


def detection(p_e: float, interval: float = 0.02) -> Detection:
    return Detection(Estimate(p_e, interval), Estimate(1 - p_e, interval))


RIGHT = {("control", "lsb-matching"): detection(0.1), ("control", "cover"): detection(0.5, 0.0)}


def table6(found: dict[tuple[str, str], Detection], set_name: str = "lfw", steganalyzer: str = "xunet") -> list[dict]:
    rows: list[dict] = []
    for (test, name), (p_e, auc) in ((key, (value.p_e, value.auc)) for key, value in found.items()):
        rows.append({"test": test, "set": set_name, "steganalyzer": steganalyzer, "minutes": 5.0, "side": 256, "trained_on": "basic",
                     "tested_on": name, "status": "measured", "splits": 3, "train_pairs": 300, "test_pairs": 125,
                     "accuracy": 1 - p_e.mean, "accuracy_interval": 0.01, "p_e": p_e.mean, "p_e_interval": p_e.interval,
                     "auc": auc.mean, "auc_interval": auc.interval, "steps": 400})  # fmt: skip
    absent = {"test": "retrained", "set": set_name, "steganalyzer": steganalyzer, "tested_on": "baluja", "status": "not trained"}
    return [*rows, absent]


def validation(steps: int, adversary: bool = False) -> str:
    more = ",accuracy_cover,accuracy_stego" if adversary else ""
    lines = [f"step,minutes,set,stego_psnr,stego_ssim,secret_psnr,secret_ssim,loss{more}"]
    for step in range(0, steps, 100):
        for name in ("lfw", "voc"):
            values = [step, step / 60, name, 20 + step / 100, 0.8, 18 + step / 100, 0.7, math.nan if not step else 1 / step]
            lines.append(",".join(map(str, values + ([0.8, 0.6] if adversary else []))))
    return "\n".join(lines) + "\n"


def run_folder(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True)
    (folder / VALIDATION).write_text(text)
    return folder


@pytest.fixture
def results(tmp_path) -> Results:
    return Results(tmp_path / "results")


@pytest.fixture
def full(results, tmp_path) -> Results:
    """All there is: three tables, two pictures, two runs."""
    results.write("table4", table4())
    results.write("table5", table5())
    games = {("retrained", "basic"): 0.1, ("retrained", "isgan"): 0.3, ("clean", "basic"): 0.1, ("clean", "isgan"): 0.11,
             ("clean", "basic-2"): 0.2, ("printed", "basic"): 0.2, ("printed", "isgan"): 0.25}  # fmt: skip
    results.write("table6", table6(RIGHT | {key: detection(value) for key, value in games.items()}))
    (results.folder / "figures").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (60, WIDEST + 300, 3), np.uint8)
    rows = []
    for file, figure, width in (("figure4-lfw.png", "4", WIDEST + 300), ("figure7-lfw.png", "7", 200)):
        Image.fromarray(noise[:, :width]).save(results.folder / "figures" / file)
        rows.append({"file": file, "figure": figure, "set": "lfw", "models": "isgan", "fingerprints": "abcd1234", "absent": "atique",
                     "pairs": 4, "side": 256})  # fmt: skip
    results.write("figures", rows)
    collect(results, {"basic": run_folder(tmp_path / "a", validation(500)), "isgan": run_folder(tmp_path / "b", validation(300, True))})
    draw(results)
    return results


class Page(HTMLParser):
    """The text of a page by section, its pictures and links; fails on tags that are not closed in order."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.sections: dict[str, list[str]] = {"": []}
        self.here = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, key, value or "") for key, value in attrs]
        if tag == "section":
            self.here = dict(attrs)["id"]
            self.sections[self.here] = []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, self.getpos()

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.sections[self.here].append(data)

    def text(self, section: str) -> str:
        return " ".join(" ".join(self.sections[section]).split())

    def values(self, *keys: str) -> list[str]:
        return [value for _, key, value in self.attributes if key in keys]


# ---------------------------------------------------------------------- the page


def test_a_page_of_everything(full, tmp_path, capsys):
    out = tmp_path / "report.html"
    assert main(["report", str(full.folder), "-o", str(out)]) == 0
    assert capsys.readouterr().out.split() == ["page", str(out)] and not list(tmp_path.glob(".isgan-*"))
    parsed = Page(out.read_text(encoding="utf-8"))
    assert list(parsed.sections) == ["", "table4", "table5", "table6", "figures", "curves"]
    assert "not measured yet" not in out.read_text(encoding="utf-8")
    for text in map(parsed.text, list(parsed.sections)[1:]):
        assert f"-o {full.folder.name}" in text and "nan" not in text.split()
    pictures = parsed.values("src")
    assert len(pictures) == 3 and all(value.startswith("data:image/png;base64,") for value in pictures)
    assert all(value.startswith("#") and value[1:] in parsed.sections for value in parsed.values("href"))
    drawn = parsed.text("figures")
    assert "Figure 4. lfw: covers" in drawn and "4 pairs of 256 x 256" in drawn and "full size is in figures/figure4-lfw.png" in drawn
    assert "Not trained: atique" in drawn and "Not drawn yet: Figure 5 (voc), Figure 6 (imagenet)" in drawn
    assert parsed.values("width")[:2] == [str(WIDEST), "200"]
    assert "basic 400 6.7 2 24.00 0.8000 22.00 0.7000 0.00250" in parsed.text("curves")


def test_nothing_outside_is_asked_for(full):
    text = page(full.folder)
    assert not re.search(r"(?:https?:)?//[\w.]+", re.sub(r"base64,[\w+/=]+", "", text))
    assert "@import" not in text and "url(" not in text and "<script" not in text and "<link" not in text


def test_a_page_of_nothing(results):
    parsed = Page(page(results.folder))
    for section, what in {"table4": "table 4", "table5": "table 5", "table6": "table 6", "figures": "figures", "curves": "figures"}.items():
        assert "not measured yet" in parsed.text(section) and f"isgan {what} --data FOLDER... -o" in parsed.text(section)
    assert parsed.values("src") == []


def test_equal_results_make_equal_pages(full):
    assert page(full.folder) == page(full.folder)


def test_a_page_of_what_the_commands_write(tmp_path, capsys):
    """The columns that are read here are those that are written there."""
    for split, count in {"train": 100, "val": 1, "test": 3}.items():
        (tmp_path / "lfw" / split).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(scene(66, 70, 200 * (split == "test") + number)).save(tmp_path / "lfw" / split / f"{split}{number}.png")
    line = ["--data", str(tmp_path / "lfw"), "-o", str(tmp_path / "r"), "--tiny", "--model", "basic=lsb121", "isgan=lsb332", "ghost"]
    for command in (["table", "5"], ["table", "6"], ["figures"]):
        assert main([*command, *line]) == 0
    assert main(["report", str(tmp_path / "r"), "-o", str(tmp_path / "page.html")]) == 0
    parsed = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert "isgan 3 pairs, 64 px" in parsed.text("table5") and "ghost not trained" in parsed.text("table5")
    assert "another cover another cover" in parsed.text("table6")
    assert "Figure 4. lfw" in parsed.text("figures") and "Not trained: ghost" in parsed.text("figures") and len(parsed.values("src")) == 2


def test_what_came_from_files_is_escaped(results):
    rows = table5()
    rows[1]["model"] = "<script>alert(1)</script>"
    results.write("table5", rows)
    text = page(results.folder)
    assert "<script>" not in text and "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    Page(text)


def test_it_comes_without_torch(full, tmp_path):
    code = "import sys; from isgan.__main__ import main; assert main(sys.argv[1:]) == 0; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, "report", str(full.folder), "-o", str(tmp_path / "page.html")], check=True)


# ---------------------------------------------------------------------- Table 4


@pytest.mark.parametrize(
    ("mixed", "verdict"),
    [
        ((0.9, 0.9), "holds on lfw:"),
        ((0.9, 0.6), "holds on lfw only for the stego image:"),
        ((0.7, 0.9), "holds on lfw only for the secret:"),
        ((0.7, 0.6), "does not hold on lfw:"),
        ((0.8, 0.7), "does not hold on lfw:"),  # no better than the others
    ],
)
def test_the_papers_order(mixed, verdict):
    pairs = dict.fromkeys(LOSSES, (0.8, 0.7)) | {"mse+ssim+ms-ssim": mixed}
    found = {loss: {"stego_ssim": stego, "secret_ssim": secret} for loss, (stego, secret) in pairs.items()}
    first, caution = order("lfw", found, LOSSES)
    assert f"best SSIM of stego image and secret, {verdict}" in first and "may be chance" in caution
    assert f"stego image {mixed[0]:.4f}, the best of the others 0.8000" in first
    assert f"secret {mixed[1]:.4f}, the best of the others 0.7000" in first


def test_an_order_that_is_not_known_yet(results):
    results.write("table4", table4()[:3])
    text = Page(page(results.folder)).text("table4")
    assert "is not known yet: mse+ms-ssim, mse+ssim+ms-ssim not measured" in text
    assert "mse+ms-ssim not measured 23.92 not measured 0.8287" in text  # and the paper's numbers are there


def test_table_4_on_the_page(results):
    results.write("table4", table4((30, 31, 32, 33, 28)))
    text = Page(page(results.folder)).text("table4")
    assert "mse 30.00 ± 1.50 27.97 0.6010 ± 1.5000 0.8592 32.00 ± 1.50 26.30 0.6030 ± 1.5000 0.8391 60 900 10" in text
    assert "does not hold on lfw" in text
    assert page(results.folder).count('class="best"') == 4


# ---------------------------------------------------------------------- Table 5


def test_table_5_on_the_page(results):
    results.write("table5", table5())
    text = Page(page(results.folder)).text("table5")
    assert "isgan 60 pairs, 256 px abcd1234 stego image 30.11 ± 1.50 25.11 31.11 1.00 34.63" in text
    assert "atique stego image not trained 33.70 not trained 0.9500 secret not trained 39.90 not trained -" in text
    assert "baluja not trained - not trained -" in text
    assert "qim 60 pairs, 256 px abcd1234 stego image 78.00 ± 1.50 73.00 exact 7.25 -" in text
    assert "costs most at the stego image of qim on lfw with secrets of lfw, 7.25 dB (exact as a float, 78.00 as a file)." in text
    assert "--side 256" in text


def test_what_saving_costs_most(results):
    rows = table5()
    rows[1] |= {"secret_psnr": 22.7, "float_secret_psnr": 53.0}
    results.write("table5", rows)
    text = Page(page(results.folder)).text("table5")
    assert "costs most at the secret of isgan on lfw with secrets of lfw, 30.30 dB (53.00 as a float, 22.70 as a file)." in text


@pytest.mark.parametrize(("value", "text"), [(34.567, "34.57"), (80.0, "exact"), (math.inf, "exact"), (79.99, "79.99"), (-0.001, "0.00")])
def test_decibels(value, text):
    assert decibels(value) == text


# ---------------------------------------------------------------------- Table 6


def said(found: dict[tuple[str, str], Detection]) -> str:
    return " ".join(verdicts("lfw", found))


@pytest.mark.parametrize(("p_e", "interval"), [(0.5, 0.02), (0.44, 0.02), (0.3, 0.3), (0.1, math.nan)])
def test_a_detector_that_is_too_weak(p_e, interval):
    games = {("clean", "basic"): detection(0.1), ("clean", "isgan"): detection(0.4)}
    found = RIGHT | games | {("control", "lsb-matching"): detection(p_e, interval)}
    assert "the detector is too weak" in said(found) and "what it misses proves nothing" in said(found)
    assert "isgan is detected less than basic" in said(found) and "leaks" not in said(found)


@pytest.mark.parametrize("p_e", [0.44, 0.56, math.nan])
def test_a_test_that_leaks(p_e):
    found = RIGHT | {("control", "cover"): detection(p_e), ("clean", "basic"): detection(0.1), ("clean", "isgan"): detection(0.4)}
    assert "the test leaks" in said(found) and "Nothing can be concluded" in said(found) and "detected less" not in said(found)


@pytest.mark.parametrize(
    ("p_e", "auc", "leaks"),
    [
        ((0.46, 0.01), (0.5, 0.0), False),
        ((0.42, 0.1), (0.5, 0.0), False),
        ((0.42, 0.01), (0.5, 0.0), True),
        ((0.5, 0.0), (0.58, 0.01), True),
    ],
)
def test_what_is_a_leak(p_e, auc, leaks):
    """More than a twentieth and more than the interval, by either measure."""
    found = RIGHT | {("control", "cover"): Detection(Estimate(*p_e), Estimate(*auc))}
    assert ("the test leaks" in said(found)) == leaks


def test_who_saw_the_photographs_is_said_once(results):
    found = {(test, name): detection(0.2) for test in ("clean", "retrained") for name in ("isgan", "basic")}
    rows = table6(RIGHT | found)
    results.write("table6", [row | {"seen": "yes" if row["tested_on"] == "isgan" else "no"} for row in rows])
    assert "of the clean and retrained tests as well: isgan." in Page(page(results.folder)).text("table6")


def test_controls_that_are_missing():
    assert said({("clean", "basic"): detection(0.1)}) == "On lfw the controls are not measured: nothing can be concluded."


@pytest.mark.parametrize("test", ["retrained", "clean", "printed"])
@pytest.mark.parametrize(
    ("basic", "isgan", "words"),
    [
        (0.1, 0.2, "isgan is detected less than basic, by more than the intervals: P_E 0.200 ± 0.020 against 0.100 ± 0.020."),
        (0.2, 0.1, "isgan is detected more than basic, by more than the intervals"),
        (0.1, 0.13, "isgan is not detected less than basic: P_E 0.130 ± 0.020 against 0.100 ± 0.020, a difference within the intervals."),
        (0.1, 0.1, "isgan is not detected less than basic"),
    ],
)
def test_what_adversarial_training_gains(test, basic, isgan, words):
    text = said(RIGHT | {(test, "basic"): detection(basic), (test, "isgan"): detection(isgan)})
    assert "the controls are right" in text and f"In the {test} test {words}" in text
    assert text.count("isgan and basic are not measured") == 2  # of the other tests


def test_the_fairer_comparison_with_the_basic_model_trained_anew():
    found = RIGHT | {("clean", "basic"): detection(0.1), ("clean", "isgan"): detection(0.3), ("clean", "basic-2"): detection(0.31)}
    text = said(found)
    assert "In the clean test isgan is detected less than basic, by" in text
    assert "In the clean test isgan is not detected less than basic-2:" in text
    assert "the fairer comparison" in text


def test_other_models_trained_adversarially_are_compared_with_what_they_came_from():
    found = RIGHT | {("retrained", "wavelet"): detection(0.1), ("retrained", "wavelet-adversarial"): detection(0.3)}
    text = said(found)
    assert "In the retrained test wavelet-adversarial is detected less than wavelet, by more than the intervals" in text
    assert "In the clean test wavelet-adversarial and wavelet are not measured" in text
    assert "adversarial" not in said(RIGHT | {("retrained", "wavelet"): detection(0.1)}).replace("adversarially", "")


def test_table_6_on_the_page(full):
    text = Page(page(full.folder)).text("table6")
    assert "On lfw the controls are right: LSB matching is found (P_E 0.100 ± 0.020)" in text
    assert "In the retrained test isgan is detected less than basic" in text
    assert "In the clean test isgan is not detected less than basic:" in text
    assert "isgan basic 0.750 ± 0.010 0.250 ± 0.020 0.750 ± 0.020 0.8059 / 0.7887 / 0.7825 300 125 3" in text
    assert "baluja not trained" in text
    assert "--steganalyzer xunet --budget 5.0 --splits 3 --side 256" in text


def test_a_set_whose_rows_come_in_two_runs_is_one(results):
    """The second run was of other models, on both sets."""
    rows = [*table6(RIGHT, "lfw"), *table6(RIGHT, "voc"), *table6({("retrained", "isgan"): detection(0.2)}, "lfw")]
    results.write("table6", rows)
    text = Page(page(results.folder)).text("table6")
    assert text.count("On lfw the controls are right") == text.count("On voc the controls are right") == 1
    assert "nothing can be concluded" not in text


def test_detectors_stand_side_by_side(results):
    """What one found says nothing of the other's controls."""
    blind = RIGHT | {("control", "lsb-matching"): detection(0.5)}
    results.write("table6", [*table6(RIGHT, "lfw"), *table6(blind, "lfw", "spam")])
    text = Page(page(results.folder)).text("table6")
    assert text.count("lfw: steganalyzer xunet") == text.count("lfw: steganalyzer spam") == 1
    assert text.count("On lfw the controls are right") == text.count("On lfw the detector is too weak") == 1


def test_intervals_that_are_not_there(results):
    rows = table6(RIGHT)
    rows[0]["p_e_interval"] = math.nan
    results.write("table6", rows)
    assert "the detector is too weak" in Page(page(results.folder)).text("table6")


# ---------------------------------------------------------------------- what is refused


def refused(capsys, *tokens: object) -> str:
    assert main(["report", *map(str, tokens)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    return err


def test_folders_that_are_no_results(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "nowhere", tmp_path / "empty"):
        assert "is not a folder of results" in refused(capsys, folder, "-o", tmp_path / "page.html")
    assert not (tmp_path / "nowhere").exists() and not list((tmp_path / "empty").iterdir())
    Results(tmp_path / "old")
    (tmp_path / "old" / "VERSION").write_text("0\n")
    assert "version 0" in refused(capsys, tmp_path / "old", "-o", tmp_path / "page.html")


def test_outputs(results, tmp_path, capsys):
    out = tmp_path / "page.html"
    out.write_text("mine")
    assert "--force" in refused(capsys, results.folder, "-o", out) and out.read_text() == "mine"
    assert "create it first" in refused(capsys, results.folder, "-o", tmp_path / "no" / "page.html")
    assert "is a folder" in refused(capsys, results.folder, "-o", tmp_path, "--force")
    assert main(["report", str(results.folder), "-o", str(out), "--force"]) == 0
    assert out.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("table4", "loss,set\nmse,lfw\n"),
        ("table5", "model,covers,secrets,status,pairs,side\nisgan,lfw,lfw,measured,3,x\n"),
        ("table5", "hello\nyou\n"),
        ("table6", "test,set,tested_on,status\ncontrol,lfw,cover,measured\n"),
        ("figures", "file\nfigure4-lfw.png\n"),
    ],
)
def test_tables_of_something_else(results, tmp_path, capsys, table, text):
    (results.folder / f"{table}.csv").write_text(text)
    assert f"{table}.csv has no" in refused(capsys, results.folder, "-o", tmp_path / "page.html")


def test_pictures_that_are_none(full, tmp_path, capsys):
    (full.folder / "figures" / "figure4-lfw.png").write_text("no picture")
    assert "figure4-lfw.png" in refused(capsys, full.folder, "-o", tmp_path / "page.html")
    (full.folder / "figures" / "figure4-lfw.png").unlink()
    assert "Not drawn yet: Figure 4 (lfw)" in Page(page(full.folder)).text("figures")


def test_a_full_disk(results, tmp_path, capsys, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert "No space left" in refused(capsys, results.folder, "-o", tmp_path / "page.html")
    assert [path.name for path in tmp_path.iterdir()] == ["results"]
