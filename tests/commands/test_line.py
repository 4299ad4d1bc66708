"""The command line itself: help, mistyped lines, how a run ends; and models that are networks, hidden and revealed with."""

import errno
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

import isgan
from isgan import models
from isgan.__main__ import main
from isgan.files import Terminated


def run(*tokens: object) -> int:
    return main([str(token) for token in tokens])


@pytest.fixture
def refused(folder, capsys):
    """Runs a command that must be refused, and returns its one line."""

    def check(*tokens: object, code: int = 2) -> str:
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        capsys.readouterr()
        assert run(*tokens) == code
        out, err = capsys.readouterr()
        assert out == "" and err.startswith("isgan: error: ") and err.count("\n") == 1 and err.endswith("\n"), err
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
        return err

    return check


HIDE = ("hide", "cover.png", "secret.png", "-o", "out.png")

# ---------------------------------------------------------------------------------------------------- networks


def test_a_network_hides_without_a_key_and_says_so_once(folder, capsys, model):
    assert run(*HIDE, "--model", model, "--min-secret-psnr", 0) == 0
    assert capsys.readouterr().err == "isgan: note: this model has no key: anyone with isgan can reveal what it hides\n"
    assert run("reveal", "out.png", "-o", "revealed.png", "--model", model) == 0
    assert capsys.readouterr().err == ""
    revealed = isgan.reveal("out.png", model=str(model)).secret.picture
    np.testing.assert_array_equal(np.array(Image.open("revealed.png")), revealed)


def test_a_network_with_a_dial_has_a_key(folder, refused, dial, monkeypatch):
    monkeypatch.setenv("ISGAN_PASS", "correct horse")
    assert run(*HIDE, "--model", dial, "--min-secret-psnr", 0) == 0
    assert run("reveal", "out.png", "-o", "revealed.png", "--model", dial) == 0
    monkeypatch.setenv("ISGAN_PASS", "another")
    assert "nothing found" in refused("reveal", "out.png", "-o", "again.png", "--model", dial)
    # One level brighter, the markers of former versions read as another setting: a wrong picture, and no error.
    monkeypatch.setenv("ISGAN_PASS", "correct horse")
    Image.open("out.png").point(lambda value: min(255, value + 1)).save("brighter.png")
    assert "nothing found" in refused("reveal", "brighter.png", "-o", "again.png", "--model", dial)


def test_a_secret_that_comes_back_badly(folder, refused, model):
    words = refused(*HIDE, "--model", "lsb121", "--min-secret-psnr", 60)
    assert "under the minimum of 60 dB" in words and "--min-secret-psnr" in words
    for bound in ("nan", "inf"):
        assert "is no bound" in refused(*HIDE, "--model", model, "--min-secret-psnr", bound)


def test_models_that_are_refused(folder, refused, model):
    altered = Path("altered.safetensors")
    altered.write_bytes(model.read_bytes()[:-1] + b"\x7f")
    altered.with_suffix(".toml").write_bytes(model.with_suffix(".toml").read_bytes())
    tensors = load_file(model)
    name = sorted(key for key in tensors if tensors[key].is_floating_point())[0]
    tensors[name][0] = float("nan")
    Path("config").write_text("")
    save_file(tensors, "nan.safetensors", metadata(model))
    for file, words in {
        "lsb323": "unknown model 'lsb323': did you mean 'lsb332'?",
        "nowhere.safetensors": "no weights file",
        "altered.safetensors": "not the file its card describes",
        "nan.safetensors": "not finite",
    }.items():
        assert words in refused(*HIDE, "--model", file)
        assert words in refused("reveal", "cover.png", "-o", "out.png", "--model", file)


def metadata(path: Path) -> dict[str, str]:
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        return file.metadata()


def test_every_model_is_listed_with_what_protects_it(capsys):
    assert run("models") == 0
    lines = capsys.readouterr().out.splitlines()
    for name in models.names():
        (line,) = [line for line in lines if line.split("|")[1:2] and line.split("|")[1].strip() == name]
        assert ("pass phrase" in line) == models.load(name).keyed


# ---------------------------------------------------------------------------------------------------- the line itself


@pytest.mark.parametrize("tokens, words", [
    (["hdie"], 'Did you mean "hide"'),
    (["hide"], "isgan hide needs COVER: isgan hide --help says"),
    (["hide", "cover.png", "secret.png"], "isgan hide needs --output: isgan hide --help says"),
    ([*HIDE, "my", "photo.png"], "too many arguments: 'my', 'photo.png'; leave out"),
    ([*HIDE, "--fit", "zoom"], "zoom"),
    ([*HIDE, "--fit", "zo\nom"], "zo om"),
    ([*HIDE, "--min-secret-psnr", "high"], "high"),
    ([*HIDE, "--polish", "2.5"], "a whole number"),
    ([*HIDE, "--forec"], "Did you mean --force"),
])  # fmt: skip
def test_mistyped_lines(refused, tokens, words):
    assert words in refused(*tokens)


