"""Secrets in colour: what the receiver sees is what the sender saw, at any size, and the stego image says that it is colour."""

import re
import warnings

import numpy as np
import pytest
import torch
from conftest import scene, stirred
from PIL import Image

import isgan
from isgan.__main__ import main
from isgan.errors import IsganError
from isgan.hiders.qim import Qim, _chroma_bits, _chroma_symbols
from isgan.image import read_rgb, write_png
from isgan.steganographer import Steganographer, compare, fit


@pytest.fixture
def hider() -> Qim:
    return stirred(Qim(modulus=7, hidden=8, blocks=1, dial=True, apart=True)).eval()


def tensor(seed: int, height: int, width: int) -> torch.Tensor:
    return torch.from_numpy(scene(height, width, seed)).permute(2, 0, 1)[None].float() / 255


def test_chroma_symbols_and_their_bits():
    symbols = torch.randint(0, 4, (6, 1, 4, 5), generator=torch.Generator().manual_seed(0)).float()
    bits = _chroma_bits(symbols)
    assert bits.shape == (3, 1, 8, 10) and set(bits.unique().tolist()) == {0, 1}
    back, whole = _chroma_symbols(bits, torch.ones_like(bits))
    assert torch.equal(back, symbols) and whole.all()
    # Of Cb, the first plane, the higher bit is in the upper left pixel of four, and Cr is below.
    assert (bits[1, 0, 0, 0] * 2 + bits[1, 0, 0, 1], bits[1, 0, 1, 0] * 2 + bits[1, 0, 1, 1]) == (symbols[2, 0, 0, 0], symbols[3, 0, 0, 0])
    cut, whole = _chroma_symbols(bits[..., :7, :9], torch.ones(3, 1, 7, 9))
    assert torch.equal(whole[::2, 0, :, :4], torch.ones(3, 4, 4)) and not whole[::2, 0, :, 4].any() and not whole[1::2, 0, 3].any()
    assert torch.equal(cut * whole, symbols * whole)


@pytest.mark.parametrize("size", [(32, 40), (33, 47), (50, 35)])
@pytest.mark.parametrize("strength", [1, 3, 5])
@torch.no_grad()
def test_what_the_sender_sees_is_what_the_receiver_gets(hider, strength, size):
    hider.set_strength(strength, color=True)
    cover, secret = tensor(0, *size), tensor(1, *size)
    hiding = hider(cover, secret)
    assert torch.equal(hiding.stego, hider.hide(cover, secret)) and hiding.revealed.shape == (1, 3, *size)
    assert torch.allclose(hider.reveal(hiding.stego), hiding.revealed, atol=1e-5)
    assert ((hiding.stego - cover) * 255).round().abs().max() == 1
    other = hider.reveal(hider.hide(cover, secret.flip(1)))  # R and B exchanged: other colours
    assert (other - hiding.revealed)[:, 0].abs().max() > 0.01


@torch.no_grad()
def test_gray_and_colour_carry_the_same_luma(hider):
    """The luma of what is revealed is the gray secret of the same strength; chroma comes besides."""
    cover, secret = tensor(0, 32, 32), tensor(1, 32, 32)
    hider.set_strength(4)
    gray = hider(cover, (secret * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, True))
    hider.set_strength(4, color=True)
    revealed = hider(cover, secret).revealed
    y = (revealed * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, True)
    assert torch.allclose(y, gray.revealed, atol=1e-4)


