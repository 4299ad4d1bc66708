"""Polish: the secret gets better, the stego image no worse, whatever the hider; tiles agree at their seams; and it
ends."""

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import scene, stirred

from isgan import models
from isgan.covers.png import PngCover
from isgan.hiders.atique import Atique
from isgan.hiders.baluja import Baluja
from isgan.hiders.isgan import ISGAN
from isgan.hiders.qim import Qim
from isgan.hiders.wavelet import Wavelet
from isgan.key import NONCE, Key
from isgan.metrics.pictures import psnr
from isgan.metrics.quality import ssim
from isgan.options import Options
from isgan.picture import read_rgb
from isgan.schemes.base import Hidden
from isgan.schemes.neural import Neural
from isgan.schemes.polish import polish
from isgan.secret import Secret

EXAMPLES = Path(__file__).parents[2] / "examples"
CASES = {
    "qim": lambda: Qim(hidden=8, blocks=1),
    "wavelet": lambda: Wavelet(blocks=1, hidden=8),
    "isgan": lambda: ISGAN(residual=0.1),
    "atique": lambda: Atique(residual=0.1),
    "baluja": lambda: Baluja(width=4, residual=0.1),
}


def tensors(height: int = 48, width: int = 48) -> tuple[torch.Tensor, torch.Tensor]:
    cover, secret = (
        torch.from_numpy(scene(height, width, seed)).permute(2, 0, 1)[None].float() / 255 for seed in (0, 1)
    )
    return cover, secret.mean(dim=1, keepdim=True)


def hide(scheme: Neural, cover: np.ndarray, secret: np.ndarray, progress=lambda done, total: None, **options) -> Hidden:
    read = PngCover(cover)
    return scheme.hide(read, Secret(secret), Key("phrase", read.salt()), Options(**options), progress)


def error(a: torch.Tensor, b: torch.Tensor) -> float:
    return 10 * (a - b).square().mean().log10().item()


@pytest.mark.parametrize("case", CASES)
def test_a_better_secret_and_no_worse_stego_image(case):
    hider = stirred(CASES[case]()).eval().requires_grad_(False)
    cover, secret = tensors()
    before, steps = hider(cover, secret), []
    stego = polish(hider, cover, secret, torch.ones(1, 1, 48, 48), 30, lambda: steps.append(1))
    assert len(steps) == 30
    assert torch.equal(stego, (stego * 255).round() / 255) and stego.min() >= 0 and stego.max() <= 1
    revealed = hider.reveal(stego)
    assert error(revealed, secret) <= error(before.revealed, secret) + 1e-5
    better = error(before.revealed, secret) - error(revealed, secret) + 40 * (ssim(revealed, secret) - ssim(before.revealed, secret))
    assert better > 5e-4  # untrained, they have far to go
    assert error(stego, cover) <= error(before.stego, cover) + 0.051
    assert ssim(stego, cover) >= ssim(before.stego, cover) - 0.00051


@pytest.mark.parametrize("case", CASES)
@torch.no_grad()
def test_a_finished_draft_is_what_hiding_makes(case):
    hider = stirred(CASES[case]()).eval()
    cover, secret = tensors(33, 45)
    hiding = hider.finish(cover, hider.draft(cover, secret))
    assert torch.equal(hiding.stego, hider.hide_in_8_bits(cover, secret))
    assert torch.allclose(hiding.revealed, hider.reveal(hiding.stego), atol=1e-5)


def test_no_steps_change_nothing_and_what_is_not_free_stays():
    hider = stirred(CASES["qim"]()).eval().requires_grad_(False)
    cover, secret = tensors()
    plain = hider.hide(cover, secret)
    assert torch.equal(polish(hider, cover, secret, torch.ones(1, 1, 48, 48), 0, lambda: None), plain)
    free = torch.zeros(1, 1, 48, 48)
    free[..., :24] = 1
    polished = polish(hider, cover, secret, free, 30, lambda: None)
    assert torch.equal(polished[..., 24:], plain[..., 24:]) and not torch.equal(polished, plain)


