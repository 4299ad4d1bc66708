"""The JPEG as a cover: what stays, what is refused, and what a fresh file knows of its rounding."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from bad_jpegs import good
from photos import file_of, photograph, stirred
from PIL import Image

from isgan.covers.jpeg import JpegCover
from isgan.errors import IsganError, IsganWarning
from isgan.jfif.dct import decoded
from isgan.jfif.metadata import orientation
from isgan.jfif.quality import quality_of, steps
from isgan.jfif.segments import APP2, APP11, Segment, read_header
from isgan.options import Options

NAME = "photo.jpg"


@pytest.mark.parametrize(
    "options",
    [{}, {"optimize": True}, {"subsampling": 0}, {"restart_marker_blocks": 3}, {"quality": 97}],
    ids=["usual", "optimised", "4:4:4", "restarts", "97"],
)
def test_only_coefficients_change(options: dict, tmp_path: Path):
    jpegio = pytest.importorskip("jpegio")
    data = file_of(photograph(), exif=Image.open(io.BytesIO(good())).getexif(), comment=b"mine", **options)
    cover = JpegCover.read(data, NAME)
    assert cover.encode() == data
    stego = stirred(cover)
    files = {"a.jpg": data, "b.jpg": stego.encode()}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    before, after = (jpegio.read(str(tmp_path / name)) for name in files)
    np.testing.assert_array_equal(after.coef_arrays[0], stego.planes[0])
    for one, other in zip(before.coef_arrays[1:], after.coef_arrays[1:], strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(before.quant_tables, after.quant_tables, strict=True):
        np.testing.assert_array_equal(one, other)
    assert after.markers == before.markers and after.restart_interval == before.restart_interval
    again = JpegCover.read(files["b.jpg"], NAME)
    assert again.salt() == cover.salt() and again.suspicion() is None
    optimised = "optimize" in options
    assert (again.header.raw == cover.header.raw) is not optimised
    # Optimised files stay just that: libjpeg would choose the very same tables.
    assert (_optimised(files["b.jpg"]) == files["b.jpg"]) is optimised


def _optimised(data: bytes) -> bytes:
    """The file as `jpegtran -optimize` would write it."""
    import tempfile

    import jpegio

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.jpg").write_bytes(data)
        read = jpegio.read(f"{folder}/a.jpg")
        read.optimize_coding = 1
        jpegio.write(read, f"{folder}/b.jpg")
        return (Path(folder) / "b.jpg").read_bytes()


@pytest.mark.parametrize("gray", [False, True])
def test_pixels_are_those_of_other_decoders(gray: bool):
    stego = stirred(JpegCover.read(file_of(photograph(96, gray=gray)[:75]), NAME))
    image = Image.open(io.BytesIO(stego.encode()))
    np.testing.assert_array_equal(stego.pixels(), np.array(image))
    luma = np.array(image) if gray else np.array(_ycbcr(stego.encode()))[..., 0]
    ours = decoded(stego.planes[0], stego.quantiser)[:75, :96]
    assert np.abs(ours - luma).max() <= 1


@pytest.mark.parametrize("version", ["6b", "8", "9e", "turbo210", "mozjpeg403"])
def test_other_libraries_read_the_same_coefficients(version: str, tmp_path: Path):
    jpeglib = pytest.importorskip("jpeglib")
    stego = stirred(JpegCover.read(file_of(photograph(96), restart_marker_rows=1, optimize=True), NAME), 0.1)
    (tmp_path / "a.jpg").write_bytes(stego.encode())
    with jpeglib.version(version):
        read = jpeglib.read_dct(str(tmp_path / "a.jpg"))
    np.testing.assert_array_equal(read.Y.swapaxes(1, 2).reshape(stego.planes[0].shape), stego.planes[0])


def _ycbcr(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.draft("YCbCr", None)
    return image


def test_frozen_are_what_the_salt_is_made_of():
    cover = JpegCover.read(file_of(photograph()), NAME)
    (frozen,) = cover.frozen
    assert frozen[::8, ::8].all() and frozen.mean() < 1 / 60
    plane = cover.planes[0].copy()
    plane[8, 8] += 1
    assert cover.changed((plane,)).salt() != cover.salt()
    assert JpegCover.read(file_of(photograph(number=1)), NAME).salt() != cover.salt()
    assert cover.weight == np.count_nonzero(cover.planes[0].reshape(-1, 8, 16, 8).swapaxes(1, 2).reshape(-1, 64)[:, 1:])


def test_huge_coefficients_are_frozen():
    cover = JpegCover.read(file_of(photograph()), NAME)
    plane = cover.planes[0].copy()
    plane[1, 1] = 1500
    wild = JpegCover.read(cover.changed((plane,)).encode(), NAME)
    assert wild.planes[0][1, 1] == 1500 and wild.frozen[0][1, 1]


def test_what_follows_the_picture_stays():
    data = file_of(photograph()) + b"a maker's notes \xff\xd9 and more"
    stego = stirred(JpegCover.read(data, NAME)).encode()
    assert stego.endswith(b"\xff\xd9a maker's notes \xff\xd9 and more")


@pytest.mark.parametrize("fill", [0, 100])
def test_second_picture_is_found_where_the_table_says(fill: int):
    data = _with_second(file_of(photograph()), file_of(photograph(64)), aligned=fill > 0)
    image = Image.open(io.BytesIO(data))
    assert image.format == "MPO" and image.n_frames == 2
    stego = stirred(JpegCover.read(data, NAME), 0.1).encode()
    assert len(stego) != len(data) or fill
    again = Image.open(io.BytesIO(stego))
    assert again.n_frames == 2
    again.seek(1)
    np.testing.assert_array_equal(np.array(again), np.array(Image.open(io.BytesIO(file_of(photograph(64))))))
    assert not fill or stego.rindex(b"\xff\xd8\xff\xe0") % 512 == 0


def test_senseless_tables_of_pictures_do_no_harm():
    data = _with_second(file_of(photograph(64)), file_of(photograph(64)), aligned=False)
    start = data.index(b"MPF\0") + 4
    rng = np.random.default_rng(3)
    for _ in range(60):
        odd = bytearray(data)
        for place in rng.integers(start, start + 80, 4):
            odd[place] = rng.choice([0, 255, rng.integers(256)])
        stego = stirred(JpegCover.read(bytes(odd), NAME), 0.1)
        np.testing.assert_array_equal(JpegCover.read(stego.encode(), NAME).planes[0], stego.planes[0])


def _with_second(first: bytes, second: bytes, aligned: bool) -> bytes:
    """An MPO file, as CIPA DC-007 has it."""
    header = read_header(first, NAME)
    entries = 8 + 2 + 3 * 12 + 4
    table = b"MPF\0MM\0*" + struct.pack(">IH", 8, 3)
    table += struct.pack(">HHI4s", 0xB000, 7, 4, b"0100") + struct.pack(">HHII", 0xB001, 4, 1, 2)
    table += struct.pack(">HHII", 0xB002, 7, 32, entries) + bytes(4)
    base = len(header.segments[0].raw) + len(header.segments[1].raw) + 4 + 4
    size = len(first) + 2 + 2 + len(table) + 32
    fill = -size % 512 if aligned else 0
    table += struct.pack(">IIIHH", 0x20030000, size, 0, 0, 0)
    table += struct.pack(">IIIHH", 0x20000, len(second), size + fill - base, 0, 0)
    segments = list(header.segments)
    segments.insert(2, Segment.of(APP2, table))
    return b"".join(s.raw for s in segments) + first[len(header.raw) :] + b"\xff" * fill + second


def test_metadata_goes_on_request_but_not_how_the_picture_is_shown():
    profile = b"a profile" * 30
    data = file_of(photograph(), exif=Image.open(io.BytesIO(good())).getexif(), comment=b"mine", icc_profile=profile)
    cover = JpegCover.prepared(data + b"trailing", NAME, Options(strip_metadata=True))
    bare = cover.encode()
    image = Image.open(io.BytesIO(bare))
    assert image.info["icc_profile"] == profile
    assert image.getexif() == {0x0112: 6} and orientation(cover.header) == 6
    assert b"mine" not in bare and b"maker" not in bare and bare.endswith(b"\xff\xd9")
    np.testing.assert_array_equal(np.array(image), np.array(Image.open(io.BytesIO(data))))


def test_a_thumbnail_is_spoken_of():
    exif = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + file_of(photograph(32))
    data = file_of(photograph(), exif=exif)
    with pytest.warns(IsganWarning, match="thumbnail of the original"):
        JpegCover.prepared(data, NAME, Options())
    assert b"\xff\xd8" not in JpegCover.prepared(data, NAME, Options(strip_metadata=True)).encode()[2:]


def test_content_credentials_are_suspect():
    """They hold a hash of the file."""
    box = b"JP\0\1\0\0\0\1\0\0\0\x30jumb\0\0\0\x24jumdc2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71\3c2pa\0" + bytes(15)
    plain = file_of(photograph())
    data = plain[:2] + Segment.of(APP11, box).raw + plain[2:]
    assert "--strip-metadata" in str(JpegCover.prepared(data, NAME, Options()).suspicion())
    bare = JpegCover.prepared(data, NAME, Options(strip_metadata=True))
    assert bare.suspicion() is None and bare.encode() == plain
    other = plain[:2] + Segment.of(APP11, b"JP and no credentials").raw + plain[2:]
    assert JpegCover.read(other, NAME).suspicion() is None


def test_no_orientation_no_exif():
    bare = JpegCover.prepared(file_of(photograph(), comment=b"mine"), NAME, Options(strip_metadata=True)).encode()
    assert bare == file_of(photograph())


@pytest.mark.parametrize(("quality", "suspect"), [(90, False), (98, False), (99, True), (100, True)])
def test_highest_qualities_are_suspect(quality: int, suspect: bool):
    reason = JpegCover.read(file_of(photograph(), quality=quality), NAME).suspicion()
    assert (reason is not None) is suspect
    assert not suspect or f"quality is {quality}" in reason


def test_an_encoder_that_writes_otherwise_is_suspect():
    data = file_of(photograph(32, gray=True), restart_marker_blocks=1)
    start = len(read_header(data, NAME).raw)
    first = data.index(b"\xff\xd0", start)
    # Another pattern of the bits that fill the last byte before a restart marker.
    for bit in (1, 2):
        odd = bytearray(data)
        odd[first - 1] ^= bit
        try:
            read = JpegCover.read(bytes(odd), NAME)
        except IsganError:
            continue
        if np.array_equal(read.planes[0], JpegCover.read(data, NAME).planes[0]):
            assert "unusual encoder" in read.suspicion()
            return
    pytest.fail("no filling bit was found")


@pytest.mark.parametrize("quality", [1, 30, 50, 75, 95, 99])
def test_quality_of_usual_tables(quality: int):
    header = JpegCover.read(file_of(photograph(32), quality=quality), NAME)
    assert quality_of(header.quantiser) == quality
    np.testing.assert_array_equal(steps(quality), header.quantiser)


@pytest.mark.parametrize("gray", [False, True])
def test_fresh_file_knows_what_rounding_took(gray: bool):
    pixels = photograph(120, gray=gray)[:75]
    cover = JpegCover.compressed(pixels, 95)
    assert np.abs(cover.rounding).max() < 0.75  # libjpeg's own transform is in whole numbers
    assert (np.abs(cover.rounding) > 0.5).mean() < 0.03
    assert 0.15 < np.abs(cover.rounding[np.abs(cover.planes[0]) > 1]).mean() < 0.35
    np.testing.assert_array_equal(cover.pixels().shape, pixels.shape)


@pytest.mark.parametrize("gray", [False, True])
def test_a_fresh_file_is_what_pillow_writes(gray: bool):
    pixels = photograph(120, gray=gray)
    assert JpegCover.compressed(pixels, 90).encode() == file_of(pixels, quality=90)


def test_prepared_makes_a_fresh_file_of_what_never_was_one():
    cover = JpegCover.prepared(photograph(), NAME, Options(jpeg_quality=93))
    assert quality_of(cover.quantiser) == 93 and cover.rounding is not None
    scaled = JpegCover.prepared(file_of(photograph()), NAME, Options(scale=0.5))
    assert (scaled.header.width, scaled.header.height) == (64, 64) and scaled.rounding is not None


def test_a_picture_that_was_a_jpeg_before_stays_suspect():
    png = io.BytesIO()
    Image.open(io.BytesIO(file_of(photograph(), quality=80))).save(png, "PNG")
    assert JpegCover.prepared(png.getvalue(), NAME, Options(jpeg_quality=95)).suspicion()


def test_what_prepared_refuses():
    with pytest.raises(IsganError, match="leave --jpeg-quality out"):
        JpegCover.prepared(file_of(photograph()), NAME, Options(jpeg_quality=95))
    with pytest.raises(IsganError, match="best 93 to 97"):
        JpegCover.prepared(photograph(), NAME, Options(jpeg_quality=99))
    png = io.BytesIO()
    Image.fromarray(np.dstack([photograph(32), np.full((32, 32), 9, np.uint8)])).save(png, "PNG")
    with pytest.raises(IsganError, match="partly transparent"):
        JpegCover.prepared(png.getvalue(), NAME, Options())


def test_saved_again_it_has_another_salt_or_other_coefficients():
    cover = stirred(JpegCover.read(file_of(photograph()), NAME))
    again = io.BytesIO()
    Image.open(io.BytesIO(cover.encode())).save(again, "JPEG", quality=80)
    assert JpegCover.read(again.getvalue(), NAME).salt() != cover.salt()
