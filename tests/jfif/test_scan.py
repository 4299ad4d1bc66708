"""Reading and writing of coefficients, against libjpeg by way of jpegio and Pillow."""

import io
from pathlib import Path

import numpy as np
import pytest
from bad_jpegs import bad_jpegs, good, scratched
from hypothesis import given, settings
from hypothesis import strategies as st
from photos import photograph
from PIL import Image

from isgan.covers.jpeg import JpegCover
from isgan.errors import IsganError
from isgan.jfif import huffman
from isgan.jfif.file import read
from isgan.jfif.layout import layout
from isgan.jfif.scan import Baseline, frequencies, write
from isgan.jfif.segments import Header

KINDS = {
    "4:4:4": {"subsampling": 0},
    "4:2:2": {"subsampling": 1, "quality": 60},
    "4:2:0": {"subsampling": 2},
    "optimised": {"subsampling": 2, "optimize": True, "quality": 30},
    "restarts": {"subsampling": 1, "restart_marker_rows": 1},
    "gray": {"quality": 95},
}
KINDS |= {f"progressive, {kind}": options | {"progressive": True} for kind, options in KINDS.items()}

GOOD = good()


def file_of(kind: str, side: tuple[int, int] = (77, 130)) -> bytes:
    pixels = photograph(192, gray=kind.endswith("gray"))[: side[0], : side[1]]
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", **{"quality": 85} | KINDS[kind])
    return file.getvalue()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", [(8, 8), (17, 9), (77, 130)])
def test_coefficients_are_libjpegs_and_come_back_byte_for_byte(kind: str, side: tuple[int, int], tmp_path: Path):
    jpegio = pytest.importorskip("jpegio")
    data = file_of(kind, side)
    coding = read(data, "a file")
    (tmp_path / "a.jpg").write_bytes(data)
    known = jpegio.read(str(tmp_path / "a.jpg"))
    planes = layout(coding.header).planes(coding.buffer)
    assert len(planes) == len(known.coef_arrays)
    for plane, coefficients in zip(planes, known.coef_arrays, strict=True):
        np.testing.assert_array_equal(plane, coefficients)
    header, picture = coding.written(coding.buffer, 1)
    assert header.raw + picture + b"\xff\xd9" == data and coding.pad == 1
    assert data[coding.stop :] == b"\xff\xd9"


def usage(data: bytes) -> tuple[huffman.Tables, np.ndarray]:
    """A baseline file's tables, and how often each symbol is needed."""
    coding = read(data, "a file")
    return coding.header.tables, frequencies(coding.buffer, coding.header)


@pytest.mark.parametrize("key", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_shortest_table_is_made_anew_and_is_libjpegs(key: tuple[int, int]):
    tables, counts = usage(file_of("optimised"))
    before = counts[huffman.row(*key)]
    assert huffman.fitted(tables[key], before, before) == tables[key] == huffman.shortest(before)
    after = before[::-1].copy()
    assert huffman.fitted(tables[key], before, after) == huffman.shortest(after)


def test_another_table_stays_while_it_has_every_symbol():
    tables, counts = usage(file_of("4:2:0"))
    table, before = tables[1, 0], counts[huffman.row(1, 0)]
    more = before + (np.isin(np.arange(256), list(table.symbols)))
    assert huffman.fitted(table, before, more) == table != huffman.shortest(before)
    more[next(symbol for symbol in range(256) if symbol not in table.symbols)] = 1
    assert huffman.fitted(table, before, more) == huffman.shortest(more)


def test_symbols_of_equal_length_keep_an_encoders_own_order():
    tables, counts = usage(file_of("optimised"))
    table, before = tables[1, 0], counts[huffman.row(1, 0)]
    bits = max(length for length in range(16) if table.counts[length] > 1)
    start = sum(table.counts[:bits])
    symbols = bytearray(table.symbols)
    symbols[start], symbols[start + 1] = symbols[start + 1], symbols[start]
    own = table._replace(symbols=bytes(symbols))
    assert huffman.fitted(own, before, before) == own


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), density=st.floats(0, 1), reach=st.integers(1, 1023), interval=st.integers(0, 7))
def test_any_coefficients_come_back(seed: int, density: float, reach: int, interval: int):
    coding = read(GOOD, "a file")
    buffer = drawn(coding.buffer.size, seed, density, reach)
    header = Header(**{**vars(coding.header), "interval": interval})
    counts, none = frequencies(buffer, header), np.zeros(256, int)
    tables = {key: huffman.fitted(table, none, counts[huffman.row(*key)]) for key, table in header.tables.items()}
    header = header.with_tables(tables)
    written = write(buffer, header, counts, seed & 1)
    again = Baseline(header.raw + written + b"\xff\xd9", header, "a file")
    np.testing.assert_array_equal(again.buffer, buffer)
    assert again.stop == len(header.raw) + len(written)


def drawn(size: int, seed: int, density: float, reach: int) -> np.ndarray:
    """Coefficients up to `reach`, of which a share is not 0, (size,) int16."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(size) < density, rng.integers(-reach, reach + 1, size), 0).astype(np.int16)


@given(counts=st.lists(st.integers(0, 10**6), min_size=256, max_size=256).filter(any))
@settings(max_examples=30, deadline=None)
def test_shortest_table_has_what_is_needed_and_a_code_is_left(counts: list[int]):
    table = huffman.shortest(np.array(counts))
    assert set(table.symbols) == {symbol for symbol, count in enumerate(counts) if count}
    room = sum(count << (16 - bits) for bits, count in enumerate(table.counts, 1))
    assert room < 1 << 16


def test_very_uneven_frequencies_stay_within_16_bits():
    counts = np.zeros(256, np.int64)
    counts[:40] = [int(1.7**power) + 1 for power in range(40)]  # an unbounded code would have 39 bits
    table = huffman.shortest(counts)
    assert sum(table.counts) == 40
    assert sum(count << (16 - bits) for bits, count in enumerate(table.counts, 1)) < 1 << 16


@pytest.mark.parametrize(("name", "data"), list(bad_jpegs()), ids=lambda value: value if isinstance(value, str) else "")
def test_bad_files_are_refused_in_one_line(name: str, data: bytes):
    with pytest.raises(IsganError) as refused:
        JpegCover.read(data, name)
    assert name in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["baseline", "progressive"])
def test_scratched_files_are_read_or_refused(options: dict):
    outcomes = []
    for data in scratched(300, **options):
        try:
            outcomes.append(JpegCover.read(data, "scratched").samples > 0)
        except IsganError:
            outcomes.append(False)
    assert 10 < sum(outcomes) < 290
