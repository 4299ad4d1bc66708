"""What `isgan check` says of files that were changed, and that nothing hidden matters to it."""

import io

import numpy as np
import pytest
from photos import photograph
from PIL import Image, PngImagePlugin

from isgan.checking import COMPRESSED, CONVERTED, DAMAGED, RESIZED, REWRITTEN, SCREENSHOT, check
from isgan.covers.jpeg import JpegCover
from isgan.errors import IsganError

SIGNS = {COMPRESSED, RESIZED, REWRITTEN, SCREENSHOT, CONVERTED, DAMAGED}


def saved(image: Image.Image | np.ndarray, kind: str = "JPEG", **options: object) -> bytes:
    file = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(file, kind, **options)
    return file.getvalue()


def exif(size: tuple[int, int] = (256, 256), **tags: object) -> Image.Exif:
    made = Image.Exif()
    made[0x0110] = "a camera"
    made.get_ifd(0x8769).update({0xA002: size[0], 0xA003: size[1]})
    for tag, value in tags.items():
        made[int(tag[1:], 16)] = value
    return made


def signs(data: bytes) -> set[str]:
    return SIGNS & set(check(data, "a file"))


def test_camera_files_are_as_they_were():
    facts = check(saved(photograph(256), quality=88, exif=exif()), "a file")
    assert not SIGNS & set(facts) and facts["verdict"].startswith("as it was saved")
    assert facts["file"] == "JPEG, 256 x 256" and facts["quality"].startswith("88, by the usual tables")


def test_png_of_a_photograph_is_as_it_was():
    small = Image.fromarray(photograph(256)).resize((100, 100), Image.Resampling.LANCZOS)
    assert signs(saved(small, "PNG")) == set()


@pytest.mark.parametrize(("first", "second"), [(75, 90), (80, 95), (60, 85)])
def test_finer_compression_after_coarser_shows(first: int, second: int):
    once = Image.open(io.BytesIO(saved(photograph(256), quality=first)))
    assert signs(saved(once, quality=second, exif=exif())) == {COMPRESSED}


@pytest.mark.parametrize("quality", [50, 75, 90, 95, 98])
def test_one_compression_does_not(quality: int):
    for number in range(3):
        assert signs(saved(photograph(256, number), quality=quality, exif=exif())) == set()


def test_embedding_does_not():
    cover = JpegCover.read(saved(photograph(256), quality=90, exif=exif()), "a file")
    rng = np.random.default_rng(0)
    change = rng.choice([-1, 0, 1], cover.planes[0].shape, p=[0.02, 0.96, 0.02]) * ~cover.frozen[0]
    stego = cover.changed(((cover.planes[0] + change).astype(np.int16),))
    assert check(stego.encode(), "a file") == check(cover.encode(), "a file")


def test_a_file_without_exif_is_not_suspected_for_that_alone():
    data = saved(photograph(256))
    assert signs(data) == set() and check(data, "a file")["EXIF"].startswith("none")
    assert "EXIF" not in check(saved(photograph(256), exif=exif()), "a file")


def test_other_changes():
    assert signs(saved(photograph(256), exif=exif((4000, 3000)))) == {RESIZED}
    assert signs(saved(photograph(256), exif=exif(x0131="Adobe Photoshop 25"))) == {REWRITTEN}
    assert COMPRESSED in signs(saved(photograph(256), exif=exif(), progressive=True))
    assert COMPRESSED in signs(saved(photograph(256), "WEBP"))
    wide = np.asarray(Image.fromarray(photograph(256)).resize((1600, 900)))
    assert RESIZED in signs(saved(wide, quality=80))


def test_png_of_other_things():
    once = Image.open(io.BytesIO(saved(photograph(256), quality=80)))
    assert signs(saved(once, "PNG")) == {COMPRESSED}
    assert SCREENSHOT in signs(saved(np.kron(photograph(8), np.ones((16, 16, 1), np.uint8)), "PNG"))
    text = PngImagePlugin.PngInfo()
    text.add_text("Software", "a painter")
    small = Image.fromarray(photograph(256)).resize((100, 100), Image.Resampling.LANCZOS)
    assert REWRITTEN in signs(saved(small, "PNG", pnginfo=text))


KINDS = [("BMP", {}, CONVERTED), ("TIFF", {}, CONVERTED), ("WEBP", {"lossless": True}, CONVERTED), ("WEBP", {}, COMPRESSED),
         ("AVIF", {}, COMPRESSED), ("GIF", {}, COMPRESSED)]  # fmt: skip


@pytest.mark.parametrize(("kind", "options", "sign"), KINDS)
def test_other_kinds(kind: str, options: dict, sign: str):
    assert signs(saved(photograph(256), kind, **options)) == {sign}


def test_screenshots_are_not_taken_for_more():
    drawn = np.kron(photograph(8) // 3 * 3, np.ones((16, 16, 1), np.uint8))  # few values, as of stretched contrast
    assert signs(saved(drawn, "PNG")) == {SCREENSHOT}
    tall = np.asarray(Image.fromarray(photograph(256)).resize((1080, 2340)))
    assert SCREENSHOT in signs(saved(tall, quality=80)) and SCREENSHOT not in signs(saved(tall, quality=80, exif=exif((1080, 2340))))


def test_turned_pictures_are_not_resized():
    assert signs(saved(photograph(256)[:200], exif=exif((200, 256)))) == set()


@pytest.mark.parametrize("data", [b"", b"no picture", saved(photograph(64))[:500]])
def test_what_is_no_picture_is_refused(data: bytes):
    with pytest.raises(IsganError):
        check(data, "a file")


@pytest.mark.parametrize("progressive", [False, True])
def test_a_file_that_ends_early_is_damaged(progressive: bool):
    data = saved(photograph(128), exif=exif((128, 128)), progressive=progressive)
    for stop in (len(data) * 3 // 4, len(data) - 2):
        facts = check(data[:stop], "a file")
        assert DAMAGED in facts and "damaged" in facts["verdict"]


def test_odd_metadata_does_no_harm():
    data = saved(photograph(64), exif=exif())
    start = data.index(b"Exif\0\0") + 6
    rng = np.random.default_rng(1)
    for _ in range(200):
        odd = bytearray(data)
        for place in rng.integers(start, start + 60, 3):
            odd[place] = rng.integers(256)
        check(bytes(odd), "a file")
