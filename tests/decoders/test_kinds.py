"""Kinds of files beside the usual ones: HEIC, AVIF, GIF; files with several frames; inks."""

import io
import subprocess
import sys
import warnings

import numpy as np
import pytest
from picture_files import cmyk, display_p3, heic, refused, saved, tiff
from PIL import Image, ImageCms, ImageOps

from isgan.decoders import decode, is_picture, lossy_format
from isgan.decoders.heif import kind_of
from isgan.errors import IsganWarning
from isgan.picture import read_gray, read_picture, read_rgb

CORNER = np.full((64, 96, 3), 40, np.uint8)
CORNER[:24, :40] = (200, 60, 90)


def turned(picture: np.ndarray, orientation: int) -> np.ndarray:
    """The picture as Pillow turns it."""
    image = Image.fromarray(picture)
    image.getexif()[0x0112] = orientation
    return np.asarray(ImageOps.exif_transpose(image)).astype(int)


@pytest.fixture(autouse=True)
def _no_other_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


# ---------------------------------------------------------------------------------------------------- HEIC and AVIF


@pytest.mark.parametrize("orientation", range(1, 9))
def test_heic_is_turned_once(orientation):
    """Phones write the turn twice: for HEIF's viewers into irot and imir, for others into EXIF."""
    data = heic(CORNER, orientation=orientation)
    found, expected = read_rgb(data).astype(int), turned(CORNER, orientation)
    assert found.shape == expected.shape and np.abs(found - expected).mean() < 4
    assert (b"irot" in data or b"imir" in data) == (orientation > 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_avif_is_turned_once(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    found, expected = read_rgb(saved(CORNER, "AVIF", exif=exif)).astype(int), turned(CORNER, orientation)
    assert found.shape == expected.shape and np.abs(found - expected).mean() < 4


@pytest.mark.parametrize(("make", "name"), [(lambda: heic(CORNER), "HEIC"), (lambda: saved(CORNER, "AVIF"), "AVIF")], ids=["heic", "avif"])
def test_what_is_known_of_a_phones_file(make, name):
    data = make()
    assert kind_of(data) == lossy_format(data) == name and is_picture(data)
    assert kind_of(b"") is None and kind_of(b"\0\0\0\x18ftypmp42" + bytes(16)) is None
    open_brand = data.replace(b"ftyp" + data[8:12], b"ftypmif1", 1)
    assert kind_of(open_brand) == name


def test_heic_keeps_its_colour_profile():
    pillow_heif = pytest.importorskip("pillow_heif")
    made, file = pillow_heif.from_pillow(Image.fromarray(CORNER)), io.BytesIO()
    made.info["icc_profile"] = display_p3()
    made.save(file, quality=100)
    assert decode(file.getvalue(), "x").profile == display_p3()
    assert read_rgb(file.getvalue())[5, 5, 0] > 205  # a redder red in sRGB


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("kind", ["HEIC", "AVIF", "GIF"])
def test_truncated_files(kind, kept):
    data = heic(CORNER) if kind == "HEIC" else saved(CORNER, kind)
    refused(lambda: read_rgb(data[: int(len(data) * kept)]), "the file", "save it as")


WITHOUT = """
import importlib.util, sys
importlib.util.find_spec = lambda name: None
from isgan import IsganError
from isgan.picture import read_rgb
try:
    read_rgb(sys.argv[1])
except IsganError as error:
    print(error)
"""


def test_without_the_extra_one_line_says_how_to_get_it(tmp_path):
    (tmp_path / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    done = subprocess.run([sys.executable, "-c", WITHOUT, tmp_path / "photo.heic"], capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1 and "photo.heic' is HEIC: pip install 'isgan[heif]'" in done.stdout


def test_pillow_is_left_as_it_is(tmp_path):
    """Reading a HEIC file teaches Pillow nothing: a program that uses isgan may not want that."""
    (tmp_path / "photo.heic").write_bytes(heic(CORNER))
    code = "import sys; from PIL import Image; from isgan.picture import read_rgb; read_rgb(sys.argv[1]); sys.exit('HEIF' in Image.OPEN)"
    assert subprocess.run([sys.executable, "-c", code, tmp_path / "photo.heic"], check=False).returncode == 0


# ---------------------------------------------------------------------------------------------------- several frames

FRAMES = [np.full((20, 30, 3), shade, np.uint8) for shade in (10, 120, 230)]


def animated(kind: str) -> bytes:
    first, *rest = (Image.fromarray(frame) for frame in FRAMES)
    options = {"WEBP": {"lossless": True}, "AVIF": {"quality": 100}}.get(kind, {})
    return saved(first, kind, save_all=True, append_images=rest, **options)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_frame_has_to_be_chosen(kind):
    data = animated(kind)
    refused(lambda: read_rgb(data), "has several frames or pages", "--frame 1", "--exact")
    for number, frame in enumerate(FRAMES, start=1):
        assert np.abs(read_rgb(data, frame=number).astype(int) - frame).max() <= 1
    refused(lambda: read_rgb(data, frame=4), "fewer frames or pages than 4")
    for wrong in (0, -1, 1001):
        refused(lambda wrong=wrong: read_rgb(data, frame=wrong), "--frame is from 1 to 1000")


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_still_picture_has_one_frame(kind):
    first = Image.fromarray(FRAMES[0])
    data = saved(first, kind, save_all=True, append_images=[], **({"lossless": True} if kind == "WEBP" else {}))
    assert np.array_equal(read_rgb(data), read_rgb(data, frame=1))
    with pytest.warns(IsganWarning, match="has one frame alone: --frame 2"):
        assert np.array_equal(read_rgb(data), read_rgb(data, frame=2))


def test_of_a_phones_file_the_main_picture_is_meant():
    small = Image.fromarray(CORNER[:16, :16])
    mpo = saved(CORNER, "MPO", save_all=True, append_images=[small])
    assert read_rgb(mpo).shape == read_rgb(mpo, frame=1).shape == (64, 96, 3)
    assert read_rgb(mpo, frame=2).shape == (16, 16, 3)
    data = heic(CORNER[:32, :32], CORNER, main=1)
    assert read_rgb(data).shape == read_rgb(data, frame=2).shape == (64, 96, 3)
    assert read_rgb(data, frame=1).shape == (32, 32, 3)


def test_an_open_image_is_at_a_frame():
    with Image.open(io.BytesIO(animated("PNG"))) as image:
        image.seek(1)
        assert np.array_equal(read_rgb(image), FRAMES[1])
        refused(lambda: read_rgb(image, frame=2), "go to its frame with seek")


# ---------------------------------------------------------------------------------------------------- inks and palettes


def test_gif_palettes_and_transparency():
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    assert read_picture(saved(image, "GIF")).tolist() == [[[10, 20, 30], [40, 50, 60]]]
    with pytest.warns(IsganWarning, match="partly transparent"):
        assert read_picture(saved(image, "GIF", transparency=0)).tolist() == [[[255, 255, 255], [40, 50, 60]]]


def inks() -> np.ndarray:
    """(5, 6, 4) uint8: no ink, each ink, all of them, and between."""
    samples = np.random.default_rng(0).integers(0, 256, (5, 6, 4)).astype(np.uint8)
    samples[0] = [[0, 0, 0, 0], [255, 0, 0, 0], [0, 255, 0, 0], [0, 0, 255, 0], [0, 0, 0, 255], [255, 255, 255, 255]]
    return samples


@pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
def test_cmyk_without_a_profile(kind):
    data = tiff(inks(), 5) if kind == "TIFF" else saved(cmyk(inks()), "JPEG", quality=100, subsampling=0)
    with pytest.warns(IsganWarning, match="the file is CMYK without a colour profile"):
        found = read_rgb(data).astype(int)
    expected = np.asarray(cmyk(inks()).convert("RGB")).astype(int)
    assert np.abs(found - expected).max() <= (0 if kind == "TIFF" else 12)
    assert found[0, 0].min() > 250 and found[0, 4].max() < 5


def test_cmyk_by_its_profile(monkeypatch):
    """No profile of inks is small enough to lie here: littleCMS is told to take the inks' complement for sRGB."""
    asked = []

    class Complement:
        def apply(self, image):
            return Image.fromarray(255 - np.asarray(image)[..., :3])

    def build(source, target, mode, into, intent, flags):
        asked.append((source.profile.xcolor_space.strip(), mode, into, intent, flags))
        return Complement()

    monkeypatch.setattr(ImageCms, "buildTransform", build)
    image = cmyk(inks())
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with pytest.warns(IsganWarning, match="is CMYK: it was converted to sRGB"):
        decoded = decode(saved(image, "TIFF", icc_profile=profile), "the file")
    assert np.array_equal(np.asarray(decoded.image), 255 - inks()[..., :3]) and decoded.profile is None
    assert asked == [("RGB", "CMYK", "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION)]


@pytest.mark.parametrize("profile", [b"nonsense", display_p3()], ids=["nonsense", "of light"])
def test_cmyk_with_a_profile_that_is_none_of_inks(profile):
    image = cmyk(inks())
    with pytest.warns(IsganWarning, match="without a colour profile"):
        found = read_rgb(saved(image, "TIFF", icc_profile=profile))
    assert np.array_equal(found, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("mode", ["LAB", "YCbCr", "HSV"])
def test_other_colour_spaces(mode):
    image = Image.new(mode, (4, 4))
    refused(lambda: read_rgb(image), f"is {mode}", "convert it to RGB")
    if mode == "LAB":
        refused(lambda: read_rgb(saved(image, "TIFF")), "is LAB", "convert it to RGB")


def test_a_tiff_with_jpeg_inside_has_loss():
    assert lossy_format(saved(CORNER, "TIFF", compression="jpeg")) == "lossy TIFF"
    assert lossy_format(saved(CORNER, "TIFF", compression="tiff_lzw")) is None
    assert read_gray(saved(CORNER, "TIFF", compression="jpeg")).shape == (64, 96)
