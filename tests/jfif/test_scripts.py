"""Which scripts of scans an optimiser chose: by what real encoders write."""

from pathlib import Path

import pytest
from photos import file_of, photograph

from isgan.covers.jpeg import JpegCover
from isgan.errors import IsganError, IsganWarning
from isgan.jfif.scripts import Step, chosen
from isgan.options import Options
from isgan.sources import cover_of


def written(version: str, quality: int, gray: bool, folder: Path) -> bytes:
    """A progressive file of a library that jpeglib brings along."""
    jpeglib = pytest.importorskip("jpeglib")
    path = folder / f"{version}.jpg"
    with jpeglib.version(version):
        pixels = photograph(128, gray=gray)
        picture = jpeglib.from_spatial(pixels[..., None] if gray else pixels)
        picture.write_spatial(str(path), qt=quality, flags=["+PROGRESSIVE_MODE"])
    return path.read_bytes()


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("quality", [40, 75, 95])
@pytest.mark.parametrize(
    ("version", "searches"), [("mozjpeg300", True), ("mozjpeg403", True), ("turbo210", False), ("6b", False), ("9e", False)]
)
def test_mozjpeg_chooses_and_libjpeg_does_not(version: str, searches: bool, quality: int, gray: bool, tmp_path: Path):
    cover = JpegCover.read(written(version, quality, gray, tmp_path), "photo.jpg")
    assert cover.header.progressive and cover._coding.chosen is searches


def script(text: str) -> list[Step]:
    """Scans as `jpegtran -scans` takes them: components: first-last, high, low; ..."""
    steps = []
    for line in text.split(";"):
        components, numbers = line.split(":")
        band, high, low = numbers.split(",")
        first, last = band.split("-")
        steps.append(Step(tuple(map(int, components.split())), (int(first), int(last)), (int(high), int(low))))
    return steps


@pytest.mark.parametrize(
    "text",
    [
        # jpegli
        "0 1 2: 0-0,0,0; 0: 1-2,0,0; 1: 1-2,0,0; 2: 1-2,0,0; 0: 3-63,0,2; 1: 3-63,0,2; 2: 3-63,0,2; "
        "0: 3-63,2,1; 1: 3-63,2,1; 2: 3-63,2,1; 0: 3-63,1,0; 1: 3-63,1,0; 2: 3-63,1,0",
        # mozjpeg where it does not search
        "0 1 2: 0-0,0,0; 0: 1-8,0,2; 1: 1-8,0,0; 2: 1-8,0,0; 0: 9-63,0,2; 0: 1-63,2,1; 0: 1-63,1,0; 1: 9-63,0,0; 2: 9-63,0,0",
        "0 1 2: 0-0,0,1; 0: 1-63,0,0; 1: 1-63,0,0; 2: 1-63,0,0; 0 1 2: 0-0,1,0",
        "0: 0-0,0,0; 0: 1-5,0,0; 0: 6-20,0,0; 0: 21-63,0,0",
        "0: 0-0,0,0; 0: 1-5,0,1; 0: 6-63,0,2; 0: 6-63,2,1; 0: 1-63,1,0",
    ],
)
def test_scripts_for_any_picture(text: str):
    assert not chosen(script(text))


@pytest.mark.parametrize(
    "text",
    [  # found in files on web pages
        "0: 0-0,0,0; 1: 0-0,0,0; 2: 0-0,0,0; 0: 1-8,0,0; 0: 9-63,0,0; 1: 1-63,0,1; 2: 1-63,0,1; 1: 1-63,1,0; 2: 1-63,1,0",
        "0: 0-0,0,0; 1: 0-0,0,0; 2: 0-0,0,0; 0: 1-18,0,0; 0: 19-63,0,0; 1: 1-63,0,0; 2: 1-63,0,0",
        "0 1 2: 0-0,0,0; 0: 1-5,0,1; 0: 6-63,0,1; 0: 1-63,1,0; 1: 1-8,0,0; 1: 9-63,0,0; 2: 1-8,0,0; 2: 9-63,0,0",
    ],
)
def test_scripts_for_one_picture(text: str):
    assert chosen(script(text))


def test_such_a_cover_is_refused_unless_risk_is_high(tmp_path: Path):
    data = written("mozjpeg403", 85, False, tmp_path)
    with pytest.raises(IsganError, match=r"mozjpeg chose its scans.*jpegtran -progressive.*--risk high"):
        cover_of(data, "stego.jpg", Options())
    with pytest.warns(IsganWarning, match="mozjpeg chose its scans"):
        cover_of(data, "stego.jpg", Options(risk="high"))
    assert JpegCover.read(file_of(photograph(), progressive=True), "photo.jpg").suspicion() is None
