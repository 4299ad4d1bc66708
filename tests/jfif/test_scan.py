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
from isgan.jfif import huffman, scan
from isgan.jfif.segments import Header, read_header

KINDS = {
    "4:4:4": {"subsampling": 0},
    "4:2:2": {"subsampling": 1, "quality": 60},
    "4:2:0": {"subsampling": 2},
    "optimised": {"subsampling": 2, "optimize": True, "quality": 30},
    "restarts": {"subsampling": 1, "restart_marker_rows": 1},
    "gray": {"quality": 95},
}

GOOD = good()


def file_of(kind: str, side: tuple[int, int] = (77, 130)) -> bytes:
    pixels = photograph(192, gray=kind == "gray")[: side[0], : side[1]]
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", **{"quality": 85} | KINDS[kind])
    return file.getvalue()


def taken_apart(data: bytes) -> tuple[Header, np.ndarray, int]:
    header = read_header(data, "a file")
    return header, *scan.read(data, header, "a file")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", [(8, 8), (17, 9), (77, 130)])
def test_coefficients_are_libjpegs_and_come_back_byte_for_byte(kind: str, side: tuple[int, int], tmp_path: Path):
    jpegio = pytest.importorskip("jpegio")
    data = file_of(kind, side)
    header, buffer, stop = taken_apart(data)
    (tmp_path / "a.jpg").write_bytes(data)
    known = jpegio.read(str(tmp_path / "a.jpg"))
    planes = scan.layout(header).planes(buffer)
    assert len(planes) == len(known.coef_arrays)
    for plane, coefficients in zip(planes, known.coef_arrays, strict=True):
        np.testing.assert_array_equal(plane, coefficients)
    assert data[len(header.raw) : stop] == scan.write(buffer, header, scan.frequencies(buffer, header), 1)
    assert data[stop:] == b"\xff\xd9"


def test_shortest_tables_are_libjpegs():
    header, buffer, _ = taken_apart(file_of("optimised"))
    counts = scan.frequencies(buffer, header)
    assert scan.shortest(counts, header.tables, counts) == header.tables
    assert scan.is_shortest(header.tables, counts)
    usual, buffer, _ = taken_apart(file_of("4:2:0"))
    assert not scan.is_shortest(usual.tables, scan.frequencies(buffer, usual))


def test_symbols_of_equal_length_keep_an_encoders_own_order():
    header, buffer, _ = taken_apart(file_of("optimised"))
    counts = scan.frequencies(buffer, header)
    table = header.tables[1, 0]
    bits = max(length for length in range(16) if table.counts[length] > 1)
    start = sum(table.counts[:bits])
    symbols = bytearray(table.symbols)
    symbols[start], symbols[start + 1] = symbols[start + 1], symbols[start]
    own = header.tables | {(1, 0): table._replace(symbols=bytes(symbols))}
    assert scan.shortest(counts, own, counts) == own


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), density=st.floats(0, 1), reach=st.integers(1, 1023), interval=st.integers(0, 7))
def test_any_coefficients_come_back(seed: int, density: float, reach: int, interval: int):
    header, buffer, _ = taken_apart(GOOD)
    rng = np.random.default_rng(seed)
    buffer = np.where(rng.random(buffer.shape) < density, rng.integers(-reach, reach + 1, buffer.shape), 0).astype(
        np.int16
    )
    header = Header(**{**vars(header), "interval": interval})
    counts = scan.frequencies(buffer, header)
    header = header.with_tables(scan.shortest(counts, header.tables, counts))
    written = scan.write(buffer, header, counts, seed & 1)
    again, stop = scan.read(header.raw + written + b"\xff\xd9", header, "a file")
    np.testing.assert_array_equal(again, buffer)
    assert stop == len(header.raw) + len(written)


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


def test_scratched_files_are_read_or_refused():
    outcomes = []
    for data in scratched(300):
        try:
            outcomes.append(JpegCover.read(data, "scratched").samples > 0)
        except IsganError:
            outcomes.append(False)
    assert 10 < sum(outcomes) < 290
