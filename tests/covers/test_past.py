"""The guard against its own attack: what decoders give is known, what they do not give is left alone."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isgan.covers.past import _regions, grid_deviations, jpeg_reachable, past_of, remedy, webp_reachable

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*/*.png"))


def planes(image: Image.Image) -> tuple[np.ndarray, ...]:
    samples = np.atleast_3d(np.asarray(image).astype(np.int16))
    return tuple(samples[..., channel] for channel in range(samples.shape[2]))


def coded(image: Image.Image, kind: str, **options) -> Image.Image:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return Image.open(file).convert(image.mode)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_photographs_without_a_past_pass(path, mode):
    image = Image.open(path).convert(mode)
    assert past_of(planes(image)) is None
    assert past_of(planes(image.resize((180, 150), Image.Resampling.LANCZOS))) is None
    assert past_of(planes(image.crop((0, 0, 20, 20)))) is None


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("quality", [40, 75, 95, 100])
def test_decoded_jpegs_do_not(path, quality):
    image = Image.open(path).convert("RGB")
    for subsampling in (0, 2):
        decoded = coded(image, "JPEG", quality=quality, subsampling=subsampling)
        assert past_of(planes(decoded)) == "was decoded from a JPEG or AVIF file"
        assert past_of(planes(decoded.crop((3, 5, 100, 90)))) == "was decoded from a JPEG or AVIF file"
        assert past_of(planes(decoded.resize((128, 128), Image.Resampling.LANCZOS))) is None
    gray = coded(image.convert("L"), "JPEG", quality=quality)
    for cut in (gray, gray.crop((3, 5, 250, 240)), gray.transpose(Image.Transpose.ROTATE_90)):
        assert past_of(planes(cut)) == "was decoded from a JPEG or another file with loss"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    ("red", "blue", "narrow"), [(0.2126, 0.0722, True), (0.299, 0.114, True), (0.2126, 0.0722, False), (0.2627, 0.0593, True)]
)
def test_frames_of_videos_do_not(path, red, blue, narrow):
    """By the formulas of ITU-T H.273, equations 21 to 34."""
    image = Image.open(path).convert("RGB").resize((200, 180), Image.Resampling.LANCZOS)
    r, g, b = np.moveaxis(np.asarray(image) / 255, 2, 0)
    luma, steps, chroma, dark = red * r + (1 - red - blue) * g + blue * b, *((219, 224, 16) if narrow else (255, 255, 0))
    y = (np.rint(steps * luma + dark) - dark) / steps
    u, v = (np.rint(chroma * (c - luma) / 2 / (1 - weight)) / chroma for c, weight in ((b, blue), (r, red)))
    r, b = y + 2 * (1 - red) * v, y + 2 * (1 - blue) * u
    frame = np.stack([r, (y - red * r - blue * b) / (1 - red - blue), b], 2)
    decoded = Image.fromarray(np.rint(frame.clip(0, 1) * 255).astype(np.uint8))
    said = "was decoded from a video or another file with loss" if red != 0.299 else "was decoded from a WebP file"
    assert past_of(planes(decoded)) == said
    assert past_of(planes(decoded.resize((90, 81), Image.Resampling.LANCZOS))) is None


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_decoded_webp_and_avif_do_not(path):
    image = Image.open(path).convert("RGB")
    assert past_of(planes(coded(image, "WEBP", quality=80))) == "was decoded from a WebP file"
    for subsampling in ("4:2:0", "4:4:4"):
        assert past_of(planes(coded(image, "AVIF", quality=80, subsampling=subsampling))) == "was decoded from a JPEG or AVIF file"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_stretched_contrast_and_few_colours(path):
    image = Image.open(path).convert("RGB")
    for mode in ("RGB", "L"):
        stretched = image.convert(mode).point(lambda value: min(255, max(0, round((value - 12) * 1.08))))
        assert past_of(planes(stretched)) == "skips values, as contrast that was stretched does"
        assert past_of(planes(stretched.resize((128, 128), Image.Resampling.LANCZOS))) is None
    assert past_of(planes(image.quantize(200).convert("RGB"))) == "has no more than 200 colours"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_exactly_gray_parts(path):
    samples = np.array(Image.open(path).convert("RGB"))
    part = slice(samples.shape[1] // 2)
    samples[:, part] = samples[:, part, 1:2]
    past = past_of(planes(Image.fromarray(samples)))
    assert past == "has a large part that is exactly gray"
    assert remedy(past) == "take another photograph"


def reduced(value: int, bits: int) -> int:
    return (value >> 8 - bits) * 255 // (2**bits - 1)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_values_that_are_left_out(path):
    image = Image.open(path).convert("RGB")
    skips, few = "skips values, as contrast that was stretched does", "has no more than "
    expanded = [plane.point(lambda value, bits=bits: reduced(value, bits)) for plane, bits in zip(image.split(), (5, 6, 5), strict=True)]
    assert past_of(planes(Image.merge("RGB", expanded)))
    for mode in ("RGB", "L"):
        for factor in (2, 3, 4):
            stretched = image.convert(mode).point(lambda value, factor=factor: min(255, max(0, factor * (value - 60))))
            assert past_of(planes(stretched)) == skips
            assert "--scale 0.5" in remedy(skips)
        for bits in (7, 6, 5, 4, 3, 2, 1):
            posterised = image.convert(mode).point(lambda value, bits=bits: reduced(value, bits))
            assert past_of(planes(posterised)).startswith(few if bits < 6 else skips)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("filtered", ["NEAREST", "BILINEAR", "BICUBIC"])
def test_pictures_that_were_enlarged(path, filtered):
    image = Image.open(path).convert("RGB").crop((0, 0, 128, 128))
    doubled = image.resize((256, 256), Image.Resampling[filtered])
    assert past_of(planes(doubled)) == past_of(planes(doubled.convert("L"))) == "was enlarged"
    assert "as it was before" in remedy("was enlarged")
    assert past_of(planes(image)) is None


def test_few_grays():
    one_bit = Image.open(EXAMPLES[0]).convert("1").convert("L")
    past = past_of(planes(one_bit))
    assert past == "has no more than 2 different values of gray"
    assert "JPEG" not in remedy(past) and "another photograph" in remedy(past)
    assert past_of(planes(one_bit.crop((0, 0, 20, 20)))) is None


def test_a_border_far_from_all_other_values_is_no_gap():
    picture = np.asarray(Image.open(EXAMPLES[0]).convert("L")).astype(np.int16) // 2 + 60
    picture = picture + np.random.default_rng(0).integers(0, 2, picture.shape).astype(np.int16)
    picture[:8] = picture[-8:] = 200
    assert past_of((picture,)) is None


def test_values_in_a_row_between_a_black_part_and_the_rest_are_one_gap():
    picture = np.asarray(Image.open(EXAMPLES[0]).convert("L")).astype(np.int16) // 2 + 9
    picture = picture + np.random.default_rng(0).integers(0, 2, picture.shape).astype(np.int16)
    picture[:60] = np.random.default_rng(1).integers(0, 3, picture[:60].shape)  # black, as scaling leaves it
    missing = np.setdiff1d(np.arange(picture.max()), picture)
    assert len(missing) >= 3 and np.ptp(missing) == len(missing) - 1
    assert past_of((picture,)) is None


def test_reachable_colours_are_those_of_the_formulas():
    """All Y, Cb, Cr near some colours, by JFIF's formulas, against the test turned round."""
    y, cb, cr = (axis.ravel() for axis in np.mgrid[90:110, 100:160:3, 90:150:3])
    half = np.array([y + 1.402 * (cr - 128), y - 0.34414 * (cb - 128) - 0.71414 * (cr - 128), y + 1.772 * (cb - 128)])
    colors = np.floor(half + 0.5).astype(np.int64).T
    colors = colors[(colors > 0).all(1) & (colors < 255).all(1)]
    assert jpeg_reachable(colors).all()
    known = set(map(tuple, colors))
    near = colors + np.random.default_rng(0).integers(-1, 2, colors.shape)
    assert 0.1 < jpeg_reachable(near).mean() < 0.5
    assert {tuple(color) for color in near} & known <= {tuple(color) for color in near[jpeg_reachable(near)]}