def test_tiles_agree_at_their_seams():
    """What each tile was polished for is what the receiver gets of the whole."""
    hider = stirred(Qim(stages=1, hidden=8, blocks=0)).eval().requires_grad_(False)
    cover, secret = scene(160, 160), scene(160, 160, seed=1)[..., 0]
    scheme, whole = Neural(hider, tile=80), Neural(hider)
    plain, polished = (hide(scheme, cover, secret, strength=7, polish=steps) for steps in (0, 40))
    before, after = (psnr(made.delivered.picture, secret) for made in (plain, polished))
    assert after > before + 0.01
    key = Key("phrase", polished.stego.salt())
    assert np.array_equal(whole.reveal(polished.stego, key).picture, polished.delivered.picture)
    # In clear, so that symbols can be compared.
    plain, polished = (scheme._polished(hider.at(7), cover, secret, steps, lambda *_: None) for steps in (0, 40))
    changed = (plain != polished).any(axis=2)
    assert changed[:60, :60].any() and changed[100:, 100:].any()
    assert (
        not changed[80 - hider.halo : 80 + hider.halo].any() and not changed[:, 80 - hider.halo : 80 + hider.halo].any()
    )


@pytest.mark.parametrize("strength", [2, 5])
def test_colour_is_polished_too(strength, monkeypatch):
    """As the receiver sees it: the bits of chroma stay bits. The shipped model has nothing to win, and loses no more
    than rounding does."""
    monkeypatch.setattr(Key, "nonce", lambda _: bytes(NONCE))  # from nonce to nonce a stego image differs by .03 dB
    cover, secret = (read_rgb(EXAMPLES / name)[64:160, 64:160] for name in ("covers/iguana.png", "secrets/temple.png"))
    for hider, gain in (
        (models.hider("qim"), -0.005),
        (stirred(Qim(stages=1, hidden=8, blocks=0)).requires_grad_(False), 0.0),
    ):
        scheme = Neural(hider)
        before, after = (hide(scheme, cover, secret, strength=strength, polish=steps, color=True) for steps in (0, 10))
        assert psnr(after.delivered.picture, secret) >= psnr(before.delivered.picture, secret) + gain
        assert psnr(after.stego.pixels(), cover) >= psnr(before.stego.pixels(), cover) - 0.06


@pytest.mark.parametrize("steps", [3, 25])
def test_progress_arrives_at_its_end(steps):
    scheme, calls = Neural(stirred(Qim(hidden=8, blocks=0, stages=1)), tile=48), []
    hide(
        scheme, scene(96, 48), scene(96, 48, seed=1)[..., 0], lambda *call: calls.append(call), polish=steps, strength=4
    )
    assert calls[: 2 * steps] == [(2 * done, 6 * steps) for done in range(1, 2 * steps + 1)]
    assert [done / total for done, total in calls] == sorted(done / total for done, total in calls) and calls[-1][
        0
    ] == calls[-1][1]


def test_sealed_symbols_are_those_that_were_polished():
    hider = stirred(Qim(stages=1, hidden=8, blocks=0)).eval().requires_grad_(False)
    scheme, cover, secret = Neural(hider), scene(48, 48), scene(48, 48, seed=1)[..., 0]
    hidden = hide(scheme, cover, secret, strength=7, polish=30)
    key = Key("phrase", hidden.stego.salt())
    assert np.array_equal(scheme.reveal(hidden.stego, key).picture, hidden.delivered.picture)
    assert (
        psnr(hidden.delivered.picture, secret)
        > psnr(hide(scheme, cover, secret, strength=7).delivered.picture, secret) + 0.01
    )


def test_the_shipped_wavelet_gains():
    cover, secret = (read_rgb(EXAMPLES / name)[64:160, 64:160] for name in ("covers/iguana.png", "secrets/temple.png"))
    scheme, secret = Neural(models.hider("wavelet")), secret[..., 0]
    quality = [psnr(hide(scheme, cover, secret, polish=steps).delivered.picture, secret) for steps in (0, 15)]
    assert quality[1] > quality[0] + 0.05
