"""Later versions must read the files of this one: what coders read in fixed elements, from `docs/format-coders.md`."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

from isgan.coders import coders, digits, ternary
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


def test_dense_bits_of_the_vectors():
    digest = re.search(r"4,200 bits, .*\n`(\w{64})`", TEXT).group(1)
    i = np.arange(3000)
    said = coders["stc"]().extract(((37 * i + i * i // 7) % 256).astype(np.int16), 4200)
    assert hashlib.sha256(np.packbits(said, bitorder="little").tobytes()).hexdigest() == digest


def test_ternary_columns_that_are_written_down():
    written = re.search(r"T\(2\) = (\d+), (\d+)", TEXT).groups()
    assert ternary.columns(2).tolist() == [[int(digit) for digit in column] for column in written]


def test_words_of_digits_that_are_written_down():
    assert digits.word(3) == (12, 19) and digits.word(7) == (5, 14)
    assert "For q = 3 L is 12 and b(L) 19; for q = 7 they are 5 and 14." in TEXT


def test_columns_that_are_written_down():
    written = re.findall(r"C\((\d+), (\d+)\) = ([\d, ]+)", TEXT)
    assert len(written) == 4
    for height, width, numbers in written:
        assert columns(int(height), int(width)).tolist() == [int(number) for number in numbers.split(",")]


def test_numbers_of_the_column_sets():
    assert {int(h): text for h, text in re.findall(r"^\| (\d+) \| `([0-9A-V]{48})` \|$", TEXT, re.M)} == SEEDS
