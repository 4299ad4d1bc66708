"""The command line as a user meets it: what it prints, what it refuses (one line, exit code 2, no file), how it ends."""

import errno
import os
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from conftest import scene
from PIL import Image
from safetensors.torch import load_file, save_file

import isgan
from isgan import models
from isgan.__main__ import main
from isgan.steganographer import compare

NOISE = np.random.default_rng(5).integers(0, 256, (64, 64, 3), np.uint8)


def run(*tokens: object) -> int:
    return main([str(token) for token in tokens])


@pytest.fixture
def refused(folder, capsys):
    """Runs a command that must be refused and returns its one line."""

    def check(*tokens: object, code: int = 2) -> str:
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        assert run(*tokens) == code
        out, err = capsys.readouterr()
        assert out == "" and err.startswith("isgan: error: ") and err.count("\n") == 1 and err.endswith("\n"), err
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
        return err

    return check


def test_hide_and_reveal(folder, capsys, model):
    assert run("hide", "cover.png", "secret.png", "-o", "stego.png", "--model", model, "--min-secret-psnr", 0) == 0
    assert run("reveal", "stego.png", "-o", "revealed.png", "--model", model) == 0
    out, err = capsys.readouterr()
    assert err == "" and out.count(models.fingerprint(model)) == 2 and "stego.png\n" in out and "revealed.png\n" in out
    assert np.array_equal(Image.open("revealed.png"), isgan.reveal("stego.png", model=model))


def test_what_is_printed(folder, capsys):
    assert run("hide", "cover.png", "secret.png", "-o", "stego.png", "--model", "lsb332", "--fit", "crop") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "stego.png"
    scores = compare(np.array(Image.open("stego.png")), np.array(Image.open("cover.png")))
    assert lines[1].split() == ["stego", "vs", "cover", "PSNR", f"{scores.psnr:.2f}", "dB", "SSIM", f"{scores.ssim:.4f}"]
    assert lines[2].split() == ["revealed", "vs", "secret", "PSNR", "inf", "dB", "SSIM", "1.0000"]
    assert lines[3].split() == ["model", "lsb332", models.fingerprint("lsb332")]


def test_names_with_spaces_and_letters(folder):
    Path("Übung 日本").mkdir()
    cover, stego, secret = (Path("Übung 日本", name) for name in ("mein Bild.png", "stégo 1.png", "тайна.png"))
    Path("cover.png").rename(cover)
    assert run("hide", cover, "secret.png", "-o", stego, "--model", "lsb332") == 0
    assert run("reveal", stego, "-o", secret, "--model", "lsb332") == 0
    assert secret.is_file()


# ---------------------------------------------------------------------------------------------------- pictures


def missing(path: Path) -> None:
    pass


def a_folder(path: Path) -> None:
    path.mkdir()


def empty(path: Path) -> None:
    path.touch()


def text(path: Path) -> None:
    path.write_text("not a picture\n" * 100)


def truncated(path: Path) -> None:
    Image.fromarray(NOISE).save(path)
    path.write_bytes(path.read_bytes()[:6000])


def corrupt(path: Path) -> None:
    Image.fromarray(NOISE).save(path)
    data = bytearray(path.read_bytes())
    data[6000] ^= 255
    path.write_bytes(data)


def bomb(path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b""))


def animated_gif(path: Path) -> None:
    frames = [Image.fromarray(NOISE), Image.fromarray(255 - NOISE)]
    frames[0].save(path, format="GIF", save_all=True, append_images=frames[1:])