@pytest.mark.parametrize("error, code, line", [
    (KeyboardInterrupt, 130, ""),
    (Terminated, 143, ""),
    (MemoryError, 2, "isgan: error: not enough memory: close other programs, or scale the pictures down\n"),
])  # fmt: skip
def test_how_it_ends(folder, monkeypatch, capsys, error, code, line):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("isgan.pipeline.hide", fail)
    assert run(*HIDE, "--no-pass") == code
    assert capsys.readouterr() == ("", line)


@pytest.mark.parametrize("wrapper", [SystemError, RuntimeError])
@pytest.mark.parametrize("cause, code", [(KeyboardInterrupt, 130), (Terminated, 143)])
def test_a_signal_while_compiled_code_starts_or_a_class_is_made(folder, monkeypatch, capsys, wrapper, cause, code):
    """Python then wraps what the handler raised, in a SystemError or RuntimeError."""

    def wrapped(*_, **__):
        try:
            raise wrapper("returned a result with an exception set") from cause()
        except wrapper as error:
            raise wrapper("returned a result with an exception set") from error

    monkeypatch.setattr("isgan.pipeline.hide", wrapped)
    assert run(*HIDE, "--no-pass") == code
    assert capsys.readouterr() == ("", "")


def test_ctrl_c_in_the_middle_of_the_check(folder, monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("isgan.pipeline._same", interrupt)
    before = sorted(folder.iterdir())
    assert run(*HIDE, "--model", "lsb332") == 130
    assert capsys.readouterr().out == "" and sorted(folder.iterdir()) == before


def test_a_full_disk(folder, refused, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left" in refused(*HIDE, "--model", "lsb332")
    assert "No space left" in refused("reveal", "cover.png", "-o", "out.png", "--model", "lsb332")


def test_warnings_are_as_they_were(folder, capsys):
    before = warnings.showwarning
    run("--version")
    assert warnings.showwarning is before and capsys.readouterr().out.strip() == isgan.__version__


QUICK = """
import sys
from isgan.__main__ import main
for line in sys.argv[1:]:
    print(line, main(line.split()), *sorted({"torch", "lightning", "numba"} & {*sys.modules}), sep="|")
"""


def test_help_and_refusals_come_before_anything_heavy(folder):
    commands = [path.stem for path in Path(isgan.__file__).parent.glob("commands/[a-z]*.py")]
    assert {"hide", "reveal", "capacity", "models", "train", "evaluate"} <= {*commands}
    hide = "hide cover.png secret.png -o"
    helps = ["--help", "--version", *(f"{command} --help" for command in commands)]
    refusals = ["hide cover.png", f"{hide} cover.png", f"{hide} out.png --model nowhere.safetensors"]
    done = subprocess.run([sys.executable, "-c", QUICK, *helps, *refusals], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert [line for line in helps if f"{line}|0" not in lines] == [], done.stdout
    assert all(any(line.startswith(f"{wanted}|2") and "torch" not in line for line in lines) for wanted in refusals), done.stdout
    listed = [line.strip("│ ").split(maxsplit=1) for line in lines[: lines.index("--help|0")]]
    summaries = dict(words for words in listed if len(words) == 2)
    assert summaries["hide"].startswith("Hide a picture") and {*commands} <= {*summaries}


def test_a_real_run_with_nobody_reading(folder):
    """A whole process, its output a closed pipe: no traceback, and the file is there."""
    command = [sys.executable, "-m", "isgan", *HIDE, "--model", "lsb332", "--json"]
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}  # nothing is written, and so fails, before the end
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=buffered) as process:
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read() and process.wait() == 0
    assert Path("out.png").is_file()


def test_models_as_json_has_numbers(capsys):
    assert run("models", "--json") == 0
    known = {row["model"]: row for row in json.loads(capsys.readouterr().out)}
    assert known["adaptive"]["default"] is True and known["adaptive"]["weights, MB"] is None
    assert known["wavelet"]["default"] is False and 1 < known["wavelet"]["weights, MB"] < 9
    assert run("models") == 0
    assert "| adaptive | yes " in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--pass", "--password", "--pass-phrase=x"])
def test_a_pass_phrase_as_an_argument_is_refused_with_what_to_do(folder, capsys, option):
    """Never with a proposal to do without one."""
    assert run(*HIDE, option, "secret words") == 2
    error = capsys.readouterr().err
    assert "--pass-file" in error and "--no-pass" not in error and error.count("\n") == 1
