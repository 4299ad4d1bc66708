"""Later versions must read the files of this one: what coders read in fixed elements, from `docs/format-coders.md`."""

import functools
import hashlib
import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from isgan.coders import coders, digits, ternary
from isgan.coders.columns import SEEDS, columns
from isgan.coders.stc import Stc

TEXT = (Path(__file__).parents[2] / "docs" / "format-coders.md").read_text()


def said_by_the_words(elements: list[int], m: int, h: int) -> list[int]:
    """Points 1 to 6 of the page, step by step, of 110 bits for 100 elements at most."""
    n = len(elements)
    big_n = min(n, 20 * m)
    cut = [k * n // big_n for k in range(big_n + 1)]
    values = [(k + sum(elements[cut[k] : cut[k + 1]])) % 4 for k in range(big_n)]
    segments, said = min((big_n + 8191) // 8192, max(1, (m + 1024) // 2048)), []
    for t in range(segments):
        own = values[t * big_n // segments : (t + 1) * big_n // segments]
        c = (t + 1) * m // segments - t * m // segments
        u = (53 * c + 50) // 100
        for digits_, q in (([v // 2 for v in own], u), ([v % 2 for v in own], c - u)):
            e = min(16, (len(own) - q) // 4)
            starts = [0, *(e + i * (len(own) - e) // q for i in range(1, q)), len(own)] if q else []
            sizes = [b - a for a, b in itertools.pairwise(starts)]
            sums = []
            for i in range(q):
                chosen = columns_by_the_words(h, max(sizes[1:], default=1) if i else sizes[0])
                sums.append(0)
                for j, digit in enumerate(digits_[starts[i] : starts[i + 1]]):
                    sums[i] ^= chosen[j] * digit
            said += [sum(sums[r - d] >> d & 1 for d in range(min(r, h - 1) + 1)) % 2 for r in range(q)]
    return said


@functools.cache
def columns_by_the_words(h: int, w: int) -> list[int]:
    numbers = re.search(rf"^\| {h} \| `(\w{{48}})` \|$", TEXT, re.M).group(1)
    s, found, k = int(numbers[w - 1], 32) if w <= 48 else 0, [], 0
    while len(found) < w:
        digest = hashlib.sha256(f"isgan stc {h} {w} {s} {k}".encode()).digest()
        for word in range(0, 32, 2):
            column = int.from_bytes(digest[word : word + 2], "little") % 2**h | 1 | 2 ** (h - 1)
            if column not in found or len(found) >= 2 ** (h - 2):
                found.append(column)
        k += 1
    return found[:w]


@pytest.mark.parametrize(
    ("n", "m"), [(1, 1), (37, 1), (500, 1), (3000, 700), (90_000, 3000), (90_000, 4096), (20_000, 21_000), (16_400, 3072), (16_400, 3071)]
)
def test_what_the_words_read(n, m):
    """One segment and several, of one element a sum and of many."""
    elements = np.random.default_rng(n + m).integers(-9, 256, n).astype(np.int16)
    for height in (7, 10):
        assert Stc(height).extract(elements, m).tolist() == said_by_the_words(elements.tolist(), m, height)


@pytest.mark.parametrize("name", coders.names())
def test_bits_of_the_vectors(name):
    short, digest = re.search(rf"^\| `{name}` \| `(\w+)` \| `(\w+)` \|$", TEXT, re.M).groups()
    i = np.arange(3000)
    elements = ((37 * i + i * i // 7) % 256).astype(np.int16)
    coder = coders[name]()
    assert np.packbits(coder.extract(elements, 40), bitorder="little").tobytes().hex() == short
    long = np.packbits(coder.extract(elements, 1000), bitorder="little").tobytes()
    assert hashlib.sha256(long).hexdigest() == digest


@pytest.mark.parametrize(("count", "bits", "words"), [(3000, 4200, "in digits of three"), (120_000, 20_000, "in ten segments")])
def test_dense_and_long_bits_of_the_vectors(count, bits, words):
    digest = re.search(rf"{bits:,} bits of {count:,} elements, {words}, have the digest\n`(\w{{64}})`", TEXT).group(1)
    i = np.arange(count)
    said = coders["stc"]().extract(((37 * i + i * i // 7) % 256).astype(np.int16), bits)
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
