"""`isgan leaderboard`: what it prints is what was measured, and the codecs that networks are compared with are fair opponents."""

import csv
from pathlib import Path

import numpy as np
import pytest
from conftest import scene
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from isgan.__main__ import main
from isgan.errors import IsganError
from isgan.evaluation.rivals import Jpeg2000, Webp, bits_in, embed, extract, jpeg2000, to_bits, to_symbols, webp
from isgan.image import write_png
from isgan.layers.carrier import ColorCarrier
from isgan.steganographer import compare


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(0, 3), st.sampled_from([(0, 255), (0, 1), (254, 255), (60, 61)]))
def test_what_is_embedded_comes_back(data, seed, values):
    cover = np.random.default_rng(seed).choice(np.array(values, np.uint8), (30, 28, 3))
    stego = embed(cover, data)
    assert extract(stego) == data and stego.dtype == np.uint8
    change = stego.astype(int) - cover
    assert np.abs(change).max() <= 1
    assert np.count_nonzero(change) <= 32 + 8 * len(data)


def test_half_the_samples_that_carry_a_bit_change_by_one_either_way():
    cover = scene(64, 64)
    change = embed(cover, np.random.default_rng(0).bytes(1000)).astype(int) - cover
    assert np.count_nonzero(change) == pytest.approx(4000, rel=0.05)
    assert (change == 1).sum() == pytest.approx(2000, rel=0.1) and (change == -1).sum() == pytest.approx(2000, rel=0.1)
    assert np.count_nonzero(change[:32]) == pytest.approx(2000, rel=0.1)  # all over the picture
    with pytest.raises(IsganError, match="do not fit"):
        embed(cover, bytes(64 * 64 * 3 // 8))


def test_webp_is_as_small_as_the_quality_allows():
    secret = np.array(Image.fromarray(scene(96, 96)).convert("L"))
    qualities = {psnr: Webp(psnr) for psnr in (30, 34, 38)}
    sizes = []
    for psnr, rival in qualities.items():
        stego = rival.hide(scene(96, 96, seed=1), secret)
        assert psnr <= compare(rival.reveal(stego), secret).psnr < psnr + 1.5
        sizes.append(len(webp(secret, psnr, 10**6)))
    assert sizes == sorted(set(sizes))
    small = webp(secret, 38, sizes[1])
    assert sizes[0] < len(small) <= sizes[1]


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=100), st.sampled_from(ColorCarrier.moduli))
def test_bits_become_symbols_and_come_back(data, modulus):
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    symbols = to_symbols(bits, modulus)
    assert symbols.min() >= 0 and symbols.max() < modulus
    again = to_bits(symbols, modulus)
    assert np.array_equal(again[: len(bits)], bits) and not again[len(bits) :].any()
    assert bits_in(len(symbols), modulus) >= len(bits)
    assert bits_in(10**5, modulus) == pytest.approx(10**5 * np.log2(modulus), rel=0.02)


def test_jpeg_2000_fills_what_the_carrier_has_room_for():
    cover, secret = scene(96, 80, seed=1), np.array(Image.fromarray(scene(96, 80)).convert("L"))
    rival, ends = Jpeg2000(), []
    for strength in range(1, 8):
        stego = rival.hide(cover, secret, strength=strength)
        assert rival.strength_of(stego) == strength
        ends.append((compare(stego, cover).psnr, compare(rival.reveal(stego), secret).psnr))
    stegos, secrets = zip(*ends, strict=True)
    assert list(stegos) == sorted(stegos, reverse=True) and list(secrets) == sorted(secrets)
    least = [min(stego - 2, secret) for stego, secret in ends]
    assert rival.strength_of(rival.hide(cover, secret)) == 1 + least.index(max(least))
    assert len(jpeg2000(secret, 1000)) <= 1000
    with pytest.raises(IsganError, match="too few"):
        jpeg2000(secret, 20)
    assert rival.strength_of(rival.hide(cover[:32, :32], secret[:32, :32])) >= 2  # where the faintest has no room
    with pytest.raises(IsganError, match="nothing is hidden"):
        rival.reveal(cover)


@pytest.fixture
def board(folder, dial):
    for split in ("train", "val", "test"):
        (folder / "photos" / split).mkdir(parents=True)
        for number in range(90 if split == "train" else 3):
            write_png(scene(64, 64, 100 * len(split) + number), folder / "photos" / split / f"{number}.png")
    return ["leaderboard", "--data", "photos", "-o", "results", "--tiny", "--model", str(dial)]


def test_the_whole_way_and_again(board, dial, capsys):
    assert main(board) == 0
    printed = capsys.readouterr().out
    with Path("results/leaderboard.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    settings = [(row["model"], row["setting"]) for row in rows]
    models = [str(dial), "lsb121", "lsb332", "webp", "jpeg2000"]
    dials = [(model, str(strength)) for model in (str(dial), "jpeg2000") for strength in range(1, 8)]
    assert sorted(settings) == sorted([(model, "auto") for model in models] + dials)
    with Path("results/leaderboard-images.csv").open(newline="") as file:
        images = list(csv.DictReader(file))
    for row in rows:
        own = [image for image in images if (image["model"], image["setting"]) == (row["model"], row["setting"])]
        assert len(own) == int(row["pairs"]) == 2
        for column in ("stego_psnr", "secret_psnr", "changed"):
            assert float(row[column]) == pytest.approx(np.mean([float(image[column]) for image in own]), abs=1e-4)
        assert (row["p_e"] != "") == (row["setting"] == "auto") and f"{float(row['stego_psnr']):.2f}" in printed
    lsb = next(row for row in rows if row["model"] == "lsb332")
    assert float(lsb["secret_psnr"]) == np.inf and float(lsb["peak_mib"]) > 10 and float(lsb["command_hide_seconds"]) > 0
    chosen = next(row for row in rows if row["model"] == str(dial))
    assert float(chosen["weights_mib"]) == pytest.approx(dial.stat().st_size / 2**20, abs=1e-4)
    assert Image.open("results/figures/leaderboard.png").size[0] > 600
    lines = Path("results/leaderboard.md").read_text().splitlines()
    assert len(lines) == 2 + 5 and {line.count("|") for line in lines} == {11}
    assert any(f"| {float(chosen['stego_psnr']):.2f} / {float(chosen['stego_ssim']):.4f} |" in line for line in lines)
    auto = [row for row in rows if row["setting"] == "auto"]
    auto.sort(key=lambda row: min(float(row["stego_psnr"]), float(row["secret_psnr"])), reverse=True)
    assert [line.split("`")[1] for line in lines[2:]] == [row["model"] for row in auto]
    assert "| exact / 1.0000 |" in next(line for line in lines if "`lsb332`" in line)
    assert not [path for path in dial.parent.iterdir() if path.is_dir() and path.name.startswith(dial.name)]
    before = Path("results/leaderboard-images.csv").read_bytes(), Path("results/table6-runs.csv").read_bytes()
    assert main(board) == 0
    assert before == (Path("results/leaderboard-images.csv").read_bytes(), Path("results/table6-runs.csv").read_bytes())
