"""The strength that a stego image carries: read back wherever it was written, and nowhere else."""

import csv
import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import scene
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import isgan
from isgan.__main__ import main
from isgan.errors import IsganError
from isgan.hiders.qim import Qim
from isgan.image import read_gray, read_rgb, to_array, to_tensor, write_png
from isgan.layers.carrier import ColorCarrier, LumaCarrier
from isgan.steganographer import MARGIN, Steganographer, compare, fit
from isgan.strength import VOTES, _places, read_strength, write_strength

EXAMPLES = Path(__file__).parent.parent / "examples"
LUMA, COLOR = LumaCarrier(5), ColorCarrier(7)
ALL = [*map(LumaCarrier, LumaCarrier.moduli), *map(ColorCarrier, ColorCarrier.moduli)]


@settings(deadline=None)
@given(st.sampled_from(ALL), arrays(np.uint8, (32, 37, 3), elements=st.integers(0, 240)), st.integers(1, 15))
def test_what_is_written_is_read_and_the_symbols_stay(carrier, picture, strength):
    marked = picture.copy()
    write_strength(marked, strength, carrier)
    assert read_strength(marked, carrier) == strength
    change = marked.astype(int) - picture
    assert np.count_nonzero(change.any(axis=2)) <= 64
    before, after = ((to_tensor(image) * 255).round() for image in (picture, marked))
    for told in (carrier.read, carrier.room, carrier.votes):
        assert torch.equal(told(before), told(after))


@pytest.mark.parametrize("shape", [(33, 47), (41, 43), (32, 33), (1, 997)])
@pytest.mark.parametrize("carrier", [ALL[0], ALL[6], ALL[7], ALL[13]])
def test_odd_numbers_of_pixels(carrier, shape):
    picture = np.random.default_rng(0).integers(1, 240, (*shape, 3), dtype=np.uint8)
    for strength in range(1, 16):
        marked = picture.copy()
        write_strength(marked, strength, carrier)
        assert read_strength(marked, carrier) == strength
        places = np.flatnonzero((marked != picture).any(axis=2))
        assert 10 < len(places) <= 64 and np.abs(np.histogram(places, 4, (0, picture[..., 0].size))[0] - len(places) / 4).max() < 10


def test_places_are_those_of_the_golden_ratio():
    """In a picture of any size, or old stego images could not be read."""
    shares = np.arange(64) * (5**0.5 - 1) / 2 % 1
    for count in (1024, 4095, 10**9):
        assert np.abs(_places(count) - shares * count).max() < 1 + count * 1e-8


