"""JPEG files through the command line: what is made of them, and what is refused."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from bad_jpegs import bad_jpegs
from photos import photograph
from PIL import Image

from isgan.__main__ import main
from isgan.covers.jpeg import JpegCover
from isgan.jfif.quality import quality_of

TEXT = b"Meet me at noon.\r\n" * 3


def run(*tokens: object) -> int:
    return main([str(token) for token in tokens])


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with photo.jpg and small.png, both 192 x 192, and notes.txt; and a pass phrase."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISGAN_PASS", "correct horse battery staple")
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "a maker", 6
    Image.fromarray(photograph(192)).save("photo.jpg", quality=93, exif=exif, comment=b"mine")
    Image.fromarray(photograph(256)).resize((192, 192), Image.Resampling.LANCZOS).save("small.png")
    Path("notes.txt").write_bytes(TEXT)
    return tmp_path


def refusal(capsys: pytest.CaptureFixture, *tokens: object) -> str:
    """The one line with which a command is refused; nothing is left behind."""
    before = sorted(Path().iterdir())
    capsys.readouterr()
    assert run(*tokens) == 2
    out, err = capsys.readouterr()
    *notes, last = err.splitlines()
    assert not out and last.startswith("isgan: error: ") and all(note.startswith("isgan: note: ") for note in notes)
    assert sorted(Path().iterdir()) == before
    return last


def hidden(cover: str, output: str, *more: object) -> None:
    assert run("hide", cover, "notes.txt", "-o", output, "--risk", "high", *more) == 0
    assert run("reveal", output, "-o", "again.txt", "--force") == 0
    assert Path("again.txt").read_bytes() == TEXT


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_in_jpeg_out(files: Path, progressive: bool):
    photo = Image.open("photo.jpg")
    photo.save("photo.jpg", quality="keep", progressive=progressive, exif=photo.getexif(), comment=b"mine")
    hidden("photo.jpg", "stego.jpg")
    assert Image.open("stego.jpg").info.get("progressive", 0) == progressive
    before, after = (Path(name).read_bytes() for name in ("photo.jpg", "stego.jpg"))
    assert abs(len(after) / len(before) - 1) < 0.02
    assert JpegCover.read(after, "").header.raw == JpegCover.read(before, "").header.raw
    assert b"a maker" in after and b"mine" in after
    # A stego file is a cover like any other: what is hidden anew replaces what was there.
    hidden("stego.jpg", "twice.jpg")


def test_metadata_are_left_out_on_request(files: Path):
    hidden("photo.jpg", "stego.jpg", "--strip-metadata")
    after = Path("stego.jpg").read_bytes()
    assert b"a maker" not in after and b"mine" not in after
    assert Image.open(io.BytesIO(after)).getexif()[0x0112] == 6


def test_a_fresh_jpeg_of_what_never_was_one(files: Path):
    hidden("small.png", "stego.jpg", "--jpeg-quality", 94)
    assert quality_of(JpegCover.read(Path("stego.jpg").read_bytes(), "").quantiser) == 94


def test_saved_again_nothing_is_found(files: Path, capsys: pytest.CaptureFixture):
    hidden("photo.jpg", "stego.jpg")
    Image.open("stego.jpg").save("saved.jpg", quality=93)
    assert "nothing found" in refusal(capsys, "reveal", "saved.jpg", "-o", "x.txt")
    cover = JpegCover.read(Path("stego.jpg").read_bytes(), "")
    plane = cover.planes[0].copy()
    plane[1::16, 1::8] += 1
    Path("changed.jpg").write_bytes(cover.changed((plane,)).encode())
    assert "nothing found" in refusal(capsys, "reveal", "changed.jpg", "-o", "x.txt")


@pytest.mark.parametrize("command", ["hide", "reveal"])
def test_bad_files_are_refused(files: Path, capsys: pytest.CaptureFixture, command: str):
    for name, data in bad_jpegs():
        Path(name).write_bytes(data)
        more = ("notes.txt", "-o", "x.jpg") if command == "hide" else ("-o", "x.txt")
        assert name in refusal(capsys, command, name, *more) or "inside" in name


def test_remedies(files: Path, capsys: pytest.CaptureFixture):
    photo = np.array(Image.open("photo.jpg"))
    assert "--scale 0." in refusal(capsys, "hide", "photo.jpg", "notes.txt", "-o", "x.png")
    assert "leave --jpeg-quality out" in refusal(capsys, "hide", "photo.jpg", "notes.txt", "-o", "x.jpg", "--jpeg-quality", 95)
    assert "93 to 97" in refusal(capsys, "hide", "small.png", "notes.txt", "-o", "x.jpg", "--jpeg-quality", 100)
    Image.fromarray(photo).save("best.jpg", quality=100)
    assert "quality is 100" in refusal(capsys, "hide", "best.jpg", "notes.txt", "-o", "x.jpg")
    Image.open("photo.jpg").convert("CMYK").save("cmyk.jpg")
    assert "CMYK" in refusal(capsys, "hide", "cmyk.jpg", "notes.txt", "-o", "x.jpg")
    Image.open("photo.jpg").save("decoded.png")
    assert "JPEG" in refusal(capsys, "hide", "decoded.png", "notes.txt", "-o", "x.jpg")


def test_check(files: Path, capsys: pytest.CaptureFixture):
    assert run("check", "photo.jpg") == 0
    assert "verdict" in capsys.readouterr().out
    assert "notes.txt" in refusal(capsys, "check", "notes.txt")


def test_the_name_that_is_proposed_for_a_jpeg_is_one_of_a_jpeg(files, capsys) -> None:
    assert main(["hide", "photo.jpg", "notes.txt", "-o", "stego.gif"]) == 2
    assert "stego.jpg" in capsys.readouterr().err


def test_rates_are_per_coefficient_that_is_not_zero(files, capsys) -> None:
    assert run("capacity", "photo.jpg", "--json") == 0
    rooms = json.loads(capsys.readouterr().out)
    cover = JpegCover.read(Path("photo.jpg").read_bytes(), "")
    Path("all.bin").write_bytes(np.random.default_rng(0).bytes(rooms["medium"]["bytes"] - 10))  # its name, and three bytes before it
    assert run("hide", "photo.jpg", "all.bin", "-o", "stego.jpg", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["rate"] == pytest.approx(rooms["medium"]["rate"], rel=1e-9)
    assert 8 * facts["bytes"] < facts["rate"] * cover.weight < 8 * facts["bytes"] + 1000


def test_capacity_leaves_it_to_hide_to_speak_of_a_thumbnail(files, capsys) -> None:
    thumbnail = io.BytesIO()
    Image.open("photo.jpg").resize((32, 32)).save(thumbnail, "JPEG")
    exif = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + thumbnail.getvalue()
    Image.open("photo.jpg").save("exif.jpg", quality="keep", exif=exif)
    assert run("capacity", "exif.jpg") == 0
    assert "--strip-metadata" not in capsys.readouterr().err
    assert run("hide", "exif.jpg", "notes.txt", "-o", "stego.jpg") == 0
    assert "--strip-metadata" in capsys.readouterr().err
