"""`isgan leaderboard`: what it prints is what was measured, and the codecs that networks are compared with are fair opponents."""

import csv
import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import scene
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from isgan.__main__ import main
from isgan.errors import IsganError
from isgan.evaluation import leaderboard, rivals
from isgan.evaluation.results import Results
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


@pytest.mark.parametrize("psnr", [30, 34.5, 40])
def test_webp_of_the_next_lower_quality_is_not_good_enough(psnr):
    secret = np.array(Image.fromarray(scene(96, 96)).convert("L"))
    files = []
    for quality in range(101):
        Image.fromarray(secret).save(file := io.BytesIO(), format="WEBP", quality=quality)
        files.append(file.getvalue())
    data = webp(secret, psnr, 10**6)
    quality = files.index(data)
    fidelities = [compare(np.array(Image.open(io.BytesIO(files[number])).convert("L")), secret).psnr for number in (quality - 1, quality)]
    assert fidelities[0] < psnr <= fidelities[1]
    fitting = files.index(webp(secret, 99, len(data)))  # of what has room, the best
    assert len(files[fitting]) <= len(data) < len(files[fitting + 1])


@pytest.mark.parametrize("rival", [Webp(32.0), Jpeg2000()])
def test_detectors_see_what_the_rival_makes(rival):
    cover, secret = scene(64, 64), scene(64, 64, seed=1)
    stego = rival.carry(cover, secret, 0)
    assert (stego != cover).mean() > 0.001
    assert compare(rival.reveal(stego), np.array(Image.fromarray(secret).convert("L"))).psnr > 25


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


def test_jpeg_2000_wastes_no_room(monkeypatch):
    noise = np.random.default_rng(0).integers(0, 256, (96, 96), dtype=np.uint8)
    for room in (500, 1000, 3000):
        assert 0.85 * room < len(jpeg2000(noise, room)) <= room
    files = []
    monkeypatch.setattr(rivals, "jpeg2000", lambda secret, room: (files.append(jpeg2000(secret, room)), files[-1])[1])
    for strength, modulus in enumerate(ColorCarrier.moduli, 1):
        Jpeg2000().hide(scene(96, 96), noise, strength=strength)
        assert 0.85 < 8 * len(files[-1]) / (96 * 96 * np.log2(modulus)) < 1


@pytest.mark.parametrize("peaks", [(300.0, 100.0), (100.0, 300.0)])
def test_costs_are_of_the_halves(folder, monkeypatch, peaks):
    """Seconds of each, memory of the larger one."""
    costs = {"hide": leaderboard.Cost(3.0, peaks[0]), "reveal": leaderboard.Cost(2.0, peaks[1])}
    monkeypatch.setattr(leaderboard, "process", lambda command, *_: costs[command])
    monkeypatch.setattr(leaderboard, "pair_up", lambda *_: [(Path("cover.png"), Path("secret.png"))])
    told = leaderboard._costs("lsb121", SimpleNamespace(images=lambda split: []))
    assert told == {"weights_mib": 0.0, "command_hide_seconds": 3, "command_reveal_seconds": 2, "peak_mib": 300}


def test_rows_of_other_weights_are_measured_again(folder):
    """Not known by the model's name alone."""
    hidden, rival = [], Webp(30.0)
    spy = SimpleNamespace(hide=lambda cover, secret, **_: (hidden.append(1), rival.hide(cover, secret))[1],
                          reveal=rival.reveal, strength_of=rival.strength_of)  # fmt: skip
    pairs = [(Path("cover.png"), Path("secret.png"))]
    for fingerprint, count in (("one", 1), ("one", 1), ("other", 2), ("one", 2)):
        rows = leaderboard._measured(Results(Path("results")), "some", "mine", fingerprint, spy, "auto", pairs, Path())
        assert len(hidden) == count and len(rows) == 1


def test_photographs_of_one_name_in_two_folders(folder):
    """Each pair has its own scores, also when they are read back."""
    pairs = []
    for name, side in (("a", 40), ("b", 56)):
        Path(name).mkdir()
        for number in (1, 2):
            Image.fromarray(scene(side, side, seed=number)).save(f"{name}/{number}.png")
        pairs.append((Path(name, "1.png"), Path(name, "2.png")))
    for _ in range(2):
        rows = leaderboard._measured(Results(Path("results")), "some", "mine", "one", Webp(30.0), "auto", pairs, Path())
        assert [(row.cover, row.width) for row in rows] == [("a/1.png", 40), ("b/1.png", 56)]


