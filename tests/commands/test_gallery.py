"""`isgan gallery` as a user runs it."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isgan.__main__ import main

PHOTOGRAPHS = sorted((Path(__file__).parents[2] / "examples").glob("*/*.png"))


@pytest.fixture
def photographs(tmp_path):
    folder = tmp_path / "photos" / "test"
    folder.mkdir(parents=True)
    for path in PHOTOGRAPHS[:3]:
        shutil.copy(path, folder)
    return folder.parent


def test_a_sheet_shows_each_pair_and_each_model(photographs, tmp_path, capsys):
    sheet = tmp_path / "sheet.png"
    assert main(["gallery", "--data", str(photographs), "-o", str(sheet), "-n", "2", "--side", "96",
                 "--model", "adaptive", "lsb332"]) == 0  # fmt: skip
    assert "adaptive, lsb332" in capsys.readouterr().out
    one = np.asarray(Image.open(sheet).convert("RGB")).astype(int)
    first = np.asarray(Image.open(photographs / "test" / PHOTOGRAPHS[0].name).convert("RGB").resize((96, 96), Image.Resampling.BILINEAR))
    places = [(top, left) for top in range(one.shape[0] - 95) for left in range(one.shape[1] - 95)
              if np.abs(one[top + 48, left : left + 96] - first[48]).mean() < 4]  # fmt: skip
    assert len({left for _, left in places}) >= 3  # the cover, and two stego images that look like it


def test_a_sheet_is_not_overwritten_and_not_named_wrong(photographs, tmp_path, capsys):
    sheet = tmp_path / "sheet.jpg"
    sheet.write_bytes(b"mine")
    assert main(["gallery", "--data", str(photographs), "-o", str(sheet)]) == 2
    assert main(["gallery", "--data", str(photographs), "-o", str(tmp_path / "sheet.txt")]) == 2
    assert capsys.readouterr().err.count("isgan: error") == 2
    assert sheet.read_bytes() == b"mine"
