"""Later versions must read the files of this one: what coders read in fixed elements, from `docs/format-coders.md`."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

from isgan.coders import coders
from isgan.coders.columns import SEEDS, columns

TEXT = (Path(__file__).parents[2] / "docs" / "format-coders.md").read_text()


@pytest.mark.parametrize("name", coders.names())
def test_bits_of_the_vectors(name):
    short, digest = re.search(rf"^\| `{name}` \| `(\w+)` \| `(\w+)` \|$", TEXT, re.M).groups()
    i = np.arange(3000)
    elements = ((37 * i + i * i // 7) % 256).astype(np.int16)
    coder = coders[name]()
    assert np.packbits(coder.extract(elements, 40), bitorder="little").tobytes().hex() == short
    long = np.packbits(coder.extract(elements, 1000), bitorder="little").tobytes()
    assert hashlib.sha256(long).hexdigest() == digest


def test_columns_that_are_written_down():
    written = re.findall(r"C\((\d+), (\d+)\) = ([\d, ]+)", TEXT)
    assert len(written) == 4
    for height, width, numbers in written:
        assert columns(int(height), int(width)).tolist() == [int(number) for number in numbers.split(",")]


def test_numbers_of_the_column_sets():
    assert {int(h): text for h, text in re.findall(r"^\| (\d+) \| `([0-9A-V]{48})` \|$", TEXT, re.M)} == SEEDS
