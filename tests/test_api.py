"""The Python API: paths, bytes, open files, Pillow images and arrays in; stego images and secrets out."""

import csv
import inspect
import io
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import photos
import pytest
from PIL import Image

import isgan
from isgan.commands.hide import hide as hide_command
from isgan.options import Options
from isgan.pipeline import side_of

PHRASE = "correct horse battery staple"


def test_importing_is_cheap():
    code = "import isgan, sys; sys.exit(bool({'torch', 'numpy', 'numba', 'PIL'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_sealed_path_needs_no_extra(tmp_path):
    """With everything that extras bring out of reach, hiding and revealing work."""
    Image.fromarray(photos.photograph(96)).save(tmp_path / "cover.png")
    code = """
import sys
for name in ("torch", "safetensors", "pytorch_msssim", "lightning", "matplotlib", "jinja2", "scipy", "skimage", "conseal", "jpegio"):
    sys.modules[name] = None
import isgan
stego = isgan.hide("cover.png", b"some bytes", "stego.png", pass_phrase="x", risk="high")
assert isgan.reveal("stego.png", pass_phrase="x").secret.data == b"some bytes"
try:
    isgan.hide("cover.png", "cover.png", model="isgan")
except isgan.IsganError as error:
    assert "pip install" in str(error), error
else:
    raise SystemExit("no error")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", [np.asarray, Image.fromarray, "bytes", "file", "path"])
def test_whatever_a_picture_is_given_as(tmp_path, kind):
    def given(picture: np.ndarray, name: str):
        if callable(kind):
            return kind(picture)
        path = tmp_path / name
        Image.fromarray(picture).save(path)
        return {"bytes": path.read_bytes(), "file": io.BytesIO(path.read_bytes()), "path": path}[kind]

    stego = isgan.hide(given(photos.photograph(), "cover.png"), given(photos.secret(64, 64), "secret.png"), pass_phrase=PHRASE, risk="high")
    assert stego.image.size == (128, 128)
    found = isgan.reveal(stego.data, pass_phrase=PHRASE)
    np.testing.assert_array_equal(np.asarray(found.image), stego.delivered.picture)
    np.testing.assert_array_equal(isgan.reveal(stego.image, pass_phrase=PHRASE).secret.picture, stego.delivered.picture)
    assert found.secret.name == ("secret.png" if kind == "path" else "")


def test_what_was_hidden_is_saved_and_files_are_guarded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(photos.photograph()).save("cover.png")
    stego = isgan.hide("cover.png", b"some bytes", pass_phrase=PHRASE)
    stego.save("stego.png")
    assert Path("stego.png").read_bytes() == stego.data
    with pytest.raises(isgan.IsganError, match="exists"):
        stego.save("stego.png")
    with pytest.raises(isgan.IsganError, match="exists"):
        isgan.hide("cover.png", b"some bytes", "stego.png", pass_phrase=PHRASE)
    with pytest.raises(isgan.IsganError, match="also an input"):
        isgan.hide("cover.png", b"some bytes", "cover.png", pass_phrase=PHRASE, force=True)
    with pytest.raises(isgan.NothingFound):
        isgan.reveal("cover.png", pass_phrase=PHRASE)
    with pytest.raises(isgan.IsganError, match="no pass phrase"):
        isgan.hide("cover.png", b"some bytes")
    assert isgan.reveal("stego.png", "out.bin", pass_phrase=PHRASE).path == Path("out.bin")


def test_a_secret_that_is_no_picture_has_no_image():
    stego = isgan.hide(photos.photograph(), b"some bytes", pass_phrase=PHRASE)
    with pytest.raises(isgan.IsganError, match=r"secret\.data"):
        _ = isgan.reveal(stego.data, pass_phrase=PHRASE).image


def test_messages_say_which_of_two_files_is_meant():
    with pytest.raises(isgan.IsganError, match="the secret is empty"):
        isgan.hide(photos.photograph(), b"", pass_phrase="x")
    with pytest.raises(isgan.IsganError, match="the cover is empty"):
        isgan.hide(io.BytesIO(), b"text", pass_phrase="x")


def test_capacity():
    room = isgan.capacity(photos.photograph())
    assert 0 < room["low"]["bytes"] < room["medium"]["bytes"] < room["high"]["bytes"]
    with pytest.raises(isgan.IsganError, match="embedding model"):
        isgan.capacity(photos.photograph(), model="lsb332")


@pytest.mark.parametrize("psnr", [30.0, 33.5, 40.0])
def test_how_large_a_picture_is_promised_was_measured(psnr):
    table = Path(__file__).parents[1] / "docs" / "results" / "codecs.csv"
    rows = [row for row in csv.DictReader(table.read_text().splitlines())
            if (row["codec"], row["colour"], float(row["dB"])) == ("avif", "colour", psnr)]  # fmt: skip
    assert {int(row["side"]) for row in rows} == {64, 128, 256}
    for row in rows:
        side = int(row["side"])
        assert side_of(round(float(row["bits a pixel"]) * side**2 / 8), psnr) == pytest.approx(side, rel=0.05)
    assert side_of(800_000, psnr) == pytest.approx(2 * side_of(200_000, psnr))


def test_one_set_of_defaults():
    """The command line writes them out, so that --help is quick."""
    parameters = inspect.signature(hide_command).parameters
    for field, default in ((field.name, field.default) for field in Options.__dataclass_fields__.values()):
        assert parameters[field].default == default, field


def test_names_and_loading():
    assert "adaptive" in isgan.names() and isgan.load().keyed


def test_version():
    assert isgan.__version__ == version("isgan")


def test_results_are_short_in_a_terminal():
    cover = Image.fromarray(photos.photograph(96))
    made = isgan.hide(cover, cover.resize((32, 32)), pass_phrase=PHRASE, risk="high")
    found = isgan.reveal(made.data, pass_phrase=PHRASE)
    assert len(repr(made)) < 1000 and len(repr(found)) < 1000 and "secret dB" in repr(made)


def test_an_unknown_risk_is_refused():
    with pytest.raises(isgan.IsganError, match="unknown risk 'none': it is low, medium or high"):
        isgan.hide(photos.photograph(64), b"text", pass_phrase=PHRASE, risk="none")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"quality": "40"}, "unknown quality '40': it is a number or None"),
        ({"quality": True}, "unknown quality True"),
        ({"scale": None}, "unknown scale None: it is a number"),
        ({"frame": 1.5}, "unknown frame 1.5: it is a whole number or None"),
        ({"gray": 1}, "unknown gray 1: it is True or False"),
        ({"strength": "much"}, "unknown strength 'much': it is a whole number or auto"),
        ({"codec": 3}, "unknown codec 3: it is a name or None"),
        ({"pass_phrase": b"bytes"}, "the pass phrase is of type bytes: give a text"),
    ],
)
def test_wrong_types_are_said(options, words):
    with pytest.raises(isgan.IsganError, match=words):
        isgan.hide(photos.photograph(64), b"text", **{"pass_phrase": PHRASE, **options})


@pytest.mark.parametrize("wrong", [3, None, ["a.png"]])
def test_what_is_no_source_is_said(wrong):
    name = type(wrong).__name__
    cover = photos.photograph(64)
    for call in (lambda: isgan.hide(wrong, b"text", pass_phrase=PHRASE), lambda: isgan.hide(cover, wrong, pass_phrase=PHRASE),
                 lambda: isgan.reveal(wrong, pass_phrase=PHRASE), lambda: isgan.capacity(wrong), lambda: isgan.check(wrong)):  # fmt: skip
        with pytest.raises(isgan.IsganError, match=f"of type {name}: give a file name"):
            call()


def test_numbers_and_paths_of_other_libraries_are_taken():
    chosen = Options(scale=np.float32(0.5), frame=np.int64(2), model=Path("adaptive"))
    assert chosen.scale == 0.5 and chosen.model == "adaptive"


def test_check(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(photos.photograph(64)).save(path)
    assert isgan.check(path)["verdict"] == isgan.check(path.read_bytes())["verdict"] == "as it was saved, as far as can be seen"
