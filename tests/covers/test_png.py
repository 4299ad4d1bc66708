"""A PNG as cover: its samples, what stays, what goes, and what never changes."""

import hashlib
import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from isgan.covers.png import PngCover, public_places
from isgan.errors import IsganError
from isgan.options import Options

NOISE = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)


def saved(image: np.ndarray | Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(file, kind, **options)
    return file.getvalue()


def same(one: PngCover, other: PngCover) -> bool:
    return len(one.planes) == len(other.planes) and all(
        np.array_equal(*pair) for pair in zip(one.planes, other.planes, strict=True)
    )


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True})])
@pytest.mark.parametrize(
    "make", [lambda data: PngCover.read(data, "x"), lambda data: PngCover.prepared(data, "x", Options())]
)
def test_samples_of_any_file(kind, options, make):
    cover = make(saved(NOISE, kind, **options))
    assert [plane.dtype for plane in cover.planes] == [np.int16] * 3
    assert np.array_equal(np.stack(cover.planes, -1), NOISE)
    assert np.array_equal(cover.pixels(), NOISE) and cover.pixels().dtype == np.uint8
    assert cover.samples == cover.weight == 6000
    assert cover.suspicion() is None


def test_gray_is_one_plane_and_a_palette_three():
    gray = PngCover.read(saved(NOISE[..., 0]), "x")
    assert len(gray.planes) == 1 and np.array_equal(gray.pixels(), NOISE[..., 0])
    palette = Image.fromarray(NOISE).quantize(16)
    assert np.array_equal(PngCover.read(saved(palette), "x").pixels(), np.asarray(palette.convert("RGB")))


def test_gray_in_all_but_name_is_gray():
    same = np.repeat(NOISE[..., :1], 3, axis=2)
    cover = PngCover.read(saved(same), "x")
    assert len(cover.planes) == 1 and Image.open(io.BytesIO(cover.encode())).mode == "L"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()  # which a gray PNG must not have
    assert len(PngCover.read(saved(same, icc_profile=profile), "x").planes) == 3


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(["L", "LA", "RGB", "RGBA"]), st.integers(0, 2**32 - 1))
def test_what_is_encoded_is_read_back(height, width, mode, seed):
    samples = np.random.default_rng(seed).integers(0, 256, (height, width, len(mode)), np.uint8)
    samples[..., -1] &= 0xFF if mode in ("L", "RGB") else -(seed & 1) & 0xFF
    cover = PngCover.prepared(saved(Image.fromarray(samples[..., 0] if mode == "L" else samples, mode)), "x", Options())
    again = PngCover.read(cover.encode(), "x")
    assert same(cover, again) and cover.salt() == again.salt() and cover.encode() == again.encode()
    assert (cover.alpha is None) == (mode in ("L", "RGB")) and np.array_equal(cover.alpha, again.alpha)
    assert all(np.array_equal(*pair) for pair in zip(cover.frozen, again.frozen, strict=True))


def test_changed_makes_another_cover():
    cover = PngCover(NOISE)
    moved = tuple(plane ^ 1 for plane in cover.planes)
    other = cover.changed(moved)
    assert np.array_equal(cover.pixels(), NOISE) and np.array_equal(other.pixels(), NOISE ^ 1)
    assert np.array_equal(PngCover.read(other.encode(), "x").pixels(), NOISE ^ 1)


# What says how the numbers are shown


def test_the_colour_profile_stays():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind, options in (("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True}), ("JPEG", {"quality": 95})):
        cover = PngCover.prepared(saved(NOISE, kind, icc_profile=profile, **options), "x", Options(scale=0.5))
        assert Image.open(io.BytesIO(cover.changed(cover.planes).encode())).info == {"icc_profile": profile}


def test_the_colour_chunks_stay_and_nothing_else():
    info = PngImagePlugin.PngInfo()
    kept = {b"cHRM": bytes(range(32)), b"gAMA": struct.pack(">I", 100_000), b"sRGB": b"\1"}
    for kind, content in kept.items():
        info.add(kind, content)
    info.add_text("Author", "me")
    exif = Image.Exif()
    exif[0x010E] = "where it was taken"
    data = PngCover.prepared(saved(NOISE, pnginfo=info, exif=exif, dpi=(300, 300)), "x", Options()).encode()
    found, start = {}, 8
    while start < len(data):
        (length,) = struct.unpack_from(">I", data, start)
        found[data[start + 4 : start + 8]] = data[start + 8 : start + 8 + length]
        start += length + 12
    assert {kind: found[kind] for kind in kept} == kept
    assert set(found) == {*kept, b"IHDR", b"IDAT", b"IEND"}


def test_the_file_is_what_pillow_writes():
    for samples in (NOISE, NOISE[..., 0]):
        assert PngCover(samples).encode() == saved(samples)
    glass = np.dstack([NOISE, NOISE[..., 0]])
    assert PngCover.read(saved(glass), "x").encode() == saved(glass)


def test_alpha_stays_and_hidden_pixels_never_change():
    glass = np.dstack([NOISE, np.where(NOISE[..., 0] < 100, 0, NOISE[..., 1])])
    cover = PngCover.read(saved(glass), "x")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(cover.encode()))), glass)
    assert all(frozen[glass[..., 3] == 0].all() and not frozen.all() for frozen in cover.frozen)
    keyed = Image.fromarray(NOISE[..., 0])
    keyed.info["transparency"] = 7
    assert np.array_equal(PngCover.read(saved(keyed), "x").alpha == 0, NOISE[..., 0] == 7)