def animated_png(path: Path) -> None:
    frames = [Image.fromarray(NOISE), Image.fromarray(255 - NOISE)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def sixteen_bits(path: Path) -> None:
    Image.fromarray(NOISE[..., 0].astype(np.uint16) * 257).save(path)


def cmyk(path: Path) -> None:
    Image.fromarray(NOISE).convert("CMYK").save(path, format="JPEG")


BAD = {missing: "does not exist", a_folder: "is a folder", empty: "is empty", text: "is not a PNG", truncated: "damaged or incomplete",
       corrupt: "damaged or incomplete", bomb: "too many pixels", animated_gif: "is GIF", animated_png: "2 frames",
       sixteen_bits: "more than 8 bits", cmyk: "is CMYK"}  # fmt: skip


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_bad_pictures(folder, refused, make):
    make(Path("bad.png"))
    for command in (("hide", "bad.png", "secret.png"), ("hide", "cover.png", "bad.png"), ("reveal", "bad.png")):
        assert BAD[make] in refused(*command, "-o", "out.png", "--model", "lsb332")


def test_covers_that_are_too_small(folder, refused):
    for size in ((31, 40), (40, 31)):
        Image.new("RGB", size).save("small.png")
        assert "at least 32 pixels a side" in refused("hide", "small.png", "secret.png", "-o", "out.png", "--model", "lsb332")
    Image.new("RGB", (32, 32)).save("enough.png")
    assert run("hide", "enough.png", "secret.png", "-o", "out.png", "--model", "lsb332") == 0


def partly_transparent(path: Path) -> None:
    Image.fromarray(np.dstack([NOISE, NOISE[..., 0]])).save(path)


def opaque(path: Path) -> None:
    Image.fromarray(NOISE).convert("RGBA").save(path)


def palette(path: Path) -> None:
    Image.fromarray(NOISE).convert("P").save(path)


def gray(path: Path) -> None:
    Image.fromarray(NOISE).convert("L").save(path)


@pytest.mark.parametrize("make, note", [(partly_transparent, True), (opaque, False), (palette, False), (gray, False)])
def test_covers_of_other_kinds(folder, capsys, make, note):
    make(Path("other.png"))
    assert run("hide", "other.png", "secret.png", "-o", "out.png", "--model", "lsb332") == 0
    err = capsys.readouterr().err
    assert err == ("isgan: note: 'other.png' is partly transparent: it was put on white\n" if note else "")
    assert Image.open("out.png").mode == "RGB"


def test_a_rotated_photograph_stands_upright(folder):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(scene(48, 64)).save("photo.jpg", exif=exif, quality=95)
    assert run("hide", "photo.jpg", "secret.png", "-o", "out.png", "--model", "lsb332") == 0
    stego = Image.open("out.png")
    assert stego.size == (48, 64) and not stego.getexif()


def test_revealing_a_jpeg_is_noted(folder, capsys):
    Image.open("cover.png").save("stego.jpg")
    assert run("reveal", "stego.jpg", "-o", "out.png", "--model", "lsb332") == 0
    err = capsys.readouterr().err
    assert err.startswith("isgan: note: this is JPEG, which changes pixels") and err.count("\n") == 1


# ---------------------------------------------------------------------------------------------------- outputs


@pytest.mark.parametrize("output, words", [
    ("out.jpg", "use 'out.png'"),
    ("out.webp", "use 'out.png'"),
    ("out", "use 'out.png'"),
    (".", "is a folder"),
    ("nowhere/out.png", "does not exist: create it"),
    ("old.png", "old.png' exists: choose another name, or use --force"),
    ("cover.png", "is also an input"),
    ("./secret.png", "is also an input"),
])  # fmt: skip
def test_outputs_that_are_refused(folder, refused, output, words):
    Path("old.png").write_bytes(b"old")
    force = [] if output == "old.png" else ["--force"]
    assert words in refused("hide", "cover.png", "secret.png", "-o", output, "--model", "lsb332", *force)
    if output != "./secret.png":
        assert words in refused("reveal", "cover.png", "-o", output, "--model", "lsb332", *force)


def test_force(folder):
    Path("out.png").write_bytes(b"old")
    assert run("hide", "cover.png", "secret.png", "-o", "out.png", "--model", "lsb332", "--force") == 0
    assert Image.open("out.png").size == (64, 48)


def test_a_full_disk(folder, refused, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left" in refused("hide", "cover.png", "secret.png", "-o", "out.png", "--model", "lsb332")
    assert "No space left" in refused("reveal", "cover.png", "-o", "out.png", "--model", "lsb332")


def test_a_secret_that_comes_back_badly(folder, refused, model):
    words = refused("hide", "cover.png", "secret.png", "-o", "out.png", "--model", "lsb121", "--min-secret-psnr", 60)
    assert "under the minimum of 60 dB" in words and "--min-secret-psnr" in words
    assert "under the minimum of 20 dB" in refused("hide", "cover.png", "secret.png", "-o", "out.png", "--model", model)
    for bound in ("nan", "inf"):
        assert "is no bound" in refused("hide", "cover.png", "secret.png", "-o", "out.png", "--model", model, "--min-secret-psnr", bound)


# ---------------------------------------------------------------------------------------------------- models


def test_models_that_are_refused(folder, refused, model):
    altered = Path("altered.safetensors")
    altered.write_bytes(model.read_bytes()[:-1] + b"\x7f")
    altered.with_suffix(".toml").write_bytes(model.with_suffix(".toml").read_bytes())
    tensors = load_file(model)
    tensors["blocks.0.phi.last.weight"][0] = float("nan")
    save_file(tensors, "nan.safetensors", {"format": "1", "hider": "wavelet", "config": '{"blocks": 1, "hidden": 8, "clamp": 1.0}'})
    for name, words in {
        "lsb323": "unknown model 'lsb323': did you mean 'lsb332'?",
        "nowhere.safetensors": "no weights file",
        "altered.safetensors": "not the file its card describes",
        "nan.safetensors": "not finite",
    }.items():
        assert words in refused("hide", "cover.png", "secret.png", "-o", "out.png", "--model", name)
        assert words in refused("reveal", "cover.png", "-o", "out.png", "--model", name)


def test_models(folder, capsys, monkeypatch, model):
    scores = {"lfw": {"stego_psnr": 44.344, "stego_ssim": 0.98, "secret_psnr": 41, "secret_ssim": 0.5}}
    monkeypatch.setattr(models, "FOLDER", folder)
    monkeypatch.setenv("COLUMNS", "120")
    models.save(models.hider(model), "small.safetensors", {"licence": "CC-BY-4.0", "scores": scores})
    assert run("models") == 0
    rows = [line.replace("│", " ").split() for line in capsys.readouterr().out.splitlines()]
    assert ["small", "wavelet", f"{models.card(model)['parameters']:,}", "0.1", "MB", "CC-BY-4.0", models.fingerprint("small")] in rows
    assert ["lsb332", "lsb332", "0", "none", models.fingerprint("lsb332")] in rows
    assert ["small", "lfw", "44.34", "0.9800", "41.00", "0.5000"] in rows


# ---------------------------------------------------------------------------------------------------- the line itself


@pytest.mark.parametrize("tokens, words", [
    (["hdie"], 'Did you mean "hide"'),
    (["hide", "cover.png"], "requires"),
    (["hide", "cover.png", "secret.png"], "--output"),
    (["hide", "cover.png", "secret.png", "-o", "out.png", "--fit", "zoom"], "zoom"),
    (["hide", "cover.png", "secret.png", "-o", "out.png", "--fit", "zo\nom"], "zo om"),
    (["hide", "cover.png", "secret.png", "-o", "out.png", "--min-secret-psnr", "high"], "high"),
    (["hide", "cover.png", "secret.png", "-o", "out.png", "--forec"], "Did you mean --force"),
])  # fmt: skip
def test_mistyped_lines(refused, tokens, words):
    assert words in refused(*tokens)


@pytest.mark.parametrize("error, code, line", [
    (KeyboardInterrupt, 130, ""),
    (MemoryError, 2, "isgan: error: not enough memory: close other programs, or scale the pictures down\n"),
])  # fmt: skip
def test_how_it_ends(folder, monkeypatch, capsys, error, code, line):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("isgan.steganographer.hide_file", fail)
    assert run("hide", "cover.png", "secret.png", "-o", "out.png") == code
    assert capsys.readouterr() == ("", line)


def test_warnings_are_as_they_were(folder, capsys):
    before = warnings.showwarning
    run("--version")
    assert warnings.showwarning is before and capsys.readouterr().out.strip() == isgan.__version__


def test_ctrl_c_while_hiding(folder, monkeypatch, capsys):
    """In the middle of the check, with the temporary file on the disk."""

    def interrupt(*_):
        assert len(list(folder.glob(".isgan-*"))) == 1
        raise KeyboardInterrupt

    monkeypatch.setattr("isgan.steganographer.compare", interrupt)
    assert run("hide", "cover.png", "secret.png", "-o", "out.png", "--model", "lsb332") == 130
    assert capsys.readouterr() == ("", "") and sorted(path.name for path in folder.iterdir()) == ["cover.png", "secret.png"]


QUICK = """
import sys
from isgan.__main__ import main
for line in sys.argv[1:]:
    print(line, main(line.split()), *sorted({"torch", "lightning", "numpy"} & {*sys.modules}), sep="|")
"""


def test_help_and_refusals_come_without_torch(folder):
    commands = [path.stem for path in Path(isgan.__file__).parent.glob("commands/[a-z]*.py")]
    assert {"hide", "reveal", "models", "train", "evaluate"} <= {*commands}
    helps = ["--help", "--version", *(f"{command} --help" for command in commands)]
    hide, reveal = "hide cover.png secret.png --model lsb332 -o", "reveal cover.png --model lsb332 -o"
    refusals = [f"{hide} out.jpg", f"{hide} cover.png", f"{reveal} out.webp", f"{reveal} secret.png",
                "hide cover.png secret.png -o out.png --model nowhere.safetensors"]  # fmt: skip
    done = subprocess.run([sys.executable, "-c", QUICK, *helps, *refusals], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert [line for line in helps if f"{line}|0" not in lines] == [], done.stdout  # no numpy either
    assert all(f"{line}|2|numpy" in lines for line in refusals), done.stdout
    listed = [line.strip("│ ").split(maxsplit=1) for line in lines[: lines.index("--help|0")]]
    summaries = dict(words for words in listed if len(words) == 2)
    assert summaries["hide"].startswith("Hide a picture") and {*commands} <= {*summaries}


def test_a_real_run_with_nobody_reading(folder):
    """A whole process, its output a closed pipe: no traceback, and the file is there."""
    command = [sys.executable, "-m", "isgan", "hide", "cover.png", "secret.png", "-o", "out.png", "--model", "lsb332"]
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}  # nothing is written, and so fails, before the end
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=buffered) as process:
        process.stdout.close()
        assert process.stderr.read() == b"" and process.wait() == 0
    assert Path("out.png").is_file()


def test_a_real_run_with_an_error(folder):
    command = [sys.executable, "-m", "isgan", "hide", "cover.png", "none.png", "-o", "out.png"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.startswith("isgan: error: ") and done.stderr.count("\n") == 1
