"""What `isgan.picture` reads, refuses and converts. Every bad file is made here."""

import io
import os
import struct
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import PHOTO, chunk, display_p3, png, refused, saved, with_chunk
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from isgan.decoders import decode, is_picture, limits, lossy_format
from isgan.decoders.png import walk
from isgan.errors import IsganError, IsganWarning
from isgan.picture import (
    check_array,
    fit,
    png_bytes,
    read_gray,
    read_picture,
    read_rgb,
)


@pytest.fixture(autouse=True)
def _no_other_warning():
    """No test may pass while Pillow or numpy warn; an expected `IsganWarning` is caught by `pytest.warns`."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", module="hypothesis")
        yield


SUFFIXES = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "tif": "TIFF", "bmp": "BMP", "gif": "GIF", "avif": "AVIF"}


# What is accepted


@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {"lossless": True})],
)
def test_lossless_formats_are_read_exactly_from_every_source(tmp_path, kind, options):
    data = saved(PHOTO, kind, **options)
    (tmp_path / "photo.jpg").write_bytes(data)  # the content counts, not the suffix
    with (tmp_path / "photo.jpg").open("rb") as file:
        for source in (
            data,
            io.BytesIO(data),
            file,
            tmp_path / "photo.jpg",
            str(tmp_path / "photo.jpg"),
            PHOTO,
            Image.fromarray(PHOTO),
        ):
            pixels = read_rgb(source)
            assert pixels.dtype == np.uint8 and pixels.flags.writeable
            assert np.array_equal(pixels, PHOTO)
    assert decode(data, "x").format == kind
    assert lossy_format(data) is None
    assert is_picture(data)


@pytest.mark.parametrize(("kind", "name"), [("JPEG", "JPEG"), ("WEBP", "WebP")])
def test_formats_with_loss_are_told_from_those_without(kind, name):
    exif = Image.Exif()
    exif[0x010E] = "VP8L"
    for options in ({}, {"exif": exif}):
        assert lossy_format(saved(PHOTO, kind, **options)) == name
    assert lossy_format(saved(PHOTO, "WEBP", lossless=True, exif=exif)) is None


def test_gray_stays_gray():
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for source in (saved(gray, "PNG"), gray, gray[..., None], Image.fromarray(gray)):
        assert np.array_equal(read_picture(source), gray)
        assert np.array_equal(read_gray(source), gray)
        assert np.array_equal(read_rgb(source), np.repeat(gray[..., None], 3, axis=2))
    assert np.array_equal(read_gray(PHOTO), np.asarray(Image.fromarray(PHOTO).convert("L")))
    assert np.array_equal(read_picture(PHOTO[::-1, ::2]), PHOTO[::-1, ::2])


def test_one_bit_and_palettes_become_their_colors():
    bits = np.eye(9, dtype=bool)
    assert np.array_equal(read_picture(saved(bits, "PNG")), bits * np.uint8(255))
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    assert read_picture(saved(image, "PNG")).tolist() == [[[10, 20, 30], [40, 50, 60]]]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied(orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}.get(kind, {})
    data = saved(PHOTO, kind, exif=exif, **options)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    assert np.array_equal(read_rgb(data), upright)
    if kind != "TIFF":  # which Pillow turns by itself
        assert np.asarray(decode(data, "x").image).shape == PHOTO.shape
    turned = Image.fromarray(PHOTO)
    turned.getexif()[0x0112] = orientation
    assert read_rgb(turned).shape == upright.shape
    assert turned.getexif()[0x0112] == orientation


@pytest.mark.parametrize("exif", [b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0nonsense", b"II*\0\x08\0\0\0\x05\0" + b"\xff" * 30, b"\0"])
def test_malformed_exif_is_no_orientation(exif):
    assert np.array_equal(read_rgb(with_chunk(saved(PHOTO, "PNG"), b"eXIf", exif)), PHOTO)
    data = saved(PHOTO, "JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", 2 + 6 + len(exif)) + b"Exif\0\0" + exif
    assert np.array_equal(read_rgb(data[:2] + segment + data[2:]), read_rgb(data))


def test_orientation_next_to_a_tag_that_pillow_cannot_write_back():
    width_as_text = struct.pack("<HHI4s", 0x0100, 2, 4, b"abc")
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + width_as_text + struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0) + bytes(4)
    assert np.array_equal(read_rgb(saved(PHOTO, "PNG", exif=exif)), np.rot90(PHOTO, -1))


def test_compressed_text_is_never_unpacked():
    info = PngImagePlugin.PngInfo()
    for number in range(3):
        info.add_text(f"k{number}", "a" * 2_000_000, zip=True)
    data = saved(PHOTO, "PNG", pnginfo=info)
    with pytest.raises(ValueError, match="too large"):
        Image.open(io.BytesIO(data)).load()
    assert np.array_equal(read_rgb(data), PHOTO)
    assert np.array_equal(read_rgb(with_chunk(data, b"zTXt", b"no zlib data")), PHOTO)


def test_a_phone_jpeg_with_a_second_picture_gives_the_main_one():
    data = saved(PHOTO, "MPO", save_all=True, append_images=[Image.new("RGB", (8, 8))])
    assert read_rgb(data).shape == PHOTO.shape
    assert decode(data, "x").format == "JPEG"


# Colour profiles


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True})])
def test_colors_are_converted_from_a_profile(kind, options):
    red = np.full((4, 5, 3), (200, 50, 50), np.uint8)
    data = saved(red, kind, icc_profile=display_p3(), **options)
    # CSS Color 4: linear light, Display P3 to XYZ, XYZ to sRGB, sRGB's curve.
    light = np.where(red / 255 <= 0.04045, red / 255 / 12.92, ((red / 255 + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.486571, 0.265668, 0.198217], [0.228975, 0.691739, 0.079287], [0.0, 0.045113, 1.043944]])
    to_srgb = np.array([[3.240970, -1.537383, -0.498611], [-0.969244, 1.875968, 0.041555], [0.055630, -0.203977, 1.056972]])
    srgb = (light @ to_xyz.T @ to_srgb.T).clip(0, 1)
    expected = 255 * np.where(srgb <= 0.0031308, 12.92 * srgb, 1.055 * srgb ** (1 / 2.4) - 0.055)
    assert np.abs(read_rgb(data) - expected).max() <= 3
    assert np.array_equal(np.asarray(decode(data, "x").image), red)
    assert decode(data, "x").profile == display_p3()


def test_a_profile_that_says_srgb_changes_nothing():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(read_rgb(saved(noise, "PNG", icc_profile=profile)), noise)


@pytest.mark.parametrize("profile", [b"nonsense", b"\0" * 200, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()])
def test_a_profile_that_makes_no_sense_is_ignored(profile):
    assert np.array_equal(read_rgb(saved(PHOTO, "PNG", icc_profile=profile)), PHOTO)


@pytest.mark.parametrize("content", [b"", b"name", b"name\0\0not zlib", b"name\0\0" + zlib.compress(bytes(5_000_000))])
def test_a_profile_that_does_not_unpack_is_ignored(content):
    data = with_chunk(saved(PHOTO, "PNG"), b"iCCP", content)
    assert np.array_equal(read_rgb(data), PHOTO)
    assert decode(data, "x").profile is None


def test_colour_chunks_are_kept_only_whole():
    good, data = struct.pack(">I", 45455), saved(PHOTO, "PNG")
    assert decode(with_chunk(data, b"gAMA", good), "x").chunks == ((b"gAMA", good),)
    assert decode(with_chunk(data, b"gAMA", good + b"x"), "x").chunks == ()
    damaged = bytearray(with_chunk(data, b"gAMA", good))
    damaged[damaged.index(b"gAMA") + 5] ^= 1
    assert decode(bytes(damaged), "x").chunks == ()
    twice = with_chunk(with_chunk(data, b"gAMA", good[::-1]), b"gAMA", good)
    assert decode(twice, "x").chunks == ((b"gAMA", good),)


# Alpha


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_opaque_alpha_is_dropped_silently(mode):
    image = Image.fromarray(PHOTO).convert(mode)
    assert np.array_equal(read_rgb(saved(image, "PNG")), np.asarray(image.convert("RGB")))
    assert decode(saved(image, "PNG"), "x").image.mode == mode


def test_partial_alpha_is_put_on_white_with_a_warning(tmp_path):
    glass = np.array([[[0, 0, 0, 0], [10, 20, 30, 255], [0, 100, 255, 51]]], np.uint8)
    (tmp_path / "glass.png").write_bytes(saved(glass, "PNG"))
    with pytest.warns(IsganWarning, match=r"glass\.png' is partly transparent.*white"):
        assert read_rgb(tmp_path / "glass.png").tolist() == [[[255, 255, 255], [10, 20, 30], [204, 224, 255]]]
    with pytest.warns(IsganWarning, match="the array"):
        assert read_gray(glass)[0, 0] == 255


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "LA", "PA"])
def test_every_kind_of_transparency_counts_as_alpha(mode):
    image = Image.new(mode, (2, 1))
    if mode in ("P", "PA"):
        image.putpalette([0, 0, 0, 90, 90, 90])
    if mode not in ("LA", "PA"):
        image.info["transparency"] = (0, 0, 0) if mode == "RGB" else 0
    image.putpixel((1, 0), {"1": 1, "L": 90, "P": 1, "RGB": (90, 90, 90), "LA": (90, 255), "PA": (1, 255)}[mode])
    for source in [image] if mode == "PA" else [image, saved(image, "PNG")]:
        with pytest.warns(IsganWarning, match="white"):
            assert read_gray(source).tolist() == [[255, 255 if mode == "1" else 90]]


# What is refused


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("BMP", {}),
    ],
)
@pytest.mark.parametrize("kept", [0.03, 0.5, 0.9, 0.99])
def test_truncated_files(kind, options, kept):
    data = saved(np.random.default_rng(0).integers(0, 256, (30, 41, 3), np.uint8), kind, **options)
    refused(lambda: read_rgb(data[: int(len(data) * kept)]), "the file", "save it as")


def test_a_jpeg_without_its_end_is_truncated():
    refused(lambda: read_rgb(saved(PHOTO, "JPEG")[:-2]), "damaged or incomplete")


@pytest.mark.parametrize("name", [b"IHDR", b"IDAT", b"PLTE"])
def test_png_with_a_wrong_checksum(name):
    data = bytearray(saved(Image.fromarray(PHOTO).convert("P"), "PNG"))
    start = data.index(name)
    (length,) = struct.unpack_from(">I", data, start - 4)
    data[start + 4 + length] ^= 1
    refused(lambda: read_rgb(bytes(data)), "damaged", "checksum")


def test_png_without_its_end():
    data = saved(PHOTO, "PNG")
    refused(lambda: read_rgb(data[:-12]), "damaged or incomplete")
    assert np.array_equal(read_rgb(data + b"anything"), PHOTO)  # an end with more after it is an end


def test_a_png_of_nothing_but_chunks():
    refused(lambda: read_rgb(PNG_OF_CHUNKS), "damaged")


PNG_OF_CHUNKS = png(4, 4, 8, 0, bytes(20), chunk(b"abCd", b"") * 1_000_001)


def test_whatever_a_decoder_raises_is_one_line(monkeypatch):
    data = saved(PHOTO, "PNG")
    for error in (ZeroDivisionError("in line 1\nor 2"), KeyError(), struct.error("unpack")):

        def fail(*args, error=error, **kwargs):
            raise error

        monkeypatch.setattr(Image.Image, "convert", fail)
        refused(lambda: read_rgb(data), "damaged or incomplete", str(error).split()[0] if error.args else "KeyError")


def test_libtiff_is_quiet(capfd):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    data = bytearray(saved(noise, "TIFF", compression="tiff_adobe_deflate"))
    data[2000:2100] = bytes(100)
    with pytest.raises(OSError, match="decoder error"):
        Image.open(io.BytesIO(data)).load()
    assert "ZIPDecode" in capfd.readouterr().err
    refused(lambda: read_rgb(bytes(data)), "damaged")
    os.write(2, b"still there")
    assert capfd.readouterr().err == "still there"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (saved(PHOTO, "ICO"), "an icon"),
        (saved(PHOTO, "JPEG2000"), "JPEG 2000"),
        (b"8BPS", "a Photoshop file"),
        (b"%PDF-1.7", "a PDF"),
    ],
)
def test_other_formats_are_named(data, kind):
    refused(lambda: read_rgb(data), f"is {kind}, which is not supported", "as PNG")
    assert not is_picture(data)


@pytest.mark.parametrize("data", [saved(PHOTO, "TGA"), saved(PHOTO, "PPM"), b"shopping list", b"x", b"BMW and bikes"])
def test_what_has_no_name_is_given_none(data):
    message = refused(lambda: read_rgb(data), "save it as")
    assert "CUR" not in message
    assert not is_picture(data)


def test_other_decoders_never_see_the_file(monkeypatch):
    def called(*args):
        pytest.fail("a decoder that is not allowed was called")

    monkeypatch.setitem(Image.OPEN, "ICO", (called, Image.OPEN["ICO"][1]))
    refused(lambda: read_rgb(saved(PHOTO, "ICO")), "is an icon")


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (10_001, 10_000), (17_000, 10_000)])
def test_a_huge_header_is_refused_before_decoding(width, height):
    refused(lambda: read_rgb(png(width, height, 8, 2, b"")), "too many pixels", "100 megapixels", "scale it down")


def test_the_memory_of_decoders_is_bounded_before_they_start(monkeypatch):
    webp = saved(Image.new("L", (6000, 6000)), "WEBP", lossless=True, quality=0, method=0)
    assert len(webp) < 2_000
    progressive = bytearray(saved(Image.new("L", (8, 8)), "JPEG", progressive=True))
    struct.pack_into(">HH", progressive, progressive.index(b"\xff\xc2") + 5, 8000, 7000)
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    refused(lambda: read_rgb(webp), "too many pixels", "at most 34 megapixels")
    refused(lambda: read_rgb(bytes(progressive)), "too many pixels", "at most 54 megapixels")


@pytest.mark.parametrize("options", [{"lossless": True}, {}, {"exif": b"Exif\0\0"}], ids=["VP8L", "VP8", "VP8X"])
def test_a_large_webp_is_refused_before_its_decoder_is_there(options, monkeypatch):
    """Which takes the memory for the whole picture as soon as the file is opened."""
    large = saved(Image.new("RGB", (8000, 4500)), "WEBP", method=0, **options)
    fitting = saved(Image.new("RGB", (90, 60)), "WEBP", **options)
    assert read_rgb(fitting).shape == (60, 90, 3)
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("it is opened"))
    refused(lambda: read_rgb(large), "too many pixels", "at most 34 megapixels")
    assert is_picture(large)


def test_limits(monkeypatch):
    monkeypatch.setattr(limits, "MAX_PIXELS", 30 * 41)
    assert read_rgb(PHOTO).shape == PHOTO.shape
    monkeypatch.setattr(limits, "MAX_PIXELS", 30 * 41 - 1)
    for source in (saved(PHOTO, "PNG"), PHOTO, Image.fromarray(PHOTO)):
        refused(lambda source=source: read_rgb(source), "too many pixels")


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((4, 4, 3)), ("float64", "uint8", "255 * x")),
        (np.zeros((4, 4), bool), ("bool", "uint8")),
        (np.zeros((3, 4, 4, 3), np.uint8), ("(3, 4, 4, 3)", "channels last")),
        (np.zeros((3, 40, 40), np.uint8), ("(3, 40, 40)", "channels last")),
        (np.zeros((4, 4, 2), np.uint8), ("(4, 4, 2)", "(H, W, 4)")),
        (np.zeros(4, np.uint8), ("(4,)", "(H, W)")),
        (np.zeros((0, 4, 3), np.uint8), ("no pixels",)),
    ],
)
def test_arrays_that_are_no_pictures(array, words):
    refused(lambda: read_rgb(array), *words)
    refused(lambda: check_array(array, (3,)), words[0])


def test_pillow_images_without_pixels_or_file():
    refused(lambda: read_rgb(Image.new("RGB", (0, 4))), "no pixels")
    with Image.open(io.BytesIO(saved(PHOTO, "PNG"))) as image:
        pass
    refused(lambda: read_rgb(image), "the picture is damaged or incomplete")


# Any damage


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(SUFFIXES.values())), st.data())
def test_damaged_files_are_read_or_refused(kind, data):
    file = bytearray(saved(PHOTO, kind))
    for _ in range(data.draw(st.integers(1, 4))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IsganWarning)
        try:
            assert read_picture(bytes(file)).dtype == np.uint8
        except IsganError as error:
            assert "\n" not in str(error)


# PNG out


@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (7, 5, 3), (1, 9, 3), (300, 400, 3)])
def test_what_is_written_is_what_pillow_writes(shape):
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    assert png_bytes(noise) == saved(noise, "PNG")
    assert np.array_equal(read_picture(png_bytes(noise)), noise)
    assert png_bytes(noise[::-1, ::-1]) == saved(np.ascontiguousarray(noise[::-1, ::-1]), "PNG")


def test_nothing_but_samples_and_how_to_show_them_is_written():
    image = Image.fromarray(PHOTO)
    exif = Image.Exif()
    exif[0x010E] = "where it was taken"
    image.info = {"icc_profile": b"profile", "dpi": (300, 300), "exif": exif.tobytes(), "transparency": (0, 0, 0)}
    data = png_bytes(image, b"profile", ((b"gAMA", struct.pack(">I", 45455)), (b"cHRM", bytes(32))))
    kinds = [kind for kind, _, _ in walk(data)]
    assert kinds == [b"IHDR", b"iCCP", b"gAMA", b"cHRM", b"IDAT", b"IEND"]


@pytest.mark.parametrize("array", [np.zeros((4, 4)), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4), np.uint8)])
def test_only_pictures_are_written(array):
    refused(lambda: png_bytes(array))


# Fit


def test_fit():
    assert fit(PHOTO, 30, 41) is PHOTO
    for how in ("stretch", "crop", "pad"):
        assert fit(PHOTO, 50, 20, how).shape == (50, 20, 3)
        assert fit(PHOTO[..., 0], 50, 20, how).shape == (50, 20)
    assert (fit(np.full((10, 40), 200, np.uint8), 40, 40, "pad")[[0, -1]] == 0).all()
    refused(lambda: fit(PHOTO, 5, 5, "tile"), "'tile'", "stretch")


def test_importing_does_not_import_torch():
    code = "import sys, isgan.picture; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
