"""Which cover is taken: one in which the secret arrives best, then one that changes least where it shows; never one that will not do."""

from pathlib import Path

import numpy as np
import photos
import pytest
from PIL import Image

import isgan
from isgan.__main__ import main
from isgan.costs.base import Costs
from isgan.covers.png import PngCover
from isgan.folders import best
from isgan.options import Options

PHRASE = "correct horse battery staple"


@pytest.fixture
def covers(tmp_path, monkeypatch) -> Path:
    """Two photographs of one size, one of them blurred, a larger one, one of a single colour, and what is no picture."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISGAN_PASS", PHRASE)
    folder = tmp_path / "covers"
    folder.mkdir()
    sharp = Image.fromarray(photos.photograph(96))
    noise = np.random.default_rng(1).normal(0, 1.5, (96, 96, 3))
    smooth = np.asarray(sharp.resize((6, 6)).resize((96, 96), Image.Resampling.BICUBIC)) + noise
    sharp.save(folder / "sharp.png")
    Image.fromarray(smooth.clip(0, 255).astype(np.uint8)).save(folder / "a smooth one.png")
    Image.fromarray(photos.photograph(160, 1)).save(folder / "large.png")
    Image.new("RGB", (96, 96), "gray").save(folder / "flat.png")
    (folder / "notes.txt").write_text("no picture")
    Path("short.txt").write_text("Meet me at noon.")
    Path("long.bin").write_bytes(np.random.default_rng(2).bytes(8000))
    return folder


def names(ranking: best.Ranking) -> list[str]:
    return [candidate.cover.stem for candidate in ranking.candidates]


def test_of_equals_the_one_with_the_least_distortion(covers):
    (covers / "large.png").unlink()
    with pytest.warns(isgan.IsganWarning, match=r"notes\.txt"):
        ranking = best.ranked(Path("short.txt"), covers, None, Options(risk="high"), 1)
    assert names(ranking) == ["sharp", "a smooth one"]
    assert ranking.candidates[0].distortion < ranking.candidates[1].distortion / 2
    assert list(ranking.refused) == ["flat.png"] and "one colour" in ranking.refused["flat.png"]


@pytest.mark.filterwarnings("ignore:no pictures")
def test_what_the_receiver_gets_comes_first(covers):
    """Long bytes fit into the large cover alone, though changes cost more there than a short text does elsewhere."""
    assert names(best.ranked(Path("long.bin"), covers, None, Options(risk="high"), 1)) == ["large"]
    Image.fromarray(photos.photograph(256, 2)).save("secret.png")
    assert names(best.ranked(Path("secret.png"), covers, None, Options(), 1))[0] == "large"


@pytest.mark.filterwarnings("ignore:no pictures")
def test_the_command_hides_in_it_and_says_which(covers, capsys):
    assert main(["hide", "long.bin", "--best-of", "covers", "-o", "stego.png", "--risk", "high"]) == 0
    out = capsys.readouterr().out
    assert "large.png" in out and "unfit covers" in out
    assert isgan.reveal("stego.png", pass_phrase=PHRASE).secret.data == Path("long.bin").read_bytes()
    assert main(["hide", "covers/sharp.png", "short.txt", "--best-of", "covers", "-o", "b.png"]) == 2
    assert main(["hide", "short.txt", "-o", "b.png"]) == 2
    assert "--best-of COVERS" in capsys.readouterr().err
    made = isgan.hide_best("short.txt", "covers", pass_phrase=PHRASE, risk="high")
    assert made.facts["cover"] == "sharp.png" or made.facts["cover"] == "large.png"


@pytest.mark.filterwarnings("ignore:no pictures")
def test_no_cover_that_will_do(covers, capsys):
    for name in ("sharp", "large", "a smooth one"):
        (covers / f"{name}.png").unlink()
    assert main(["hide", "short.txt", "--best-of", "covers", "-o", "stego.png"]) == 2
    assert "none of the 1 covers will do; 'flat.png'" in capsys.readouterr().err and not Path("stego.png").exists()


def test_expected_changes_are_those_of_an_optimal_code():
    """Of equal prices the share of changes has a closed form: the entropy of a ternary symbol is the rate."""
    cover = PngCover(np.random.default_rng(3).integers(1, 255, (64, 64), np.uint8))
    flat = (np.full((64, 64), 2.5, np.float32),)
    distortion, changed = best.expected(Costs(flat, flat), cover, 1000)
    free = ~cover.frozen[0]
    share = changed * free.size / free.sum()  # frozen samples never change
    bits = -(share * np.log2(share / 2) + (1 - share) * np.log2(1 - share))
    assert bits * free.sum() == pytest.approx(1000, rel=1e-3)
    assert distortion == pytest.approx(2.5 * changed * cover.samples, rel=1e-6)
