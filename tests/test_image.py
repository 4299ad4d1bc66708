"""What `isgan.image` reads, refuses, converts and writes. Every bad file is made here."""

import errno
import os
import resource
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps, PngImagePlugin, TiffImagePlugin

from isgan import image as module
from isgan.errors import IsganError, IsganWarning
from isgan.image import check_output, format_of, read_gray, read_rgb, to_array, to_tensor, write_png

ROOT = getattr(os, "geteuid", lambda: 1)() == 0


@pytest.fixture(autouse=True)
def _no_other_warning():
    """No test may pass while Pillow, numpy or torch warn; an expected `IsganWarning` is caught by `pytest.warns`."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", module="hypothesis")
        yield


@pytest.fixture
def photo() -> np.ndarray:
    """(30, 41, 3) uint8: smooth, with odd sides, and no two corners alike."""
    y, x = np.mgrid[0:30, 0:41]
    return np.stack([x * 6, y * 8, (x + y) * 3], axis=-1).astype(np.uint8)


def refused(call, *words: str) -> str:
    """The one-line message with which `call` is refused; it must hold every word."""
    with pytest.raises(IsganError) as caught:
        call()
    message = str(caught.value)
    assert message and "\n" not in message
    for word in words:
        assert word in message, message
    return message


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, bits: int, color: int, data: bytes, *extra: bytes) -> bytes:
    """A PNG put together by hand, with `data` as its (not yet compressed) scan lines."""
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    body = chunk(b"IHDR", header) + b"".join(extra) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def chunks(path: Path) -> set[bytes]:
    """Names of the chunks of a PNG."""
    data, start, names = path.read_bytes(), 8, set()
    while start < len(data):
        (length,) = struct.unpack_from(">I", data, start)
        names.add(data[start + 4 : start + 8])
        start += length + 12
    return names


# Reading: what is accepted


@pytest.mark.parametrize(
    ("suffix", "options"),
    [("png", {}), ("bmp", {}), ("tif", {}), ("tif", {"compression": "tiff_lzw"}), ("webp", {"lossless": True})],
)
def test_lossless_formats_are_read_exactly(tmp_path, photo, suffix, options):
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(photo).save(path, **options)
    for source in (path, str(path)):
        pixels = read_rgb(source)
        assert pixels.dtype == np.uint8
        assert np.array_equal(pixels, photo)


def test_jpeg_is_read_as_pillow_decodes_it(tmp_path, photo):
    path = tmp_path / "photo.jpg"
    Image.fromarray(photo).save(path)
    with Image.open(path) as image:
        assert np.array_equal(read_rgb(path), np.asarray(image))


def test_the_content_counts_not_the_suffix(tmp_path, photo):
    path = tmp_path / "photo.jpg"
    Image.fromarray(photo).save(path, format="PNG")
    assert np.array_equal(read_rgb(path), photo)
    assert format_of(path) == "PNG"


def test_gray_is_pillows_bt601(tmp_path, photo):
    path = tmp_path / "photo.png"
    Image.fromarray(photo).save(path)
    gray = read_gray(path)
    assert gray.dtype == np.uint8
    assert np.array_equal(gray, np.asarray(Image.fromarray(photo).convert("L")))


def test_gray_files_are_unchanged_and_repeat_in_rgb(tmp_path):
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    path = tmp_path / "gray.png"
    Image.fromarray(values).save(path)
    assert np.array_equal(read_gray(path), values)
    assert np.array_equal(read_rgb(path), np.repeat(values[..., None], 3, axis=2))


def test_one_bit_becomes_black_and_white(tmp_path):
    path = tmp_path / "bits.png"
    bits = np.eye(9, dtype=bool)
    Image.fromarray(bits).save(path)
    assert np.array_equal(read_gray(path), bits * np.uint8(255))
    assert np.array_equal(read_rgb(path)[..., 1], bits * np.uint8(255))


def test_palette_becomes_its_colors(tmp_path):
    path = tmp_path / "palette.png"
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    image.save(path)
    assert read_rgb(path).tolist() == [[[10, 20, 30], [40, 50, 60]]]


def test_arrays(photo):
    gray = photo[..., 0]
    assert np.array_equal(read_rgb(photo), photo)
    assert np.array_equal(read_rgb(photo[::-1, ::2]), photo[::-1, ::2])
    assert np.array_equal(read_gray(gray), gray)
    assert np.array_equal(read_gray(gray[..., None]), gray)
    assert np.array_equal(read_rgb(np.dstack([photo, np.full_like(gray, 255)])), photo)


def test_what_is_read_is_a_copy_that_can_be_changed(photo):
    pixels = read_rgb(photo)
    pixels[:] = 7
    assert photo.max() > 7
    gray = read_gray(photo[..., 0])
    gray[:] = 7
    assert photo.max() > 7


def test_a_pillow_image_is_read_and_left_as_it_was(tmp_path, photo):
    image = Image.fromarray(photo)
    image.getexif()[0x0112] = 6
    assert np.array_equal(read_rgb(image), np.rot90(photo, -1))
    assert image.getexif()[0x0112] == 6
    assert np.array_equal(np.asarray(image), photo)
    image.save(tmp_path / "photo.tif")
    with Image.open(tmp_path / "photo.tif") as opened:
        opened.load()
    assert read_rgb(opened).shape == photo.shape


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_exif_orientation_is_applied(tmp_path, photo, orientation, suffix):
    upright = {
        1: photo,
        2: photo[:, ::-1],
        3: photo[::-1, ::-1],
        4: photo[::-1],
        5: photo.transpose(1, 0, 2),
        6: np.rot90(photo, -1),
        7: np.rot90(photo, 2).transpose(1, 0, 2),
        8: np.rot90(photo),
    }[orientation]
    path = tmp_path / f"turned.{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"webp": {"lossless": True}, "jpg": {"quality": 100, "subsampling": 0}}.get(suffix, {})
    Image.fromarray(photo).save(path, exif=exif, **options)
    pixels = read_rgb(path)
    assert pixels.shape == upright.shape
    assert np.abs(pixels.astype(int) - upright).max() <= (4 if suffix == "jpg" else 0)
    assert read_gray(path).shape == upright.shape[:2]


def test_orientation_from_xmp(tmp_path, photo):
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", '<rdf tiff:Orientation="6"/>')
    Image.fromarray(photo).save(tmp_path / "xmp.png", pnginfo=info)
    assert np.array_equal(read_rgb(tmp_path / "xmp.png"), np.rot90(photo, -1))


def test_orientation_next_to_a_tag_that_pillow_cannot_write_back(tmp_path, photo):
    path = tmp_path / "turned.png"
    width_as_text = struct.pack("<HHI4s", 0x0100, 2, 4, b"abc")
    orientation = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + width_as_text + orientation + bytes(4)
    Image.fromarray(photo).save(path, exif=exif)
    with pytest.raises(Exception, match="integer"):
        ImageOps.exif_transpose(Image.open(path))
    assert np.array_equal(read_rgb(path), np.rot90(photo, -1))


def test_color_profiles_are_ignored(tmp_path, photo):
    path = tmp_path / "profile.png"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    Image.fromarray(photo).save(path, icc_profile=profile)
    assert b"iCCP" in chunks(path)
    assert np.array_equal(read_rgb(path), photo)


def test_a_phone_jpeg_with_a_second_picture_gives_the_main_one(tmp_path, photo):
    path = tmp_path / "phone.jpg"
    Image.fromarray(photo).save(path, format="MPO", save_all=True, append_images=[Image.new("RGB", (8, 8))])
    with Image.open(path) as image:
        assert image.format == "MPO"
    assert read_rgb(path).shape == photo.shape
    assert format_of(path) == "JPEG"


# Alpha


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_opaque_alpha_is_dropped_silently(tmp_path, photo, mode):
    path = tmp_path / "opaque.png"
    image = Image.fromarray(photo).convert(mode)
    image.save(path)
    assert np.array_equal(read_rgb(path), np.asarray(image.convert("RGB")))


def test_partial_alpha_is_put_on_white_with_a_warning(tmp_path):
    path = tmp_path / "glass.png"
    Image.fromarray(np.array([[[0, 0, 0, 0], [10, 20, 30, 255], [0, 100, 255, 51]]], np.uint8)).save(path)
    with pytest.warns(IsganWarning, match=r"glass\.png' is partly transparent.*white") as caught:
        pixels = read_rgb(path)
    assert caught[0].filename == __file__
    assert pixels.tolist() == [[[255, 255, 255], [10, 20, 30], [204, 224, 255]]]
    with pytest.warns(IsganWarning, match="white"):
        assert read_gray(path)[0, 0] == 255


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "LA", "PA"])
def test_every_kind_of_transparency_counts_as_alpha(tmp_path, mode):
    image = Image.new({"LA": "LA", "PA": "PA"}.get(mode, mode), (2, 1))
    if mode in ("P", "PA"):
        image.putpalette([0, 0, 0, 90, 90, 90])
    if mode not in ("LA", "PA"):
        image.info["transparency"] = (0, 0, 0) if mode == "RGB" else 0
    image.putpixel((1, 0), {"1": 1, "L": 90, "P": 1, "RGB": (90, 90, 90), "LA": (90, 255), "PA": (1, 255)}[mode])
    with pytest.warns(IsganWarning, match="white"):
        assert read_gray(image).tolist() == [[255, 255 if mode == "1" else 90]]
    if mode != "PA":
        image.save(tmp_path / "hole.png")
        with pytest.warns(IsganWarning, match="white"):
            assert read_gray(tmp_path / "hole.png").tolist() == [[255, 255 if mode == "1" else 90]]


def test_arrays_with_alpha_follow_the_same_rule(photo):
    with pytest.warns(IsganWarning, match="the array"):
        assert (read_rgb(np.dstack([photo, np.zeros_like(photo[..., 0])])) == 255).all()


def test_a_warning_made_an_error_stays_a_warning(photo):
    clear = np.dstack([photo, np.zeros_like(photo[..., 0])])
    with pytest.raises(IsganWarning, match="white"):  # the fixture makes errors of warnings
        read_rgb(Image.fromarray(clear))


# Reading: what is refused


def test_paths_that_are_no_pictures(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "notes.png").write_text("shopping list")
    (tmp_path / "tiny.png").write_bytes(b"x")
    (tmp_path / "broken.png").symlink_to(tmp_path / "gone.png")
    refused(lambda: read_rgb(tmp_path / "none.png"), "none.png'", "does not exist", "check")
    refused(lambda: read_rgb(tmp_path / "broken.png"), "does not exist")
    refused(lambda: read_rgb(tmp_path), "is a folder", "name one picture")
    refused(lambda: read_rgb(tmp_path / "empty.png"), "is empty", "get the file again")
    refused(lambda: read_rgb(tmp_path / "notes.png"), "is not a PNG, JPEG", "save it as PNG")
    refused(lambda: read_rgb(tmp_path / "tiny.png"), "is not a PNG, JPEG")
    refused(lambda: read_rgb(tmp_path / ("x" * 300)), "xxx")
    refused(lambda: read_rgb(tmp_path / "notes.png" / "x.png"), "x.png")


def test_a_pipe_is_refused_rather_than_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    refused(lambda: read_rgb(tmp_path / "pipe.png"), "is not a file")


def test_names_cannot_break_the_message(tmp_path):
    refused(lambda: read_rgb(tmp_path / "a\nb\x1b[31m\udcff.png"), "a?b?[31m?.png")


def test_permission_denied_on_opening(tmp_path, photo, monkeypatch):
    path = tmp_path / "private.png"
    Image.fromarray(photo).save(path)

    def denied(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Image, "open", denied)
    refused(lambda: read_rgb(path), "private.png", "Permission denied", "check its permissions")


@pytest.mark.skipif(ROOT, reason="root may read everything")
def test_permission_denied_for_real(tmp_path, photo):
    path = tmp_path / "private.png"
    Image.fromarray(photo).save(path)
    path.chmod(0)
    refused(lambda: read_rgb(path), "Permission denied")
    path.chmod(0o600)
    tmp_path.chmod(0)
    try:
        refused(lambda: read_rgb(path), "Permission denied")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        ("png", {}),
        ("jpg", {}),
        ("jpg", {"progressive": True}),
        ("webp", {}),
        ("webp", {"lossless": True}),
        ("tif", {}),
        ("tif", {"compression": "tiff_lzw"}),
        ("bmp", {}),
    ],
)
@pytest.mark.parametrize("kept", [0.03, 0.5, 0.9, 0.99])
def test_truncated_files(tmp_path, suffix, options, kept):
    path = tmp_path / f"cut.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (30, 41, 3), np.uint8)
    Image.fromarray(noise).save(path, **options)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    refused(lambda: read_rgb(path), "cut.", "save it as")


def test_a_jpeg_without_its_end_is_truncated(tmp_path, photo):
    path = tmp_path / "cut.jpg"
    Image.fromarray(photo).save(path)
    path.write_bytes(path.read_bytes()[:-2])
    refused(lambda: read_rgb(path), "damaged or incomplete")


def test_whatever_a_decoder_raises_is_one_line(tmp_path, photo, monkeypatch):
    path = tmp_path / "photo.png"
    Image.fromarray(photo).save(path)
    for error in (ZeroDivisionError("in line 1\nor 2"), KeyError(), struct.error("unpack")):

        def fail(*args, error=error, **kwargs):
            raise error

        monkeypatch.setattr(Image.Image, "convert", fail)
        refused(lambda: read_rgb(path), "damaged or incomplete", str(error).split()[0] if error.args else "KeyError")


@pytest.mark.parametrize("name", [b"IHDR", b"IDAT", b"PLTE"])
def test_png_with_a_wrong_checksum(tmp_path, photo, name):
    path = tmp_path / "flipped.png"
    Image.fromarray(photo).convert("P").save(path)
    data = bytearray(path.read_bytes())
    start = data.index(name)
    (length,) = struct.unpack_from(">I", data, start - 4)
    data[start + 4 + length] ^= 1
    path.write_bytes(data)
    refused(lambda: read_rgb(path), "damaged")


def test_png_without_its_end(tmp_path, photo):
    path = tmp_path / "cut.png"
    Image.fromarray(photo).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-12])
    refused(lambda: read_rgb(path), "damaged or incomplete")
    path.write_bytes(whole + b"anything")  # an end with more after it is an end
    assert np.array_equal(read_rgb(path), photo)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("GIF", None),
        ("PPM", None),
        ("ICO", None),
        ("JPEG2000", b"\x00\x00\x00\x0cjP  \x0d\x0a\x87\x0a"),
        ("PSD", b"8BPS"),
        ("EPS", b"%!PS-Adobe-3.0"),
    ],
)
def test_other_formats_are_named(tmp_path, photo, kind, data):
    path = tmp_path / "photo.png"
    if data is None:
        Image.fromarray(photo).save(path, format=kind)
    else:
        path.write_bytes(data)
    refused(lambda: read_rgb(path), f"is {kind}, which is not supported", "as PNG")
    refused(lambda: format_of(path), f"is {kind}, which is not supported")


def test_other_decoders_never_see_the_file(tmp_path, photo, monkeypatch):
    path = tmp_path / "photo.gif"
    Image.fromarray(photo).save(path)

    def called(*args):
        pytest.fail("a decoder that is not allowed was called")

    monkeypatch.setitem(Image.OPEN, "GIF", (called, Image.OPEN["GIF"][1]))
    refused(lambda: read_rgb(path), "is GIF")


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_several_frames(tmp_path, photo, suffix):
    path = tmp_path / f"moving.{suffix}"
    first = Image.fromarray(photo)
    first.save(path, save_all=True, append_images=[Image.fromarray(255 - photo)])
    refused(lambda: read_rgb(path), "has 2 frames", "save one of them as PNG")
    with Image.open(path) as image:
        refused(lambda: read_rgb(image), "the picture has 2 frames")
    first.save(path, save_all=True, append_images=[])
    assert read_rgb(path).shape == photo.shape


@pytest.mark.parametrize("color", [0, 2, 4, 6])
def test_16_bit_png(tmp_path, color):
    path = tmp_path / "deep.png"
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[color]
    path.write_bytes(png(4, 4, 16, color, bytes(4 * (1 + 4 * channels * 2))))
    refused(lambda: read_rgb(path), "more than 8 bits per channel", "save it with 8 bits")
    with Image.open(path) as image:
        refused(lambda: read_rgb(image), "more than 8 bits")
    path.write_bytes(png(4, 4, 8, color, b"".join([b"\0" + b"\xff" * 4 * channels] * 4)))
    assert (read_rgb(path) == 255).all()


@pytest.mark.parametrize("planar", [1, 2])
def test_16_bit_rgb_tiff(tmp_path, planar):
    path = tmp_path / "deep.tif"
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    strips = (4, 4, 4) if planar == 2 else (12,)
    values = {
        256: 2, 257: 1, 258: (16, 16, 16), 259: 1, 262: 2, 273: (200,) * len(strips), 277: 3, 278: 1, 279: strips,
        284: planar,
    }  # fmt: skip
    for tag, value in values.items():
        tags.tagtype[tag] = 4 if tag in (273, 279) else 3
        tags[tag] = value
    data = b"II*\0\x08\0\0\0" + tags.tobytes(8)
    path.write_bytes(data.ljust(300, b"\x80"))
    refused(lambda: read_rgb(path), "more than 8 bits per channel")


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_deep_pillow_modes(tmp_path, mode):
    image = Image.new(mode, (4, 4))
    refused(lambda: read_rgb(image), "more than 8 bits per channel")
    image.save(tmp_path / "deep.tif")
    refused(lambda: read_gray(tmp_path / "deep.tif"), "more than 8 bits per channel")


def test_16_bit_colour_bmp_has_8_bits_per_channel_at_most(tmp_path):
    info = struct.pack("<IiiHHIIiiII", 40, 2, 2, 1, 16, 3, 8, 0, 0, 0, 0) + struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    path = tmp_path / "small.bmp"
    path.write_bytes(struct.pack("<2sIHHI", b"BM", 74, 0, 0, 66) + info + b"\xff" * 8)
    with Image.open(path) as image:
        assert "BGR;16" in str(image.tile)
    assert (read_rgb(path) == 255).all()


@pytest.mark.parametrize("mode", ["CMYK", "LAB", "YCbCr"])
def test_other_colour_spaces(tmp_path, mode):
    image = Image.new(mode, (4, 4))
    refused(lambda: read_rgb(image), f"is {mode}", "convert it to RGB")
    for suffix in {"CMYK": ["jpg", "tif"], "LAB": ["tif"]}.get(mode, []):
        path = tmp_path / f"print.{suffix}"
        image.save(path)
        refused(lambda path=path: read_rgb(path), f"is {mode}", "convert it to RGB")


def test_a_huge_header_is_refused_before_decoding(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(png(60000, 60000, 8, 2, b""))
    refused(lambda: read_rgb(path), "too many pixels", "100 megapixels", "scale it down")
    refused(lambda: format_of(path), "too many pixels")


@pytest.mark.parametrize("width", [9_001, 10_001, 17_000])
def test_pillows_own_pixel_warning_does_not_leak(tmp_path, width):
    path = tmp_path / "large.png"
    path.write_bytes(png(width, 10_000, 8, 0, b""))
    if width > 10_000:
        refused(lambda: format_of(path), "too many pixels")
    else:
        assert format_of(path) == "PNG"


def test_limits(tmp_path, photo, monkeypatch):
    path = tmp_path / "photo.png"
    Image.fromarray(photo).save(path)
    monkeypatch.setattr(module, "MAX_PIXELS", 30 * 41)
    assert read_rgb(path).shape == photo.shape
    monkeypatch.setattr(module, "MAX_PIXELS", 30 * 41 - 1)
    for source in (path, photo, Image.fromarray(photo)):
        refused(lambda source=source: read_rgb(source), "too many pixels")
    monkeypatch.undo()
    monkeypatch.setattr(module, "MAX_BYTES", path.stat().st_size)
    assert read_rgb(path).shape == photo.shape
    monkeypatch.setattr(module, "MAX_BYTES", path.stat().st_size - 1)
    refused(lambda: read_rgb(path), "too large", "MiB")


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((4, 4, 3)), ("float64", "uint8", "255 * x")),
        (np.zeros((4, 4), bool), ("bool", "uint8")),
        (np.zeros((4, 4), np.uint16), ("uint16", "uint8")),
        (np.zeros((3, 4, 4, 3), np.uint8), ("(3, 4, 4, 3)", "channels last")),
        (np.zeros((3, 40, 40), np.uint8), ("(3, 40, 40)", "channels last")),
        (np.zeros((4, 4, 2), np.uint8), ("(4, 4, 2)", "(H, W, 4)")),
        (np.zeros(4, np.uint8), ("(4,)", "(H, W)")),
        (np.zeros((0, 4, 3), np.uint8), ("no pixels",)),
    ],
)
def test_arrays_that_are_no_pictures(array, words):
    refused(lambda: read_rgb(array), *words)


def test_pillow_images_without_pixels_or_file(tmp_path, photo):
    refused(lambda: read_rgb(Image.new("RGB", (0, 4))), "no pixels")
    Image.fromarray(photo).save(tmp_path / "photo.png")
    with Image.open(tmp_path / "photo.png") as image:
        pass
    refused(lambda: read_rgb(image), "the picture is damaged or incomplete")


# format_of


@pytest.mark.parametrize("name", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_format_of_needs_only_the_header(tmp_path, photo, name, monkeypatch):
    path = tmp_path / f"photo.{name.lower()}"
    Image.fromarray(photo).save(path)
    monkeypatch.setattr(Image.core, "new", lambda *args: pytest.fail("decoded"))
    assert format_of(path) == name
    refused(lambda: format_of(tmp_path / "none.png"), "does not exist")


# check_output


@pytest.mark.parametrize("suffix", [".png", ".PNG"])
def test_a_good_output(tmp_path, suffix):
    path = tmp_path / f"stego{suffix}"
    assert check_output(str(path), False, [tmp_path / "none.png", np.zeros((2, 2)), Image.new("L", (1, 1))]) == path
    assert not path.exists()


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".webp"])
def test_lossy_outputs_are_refused_with_the_name_to_use(tmp_path, suffix):
    reason = f"{suffix.lower()} files lose detail"
    refused(lambda: check_output(tmp_path / f"stego{suffix}", True, []), reason, "hidden picture", "stego.png'")


@pytest.mark.parametrize("name", ["stego", "stego.tiff", "stego.bmp", ".png"])
def test_other_outputs_are_refused_with_the_name_to_use(tmp_path, name):
    refused(lambda: check_output(tmp_path / name, True, []), "only PNG is written", ".png'")


def test_outputs_where_nothing_can_be_written(tmp_path):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").touch()
    refused(lambda: check_output(tmp_path / "none" / "x.png"), "folder", "none'", "does not exist", "create it")
    refused(lambda: check_output(tmp_path / "file" / "x.png"), "does not exist")
    refused(lambda: check_output(tmp_path / "folder.png", True), "is a folder", "add a file name")
    refused(lambda: check_output(tmp_path, True), "is a folder")
    refused(lambda: check_output(tmp_path / f"{'x' * 300}.png"), "cannot write")


def test_an_unwritable_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: not (Path(path) == tmp_path and mode & os.W_OK))
    refused(lambda: check_output(tmp_path / "x.png"), "is not writable", "choose another folder")


@pytest.mark.skipif(ROOT, reason="root may write everywhere")
def test_an_unwritable_folder_for_real(tmp_path):
    tmp_path.chmod(0o500)
    try:
        refused(lambda: check_output(tmp_path / "x.png"), "is not writable")
    finally:
        tmp_path.chmod(0o700)


def test_an_existing_file_needs_force(tmp_path):
    path = tmp_path / "x.png"
    path.touch()
    refused(lambda: check_output(path, False, []), "exists", "--force")
    assert check_output(path, True, []) == path
    path.unlink()
    path.symlink_to("gone.png")
    refused(lambda: check_output(path, False, []), "exists")


def test_an_output_is_never_an_input_even_with_force(tmp_path):
    path = tmp_path / "cover.png"
    path.touch()
    (tmp_path / "link.png").symlink_to(path)
    (tmp_path / "hard.png").hardlink_to(path)
    (tmp_path / "folder").mkdir()
    for output in ("cover.png", "link.png", "hard.png", "folder/../cover.png"):
        refused(lambda output=output: check_output(tmp_path / output, True, ["none", str(path)]), "is also an input")


# write_png


@settings(max_examples=60, deadline=None)
@given(
    arrays.arrays(
        np.uint8,
        st.one_of(
            st.tuples(st.integers(1, 12), st.integers(1, 12)),
            st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3)),
        ),
    )
)
def test_what_is_written_is_read_back_exactly(tmp_path_factory, array):
    path = write_png(array, tmp_path_factory.mktemp("png") / "x.png")
    assert np.array_equal(read_gray(path) if array.ndim == 2 else read_rgb(path), array)
    assert np.array_equal(to_array(to_tensor(array)), array)


def test_arrays_in_any_memory_order_are_written(tmp_path, photo):
    for index, array in enumerate([photo[::-1, ::-2], np.asfortranarray(photo), photo[..., 0].T, photo[..., ::-1]]):
        path = write_png(array, tmp_path / f"{index}.png")
        assert np.array_equal(read_gray(path) if array.ndim == 2 else read_rgb(path), array)


def test_nothing_but_pixels_is_written(tmp_path, photo):
    exif = Image.Exif()
    exif[0x010E] = "where it was taken"
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "me")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    source = tmp_path / "source.png"
    Image.fromarray(photo).save(source, exif=exif, pnginfo=info, icc_profile=profile, dpi=(300, 300))
    assert chunks(source) >= {b"eXIf", b"tEXt", b"iCCP", b"pHYs"}
    assert chunks(write_png(read_rgb(source), tmp_path / "x.png")) == {b"IHDR", b"IDAT", b"IEND"}


@pytest.mark.parametrize(
    ("array", "word"),
    [
        (np.zeros((4, 4)), "float64"),
        (np.zeros((4, 4, 4), np.uint8), "(4, 4, 4)"),
        (np.zeros((4, 4, 1), np.uint8), "(4, 4, 1)"),
        (np.zeros((0, 4), np.uint8), "no pixels"),
    ],
)
def test_only_pictures_are_written(tmp_path, array, word):
    refused(lambda: write_png(array, tmp_path / "x.png"), word)
    assert not list(tmp_path.iterdir())


def test_writing_obeys_check_output_and_force(tmp_path, photo):
    path = tmp_path / "x.png"
    refused(lambda: write_png(photo, tmp_path / "x.jpg"), "lose detail")
    path.write_text("old")
    refused(lambda: write_png(photo, path), "exists", "--force")
    assert path.read_text() == "old"
    assert write_png(photo, str(path), force=True) == path
    assert np.array_equal(read_rgb(path), photo)
    assert list(tmp_path.iterdir()) == [path]


def test_a_symbolic_link_is_replaced_not_followed(tmp_path, photo):
    (tmp_path / "target.png").write_text("old")
    link = tmp_path / "x.png"
    link.symlink_to("target.png")
    write_png(photo, link, force=True)
    assert not link.is_symlink()
    assert (tmp_path / "target.png").read_text() == "old"


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_the_umask_decides_who_may_read(tmp_path, photo, umask):
    before = os.umask(umask)
    try:
        path = write_png(photo, tmp_path / "x.png")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_verify_sees_the_finished_file_before_it_has_its_name(tmp_path, photo):
    seen = []

    def verify(saved: np.ndarray) -> None:
        seen.append(saved)
        (temporary,) = tmp_path.iterdir()
        assert temporary.name != "x.png" and np.array_equal(saved, photo) and np.array_equal(read_rgb(temporary), photo)

    write_png(photo, tmp_path / "x.png", verify=verify)
    assert len(seen) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["x.png"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, OSError, IsganError])
@pytest.mark.parametrize("force", [False, True])
def test_what_verify_raises_is_passed_on_and_nothing_is_written(tmp_path, photo, error, force):
    path = tmp_path / "x.png"
    if force:
        path.write_text("old")

    def verify(_: np.ndarray) -> None:
        raise error("no")

    with pytest.raises(error, match=r"^no$"):
        write_png(photo, path, force, verify)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"] * force


@pytest.mark.parametrize("broken", ["fsync", "open", "save", "link"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_nothing_is_left_when_the_system_fails(tmp_path, photo, monkeypatch, broken, error):
    def fail(*args, **kwargs):
        raise error

    if broken == "link":
        monkeypatch.setattr(Path, "hardlink_to", fail)
    owner = {"fsync": (os, "fsync"), "open": (Path, "open"), "save": (Image.Image, "save"), "link": (Path, "replace")}
    monkeypatch.setattr(*owner[broken], fail)
    if isinstance(error, OSError):
        refused(lambda: write_png(photo, tmp_path / "x.png"), "cannot write", "No space left", "another folder")
    else:
        with pytest.raises(KeyboardInterrupt):
            write_png(photo, tmp_path / "x.png")
    monkeypatch.undo()
    assert not list(tmp_path.iterdir())


def test_a_real_failure_in_the_middle_of_the_file(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3), np.uint8)
    (tmp_path / "x.png").write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        message = refused(lambda: write_png(noise, tmp_path / "x.png", force=True), "cannot write", "make room")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.strerror(errno.EFBIG) in message
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_a_file_that_differs_when_read_back_is_refused(tmp_path, photo, monkeypatch):
    monkeypatch.setattr(module, "read_rgb", lambda path: photo ^ 1)
    refused(lambda: write_png(photo, tmp_path / "x.png"), "differs from what was written", "check the disk")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_appeared_meanwhile_is_left_alone(tmp_path, photo, monkeypatch, links):
    path = tmp_path / "x.png"
    if not links:
        monkeypatch.setattr(Path, "hardlink_to", no_links)
    refused(lambda: write_png(photo, path, verify=lambda _: path.write_text("theirs")), "exists", "--force")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["theirs"]


def test_disks_without_hard_links(tmp_path, photo, monkeypatch):
    monkeypatch.setattr(Path, "hardlink_to", no_links)
    path = write_png(photo, tmp_path / "x.png")
    assert np.array_equal(read_rgb(path), photo)
    assert list(tmp_path.iterdir()) == [path]


def no_links(self, target):
    raise PermissionError(errno.EPERM, "Operation not permitted")


# Tensors


def test_shapes_ranges_and_types(photo):
    tensor = to_tensor(photo)
    assert tensor.shape == (1, 3, 30, 41)
    assert tensor.dtype == torch.float32
    assert tensor.is_contiguous()
    assert tensor[0, 1, 29, 40] == photo[29, 40, 1] / np.float32(255)
    assert to_tensor(np.array([[0, 255]], np.uint8)).tolist() == [[[[0.0, 1.0]]]]
    assert np.array_equal(to_array(to_tensor(photo[::-1, ::2])), photo[::-1, ::2])


def test_to_array_rounds_and_clips():
    values = torch.tensor([-0.5, 0.4 / 255, 0.6 / 255, 99.6 / 255, 254.9 / 255, 1.7, float("inf")])
    assert to_array(values.reshape(1, 1, 1, 7)).tolist() == [[0, 0, 1, 100, 255, 255, 255]]


def test_to_array_takes_any_float_and_a_gradient():
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(to_array(to_tensor(every).double().requires_grad_()), every)
    assert np.array_equal(to_array(to_tensor(every).half()), every)
    coarse = torch.rand(1, 3, 20, 50, generator=torch.Generator().manual_seed(0)).bfloat16()
    assert np.array_equal(to_array(coarse), to_array(coarse.float()))
    assert to_array(torch.ones(1, 3, 2, 5)).flags.c_contiguous


@pytest.mark.parametrize("shape", [(3, 4, 4), (2, 3, 4, 4), (1, 2, 4, 4), (1, 4, 4, 3)])
def test_to_array_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match="expected shape"):
        to_array(torch.zeros(shape))


def test_to_array_refuses_what_is_not_a_number():
    refused(lambda: to_array(torch.full((1, 1, 2, 2), float("nan"))), "not numbers", "weights")


def test_importing_does_not_import_torch():
    code = "import sys, isgan.image; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