def test_a_single_change_leaves_the_lattice():
    image = np.asarray(coded(Image.open(EXAMPLES[0]).convert("RGB"), "JPEG", quality=90)).reshape(-1, 3).astype(np.int64)
    image = image[(image > 1).all(1) & (image < 254).all(1)]
    assert jpeg_reachable(image).all()
    for channel in range(3):
        moved = image.copy()
        moved[:, channel] += 1
        assert jpeg_reachable(moved).mean() < 0.25
    webp = np.asarray(coded(Image.open(EXAMPLES[0]).convert("RGB"), "WEBP", quality=90)).reshape(-1, 3).astype(np.int64)
    assert webp_reachable(webp[(webp > 1).all(1) & (webp < 254).all(1)]).all()


def test_borders_are_no_past():
    picture = np.asarray(Image.open(EXAMPLES[0]).convert("L")).astype(np.int16).copy()
    picture[:8] = picture[-16:] = 250
    picture[:, -8:] = 3
    assert past_of((picture,)) is None


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (15, 3), (1, 4000), (16, 16), (600, 9)])
def test_odd_sizes_and_flat_pictures_pass(size):
    for value in (0, 90, 255):
        assert past_of((np.full(size, value, np.int16),)) is None
    noise = np.random.default_rng(0).integers(0, 256, (3, *size)).astype(np.int16)
    assert past_of(tuple(noise)) is None and past_of((noise[0],)) is None


def test_large_pictures_are_looked_at_in_regions_on_one_grid():
    image = Image.open(EXAMPLES[0]).convert("L").resize((2000, 1501))
    regions = _regions(planes(coded(image, "JPEG", quality=80)))
    assert regions.shape == (16, 1, 128, 128)
    assert min(grid_deviations(regions[:, 0])) > 10 > 7 > max(grid_deviations(_regions(planes(image))[:, 0]))
