"""Every command and every Python block of the README runs as it stands, in a folder with two photographs."""

import csv
import re
import shlex
import shutil
from pathlib import Path

import photos
import pytest
from PIL import Image

from isgan.__main__ import main
from isgan.costs import costs
from isgan.covers.png import PngCover

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = sorted((ROOT / "examples").glob("*/*.png"))


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """What a reader has in front of them: a JPEG, two pictures, a text, some photographs, the recipes; and a pass phrase."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISGAN_PASS", "correct horse battery staple")
    shutil.copy(EXAMPLES[0], "cover.png")
    Image.open(EXAMPLES[-1]).resize((64, 64)).save("secret.png")
    Image.open(EXAMPLES[0]).convert("RGB").save("photo.jpg", quality=90)
    Path("notes.txt").write_text("Meet me at noon.\n")
    Path("inbox").mkdir()
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
    assert len(commands) >= 15
    for command in commands:
        assert main(shlex.split(command, comments=True)[1:]) in (0, None), (command, capsys.readouterr().err)
    assert Path("inbox/notes.txt").read_text() == "Meet me at noon.\n"
    assert "<html" in Path("report.html").read_text()
    assert len(Path("quality.csv").read_text().splitlines()) > 2


def test_make_targets_exist():
    targets = re.findall(r"^make (\w+)", README, re.MULTILINE)
    assert targets
    for target in targets:
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), target


def test_python_blocks_run(folder):
    api, part = blocks("python")
    exec(api, {})
    assert Path("secret-from-python.png").is_file()
    names = costs.names()
    try:
        exec(part, {})
        prices = costs["edges"](PngCover(photos.photograph(64)))
        assert prices.up[0].shape == (64, 64)
    finally:
        for name in set(costs.names()) - set(names):
            del costs._parts[name]


def test_files_and_folders_that_are_named_exist():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_table_is_what_evaluate_wrote():
    with (ROOT / "docs/results/methods.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    shown = re.findall(r"^\| `([\w-]+)` \| ([\d.]+) \| ([\w.]+) \| (\d+) % \|", README, re.MULTILINE)
    assert len(shown) == 6
    for name, *figures in shown:
        own = [row for row in rows if row["model"] == name]
        assert len(own) == 30
        for figure, column, share in zip(figures, ("stego_psnr", "secret_psnr", "changed"), (1, 1, 100), strict=True):
            mean = share * sum(float(row[column]) for row in own) / len(own)
            assert mean == (float("inf") if figure == "exact" else pytest.approx(float(figure), abs=0.51 if share > 1 else 0.0051))


def test_the_table_of_detectors_is_what_was_measured():
    with (ROOT / "docs/results/strategies.csv").open(newline="") as file:
        measured = {row["bytes"]: row for row in csv.DictReader(file)
                    if (row["cost"], row["strategy"], row["model-based"]) == ("hill", "cmdc", "")}  # fmt: skip
    shown = re.findall(r"^\| ([\d,]+) bytes \|[ \w]*\| ([\d.]+) \| ([\d.]+) % \| ([\d.]+) \| ([\d.]+) \|", README, re.MULTILINE)
    assert len(shown) == 4
    for size, stego, changed, crm, spam in shown:
        row = measured[size.replace(",", "")]
        assert float(stego) == pytest.approx(float(row["stego dB"]), abs=0.051)
        assert float(changed) == pytest.approx(100 * float(row["samples changed"]), abs=0.051)
        assert float(crm) == float(row["P_E CRM"]) and float(spam) == float(row["P_E SPAM x 3"])
