"""Substitution of low bits: which bits, and how much they change."""

import pytest
import torch
from images import pair
from torch import Tensor

from isgan.hiders import hiders


def dB(x: Tensor, y: Tensor) -> float:
    return float(-10 * (x - y).square().mean().log10())


def test_lsb332_is_exact():
    cover, secret = pair(64, 64)
    secret.view(-1)[:256] = torch.arange(256) / 255
    hiding = hiders["lsb332"]()(cover, secret)
    assert torch.equal(hiding.revealed, secret)
    assert dB(hiding.stego, cover) == pytest.approx(39.5, abs=0.5)


def test_lsb121_keeps_the_top_four_bits():
    cover, secret = pair(64, 64)
    hiding = hiders["lsb121"]()(cover, secret)
    revealed, levels = hiding.revealed * 255, (secret * 255).round()
    assert torch.equal((revealed / 16).floor(), (levels / 16).floor())
    assert (revealed - levels).abs().max() <= 7.5 + 1e-3
    assert dB(hiding.stego, cover) == pytest.approx(47.6, abs=0.5) and dB(hiding.revealed, secret) == pytest.approx(
        34.8, abs=0.5
    )


@pytest.mark.parametrize("name", ["lsb332", "lsb121"])
def test_only_the_low_bits_change(name):
    hider = hiders[name]()
    cover, secret = pair(32, 32)
    before, after = ((image * 255).round().long() for image in (cover, hider.hide(cover, secret)))
    for channel, bits in enumerate(hider.bits):
        assert torch.equal(before[:, channel] >> bits, after[:, channel] >> bits)
        assert (before[:, channel] ^ after[:, channel]).max() == 2**bits - 1
    # Values between two levels count as the nearest.
    assert torch.equal(hider.hide(cover - 0.4 / 255, secret - 0.4 / 255), hider.hide(cover, secret))
    assert torch.equal(hider.reveal(cover - 0.4 / 255), hider.reveal(cover))