@pytest.mark.parametrize("stages, blocks", [(2, 0), (1, 4)])  # of one the writers see farther, of the other the readers
@torch.no_grad()
def test_the_halo_is_honest_in_colour(stages, blocks):
    """A pixel farther away than `halo` changes nothing; chroma, at half the resolution, sees nearly that far. NaN shows every path."""
    hider = stirred(Qim(modulus=7, stages=stages, hidden=8, blocks=blocks, dial=True, apart=True)).eval()
    gray_halo = hider.halo
    hider.set_strength(3, color=True)
    assert hider.multiple == 8 and gray_halo < hider.halo
    half = (hider.halo // 8 + 2) * 8
    cover, secret = tensor(0, 24, 2 * half + 1), tensor(1, 24, 2 * half + 1)
    reaches: tuple[list[int], list[int]] = [], []
    with warnings.catch_warnings(action="ignore"), torch.backends.mkldnn.flags(enabled=False):  # fast ones may see more than they have to
        for column in (half, half + 7):
            other, stego = secret.clone(), cover.clone()
            other[..., column] = stego[..., column] = float("nan")
            for reach, made in zip(reaches, (hider.draft(cover, other), hider.reveal(stego)), strict=True):
                columns = made.isnan().flatten(0, 2).any(dim=0).nonzero().flatten()
                reach.append(int((columns - column).abs().max()))
    assert max(gray_halo, hider.halo * 3 // 4 - 32) < max(map(max, reaches)) <= hider.halo
    assert hider.reveal_halo * 3 // 4 - 32 < max(reaches[1]) <= hider.reveal_halo
    hider.set_strength(3)
    assert (hider.multiple, hider.halo) == (4, gray_halo)


def test_tiles_give_what_the_whole_picture_gives(hider):
    cover, secret = scene(300, 340), scene(300, 340, seed=1)
    whole, parts = Steganographer(hider, tile=1024), Steganographer(hider, tile=64)
    stego = whole.hide(cover, secret, strength=2)
    in_parts = parts.hide(cover, secret, strength=2)
    assert (stego != in_parts).mean() < 1e-3  # a symbol next to a half may fall to the other side
    assert np.abs(whole.reveal(stego).astype(int) - parts.reveal(stego)).max() <= 1


def test_the_shipped_model_keeps_colours(tmp_path):
    """A gradient of colours comes back as it was, which a gray secret cannot."""
    y, x = np.mgrid[0:96, 0:96] / 95
    secret = (255 * np.stack([x, y, 1 - x], axis=2)).astype(np.uint8)
    isgan.hide(scene(96, 96), secret, tmp_path / "stego.png", color=True)
    revealed = isgan.reveal(tmp_path / "stego.png")
    assert revealed.mode == "RGB" and compare(np.array(revealed), secret).psnr > 35
    isgan.hide(scene(96, 96), secret, tmp_path / "gray.png")
    assert isgan.reveal(tmp_path / "gray.png").mode == "L"


def test_command_lines(folder, dial, capsys):
    options = ["--model", str(dial), "--min-secret-psnr", "0"]
    write_png(scene(40, 40, seed=1), "colours.png")
    assert main(["hide", "cover.png", "colours.png", "-o", "stego.png", "--color", *options]) == 0
    assert main(["reveal", "stego.png", "-o", "revealed.png", "--model", str(dial)]) == 0
    (told,) = re.findall(r"secret +PSNR +(\S+) dB", capsys.readouterr().out)
    assert Image.open("revealed.png").mode == "RGB"
    assert f"{compare(read_rgb('revealed.png'), fit(read_rgb('colours.png'), 48, 64)).psnr:.2f}" == told
    for arguments, words in (
        (["--strength", "6", *options], "strengths 1 to 5 for secrets in colour"),
        (["--model", "lsb332"], "hides gray secrets only: leave out --color"),
    ):
        assert main(["hide", "cover.png", "colours.png", "-o", "x.png", "--color", *arguments]) == 2
        error = capsys.readouterr().err
        assert words in error and error.count("\n") == 1


def test_models_of_gray_secrets_refuse_colours():
    for hider in (Qim(hidden=8, blocks=0), Qim(hidden=8, blocks=0, dial=True)):
        with pytest.raises(IsganError, match="gray secrets only"):
            Steganographer(hider).hide(scene(32, 32), scene(32, 32))


def test_how_the_secret_fits():
    picture = scene(40, 60)
    for how in ("stretch", "crop", "pad"):
        fitted = fit(picture, 33, 35, how)
        assert fitted.shape == (33, 35, 3)
    assert not fit(picture, 60, 33, "pad")[0].any()
