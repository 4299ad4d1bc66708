"""Progressive files: any coefficients are written by the cover's own scans, as libjpeg would and as it reads them."""

import io
from pathlib import Path

import numpy as np
import pytest
from bad_jpegs import good
from hypothesis import given, settings
from hypothesis import strategies as st
from photos import file_of, photograph, stirred
from PIL import Image

from isgan.covers.jpeg import JpegCover
from isgan.jfif import huffman
from isgan.jfif.file import read
from isgan.jfif.layout import layout
from isgan.jfif.progressive import Progressive

FILES = [good(progressive=True, **options) for options in ({}, {"subsampling": 2}, {"mode": "L", "quality": 30})]


@settings(max_examples=40, deadline=None)
@given(file=st.sampled_from(FILES), seed=st.integers(0, 2**32 - 1), density=st.floats(0, 1),
       reach=st.sampled_from([1, 2, 3, 15, 1023]), pad=st.integers(0, 1))  # fmt: skip
def test_any_coefficients_come_back(file: bytes, seed: int, density: float, reach: int, pad: int):
    coding = read(file, "a file")
    assert isinstance(coding, Progressive) and coding.header.interval == 5
    buffer, rng = coding.buffer.copy(), np.random.default_rng(seed)
    for plane in layout(coding.header).planes(buffer):
        plane[...] = np.where(rng.random(plane.shape) < density, rng.integers(-reach, reach + 1, plane.shape), 0)
    header, picture = coding.written(buffer, pad)
    again = read(header.raw + picture + b"\xff\xd9", "a file")
    np.testing.assert_array_equal(again.buffer, buffer)
    assert again.stop == len(header.raw) + len(picture)
    markers = [[segment.marker for segment in one.header.segments] for one in (coding, again)]
    assert markers[0] == markers[1]
    Image.open(io.BytesIO(header.raw + picture + b"\xff\xd9")).load()


@pytest.mark.parametrize("options", [{"subsampling": 0}, {"subsampling": 2}, {"gray": True}, {"quality": 97}],
                         ids=["4:4:4", "4:2:0", "gray", "97"])  # fmt: skip
def test_a_stego_image_is_what_libjpeg_would_have_written(options: dict, tmp_path: Path):
    pytest.importorskip("jpegio")
    gray = options.pop("gray", False)
    pixels = photograph(192, gray=gray)[:181, :189]
    twins = [JpegCover.read(file_of(pixels, progressive=kind, **options), "photo.jpg") for kind in (False, True)]
    np.testing.assert_array_equal(twins[0].planes[0], twins[1].planes[0])
    assert twins[0].salt() == twins[1].salt()
    for share in (0.02, 0.5):
        baseline, progressive = (stirred(cover, share) for cover in twins)
        assert progressive.suspicion() is None
        np.testing.assert_array_equal(baseline.pixels(), progressive.pixels())
        theirs = rewritten(progressive.encode(), progressive.planes[0], tmp_path)
        assert len(theirs) == len(progressive.encode())
        # Versions of libjpeg give other numbers to the tables of colour; each scan has its own.
        assert other(progressive.encode(), theirs) == other(twins[1].encode(), rewritten(twins[1].encode(), None, tmp_path))


def rewritten(data: bytes, plane: np.ndarray | None, folder: Path) -> bytes:
    """A file written again by libjpeg, with its own tables, if it has the coefficients `plane`."""
    import jpegio

    (folder / "a.jpg").write_bytes(data)
    known = jpegio.read(str(folder / "a.jpg"))
    if plane is not None:
        np.testing.assert_array_equal(known.coef_arrays[0], plane)
    jpegio.write(known, str(folder / "b.jpg"))
    return (folder / "b.jpg").read_bytes()


def other(one: bytes, two: bytes) -> int:
    """How many bytes are not the same."""
    return sum(a != b for a, b in zip(one, two, strict=True))


def test_tables_that_are_not_the_shortest_stay():
    """An encoder whose tables have more symbols than its scans need uses the same for other coefficients."""
    calm = JpegCover.read(file_of(photograph(64, gray=True), progressive=True, quality=60), "photo.jpg")
    coding, busy = calm._coding, read(stirred(calm, 0.3).encode(), "photo.jpg")
    usage = (coding._usage(coding._counted(buffer)) for buffer in (coding.buffer, busy.buffer))
    coding._tables = [{key: huffman.shortest(counts[key] + more[key]) for key in counts} for counts, more in zip(*usage, strict=True)]
    header, picture = coding.written(coding.buffer, 1)
    generic = JpegCover.read(header.raw + picture + b"\xff\xd9", "photo.jpg")
    assert generic._coding._tables == coding._tables and generic.suspicion() is None
    again = read(stirred(generic, 0.002).encode(), "photo.jpg")
    assert again._tables == coding._tables and again.pad == 1
