"""Files of phones, scanners and strangers on the command line: what is taken, what is said, and nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import photos
import pytest
from picture_files import deep_png, display_p3, heic, saved, tiff
from PIL import Image

from isgan.__main__ import main


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a command in a folder with cover.png, secret.png and notes.txt, and returns exit code, output and messages."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISGAN_PASS", "correct horse battery staple")
    Image.fromarray(photos.photograph()).save("cover.png")
    Image.fromarray(photos.secret(64, 48)).save("secret.png")
    Path("notes.txt").write_text("Meet me at noon.\n")

    def command(*tokens: object) -> tuple[int, str, str]:
        code = main([str(token) for token in tokens])
        return code, *capsys.readouterr()

    return command


def test_a_heic_cover_is_scaled_down_and_a_heic_secret_is_a_picture(run):
    Path("cover.heic").write_bytes(heic(photos.photograph(256), orientation=6))
    Path("secret.heic").write_bytes(heic(photos.photograph(64, 1)))
    code, _, said = run("hide", "cover.heic", "notes.txt", "-o", "stego.png")
    assert code == 2 and "was decoded from a HEIC file" in said and "--scale 0.45" in said and not Path("stego.png").exists()
    code, _, said = run("hide", "cover.heic", "secret.heic", "-o", "stego.png", "--scale", 0.45, "--risk", "high", "--json")
    assert (code, said) == (0, "")
    assert run("reveal", "stego.png", "-o", "inbox/")[0] == 0
    assert Image.open("inbox/secret.png").size == (64, 64)


def test_a_jpeg_of_a_heic_is_refused_too(run):
    Path("cover.heic").write_bytes(heic(photos.photograph(256)))
    code, _, said = run("hide", "cover.heic", "notes.txt", "-o", "stego.jpg")
    assert code == 2 and "HEIC" in said and not Path("stego.jpg").exists()


def test_frames(run):
    frames = [Image.fromarray(photos.photograph(128, number)) for number in (0, 1)]
    frames[0].save("two.png", save_all=True, append_images=frames[1:])
    for command in (("hide", "two.png", "notes.txt", "-o", "stego.png"), ("hide", "cover.png", "two.png", "-o", "stego.png"),
                    ("capacity", "two.png"), ("reveal", "two.png", "-o", "x.png")):  # fmt: skip
        code, _, said = run(*command)
        assert code == 2 and "'two.png' has several frames or pages: --frame 1" in said
    code, _, said = run("hide", "two.png", "notes.txt", "-o", "stego.png", "--frame", 2, "--risk", "high")
    assert (code, said) == (0, "")
    difference = np.asarray(Image.open("stego.png")).astype(int) - np.asarray(frames[1])
    assert 0 < np.abs(difference).max() <= 2
    code, _, said = run("capacity", "two.png", "--frame", 3)
    assert code == 2 and "give --frame a smaller number" in said
    assert json.loads(run("capacity", "two.png", "--frame", 2, "--json")[1])["pixels"] == "128 x 128"


def test_a_page_of_a_phones_jpeg(run):
    first, second = (Image.fromarray(photos.photograph(128, number)) for number in (0, 1))
    first.save("phone.jpg", "MPO", save_all=True, append_images=[second])
    code, _, said = run("hide", "phone.jpg", "notes.txt", "-o", "stego.jpg", "--frame", 2)
    assert code == 2 and "was decoded from a JPEG" in said  # the second one is a JPEG too, and no file of its own


def test_an_animated_secret_goes_whole_with_exact(run):
    Image.new("P", (8, 8)).save("tiny.gif", save_all=True, append_images=[Image.new("P", (8, 8), 1)])
    assert run("hide", "cover.png", "tiny.gif", "-o", "stego.png", "--exact")[0] == 0
    assert run("reveal", "stego.png", "-o", "inbox/")[0] == 0
    assert Path("inbox/tiny.gif").read_bytes() == Path("tiny.gif").read_bytes()


def test_notes_name_the_file_and_come_once(run):
    samples = photos.photograph().astype(np.uint16) * 257
    Path("deep.png").write_bytes(deep_png(samples))
    Path("inks.tif").write_bytes(tiff(np.asarray(Image.fromarray(photos.secret(40, 40)).convert("CMYK")), 5))
    code, _, said = run("hide", "deep.png", "inks.tif", "-o", "stego.png", "--risk", "high")
    assert code == 0 and said.splitlines() == [
        "isgan: note: 'deep.png' has 16 bits per channel: it was rounded to 8",
        "isgan: note: 'inks.tif' is CMYK without a colour profile: it was converted to RGB, and its colours are not exactly right",
    ]


def test_a_cmyk_jpeg_as_cover(run):
    Path("inks.jpg").write_bytes(saved(Image.fromarray(photos.photograph(256)).convert("CMYK"), "JPEG", quality=95))
    code, _, said = run("hide", "inks.jpg", "notes.txt", "-o", "stego.jpg")
    assert code == 2 and said.count("\n") == 1 and "CMYK" in said
    code, _, said = run("hide", "inks.jpg", "notes.txt", "-o", "stego.png", "--scale", 0.45)
    assert code == 0 and "is CMYK without a colour profile" in said


def test_a_stego_image_of_16_bits_still_reveals(run):
    assert run("hide", "cover.png", "notes.txt", "-o", "stego.png", "--risk", "high")[0] == 0
    Path("deep.png").write_bytes(deep_png(np.asarray(Image.open("stego.png")).astype(np.uint16) * 257))
    code, _, said = run("reveal", "deep.png", "-o", "inbox/")
    assert code == 0 and "rounded to 8" in said and Path("inbox/notes.txt").read_text() == "Meet me at noon.\n"


def test_libraries_say_nothing(run):
    """A TIFF of which libtiff complains by itself, in a process of its own: one line, ours."""
    data = bytearray(saved(photos.photograph(), "TIFF", compression="tiff_adobe_deflate"))
    data[2000:6000] = b"\xff" * 4000
    Path("damaged.tif").write_bytes(data)
    for command in ("hide damaged.tif notes.txt -o x.png", "check damaged.tif", "reveal damaged.tif -o x.png"):
        done = subprocess.run([sys.executable, "-m", "isgan", *command.split()], capture_output=True, text=True)
        assert done.returncode == 2 or command.startswith("check")  # which does not decode it
        assert done.stderr.count("\n") == (done.returncode == 2) and "\n" not in done.stderr.removeprefix("isgan: error: ")[:-1]


LONG = "\u00e4" * 123 + "12345.png"  # 255 bytes


@pytest.mark.parametrize("name", ["-cover.png", "--risk", "a 'b' \"c\".png", "line\n.png", "\u00fcb\u202e\u65e5.png", LONG])
def test_names(run, name):
    Path("cover.png").rename(name)
    assert run("hide", "-o", "stego.png", "--risk", "high", "--", name, "notes.txt")[0] == 0
    assert run("reveal", "-o", "inbox/", "--", "stego.png")[0] == 0
    Path("stego.png").rename(Path("inbox", name))
    assert run("capacity", "--", Path("inbox", name))[0] == 0


def test_a_covers_colour_profile_stays_in_the_stego_image(run):
    """Dropped, a viewer would show a duller picture, and the pair would give the sender away."""
    Path("p3.png").write_bytes(saved(photos.photograph(), "PNG", icc_profile=display_p3()))
    assert run("hide", "p3.png", "notes.txt", "-o", "stego.png", "--risk", "high")[0] == 0
    assert Image.open("stego.png").info["icc_profile"] == display_p3()


def test_a_dithered_page_is_carried(run):
    Image.fromarray(photos.photograph(128)).convert("1").save("page.png")
    Image.fromarray(photos.photograph(256)).save("large.png")
    assert run("hide", "large.png", "page.png", "-o", "stego.png", "--codec", "lossless", "--risk", "high")[0] == 0
    assert run("reveal", "stego.png", "-o", "inbox/")[0] == 0
    np.testing.assert_array_equal(np.asarray(Image.open("inbox/page.png")), np.asarray(Image.open("page.png").convert("L")))


@pytest.mark.parametrize("given", [None, "ACTIVE"])
def test_threads_that_wait_do_not_spin(given):
    """Beside other work, spinning ones make everything several times slower. Who asks for them has them."""
    environment = dict(os.environ) | {"OMP_WAIT_POLICY": given or ""}
    if given is None:
        del environment["OMP_WAIT_POLICY"]
    code = "import os; from isgan.__main__ import main; main(['--version']); print(os.environ['OMP_WAIT_POLICY'])"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == (given or "PASSIVE")
