"""`isgan evaluate` gives what a receiver measures with other people's tools on the files of `isgan hide` and `isgan reveal`."""

import csv
import math
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import scene
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from isgan import models
from isgan.__main__ import main
from isgan.evaluation.quality import pass_phrase
from isgan.metrics import MEASURES
from isgan.picture import read_gray

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*/*.png"))


@pytest.fixture
def photographs(tmp_path):
    """Three test photographs, one of an odd size, so that its neighbour's secret is scaled for networks."""
    folder = tmp_path / "photographs" / "test"
    folder.mkdir(parents=True)
    for photograph in EXAMPLES[:2]:
        shutil.copy(photograph, folder)
    Image.open(EXAMPLES[2]).convert("RGB").crop((0, 0, 131, 97)).save(folder / "odd.png")
    return folder.parent


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def receiver(folder: Path, model: str, tmp_path: Path, *options: str) -> list[tuple[float, ...]]:
    """The same figures by scikit-image from the files of the two commands."""
    files = sorted((folder / "test").iterdir())
    found = []
    for index, cover in enumerate(files):
        secret, stego, out, phrase = (tmp_path / name for name in ("secret.png", "stego.png", "out.png", "phrase"))
        phrase.write_text(pass_phrase(f"test/{cover.name}"))
        guest = Image.open(files[(index + 1) % len(files)]).convert("L")
        (guest.resize(Image.open(cover).size, Image.Resampling.LANCZOS) if models.load(model).resizes else guest).save(secret)
        line = ["--model", model, "--force", "--pass-file", str(phrase)]
        assert main(["hide", str(cover), str(secret), "-o", str(stego), "--min-secret-psnr", "0", "--gray", *options, *line]) == 0
        assert main(["reveal", str(stego), "-o", str(out), *line]) == 0
        row: list[float] = []
        for a, b in ([np.asarray(Image.open(file)) for file in pair] for pair in ((cover, stego), (secret, out))):
            row.append(math.inf if (a == b).all() else peak_signal_noise_ratio(a, b))
            _, full = structural_similarity(a, b, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
                                            channel_axis=-1 if a.ndim == 3 else None, full=True)  # fmt: skip
            row.append(full[5:-5, 5:-5].mean())
        found.append(tuple(row))
    return found


@pytest.mark.parametrize(("model", "options"), [("lsb121", []), ("adaptive", ["--risk", "high", "--quality", "30"])])
def test_agrees_with_the_receiver(photographs, tmp_path, model, options):
    out = tmp_path / "rows.csv"
    assert main(["evaluate", "--model", model, "--data", str(photographs), "-o", str(out), *options]) == 0
    measured, expected = rows(out), receiver(photographs, model, tmp_path, *options)
    assert len(measured) == len(expected) == 3
    # A keyed model draws fresh bits each time: the stego image is another one, the secret is not.
    tolerances = (0.4, 1e-3, 0.005, 1e-4) if models.load(model).keyed else (0.005, 1e-4, 0.005, 1e-4)
    for row, figures in zip(measured, expected, strict=True):
        for column, figure, tolerance in zip(MEASURES, figures, tolerances, strict=True):
            assert float(row[column]) == pytest.approx(figure, abs=tolerance), column


def test_what_is_printed(photographs, tmp_path, capsys):
    out = tmp_path / "rows.csv"
    assert main(["evaluate", "--model", "lsb121", "lsb332", "--data", str(photographs), "-n", "2", "-o", str(out)]) == 0
    assert [row["model"] for row in rows(out)] == ["lsb121"] * 2 + ["lsb332"] * 2
    assert all(float(row["secret_psnr"]) == math.inf for row in rows(out) if row["model"] == "lsb332")
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 4 and printed[0].startswith("| set") and "lsb121" in printed[2] and "lsb332" in printed[3]


def test_settings_are_measured_each_on_its_own(photographs, dial, tmp_path, monkeypatch):
    monkeypatch.setattr("isgan.key.MEMORY_KIB", 64)
    others = tmp_path / "others" / "test"
    others.mkdir(parents=True)
    Image.fromarray(scene(70, 50, seed=5)).save(others / "a.png")
    for model, options, settings in (
        (str(dial), ["--strength", "2", "auto"], ["2", "auto"]),
        (str(dial), ["--color"], ["auto, color"]),
        (str(dial), ["--polish", "3"], ["auto, polish 3"]),
        ("adaptive", ["--quality", "30", "33.5", "--risk", "high"], ["30 dB", "33.5 dB"]),
        ("adaptive", ["--risk", "low", "--color"], ["low, color"]),
    ):
        line = ["evaluate", "--model", model, "--data", str(photographs), "--secrets", str(tmp_path / "others"), "-n", "1", *options]
        assert main([*line, "-o", str(tmp_path / "rows.csv"), "--force"]) == 0
        measured = rows(tmp_path / "rows.csv")
        found = [(row["set"], row["setting"], row["secret"]) for row in measured]
        assert found == [("photographs/others", setting, "test/a.png") for setting in settings]
    assert (measured[0]["secret_width"], measured[0]["secret_height"]) != (measured[0]["width"], measured[0]["height"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nowhere"], "nowhere"),
        (["--data", ".", "--model", "wavelte"], "did you mean 'wavelet'"),
        (["--data", "photographs", "-o", "taken.csv"], "--force"),
        (["--data", "photographs", "-o", "missing/rows.csv"], "create it first"),
        (["--data", "photographs", "--split", "val"], "val"),
        (["--data", "photographs", "--split", "tset"], "tset"),
        (["--data", "photographs", "--model", "lsb332", "--color"], "leave out --color"),
        (["--data", "photographs", "--model", "qim", "--strength", "9"], "strengths 1 to 7"),
        (["--data", "photographs", "--card", "--color"], "leave out --card"),
        (["--data", "photographs", "--card", "--quality", "30", "40"], "leave out --card"),
    ],
)
def test_bad_input_is_one_line(photographs, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    Path("taken.csv").write_text("precious")
    assert main(["evaluate", *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.count("\n") == 1 and not captured.out
    assert Path("taken.csv").read_text() == "precious"


def test_a_photograph_that_goes_missing_is_not_a_full_disk(photographs, tmp_path, monkeypatch):
    def gone(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("isgan.evaluation.quality.compare", gone)
    with pytest.raises(OSError, match="Input/output"):
        main(["evaluate", "--data", str(photographs), "--model", "lsb332", "-o", str(tmp_path / "rows.csv")])


def test_embedding_models_are_measured_without_torch(photographs):
    code = "import sys; from isgan.__main__ import main; assert main(sys.argv[1:]) == 0; assert 'torch' not in sys.modules"
    line = ["evaluate", "--data", str(photographs), "-n", "1", "--model", "webp", "--quality", "30", "--risk", "high", "--quiet"]
    subprocess.run([sys.executable, "-c", code, *line], check=True, env={**os.environ, "PYTHONWARNINGS": "ignore"})


def test_scores_for_the_card(photographs, tmp_path, model):
    shutil.copy(model, tmp_path / "mine.safetensors")
    shutil.copy(model.with_suffix(".toml"), tmp_path / "mine.toml")
    assert main(["evaluate", "--data", str(photographs), "--model", str(tmp_path / "mine.safetensors"), "--card", "-n", "2"]) == 0
    scores = models.card(tmp_path / "mine.safetensors")["scores"]["photographs test"]
    assert scores["pairs"] == 2 and scores["stego_psnr"] > 5


def test_other_kinds_of_secrets_are_always_the_same(tmp_path):
    """And none of the test is among those of training."""
    script = Path(__file__).parents[2] / "benchmarks" / "kinds.py"
    kinds = runpy.run_path(str(script))
    kinds["main"].__globals__["SPLITS"] = {"train": (1000, 2), "test": (0, 6)}
    kinds["main"](tmp_path / "kinds")
    files = sorted((tmp_path / "kinds").rglob("*.png"))
    assert len(files) == len({file.read_bytes() for file in files}) == 4 * (2 + 6)
    for file in sorted((tmp_path / "kinds" / "test").iterdir()):
        kind, number = file.stem.split("-")
        assert np.array_equal(read_gray(file), np.array(kinds[kind](np.random.default_rng(int(number)))))
        assert read_gray(file).shape == (256, 256) and read_gray(file).std() > 10
