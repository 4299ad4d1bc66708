"""16 bits for each sample come to the nearest of 8, from every kind of file that has them."""

import io
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from picture_files import chunk, cmyk, deep_png, heic, refused, saved, tiff
from PIL import Image

from isgan.decoders import decode
from isgan.decoders.depth import rounded
from isgan.errors import IsganWarning
from isgan.picture import read_picture

EDGES = np.array([0, 128, 129, 255, 256, 257, 25700 + 128, 25700 + 129, 65278, 65535 - 129, 65535 - 128, 65535], np.uint16)


def deep(channels: int) -> np.ndarray:
    """(8, 12, channels) uint16: noise, and a row of what is hardest to round."""
    samples = np.random.default_rng(channels).integers(0, 65536, (8, 12, channels)).astype(np.uint16)
    samples[3] = EDGES[:, None]
    return samples


def nearest(samples: np.ndarray) -> np.ndarray:
    return np.rint(samples / 257).astype(np.uint8)


def pixels(data: bytes) -> np.ndarray:
    """(h, w, channels) of a file of which a note has to tell that it was rounded."""
    with pytest.warns(IsganWarning, match="the file has 1[0-6] bits per channel: it was rounded to 8"):
        image = decode(data, "the file").image
    return np.asarray(image).reshape(image.height, image.width, -1)


@given(arrays(np.uint16, (5, 4, 3)))
def test_rounding_is_to_the_nearest(samples):
    assert np.array_equal(rounded((samples >> 8).astype(np.uint8), samples.astype(np.uint8)), nearest(samples))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png(channels):
    assert np.array_equal(pixels(deep_png(deep(channels))), nearest(deep(channels)))


@pytest.mark.parametrize("channels", [1, 3])
def test_png_of_which_one_colour_is_transparent(channels):
    samples = deep(channels)
    samples[1, 1] = samples[2, 2]
    samples[1, 2] = samples[2, 2] ^ 1  # the same but for a bit that 8 bits do not have
    found = pixels(deep_png(samples, chunk(b"tRNS", samples[2, 2].astype(">u2").tobytes())))
    assert np.array_equal(found[..., :-1], nearest(samples))
    assert sorted(zip(*np.nonzero(found[..., -1] == 0), strict=True)) == [(1, 1), (2, 2)]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("channels", "photometric", "extra"), [(1, 1, None), (3, 2, None), (4, 2, 2), (4, 2, 0)])
def test_tiff(order, packed, channels, photometric, extra):
    found = pixels(tiff(deep(channels), photometric, order, extra, packed=packed))
    expected = nearest(deep(channels))
    assert np.array_equal(found, expected[..., :3] if extra == 0 else expected)


def test_tiff_whose_white_is_0():
    assert np.array_equal(pixels(tiff(deep(1), 0)), 255 - nearest(deep(1)))


def test_cmyk_of_16_bits():
    with pytest.warns(IsganWarning) as caught:
        found = read_picture(tiff(deep(4), 5))
    assert [str(note.message).split(":")[0] for note in caught] == [
        "the file has 16 bits per channel",
        "the file is CMYK without a colour profile",
    ]
    assert np.array_equal(found, np.asarray(cmyk(nearest(deep(4))).convert("RGB")))


@pytest.mark.parametrize("changes", [{"planar": 2}, {"planar": 2, "packed": True}])
def test_layouts_that_are_not_read(changes):
    refused(lambda: decode(tiff(deep(3), 2, **changes), "x"), "16 bits per channel", "save it with 8 bits")


def test_alpha_by_which_colours_were_multiplied_is_refused():
    refused(lambda: decode(tiff(deep(4), 2, extra=1), "x"), "16 bits per channel", "save it with 8 bits")


def test_heic_of_10_bits():
    y, x = np.mgrid[0:64, 0:96]
    samples = np.stack([x * 600, y * 900, x * 300 + y * 300], -1).astype(np.uint16)
    found = pixels(heic(samples, quality=100)).astype(int)
    assert np.abs(found - nearest(samples)).mean() < 1  # it has loss, and reduced colours
    assert abs((found - samples / 257).mean()) < 0.2  # and is not half a level darker, as without rounding


def test_pillow_images():
    gray = deep(1)[..., 0]
    with pytest.warns(IsganWarning, match="the picture has 16 bits"):
        assert np.array_equal(read_picture(Image.fromarray(gray)), nearest(gray))
    for mode in ("I", "F"):
        image = Image.new(mode, (4, 4))
        refused(lambda image=image: read_picture(image), "samples of 32 bits", "8 or 16 bits per channel")
        refused(lambda image=image: read_picture(saved(image, "TIFF")), "samples of 32 bits")


def test_a_file_that_pillow_has_open_has_lost_its_low_bytes():
    with Image.open(io.BytesIO(deep_png(deep(3)))) as image:
        refused(lambda: read_picture(image), "more than 8 bits per channel", "give the file itself")


def test_8_bits_are_left_alone():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        samples = deep(3).astype(np.uint8)
        for order in "<>":
            assert np.array_equal(read_picture(tiff(samples, 2, order)), samples)


def test_size_is_checked_before_anything_is_decoded(monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    data = deep_png(np.zeros((1, 6000, 3), np.uint16))
    higher = data[:20] + (4200).to_bytes(4, "big") + data[24:29]
    higher += zlib.crc32(higher[12:]).to_bytes(4, "big") + data[33:]
    refused(lambda: decode(higher, "x"), "too many pixels", "at most 24 megapixels")
