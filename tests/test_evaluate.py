"""`isgan evaluate` gives what a receiver measures with other people's tools on the files of `isgan hide` and `isgan reveal`."""

import csv
import math
import runpy
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import scene
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import isgan
from isgan.__main__ import main
from isgan.evaluation.quality import Row, pair_up, summary
from isgan.image import read_gray, read_rgb
from isgan.metrics import EXACT
from isgan.metrics.quality import MEASURES
from isgan.steganographer import compare, fit

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*/*.png"))


@pytest.fixture
def photographs(tmp_path):
    """Three test photographs, one of an odd size, so that its neighbour's secret is scaled."""
    folder = tmp_path / "photographs" / "test"
    folder.mkdir(parents=True)
    for photograph in EXAMPLES[:2]:
        shutil.copy(photograph, folder)
    Image.open(EXAMPLES[2]).convert("RGB").crop((0, 0, 131, 97)).save(folder / "odd.png")
    return folder.parent


def receiver(folder: Path, model: str, tmp_path: Path) -> list[tuple[float, float, float, float]]:
    """The same figures by scikit-image from the files of the two commands."""
    files = sorted((folder / "test").iterdir())
    rows = []
    for index, cover in enumerate(files):
        secret, stego, out = tmp_path / "secret.png", tmp_path / "stego.png", tmp_path / "out.png"
        size = Image.open(cover).size
        Image.open(files[(index + 1) % len(files)]).convert("L").resize(size, Image.Resampling.LANCZOS).save(secret)
        options = ["--model", model, "--force", "--min-secret-psnr", "0"]
        assert main(["hide", str(cover), str(secret), "-o", str(stego), *options]) == 0
        assert main(["reveal", str(stego), "-o", str(out), *options[:3]]) == 0
        pairs = [[np.asarray(Image.open(file)) for file in pair] for pair in ((cover, stego), (secret, out))]
        row = []
        for a, b in pairs:
            same = (a == b).all()
            row.append(math.inf if same else peak_signal_noise_ratio(a, b))
            row.append(structural_similarity(a, b, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
                                             channel_axis=-1 if a.ndim == 3 else None))  # fmt: skip
        rows.append(tuple(row))
    return rows


@pytest.mark.parametrize("model", ["qim", "lsb121"])
def test_agrees_with_the_receiver(photographs, tmp_path, model, capsys):
    out = tmp_path / "rows.csv"
    assert main(["evaluate", "--model", model, "--data", str(photographs), "-o", str(out)]) == 0
    with out.open() as file:
        rows = [row for row in csv.DictReader(file) if row["model"] == model]
    expected = receiver(photographs, model, tmp_path)
    assert len(rows) == len(expected) == 3
    for row, figures in zip(rows, expected, strict=True):
        for column, figure, tolerance in zip(MEASURES, figures, (0.005, 1e-4) * 2, strict=True):
            assert float(row[column]) == pytest.approx(figure, abs=tolerance), column


def test_floor_rows_are_always_there(photographs, tmp_path, capsys):
    out = tmp_path / "rows.csv"
    assert main(["evaluate", "--model", "lsb121", "--data", str(photographs), "-n", "2", "-o", str(out)]) == 0
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows] == ["lsb121"] * 2 + ["lsb332"] * 2
    assert all(float(row["secret_psnr"]) == math.inf for row in rows if row["model"] == "lsb332")
    printed = capsys.readouterr().out
    assert "lsb332" in printed and "lsb121" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nowhere"], "nowhere"),
        (["--data", ".", "--model", "wavelte"], "did you mean 'wavelet'"),
        (["--data", "photographs", "-o", "taken.csv"], "--force"),
        (["--data", "photographs", "-o", "missing/rows.csv"], "create it first"),
        (["--data", "photographs", "--split", "val"], "val"),
        (["--data", "photographs", "--split", "tset"], "tset"),
    ],
)
def test_bad_input_is_one_line(photographs, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    Path("taken.csv").write_text("precious")
    assert main(["evaluate", *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.count("\n") == 1 and not captured.out
    assert Path("taken.csv").read_text() == "precious"


def test_a_pair_that_comes_back_exactly_does_not_make_a_mean_exact():
    row = Row("some", "lsb121", "auto", "", "a.png", "b.png", 64, 64, 40.0, 0.9, 30.0, 0.8, 0.5, 0.1, 0.1)
    exact = replace(row, secret_psnr=math.inf, secret_ssim=1.0)
    assert summary([row, row, exact])["secret_psnr"] == pytest.approx((30 + 30 + EXACT) / 3)
    assert summary([row, exact])["worst_secret_psnr"] == 30 and summary([exact, exact])["secret_psnr"] == math.inf


def test_the_last_cover_of_a_limit_has_the_next_photograph_as_secret():
    photographs = [Path(name) for name in "abc"]
    assert pair_up(photographs, 2) == [(photographs[0], photographs[1]), (photographs[1], photographs[2])]


def test_one_photograph_alone_is_no_pair(photographs, tmp_path, capsys):
    for path in sorted((photographs / "test").iterdir())[1:]:
        path.unlink()
    assert main(["evaluate", "--data", str(photographs)]) == 2
    assert "a pair needs a cover and another photograph" in capsys.readouterr().err


def test_a_photograph_that_goes_missing_is_not_a_full_disk(photographs, tmp_path, monkeypatch, capsys):
    def gone(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("isgan.evaluation.quality.compare", gone)
    with pytest.raises(OSError, match="Input/output"):
        main(["evaluate", "--data", str(photographs), "--model", "lsb332", "-o", str(tmp_path / "rows.csv")])


def test_other_secrets_colours_and_polish(photographs, dial, tmp_path, capsys):
    """Each is what the Python API gives for the same pair, and rows say what they are of."""
    others = tmp_path / "others" / "test"
    others.mkdir(parents=True)
    Image.fromarray(scene(70, 50, seed=5)).save(others / "a.png")
    cover = photographs / "test" / "odd.png"
    for options, setting, polish, color in (([], "auto", 0, False), (["--color"], "auto, color", 0, True),
                                            (["--polish", "3"], "auto, polish 3", 3, False)):  # fmt: skip
        arguments = ["--model", str(dial), "--data", str(photographs), "--secrets", str(tmp_path / "others"), *options]
        assert main(["evaluate", *arguments, "-o", str(tmp_path / "rows.csv"), "--force"]) == 0
        with (tmp_path / "rows.csv").open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["model"] == str(dial)]
        assert [(row["set"], row["setting"], row["secret"]) for row in rows] == 3 * [("photographs/others", setting, "test/a.png")]
        assert isgan.hide(cover, others / "a.png", tmp_path / "stego.png", model=dial, color=color, polish=polish,
                          min_secret_psnr=0, force=True)  # fmt: skip
        revealed = np.array(isgan.reveal(tmp_path / "stego.png", model=dial))
        secret = fit((read_rgb if color else read_gray)(others / "a.png"), *revealed.shape[:2])
        (row,) = (row for row in rows if row["cover"] == "test/odd.png")
        assert float(row["secret_psnr"]) == pytest.approx(compare(revealed, secret).psnr, abs=1e-4)
    capsys.readouterr()
    for options, words in (
        (["--model", "lsb332"], "leave out --color"),
        (["--model", str(dial), "--strength", "6"], "strengths 1 to 5"),
        (["--model", str(dial), "--card"], "leave out --card"),
    ):
        assert main(["evaluate", "--data", str(photographs), "--color", *options]) == 2
        assert words in capsys.readouterr().err


def test_other_kinds_of_secrets_are_always_the_same(tmp_path):
    """And none of the test is among those of training."""
    script = Path(__file__).parent.parent / "benchmarks" / "kinds.py"
    subprocess.run([sys.executable, script, tmp_path / "kinds"], check=True)
    kinds = runpy.run_path(str(script))
    files = sorted((tmp_path / "kinds").rglob("*.png"))
    assert len(files) == len({file.read_bytes() for file in files}) == 4 * (120 + 6 + 6)
    for file in sorted((tmp_path / "kinds" / "test").iterdir()):
        kind, number = file.stem.split("-")
        assert np.array_equal(read_gray(file), np.array(kinds[kind](np.random.default_rng(int(number)))))
        assert read_gray(file).shape == (256, 256) and read_gray(file).std() > 10
