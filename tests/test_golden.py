"""Pictures that were hidden long ago come back as they did: weights, carriers and the strength in a stego image stay what they are.

The photographs are those of `examples`; `golden/attribution.csv` says whose.
"""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import isgan

GOLDEN = Path(__file__).parent / "golden"
# By file: the model, and the strength that the stego image tells of.
CASES = {
    "qim": ("qim", 7),
    "qim-color": ("qim", 5),
    "qim-weights": ("qim-weights", 7),
    "qim-weights-color": ("qim-weights", 5),
    "qim-biases": ("qim-biases", 7),
    "qim-biases-color": ("qim-biases", 5),
    "qim-luma": ("qim-luma", 6),
    "qim-4": ("qim-4", None),
    "wavelet": ("wavelet", None),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_revealed_as_it_was(case):
    model, strength = CASES[case]
    stego, kept = (Image.open(GOLDEN / f"{case}-{what}.png") for what in ("stego", "revealed"))
    revealed = isgan.reveal(stego, model=model)
    assert (revealed.mode, revealed.size) == (kept.mode, kept.size)
    assert np.abs(np.array(revealed).astype(int) - np.array(kept)).max() <= 1
    assert isgan.load(model).strength_of(np.array(stego)) == strength


def test_the_files_are_small_and_have_authors():
    pictures = sorted(path.name for path in GOLDEN.glob("*.png"))
    with (GOLDEN / "attribution.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["file"] for row in rows) == pictures and all(all(row.values()) for row in rows)
    assert len(pictures) == 2 * len(CASES) and all((GOLDEN / name).stat().st_size < 20_000 for name in pictures)
