"""What every codec of pictures promises, and what each gives; hostile bytes."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from isgan.codecs import codecs
from isgan.codecs.avif import Avif
from isgan.codecs.jpeg2000 import Jpeg2000
from isgan.codecs.lossless import Lossless
from isgan.codecs.webp import WebP
from isgan.decoders import limits
from isgan.errors import IsganError
from isgan.metrics.pictures import psnr

PHOTO = np.asarray(Image.open(Path(__file__).parents[2] / "examples/covers/iguana.png").convert("RGB"))[:96, :120]
PICTURES = [name for name in codecs.names() if name != "file"]
SIZES = [(1, 1), (1, 37), (37, 2), (16, 16), (33, 65)]


def samples(height: int, width: int, gray: bool) -> np.ndarray:
    image = Image.fromarray(PHOTO).resize((width, height))
    return np.array(image.convert("L") if gray else image)


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("gray", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_size_and_colour_come_back_at_every_level(name, gray, size):
    codec, picture = codecs[name](), samples(*size, gray)
    for level in (codec.levels[0], codec.levels[len(codec.levels) // 2], codec.levels[-1]):
        decoded = codec.decode(codec.pack(picture, level))
        assert decoded.shape == picture.shape and decoded.dtype == np.uint8 and decoded.flags.c_contiguous
    assert psnr(decoded, picture) > 25


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("gray", [True, False])
def test_higher_levels_are_better_and_larger(name, gray):
    codec, picture = codecs[name](), samples(96, 120, gray)
    levels = [codec.levels[len(codec.levels) * number // 8] for number in range(8)] if len(codec.levels) > 1 else [0]
    packed = [codec.pack(picture, level) for level in levels]
    assert [len(data) for data in packed] == sorted(len(data) for data in packed)
    scores = [psnr(codec.decode(data), picture) for data in packed]
    assert scores == sorted(scores)
    assert codec.decode(packed[0]).shape == picture.shape


@pytest.mark.parametrize("name", PICTURES)
def test_what_a_receiver_would_refuse_is_not_encoded(name, monkeypatch):
    picture = np.broadcast_to(np.uint8(0), (10_000, 10_000))
    monkeypatch.setattr(Image.Image, "save", lambda *_, **__: pytest.fail("encoded"))
    with pytest.raises(IsganError, match=r"the secret has too many pixels: at most [0-9]+ megapixels"):
        codecs[name]().pack(picture, codecs[name].levels[0])


@pytest.mark.parametrize(("name", "side"), [("avif", 70_000), ("webp", 16_384), ("lossless", 70_000), ("jpeg2000", 70_000)])
@pytest.mark.parametrize("upright", [True, False])
def test_pictures_that_are_very_long(name, side, upright):
    picture = np.repeat((np.arange(side) % 200).astype(np.uint8)[:, None], 2, axis=1)
    codec, picture = codecs[name](), picture if upright else np.ascontiguousarray(picture.T)
    if name in ("avif", "webp"):
        with pytest.raises(IsganError, match=r"has no room for a picture of .* --codec jpeg2000, or --exact"):
            codec.pack(picture, codec.levels[0])
    else:
        assert codec.decode(codec.pack(picture, codec.levels[-1])).shape == picture.shape


@pytest.mark.parametrize("name", PICTURES)
def test_a_gray_picture_in_colour_stays_in_colour(name):
    codec, picture = codecs[name](), np.repeat(samples(20, 30, True)[..., None], 3, axis=2)
    assert codec.decode(codec.pack(picture, codec.levels[-1])).shape == picture.shape


@pytest.mark.parametrize("name", [name for name in PICTURES if codecs[name].suffix])
@pytest.mark.parametrize("gray", [True, False])
def test_files_are_what_other_programs_read(name, gray):
    codec, picture = codecs[name](), samples(40, 50, gray)
    data = codec.pack(picture, codec.levels[-1])
    image = Image.open(io.BytesIO(codec.file(data))).convert("L" if gray else "RGB")
    assert psnr(np.asarray(image), codec.decode(data)) > 50


def test_numbers_are_given_once_and_for_all():
    assert {name: codecs[name].number for name in ("file", "avif", "webp", "jpeg2000", "lossless")} == {
        "file": 0, "avif": 1, "webp": 2, "jpeg2000": 3, "lossless": 4,
    }  # fmt: skip
    numbers = [codecs[name].number for name in codecs.names()]
    assert len(set(numbers)) == len(numbers)


# AVIF


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("gray", [True, False])
@pytest.mark.parametrize("level", [0, 30, 63])
def test_the_boxes_left_out_come_back_byte_for_byte(size, gray, level, monkeypatch):
    files = []
    save = Image.Image.save
    monkeypatch.setattr(
        Image.Image,
        "save",
        lambda self, file, *args, **options: (save(self, file, *args, **options), files.append(file)),
    )
    data = Avif().pack(samples(*size, gray), level)
    assert Avif().file(data) == files[0].getvalue()
    assert len(files[0].getvalue()) - len(data) > 250


def test_gray_avif_at_its_best_is_exact():
    picture = samples(96, 120, True)
    assert np.array_equal(Avif().decode(Avif().pack(picture, Avif.levels[-1])), picture)


def test_avif_takes_fewer_bytes_than_webp():
    picture = samples(96, 120, True)
    sizes = {}
    for codec in (Avif(), WebP()):
        scores = {level: psnr(codec.decode(codec.pack(picture, level)), picture) for level in codec.levels[20:90:3]}
        sizes[type(codec)] = len(codec.pack(picture, next(level for level in scores if scores[level] >= 33.5)))
    assert sizes[Avif] < 0.9 * sizes[WebP]


def test_a_pillow_without_avif_says_so(monkeypatch):
    monkeypatch.delitem(Image.SAVE, "AVIF")
    with pytest.raises(IsganError, match=r"cannot write AVIF.*--codec webp"):
        Avif().pack(PHOTO, 30)


def test_a_stream_with_a_second_header_is_refused():
    """The second could ask for pictures of any size."""
    small, large = (Avif().pack(np.zeros(size, np.uint8), 30) for size in ((8, 8), (1500, 1500)))
    for data in (small + large, large[: 2 + large[1]] + small, small + b"\x12\0" + small):
        with pytest.raises(IsganError, match="no AVIF picture that this version knows"):
            Avif().decode(data)


# Without loss


@pytest.mark.parametrize(
    "picture",
    [
        PHOTO,
        PHOTO[..., 0],
        np.zeros((50, 60), np.uint8),
        np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8),
        PHOTO[:1, :1],
    ],
    ids=["photo", "gray", "flat", "noise", "pixel"],
)
def test_lossless_is_exact_and_no_larger_than_png(picture):
    packed = Lossless().pack(np.ascontiguousarray(picture), 0)
    assert np.array_equal(Lossless().decode(packed), picture)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", optimize=True)
    assert len(packed) <= len(file.getvalue())


def test_jpeg_2000_hits_decibels():
    for decibels in (30, 35, 40):
        decoded = Jpeg2000().decode(Jpeg2000().pack(PHOTO, 10 * decibels))
        assert psnr(decoded, PHOTO) == pytest.approx(decibels, abs=1.5)
    assert b"OpenJPEG" not in Jpeg2000().pack(PHOTO, 300)


# Hostile bytes


@pytest.mark.parametrize("name", PICTURES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damage_is_a_picture_or_an_error(name, data):
    codec = codecs[name]()
    packed = bytearray(codec.pack(PHOTO[:24, :24], codec.levels[len(codec.levels) // 2]))
    for _ in range(data.draw(st.integers(0, 3))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    packed = packed[: data.draw(st.integers(0, len(packed)))] + data.draw(st.binary(max_size=8))
    try:
        assert codec.decode(bytes(packed)).dtype == np.uint8
    except IsganError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("name", PICTURES)
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_an_error(name, data):
    with pytest.raises(IsganError):
        codecs[name]().decode(data)


@pytest.mark.parametrize("name", PICTURES)
def test_no_other_decoder_is_reached(name):
    files = {}
    for kind in ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"):
        file = io.BytesIO()
        Image.fromarray(PHOTO).save(file, kind)
        files[kind] = file.getvalue()
    for kind, data in files.items():
        if (name, kind) != ("lossless", "PNG"):
            with pytest.raises(IsganError):
                codecs[name]().decode(data)


@pytest.mark.parametrize("name", PICTURES)
def test_large_pictures_are_refused_before_they_are_decoded(name, monkeypatch):
    codec = codecs[name]()
    packed = codec.pack(np.zeros((200, 300), np.uint8), codec.levels[0])
    monkeypatch.setattr(limits, "MAX_PIXELS", 200 * 300 - 1)
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    with pytest.raises(IsganError, match="too many pixels"):
        codec.decode(packed)


def test_several_frames_are_refused():
    file = io.BytesIO()
    Image.fromarray(PHOTO).save(file, "PNG", save_all=True, append_images=[Image.fromarray(255 - PHOTO)])
    with pytest.raises(IsganError):
        Lossless().decode(file.getvalue())
