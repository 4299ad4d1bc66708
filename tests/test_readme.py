"""Every command and every Python block of the README runs as it stands, in a folder with two photographs."""

import csv
import re
import shlex
import shutil
from pathlib import Path

import pytest
from PIL import Image

import isgan
from isgan import models
from isgan.__main__ import main
from isgan.evaluation.leaderboard import markdown
from isgan.hiders import hiders
from isgan.metrics.quality import MEASURES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
EXAMPLES = sorted((ROOT / "examples").glob("*/*.png"))


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """What a reader has in front of them: two pictures, some photographs, the recipes."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(EXAMPLES[0], "cover.png")
    shutil.copy(EXAMPLES[-1], "secret.png")
    shutil.copytree(ROOT / "recipes", "recipes")
    for split in ("train", "val", "test"):
        Path("photos", split).mkdir(parents=True)
        for copy in range(3 if split == "train" else 1):  # a batch of 8 pairs takes 16 photographs
            for photograph in EXAMPLES if split == "train" else EXAMPLES[:2]:
                shutil.copy(photograph, Path("photos", split, f"{copy}-{photograph.name}"))
    source = Image.open(EXAMPLES[0]).convert("RGB")
    for split, count in (("train", 100), ("val", 1), ("test", 4)):
        Path("lfw", split).mkdir(parents=True)
        for number in range(count):
            source.crop((number, number, number + 70, number + 70)).save(Path("lfw", split, f"{number}.png"))
    return tmp_path


def test_every_command_runs(folder, capsys):
    commands = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("isgan ")]
    assert len(commands) >= 11
    for command in commands:
        assert main(shlex.split(command, comments=True)[1:]) in (0, None), command
    assert Path("stego.png").is_file() and Path("revealed.png").is_file()
    assert "<html" in Path("report.html").read_text()
    assert len(Path("quality.csv").read_text().splitlines()) == 1 + 2 * 3
    assert "qim" in capsys.readouterr().out


def test_make_targets_exist():
    targets = re.findall(r"^make (\w+)", README, re.MULTILINE)
    assert targets
    for target in targets:
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), target


def test_python_blocks_run(folder):
    api, part = blocks("python")
    exec(api, {})
    assert Path("revealed-from-python.png").is_file()
    names = hiders.names()
    try:
        exec(part, {})
        stego = isgan.hide("cover.png", "secret.png", model="fainter")
        assert isgan.reveal(stego, model="fainter").size == stego.size
    finally:
        for name in set(hiders.names()) - set(names):
            del hiders._parts[name]


def test_the_table_is_the_leaderboard():
    """What `isgan leaderboard` wrote, which tests/test_leaderboard.py compares with the images' rows."""
    board = ROOT / "docs" / "results" / "board"
    assert (board / "leaderboard.md").read_text() in README
    with (board / "leaderboard.csv").open(newline="") as file:
        assert markdown(list(csv.DictReader(file))) == (board / "leaderboard.md").read_text()


def test_the_default_model_over_all_test_photographs():
    """The README's other figures are means of the committed per-image results, rounded."""
    with (ROOT / "docs" / "results" / "quality.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    table = re.findall(r"^\| (\w+) \| (\d+) \| ([\d.]+) / ([\d.]+) \| ([\d.]+) / ([\d.]+) \|", README, re.MULTILINE)
    assert len(table) == 4
    card = models.card("qim")["scores"]
    for name, count, *figures in table:
        group = [row for row in rows if row["set"] == name and row["model"] == "qim"]
        assert len(group) == int(count)
        for figure, column in zip(figures, MEASURES, strict=True):
            mean = sum(float(row[column]) for row in group) / len(group)
            assert float(figure) == pytest.approx(mean, abs=0.0051 if column.endswith("psnr") else 0.000051), (name, column)
            assert card[f"{name} test"][column] == pytest.approx(mean, abs=1e-4), "the card is of other weights"