@pytest.mark.parametrize("gray", [False, True])
def test_partly_transparent_pixels_are_left_alone(gray):
    """Where colours were multiplied by alpha, few values are left: a change is none of them."""
    alpha = np.full((40, 50), 255, np.uint8)
    alpha[:, :10], alpha[:, 10:20] = 0, 90
    pixels = NOISE[..., :1] if gray else NOISE
    cover = PngCover.read(saved(Image.fromarray(np.dstack([pixels, alpha]), "LA" if gray else "RGBA")), "x")
    assert all(np.array_equal(mask, alpha < 255) for mask in cover.avoided())


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_cover_is_turned_upright_and_a_stego_image_left_alone(kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(NOISE, kind, exif=exif)
    assert PngCover.prepared(data, "x", Options()).planes[0].shape == (50, 40)
    assert PngCover.read(data, "x").planes[0].shape == (40, 50)


# The salt


def test_the_salt_is_as_specified():
    cover = PngCover(NOISE)
    places = [(i * 0x9E3779B97F4A7C15 % 2**64) * 2000 >> 64 for i in range(1, 126)]
    samples = b"".join(bytes(NOISE[..., plane].ravel()[places]) for plane in range(3))
    assert cover.salt() == hashlib.sha256(struct.pack("<IIB", 50, 40, 3) + samples).digest()
    assert [np.flatnonzero(frozen).tolist() for frozen in cover.frozen] == [sorted(places)] * 3


def test_changes_elsewhere_leave_the_salt():
    cover = PngCover(NOISE)
    moved = cover.changed(
        tuple(np.where(frozen, plane, plane ^ 1) for plane, frozen in zip(cover.planes, cover.frozen, strict=True))
    )
    assert moved.salt() == cover.salt()
    for other in (
        PngCover(NOISE ^ 1),
        PngCover(NOISE[..., 0]),
        PngCover(np.ascontiguousarray(NOISE.transpose(1, 0, 2))),
    ):
        assert other.salt() != cover.salt()


@given(st.integers(1, 10**8))
def test_public_places_are_few_different_and_spread(pixels):
    places = public_places(pixels)
    assert len(set(places.tolist())) == len(places) == max(1, min(128, pixels // 16))
    assert places.min() >= 0 and places.max() < pixels
    if pixels > 10**5:
        assert np.diff(np.sort(places)).max() < 5 * pixels / 128


# Scaling, and the guard


def test_scaling_is_anti_aliased():
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 200
    assert np.abs(PngCover(stripes).scaled(0.25).pixels()[4:-4, 4:-4].astype(int) - 100).max() <= 2
    cover = PngCover.prepared(saved(NOISE), "x", Options(scale=0.5))
    assert np.array_equal(cover.pixels(), np.asarray(Image.fromarray(NOISE).resize((25, 20), Image.Resampling.LANCZOS)))
    assert PngCover(NOISE[:1, :1]).scaled(0.1).pixels().shape == (1, 1, 3)
    assert PngCover.prepared(NOISE[..., 0], "x", Options(scale=0.5)).pixels().shape == (20, 25)


@pytest.mark.parametrize("factor", [0.0, -1.0, 1.5, float("nan")])
def test_other_scales_are_refused(factor):
    with pytest.raises(IsganError, match="scaled by"):
        PngCover(NOISE).scaled(factor)


@pytest.mark.parametrize(("kind", "name"), [("JPEG", "JPEG"), ("WEBP", "WebP")])
def test_a_cover_with_loss_is_suspect_until_it_is_scaled(kind, name):
    flat = np.full((64, 64), 90, np.uint8)  # in which nothing can be seen
    flat[20:40] = 120
    data = saved(flat, kind)
    assert f"decoded from a {name} file" in PngCover.prepared(data, "x", Options()).suspicion()
    assert PngCover.prepared(data, "x", Options(scale=0.5)).suspicion() is None
