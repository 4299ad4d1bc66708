"""Pictures that were hidden long ago come back as they did: weights, carriers, marker and keys stay what they are.

The photographs are those of `examples`; `golden/attribution.csv` says whose.
"""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isgan import models
from isgan.covers.png import PngCover
from isgan.key import Key

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = {"qim": "qim", "qim-color": "qim", "wavelet": "wavelet"}


@pytest.mark.parametrize("case", CASES)
def test_it_is_revealed_as_it_was(case):
    stego = PngCover.read((GOLDEN / f"{case}-stego.png").read_bytes(), case)
    kept = np.array(Image.open(GOLDEN / f"{case}-revealed.png"))
    revealed = models.load(CASES[case]).reveal(stego, Key("long ago", stego.salt())).picture
    assert revealed.shape == kept.shape and np.abs(revealed.astype(int) - kept).max() <= 1


def test_the_files_are_small_and_have_authors():
    pictures = sorted(path.name for path in GOLDEN.glob("*.png"))
    with (GOLDEN / "attribution.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["file"] for row in rows) == pictures and all(all(row.values()) for row in rows)
    assert pictures and all((GOLDEN / name).stat().st_size < 25_000 for name in pictures)
