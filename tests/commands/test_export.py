"""`isgan export`: both files are the model's halves, at the strength that was asked for, and nothing is overwritten
unasked."""

from pathlib import Path

import pytest
from conftest import stirred

from isgan import models
from isgan.__main__ import main
from isgan.hiders.qim import Qim


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("small") / "small.safetensors"
    models.save(stirred(Qim(stages=1, hidden=8, blocks=0)), path, {})
    return path


@pytest.fixture
def told(monkeypatch) -> None:
    """Files that say what they should hold, in place of networks, which take long."""
    made = lambda hider, half: f"{half} {hider.strength} {'color' if hider.color else 'gray'}".encode()  # noqa: E731
    monkeypatch.setattr("isgan.schemes.engine.to_onnx", made)


def written(folder: str) -> list[str]:
    return [Path(folder, f"{half}.onnx").read_text() for half in ("hide", "reveal")]


def test_the_files_are_the_halves(folder, small, told, capsys):
    """Of the middle strength, if none is asked for; what the files hold, tests of the engine say."""
    assert main(["export", "--model", str(small), "-o", "made"]) == 0
    printed = capsys.readouterr().out
    assert "strength  4\n" in printed and f"{small} {models.fingerprint(small)}" in printed
    assert sorted(path.name for path in Path("made").iterdir()) == ["hide.onnx", "reveal.onnx"]
    assert written("made") == ["hide 4 gray", "reveal 4 gray"]


@pytest.mark.parametrize(
    "options, what",
    [
        (["--strength", "2"], "2 gray"),
        (["--strength", "5", "--color"], "5 color"),
        ([], "4 gray"),
        (["--color"], "3 color"),
    ],
)
def test_the_strength(folder, small, told, options, what):
    assert main(["export", "--model", str(small), "-o", "made/deep", *options]) == 0
    assert written("made/deep") == [f"hide {what}", f"reveal {what}"]


def test_models_without_a_dial(folder, model, capsys, monkeypatch):
    monkeypatch.setattr("isgan.schemes.engine.to_onnx", lambda hider, half: half.encode())
    assert main(["export", "--model", str(model), "-o", "made"]) == 0
    assert written("made") == ["hide", "reveal"] and "strength" not in capsys.readouterr().out


def test_files_are_overwritten_when_asked(folder, small, told, capsys):
    line = ["export", "--model", str(small), "-o", "made", "--strength"]
    assert main([*line, "1"]) == 0
    Path("made/hide.onnx").unlink()  # one of the two is enough
    assert main([*line, "2"]) == 2
    error = capsys.readouterr().err
    assert "reveal.onnx exists" in error and "use --force" in error and error.count("\n") == 1
    assert [path.name for path in Path("made").iterdir()] == ["reveal.onnx"] and Path(
        "made/reveal.onnx"
    ).read_text() == "reveal 1 gray"
    assert main([*line, "2", "--force"]) == 0
    assert written("made") == ["hide 2 gray", "reveal 2 gray"]


def test_what_cannot_be_exported(folder, small, told, capsys):
    cover = Path("cover.png").read_bytes()
    for options, words in (
        (["-o", "cover.png"], "cover.png is a file: give a folder"),
        (["-o", "cover.png", "--force"], "cover.png is a file: give a folder"),
        (["-o", "cover.png/deep"], "choose another"),
        (["-o", "other", "--strength", "9"], "strengths 1 to 7"),
        (["-o", "other", "--strength", "0"], "strengths 1 to 7"),
        (["-o", "other", "--strength", "7", "--color"], "strengths 1 to 5"),
        (["-o", "other", "--strength", "2.5"], "--strength: a whole number, not 2.5"),
        (["-o", "other", "--strength", "2", "--model=lsb121"], "no dial"),
        (["-o", "other", "--color", "--model=lsb121"], "hides gray secrets"),
        (["-o", "other", "--model=adaptive"], "no neural model"),
    ):
        model = [] if any(option.startswith("--model") for option in options) else ["--model", str(small)]
        assert main(["export", *model, *options]) == 2
        error = capsys.readouterr().err
        assert words in error and error.count("\n") == 1 and not Path("other").exists()
    assert Path("cover.png").read_bytes() == cover
