"""Other decoders show a cover and its stego image as we say: djpeg, Pillow and Chromium, to the last pixel."""

import base64
import io
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from photos import file_of, photograph, stirred
from PIL import Image

from isgan.covers.jpeg import JpegCover

KINDS = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2, "gray": None}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DRAW = """async address => {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    return Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data);
}"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Callable[[bytes], np.ndarray]]:
    """A file's bytes -> what the browser draws, a flat array of R, G, B and alpha."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the browser is driven by playwright")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page()

        def draw(data: bytes) -> np.ndarray:
            address = "data:image/jpeg;base64," + base64.b64encode(data).decode()
            return np.array(page.evaluate(DRAW, address), np.uint8)

        yield draw
        browser.close()


@pytest.fixture(params=KINDS)
def files(request: pytest.FixtureRequest) -> tuple[bytes, bytes]:
    """A cover and a stego image of a kind of sampling, of odd size."""
    sampling = KINDS[request.param]
    pixels = photograph(96, gray=sampling is None)[:75, :91]
    cover = JpegCover.read(file_of(pixels, **({} if sampling is None else {"subsampling": sampling})), "photo.jpg")
    return cover.encode(), stirred(cover, 0.05).encode()


def shown(data: bytes) -> np.ndarray:
    """Pillow's pixels, which are the cover's own."""
    pixels = np.array(Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(JpegCover.read(data, "photo.jpg").pixels(), pixels)
    return pixels


def test_djpeg_and_pillow_decode_to_the_same_pixels(files: tuple[bytes, bytes], tmp_path: Path):
    if shutil.which("djpeg") is None:
        pytest.skip("djpeg, of libjpeg-turbo, is not installed")
    pictures = []
    for data in files:
        (tmp_path / "photo.jpg").write_bytes(data)
        command = ["djpeg", "-outfile", str(tmp_path / "photo.ppm"), str(tmp_path / "photo.jpg")]
        subprocess.run(command, check=True, capture_output=True)
        pictures.append(np.array(Image.open(tmp_path / "photo.ppm")))
        np.testing.assert_array_equal(pictures[-1], shown(data))
    assert (pictures[0] != pictures[1]).any()


def test_chromium_and_pillow_decode_to_the_same_pixels(
    files: tuple[bytes, bytes], chromium: Callable[[bytes], np.ndarray]
):
    drawn = []
    for data in files:
        pixels = shown(data)
        colours = np.dstack([pixels] * 3) if pixels.ndim == 2 else pixels
        drawn.append(chromium(data).reshape(*colours.shape[:2], 4))
        np.testing.assert_array_equal(drawn[-1][..., :3], colours)
    assert (drawn[0] != drawn[1]).any()