@pytest.mark.parametrize("shape", [(32, 32), (41, 43)])
def test_a_few_votes_say_nothing(shape):
    """Where pixels have no vote, here of pure red, twenty of the 64 have to."""
    for voters in (1, 4, 8, VOTES - 1, VOTES):
        picture = np.full((*shape, 3), (255, 0, 0), np.uint8)
        picture.reshape(-1, 3)[_places(picture.size // 3)[:voters]] = 120
        if voters < 20:
            with pytest.raises(IsganError, match="another cover"):
                write_strength(picture, 5, LUMA)
            assert read_strength(picture, LUMA) is None
        else:
            write_strength(picture, 5, LUMA)
            assert read_strength(picture, LUMA) == 5


def test_one_level_of_blue_leaves_luma_as_it_is():
    picture = np.random.default_rng(0).integers(1, 240, (32, 32, 3), dtype=np.uint8)
    marked = picture.copy()
    write_strength(marked, 5, LUMA)
    change = marked.astype(int) - picture
    assert np.abs(change).max() == 1 and not change[..., :2].any()


@pytest.mark.parametrize("colour", [(255, 0, 0), (255, 255, 0), (0, 0, 255), (0, 255, 0), (12, 0, 255)])
def test_where_nothing_can_be_hidden_the_sender_hears_of_it(colour):
    picture = np.full((32, 32, 3), colour, np.uint8)
    with pytest.raises(IsganError, match="another cover"):
        write_strength(picture, 5, LUMA)
    assert (picture == colour).all()


@pytest.mark.parametrize("carrier", ALL[7:])
@pytest.mark.parametrize("colour", [*product((0, 255), repeat=3), (12, 0, 255), (254, 254, 254), (1, 1, 1)])
def test_every_colour_can_tell_where_every_colour_carries(carrier, colour):
    for strength in (1, 6, 9, 15):
        picture = np.full((32, 32, 3), colour, np.uint8)
        write_strength(picture, strength, carrier)
        assert read_strength(picture, carrier) == strength


@pytest.mark.parametrize("shape", [(32, 32), (256, 256), (33, 1000), (41, 64)])
def test_black_and_half_a_picture_of_white_or_pure_red_carry_it(shape):
    for half in ((255, 255, 255), (255, 0, 0)):
        for rows in (slice(0, shape[0] // 2 - 2), slice(shape[0] // 2 + 2, None)):
            picture = np.zeros((*shape, 3), np.uint8)
            picture[rows] = half
            for strength in range(1, 16):
                write_strength(picture, strength, LUMA)
                assert read_strength(picture, LUMA) == strength


def test_a_picture_that_hides_nothing_has_none():
    generator = np.random.default_rng(0)
    assert not any(read_strength(generator.integers(0, 256, (32, 32, 3), dtype=np.uint8), COLOR) for _ in range(300))


@pytest.fixture
def steganographer(dial) -> Steganographer:
    return isgan.load(dial)


def test_the_receiver_is_told(steganographer):
    cover, secret = scene(64, 80), scene(64, 80, seed=1)[..., 0]
    revealed = {}
    for strength in range(1, 8):
        stego = steganographer.hide(cover, secret, strength=strength)
        assert read_strength(stego, COLOR) == strength
        steganographer.hider.set_strength(1)
        revealed[strength] = steganographer.reveal(stego)
        steganographer.hider.set_strength(strength)
        with torch.no_grad():
            assert np.array_equal(revealed[strength], to_array(steganographer.hider.reveal(to_tensor(stego))))
    assert not np.array_equal(revealed[1], revealed[7])


def test_auto_makes_the_worse_end_best(steganographer, monkeypatch):
    """Judged by trying all of them; the windows here are the whole picture."""
    generator = np.random.default_rng(0)
    cover = scene(96, 96)
    qualities = {}

    def forward(covers, secrets):  # a secret whose quality rises with the strength, from wherever it starts
        made = original(covers, secrets)
        noise = 10 ** (-(start + 2 * steganographer.hider.strength) / 20)
        return made._replace(revealed=secrets + noise)

    original = steganographer.hider.forward
    monkeypatch.setattr(steganographer.hider, "forward", forward)
    secret = generator.integers(0, 256, (96, 96), dtype=np.uint8)
    chosen = []
    for start in (10, 36, 40, 44, 47, 60):
        for strength in range(1, 8):
            steganographer.hider.set_strength(strength)
            stego = original(to_tensor(cover), to_tensor(secret)).stego
            qualities[strength] = min(compare((stego[0] * 255).round().byte().permute(1, 2, 0).numpy(), cover).psnr - MARGIN,
                                      start + 2 * steganographer.hider.strength)  # fmt: skip
        chosen.append(steganographer.choose(cover, secret))
        assert qualities[chosen[-1]] == pytest.approx(max(qualities.values()), abs=0.01)
    assert chosen == sorted(chosen, reverse=True) and chosen[0] == 7 and chosen[-1] == 1


def test_auto_is_what_was_chosen_for_the_pair():
    """The shipped model: a plain secret is hidden faintly, one of noise as well as can be; noise in one part of it counts too."""
    steganographer = isgan.load()
    cover, plain = scene(112, 112), np.full((112, 112), 90, np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (112, 112), dtype=np.uint8)
    chosen = []
    for secret in (plain, noise):
        chosen.append(steganographer.choose(cover, secret))
        assert steganographer.strength_of(steganographer.hide(cover, secret)) == chosen[-1]
    assert chosen[0] < chosen[1] == 7
    for top, left in (*product((0, 84), repeat=2), (42, 42)):
        secret = plain.copy()
        secret[top : top + 28, left : left + 28] = noise[:28, :28]
        assert steganographer.choose(cover, secret) > chosen[0]


def test_a_picture_of_another_model_is_refused(steganographer):
    with pytest.raises(IsganError, match="hid nothing"):
        steganographer.reveal(scene(64, 64))


def test_models_without_a_dial_have_no_strength():
    steganographer = Steganographer(Qim(hidden=8, blocks=0))
    cover, secret = scene(32, 32), scene(32, 32)[..., 0]
    with pytest.raises(IsganError, match="no strength to choose"):
        steganographer.hide(cover, secret, strength=3)
    assert read_strength(steganographer.hide(cover, secret), steganographer.hider.carrier) is None


def test_command_lines(folder, dial, capsys):
    """What the sender chose is printed, and the receiver needs no option; "auto" is one of the strengths."""
    quality = {}
    for strength in ("1", "7", "auto"):
        options = ["--model", str(dial), "--min-secret-psnr", "0", "--force"]
        assert main(["hide", "cover.png", "secret.png", "-o", "stego.png", "--strength", strength, *options]) == 0
        printed = capsys.readouterr().out
        said = re.search(r"strength +([1-7])\n", printed)[1]
        assert strength in (said, "auto") and read_strength(read_rgb("stego.png"), COLOR) == int(said)
        stego, revealed = re.findall(r"PSNR +(\S+) dB", printed)
        quality[strength] = float(stego)
        assert main(["reveal", "stego.png", "-o", "revealed.png", "--model", str(dial), "--force"]) == 0
        secret = fit(read_gray("secret.png"), 48, 64)
        assert f"{compare(read_gray('revealed.png'), secret).psnr:.2f}" == revealed
    assert quality["1"] > 55 > 51 > quality["7"] > 49
    capsys.readouterr()
    for arguments, words in (
        (["hide", "cover.png", "secret.png", "-o", "x.png", "--strength", "8", "--model", str(dial)], "strengths 1 to 7"),
        (["hide", "cover.png", "secret.png", "-o", "x.png", "--strength", "2", "--model", "lsb121"], "no strength to choose"),
        (["reveal", "cover.png", "-o", "x.png", "--model", str(dial)], "hid nothing in this picture"),
    ):
        assert main(arguments) == 2
        error = capsys.readouterr().err
        assert words in error and error.count("\n") == 1 and not Path("x.png").exists()
    for strength in ("2.5", "x", "7.0", "1e1", ""):
        assert main(["hide", "cover.png", "secret.png", "-o", "x.png", "--strength", strength, "--model", str(dial)]) == 2
        error = capsys.readouterr().err
        assert "--strength: auto or a whole number" in error and error.count("\n") == 1 and not Path("x.png").exists()


def test_a_cover_of_one_pure_colour_will_do(folder, dial, capsys):
    write_png(np.full((64, 64, 3), (255, 0, 0), np.uint8), "red.png")
    assert main(["hide", "red.png", "secret.png", "-o", "x.png", "--model", str(dial), "--min-secret-psnr", "0"]) == 0
    assert main(["reveal", "x.png", "-o", "revealed.png", "--model", str(dial)]) == 0
    (told,) = re.findall(r"secret +PSNR +(\S+) dB", capsys.readouterr().out)
    assert f"{compare(read_gray('revealed.png'), fit(read_gray('secret.png'), 64, 64)).psnr:.2f}" == told


def test_evaluate_measures_each_strength(folder, dial, capsys):
    photographs = folder / "photographs" / "test"
    photographs.mkdir(parents=True)
    for seed in range(2):
        write_png(scene(64, 64, seed), photographs / f"{seed}.png")
    options = ["--data", str(photographs.parent), "--model", str(dial)]
    assert main(["evaluate", *options, "--strength", "1", "6", "auto", "-o", "rows.csv"]) == 0
    with Path("rows.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["model"] == str(dial)]
    assert [row["setting"] for row in rows] == ["1", "1", "6", "6", "auto", "auto"]
    assert [row["strength"] for row in rows[:4]] == ["1", "1", "6", "6"] and all(row["strength"] in "1234567" for row in rows[4:])
    assert float(rows[0]["stego_psnr"]) > float(rows[2]["stego_psnr"]) + 4
    for arguments, words in ((["--strength", "9"], "strengths 1 to 7"), (["--strength", "1", "2", "--card"], "one score")):
        assert main(["evaluate", *options, *arguments]) == 2
        assert words in capsys.readouterr().err