def table(text: str) -> list[dict[str, str]]:
    """A Markdown table as rows; of columns of one name the first."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    assert len({len(cells) for cells in lines}) == 1
    return [dict(zip(lines[0][::-1], cells[::-1], strict=True)) for cells in lines[2:]]


def test_what_the_table_says():
    row = {"set": "some", "model": "mine", "setting": "auto", "stego_psnr": "45.123", "stego_ssim": "0.98765", "secret_psnr": "inf",
           "secret_ssim": "1", "worst_stego_psnr": "44", "worst_secret_psnr": "inf", "changed": "0.374", "p_e": "0.3125",
           "p_e_interval": "0.0441", "hide_seconds": "0.512", "command_hide_seconds": "3", "peak_mib": "412.7",
           "weights_mib": "2.94"}  # fmt: skip
    (cells,) = table(leaderboard.markdown([row, row | {"setting": "3"}]))
    said = {"set": "some", "method": "`mine`", "stego: dB / SSIM": "45.12 / 0.9877", "secret: dB / SSIM": "exact / 1.0000",
            "worst": "44.00", "changed": "37 %", "P_E": "0.31 ± 0.04", "hide, s": "0.51",
            "memory, MiB": "413", "weights, MiB": "2.9"}  # fmt: skip
    assert cells == said
    (cells,) = table(leaderboard.markdown([row | {"peak_mib": "", "weights_mib": ""}]))
    assert (cells["memory, MiB"], cells["weights, MiB"]) == ("", "0.0")


@pytest.mark.parametrize("wrong, words", [(["--model", "nix"], "nix"), (["--model", "lsb121", "--splits", "1"], "--splits")])
def test_what_is_wrong_is_known_before_there_is_a_folder(board, capsys, wrong, words):
    assert main([*board[:6], *wrong]) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1 and not Path("results").exists()


def test_too_few_photographs_are_known_before_there_is_a_folder(board, capsys):
    for path in sorted(Path("photos/train").iterdir())[4:]:
        path.unlink()
    assert main(board) == 2
    error = capsys.readouterr().err
    assert "unseen photographs" in error and error.count("\n") == 1 and not Path("results").exists()


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
    assert len(lines) == 2 + 5
    for cells in table("\n".join(lines)):
        (row,) = [row for row in rows if (f"`{row['model']}`", row["setting"]) == (cells["method"], "auto")]
        assert cells["P_E"] == f"{float(row['p_e']):.2f} ± {float(row['p_e_interval']):.2f}"
    (fingerprint,) = {image["fingerprint"] for image in images if image["model"] == "webp"}  # as good as the network's secret
    assert float(fingerprint) == pytest.approx(float(chosen["secret_psnr"]), abs=0.051)
    assert any(f"| {float(chosen['stego_psnr']):.2f} / {float(chosen['stego_ssim']):.4f} |" in line for line in lines)
    auto = [row for row in rows if row["setting"] == "auto"]
    auto.sort(key=lambda row: min(float(row["stego_psnr"]), float(row["secret_psnr"])), reverse=True)
    assert [line.split("`")[1] for line in lines[2:]] == [row["model"] for row in auto]
    assert "| exact / 1.0000 |" in next(line for line in lines if "`lsb332`" in line)
    assert not [path for path in dial.parent.iterdir() if path.is_dir() and path.name.startswith(dial.name)]
    before = Path("results/leaderboard-images.csv").read_bytes(), Path("results/table6-runs.csv").read_bytes()
    assert main(board) == 0
    assert before == (Path("results/leaderboard-images.csv").read_bytes(), Path("results/table6-runs.csv").read_bytes())


def test_dots_in_one_place_have_one_label(tmp_path, monkeypatch):
    from matplotlib.axes import Axes

    labels = []
    monkeypatch.setattr(Axes, "annotate", lambda axis, text, place, **_: labels.append((text, place)))
    results = Results(tmp_path / "results")
    for name, stego, secret in (("first", 50.0, 47.0), ("beside", 50.2, 47.3), ("away", 50.0, 46.0), ("exact", 39.0, float("inf"))):
        results.add("leaderboard", {"set": "lfw", "model": name, "setting": "auto", "stego_psnr": stego, "secret_psnr": secret, "p_e": 0.1})
    leaderboard.draw(results)
    assert labels == [("first, beside", (50.0, 47.0)), ("away", (50.0, 46.0)), ("exact (exact)", (39.0, 60.0))]
