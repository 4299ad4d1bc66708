"""`isgan hide`, `reveal` and `capacity` as a user meets them: what they print, what they refuse, what they leave behind."""

import io
import json
import os
import signal
import stat
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import photos
import pytest
from PIL import Image

from isgan.__main__ import main

NOISE = np.random.default_rng(5).integers(0, 256, (64, 64, 3), np.uint8)
PHRASE = "correct horse battery staple"


def run(*tokens: object) -> int:
    return main([str(token) for token in tokens])


@pytest.fixture
def files(tmp_path, monkeypatch) -> Path:
    """The current folder, with cover.png, 128 x 128, secret.png, 64 x 80 and gray, notes.txt, and a pass phrase in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISGAN_PASS", PHRASE)
    Image.fromarray(photos.photograph()).save("cover.png")
    Image.fromarray(photos.secret(64, 80)).save("secret.png")
    Path("notes.txt").write_bytes(b"Meet me at noon.\r\n")
    return tmp_path


@pytest.fixture
def refused(files, capsys):
    """Runs a command that must be refused, and returns its one line."""

    def check(*tokens: object, code: int = 2) -> str:
        before = {path: path.read_bytes() for path in files.rglob("*") if path.is_file()}
        capsys.readouterr()
        assert run(*tokens) == code
        out, err = capsys.readouterr()
        assert out == "" and err.startswith("isgan: error: ") and err.count("\n") == 1 and err.endswith("\n"), err
        assert {path: path.read_bytes() for path in files.rglob("*") if path.is_file()} == before
        return err

    return check


def hidden(*more: object, secret: str = "secret.png", output: str = "stego.png") -> None:
    assert run("hide", "cover.png", secret, "-o", output, "--risk", "high", *more) == 0


# ---------------------------------------------------------------------------------------------------- what works


def test_a_picture_comes_back(files, capsys) -> None:
    hidden()
    assert run("reveal", "stego.png", "-o", "out.png") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "stego dB" in out and "secret dB" in out and "rate" in out
    original, found = (np.array(Image.open(name)).astype(int) for name in ("secret.png", "out.png"))
    assert found.shape == original.shape
    assert np.square(found - original).mean() < 8  # about 40 dB
    assert PHRASE not in out


def test_json_and_quiet(files, capsys) -> None:
    hidden("--json")
    facts = json.loads(capsys.readouterr().out)
    assert facts["stego"] == "stego.png" and facts["stego dB"] > 40 and facts["bytes"] > 100
    hidden("--quiet", output="again.png")
    assert capsys.readouterr() == ("", "")
    assert run("reveal", "stego.png", "-o", "out.png", "--json") == 0
    assert json.loads(capsys.readouterr().out)["size"] == "64 x 80"
    assert run("capacity", "cover.png", "--json") == 0
    room = json.loads(capsys.readouterr().out)
    assert room["low"]["bytes"] < room["medium"]["bytes"] < room["high"]["bytes"]


def test_a_file_comes_back_exactly_under_its_name(files) -> None:
    hidden(secret="notes.txt")
    Path("inbox").mkdir()
    assert run("reveal", "stego.png", "-o", "inbox/") == 0
    assert Path("inbox/notes.txt").read_bytes() == b"Meet me at noon.\r\n"


@pytest.mark.parametrize(("name", "found"), [(".bash_login", "bash_login"), ("...", "secret"), ("n" * 255, "n" * 255)])
def test_the_sender_writes_no_hidden_files(files, name, found) -> None:
    Path("there").mkdir()
    Path("there", name).write_bytes(b"evil")
    hidden(secret=Path("there", name))
    assert run("reveal", "stego.png", "-o", "inbox/") == 0
    assert [path.name for path in Path("inbox").iterdir()] == [found]


def test_a_picture_keeps_its_bytes_with_exact(files) -> None:
    Image.fromarray(photos.secret(24, 24)).save("tiny.png")
    hidden("--exact", secret="tiny.png")
    Path("inbox").mkdir()
    assert run("reveal", "stego.png", "-o", "inbox") == 0
    assert Path("inbox/tiny.png").read_bytes() == Path("tiny.png").read_bytes()


def test_a_codecs_own_file(files) -> None:
    hidden()
    assert run("reveal", "stego.png", "-o", "out.avif") == 0
    assert run("reveal", "stego.png", "-o", "out.png") == 0
    np.testing.assert_array_equal(np.array(Image.open("out.avif").convert("L")), np.array(Image.open("out.png")))


def test_standard_input_and_output(files) -> None:
    def piped(command: list[str], data: bytes) -> bytes:
        done = subprocess.run([sys.executable, "-m", "isgan", *command], input=data, capture_output=True, check=True)
        assert done.stderr == b""
        return done.stdout

    stego = piped(["hide", "cover.png", "-", "-o", "-", "--risk", "high"], b"from a pipe")
    assert piped(["reveal", "-", "-o", "-"], stego) == b"from a pipe"


def test_pass_phrases_from_a_file_and_from_nobody(files, monkeypatch) -> None:
    monkeypatch.delenv("ISGAN_PASS")
    Path("phrase").write_text(PHRASE + "\n", encoding="utf-8")
    hidden("--pass-file", "phrase")
    assert run("reveal", "stego.png", "-o", "out.png", "--pass-file", "phrase") == 0
    hidden("--no-pass", output="open.png")
    assert run("reveal", "open.png", "-o", "open-out.png", "--no-pass") == 0


def test_a_pass_phrase_is_asked_for_twice(files, monkeypatch, capsys) -> None:
    monkeypatch.delenv("ISGAN_PASS")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    answers = iter([PHRASE, PHRASE, PHRASE, PHRASE, "another"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))
    hidden()
    assert run("reveal", "stego.png", "-o", "out.png") == 0
    assert run("hide", "cover.png", "secret.png", "-o", "other.png") == 2
    assert "start again" in capsys.readouterr().err


def test_names_with_spaces_letters_and_dashes(files) -> None:
    Path("Übung 日本").mkdir()
    cover = Path("Übung 日本", "-mein Bild.png")
    Path("cover.png").rename(cover)
    assert run("hide", cover, "secret.png", "-o", Path("Übung 日本", "stégo 1.png"), "--risk", "high") == 0
    assert run("reveal", Path("Übung 日本", "stégo 1.png"), "-o", Path("Übung 日本", "тайна.png")) == 0


def test_without_json_a_name_that_the_terminal_cannot_show(files) -> None:
    hidden()
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-m", "isgan", "reveal", "stego.png", "-o", "é.png"], env=environment, capture_output=True)
    assert done.returncode == 0 and b"Traceback" not in done.stderr and Path("é.png").is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("where", [">&-", "> /dev/full"])
def test_standard_output_closed_or_full(files, where: str) -> None:
    hidden()
    line = f'"{sys.executable}" -m isgan reveal stego.png -o out.png {where}'
    done = subprocess.run(["sh", "-c", line], stderr=subprocess.PIPE, text=True)
    assert "Traceback" not in done.stderr and Path("out.png").is_file()


# ---------------------------------------------------------------------------------------------------- what is refused


def test_one_answer_to_a_wrong_pass_phrase_no_secret_and_a_changed_file(files, refused, monkeypatch) -> None:
    hidden()
    changed = np.array(Image.open("stego.png"))
    changed[::3, ::2] ^= 1
    Image.fromarray(changed).save("changed.png")
    Image.open("stego.png").point(lambda value: min(255, value + 1)).save("brighter.png")
    Image.open("stego.png").crop((0, 0, 127, 128)).save("cropped.png")
    Image.open("stego.png").resize((120, 120)).save("resized.png")
    files = ("cover.png", "changed.png", "brighter.png", "cropped.png", "resized.png")
    answers = {refused("reveal", name, "-o", "out.png") for name in files}
    monkeypatch.setenv("ISGAN_PASS", "another")
    answers.add(refused("reveal", "stego.png", "-o", "out.png"))
    assert len(answers) == 1 and "nothing found for this pass phrase" in answers.pop()


def test_saved_again_without_loss_it_still_reveals(files) -> None:
    hidden()
    for name in ("again.bmp", "again.tiff", "again.webp"):
        Image.open("stego.png").save(name, **({"lossless": True} if name.endswith("webp") else {}))
        assert run("reveal", name, "-o", f"{name}.png") == 0


def test_pass_phrases_that_are_none(files, refused, monkeypatch) -> None:
    hide = ("hide", "cover.png", "secret.png", "-o", "out.png")
    Path("empty").touch()
    Path("latin").write_bytes(b"\xe9\xe9")
    assert "is empty" in refused(*hide, "--pass-file", "empty")
    assert "is empty" in refused(*hide, "--pass-file", os.devnull)
    assert "cannot read" in refused(*hide, "--pass-file", "missing")
    assert "UTF-8" in refused(*hide, "--pass-file", "latin")
    Path("blank").write_text(" \n")
    assert "is empty" in refused(*hide, "--pass-file", "blank")
    assert "contradict" in refused(*hide, "--pass-file", "empty", "--no-pass")
    monkeypatch.setenv("ISGAN_PASS", "")
    assert "is empty" in refused(*hide)
    monkeypatch.delenv("ISGAN_PASS")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert "no terminal to ask" in refused(*hide)


def missing(path: Path) -> None:
    pass


def a_folder(path: Path) -> None:
    path.mkdir()


def empty(path: Path) -> None:
    path.touch()


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


def animated_png(path: Path) -> None:
    frames = [Image.fromarray(NOISE), Image.fromarray(255 - NOISE)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


BAD = {missing: "does not exist", a_folder: "is a folder", empty: "is empty", truncated: "damaged", corrupt: "damaged",
       bomb: "too many pixels", animated_png: "frames"}  # fmt: skip


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_bad_pictures(files, refused, make) -> None:
    make(Path("bad.png"))
    for command in (("hide", "bad.png", "secret.png"), ("hide", "cover.png", "bad.png"), ("reveal", "bad.png")):
        folder = make is a_folder and command[0] == "reveal"  # of stego images, of which it has none
        assert ("no files" if folder else BAD[make]) in refused(*command, "-o", "out.png")
    assert BAD[make] in refused("capacity", "bad.png")


def test_a_text_is_no_cover(files, refused) -> None:
    assert "is not a PNG" in refused("hide", "notes.txt", "secret.png", "-o", "out.png")


@pytest.mark.parametrize("size", [(128, 128), (1, 5000), (5000, 1), (1, 1)])
def test_covers_of_one_colour(files, refused, size) -> None:
    Image.new("RGB", size, "teal").save("flat.png")
    assert "one colour" in refused("hide", "flat.png", "secret.png", "-o", "out.png")


@pytest.mark.parametrize("shape", [(1, 5000, 3), (5000, 1, 3)])
@pytest.mark.filterwarnings("error")
def test_a_line_is_too_small_whatever_the_pass_phrase(files, refused, monkeypatch, shape) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, shape, np.uint8)).save("line.png")
    for number in range(4):
        monkeypatch.setenv("ISGAN_PASS", f"phrase number {number}")
        for command in ("hide line.png notes.txt -o out.png", "reveal line.png -o out.png", "capacity line.png"):
            assert "the picture is too small" in refused(*command.split())


def test_covers_that_cannot_hide(files, refused) -> None:
    Image.fromarray(np.dstack([NOISE, np.zeros((64, 64), np.uint8)])).save("clear.png")
    assert "too little that may change" in refused("hide", "clear.png", "notes.txt", "-o", "out.png", "--risk", "high")
    Image.fromarray(NOISE // 128 * 255).save("extremes.png")  # 0 and 255 alone: one direction each
    assert run("hide", "extremes.png", "notes.txt", "-o", "out.png", "--risk", "high") == 0
    assert run("reveal", "out.png", "-o", "-") == 0


def test_secrets_that_do_not_fit(files, refused) -> None:
    Path("large.bin").write_bytes(NOISE.tobytes())
    assert "times as many pixels" in refused("hide", "cover.png", "large.bin", "-o", "out.png")
    Path("nothing").touch()
    assert "is empty" in refused("hide", "cover.png", "nothing", "-o", "out.png")


@pytest.mark.parametrize(
    ("options", "message"),
    [(("--scale", 0), "scale"), (("--scale", 1.5), "scale"), (("--quality", 5), "quality"), (("--risk", "some"), "risk"),
     (("--codec", "avfi"), "did you mean 'avif'"), (("--model", "adptive"), "did you mean 'adaptive'")],
)  # fmt: skip
def test_options_out_of_bounds(refused, options, message) -> None:
    assert message in refused("hide", "cover.png", "secret.png", "-o", "out.png", *options)


def test_outputs_that_are_none(files, refused) -> None:
    hide = ("hide", "cover.png", "secret.png", "-o")
    Path("there.png").touch()
    assert "exists" in refused(*hide, "there.png")
    assert "also an input" in refused(*hide, "cover.png", "--force")
    assert "does not exist" in refused(*hide, "nowhere/out.png")
    assert "out.png" in refused(*hide, "out.webp")
    assert "both be standard input" in refused("hide", "-", "-", "-o", "out.png")


def test_a_photograph_that_was_a_jpeg_is_refused_until_it_is_scaled(files, refused) -> None:
    big = Image.fromarray(photos.photograph(256))
    big.save("was.jpg", quality=85)
    Image.open("was.jpg").save("was.png")
    line = refused("hide", "was.png", "notes.txt", "-o", "out.png")
    assert "--scale 0.45" in line
    assert run("hide", "was.png", "notes.txt", "-o", "small.png", "--scale", 0.5) == 0
    assert Image.open("small.png").size == (128, 128)


def test_sigterm_leaves_nothing_behind(files) -> None:
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (1500, 1500, 3), np.uint8)).save("large.png")
    before = set(Path().iterdir())
    for wait in (1.0, 1.6, 2.2):
        child = subprocess.Popen([sys.executable, "-m", "isgan", "hide", "large.png", "secret.png", "-o", "out.png", "--risk", "high"],
                                 stderr=subprocess.PIPE)  # fmt: skip
        time.sleep(wait)
        child.send_signal(signal.SIGTERM)
        assert child.communicate(timeout=30)[1] == b""
        assert child.returncode in (0, 143, -signal.SIGTERM)
        assert set(Path().iterdir()) - before <= {Path("out.png")}
        Path("out.png").unlink(missing_ok=True)


def test_a_home_and_a_package_that_cannot_be_written(files) -> None:
    """Compiled code is then made anew: slower, and no error."""
    Path("file").write_text("no folder can be made below it, not even by root")
    environment = {**os.environ, "HOME": "file/home", "XDG_CACHE_HOME": "file/cache", "NUMBA_CACHE_DIR": "file/numba"}
    command = [sys.executable, "-m", "isgan", "hide", "cover.png", "notes.txt", "-o", "out.png", "--risk", "high"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""


def test_files_are_readable_by_others_as_the_umask_says(files) -> None:
    hidden()
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(Path("stego.png").stat().st_mode) == 0o666 & ~umask


def test_a_folder_is_made_where_its_name_ends_in_a_slash(files, refused) -> None:
    hidden(secret="notes.txt")
    assert run("reveal", "stego.png", "-o", "new folder/") == 0
    assert Path("new folder/notes.txt").read_bytes() == Path("notes.txt").read_bytes()
    assert "create it first" in refused("reveal", "stego.png", "-o", "nowhere/inbox/")
    assert "exists" in refused("reveal", "stego.png", "-o", "new folder/")
