"""Polish: the secret gets better, the stego image no worse, whatever the hider; tiles agree at their seams; and it ends."""

import re
from pathlib import Path

import pytest
import torch
from conftest import scene, stirred
from PIL import Image

import isgan
from isgan.__main__ import main
from isgan.errors import IsganError
from isgan.hiders.atique import Atique
from isgan.hiders.baluja import Baluja
from isgan.hiders.isgan import ISGAN
from isgan.hiders.qim import Qim
from isgan.hiders.wavelet import Wavelet
from isgan.image import read_rgb
from isgan.polish import polish
from isgan.steganographer import Steganographer, compare

EXAMPLES = Path(__file__).parent.parent / "examples"
CASES = {
    "qim": lambda: Qim(modulus=7, hidden=8, blocks=1, dial=True, apart=True),
    "qim-luma": lambda: Qim(modulus=8, hidden=8, blocks=1),
    "wavelet": lambda: Wavelet(blocks=1, hidden=8, apart=True),
    "isgan": lambda: ISGAN(residual=0.1),
    "atique": lambda: Atique(residual=0.1),
    "baluja": lambda: Baluja(width=4, residual=0.1),
}


def tensors(height: int = 48, width: int = 48) -> tuple[torch.Tensor, torch.Tensor]:
    cover, secret = (torch.from_numpy(scene(height, width, seed)).permute(2, 0, 1)[None].float() / 255 for seed in (0, 1))
    return cover, secret.mean(dim=1, keepdim=True)


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
    assert error(hider.reveal(stego), secret) < error(before.revealed, secret) - 5e-4  # untrained, they have far to go
    assert error(stego, cover) <= error(before.stego, cover) + 0.051


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


def test_it_ends_early_when_nothing_helps(monkeypatch):
    hider = stirred(CASES["qim"]()).eval().requires_grad_(False)
    cover, secret = tensors()
    calls = []
    finish = hider.finish
    monkeypatch.setattr(hider, "finish", lambda *both: (calls.append(1), finish(*both))[1])
    polish(hider, cover, secret, torch.zeros(1, 1, 48, 48), 200, lambda: None)
    assert len(calls) == 11


def test_tiles_agree_at_their_seams():
    """What each tile was polished for is what the receiver gets of the whole."""
    hider = stirred(Qim(modulus=7, stages=1, hidden=8, blocks=0, dial=True, apart=True)).eval().requires_grad_(False)
    cover, secret = scene(160, 160), scene(160, 160, seed=1)[..., 0]
    steganographer = Steganographer(hider, tile=80)
    plain, polished = (steganographer.hide(cover, secret, strength=7, polish=steps) for steps in (0, 40))
    before, after = (compare(steganographer.reveal(stego), secret).psnr for stego in (plain, polished))
    assert after > before + 0.01
    changed = (plain != polished).any(axis=2)
    assert changed[:60, :60].any() and changed[100:, 100:].any()
    assert not changed[80 - hider.halo : 80 + hider.halo].any() and not changed[:, 80 - hider.halo : 80 + hider.halo].any()


@pytest.mark.parametrize("model, strength, gain", [("qim-biases", 2, 0), ("qim-biases", 5, 0.005), ("qim", 2, -0.005), ("qim", 5, 0)])
def test_colour_is_polished_too(model, strength, gain):
    """As the receiver sees it: the bits of chroma stay bits. The default model has nothing to win, and loses no more than rounding does."""
    cover, secret = (read_rgb(EXAMPLES / name)[64:192, 64:192] for name in ("covers/iguana.png", "secrets/temple.png"))
    steganographer = isgan.load(model)
    before, after = (steganographer.hide(cover, secret, strength=strength, polish=steps) for steps in (0, 10))
    assert compare(steganographer.reveal(after), secret).psnr >= compare(steganographer.reveal(before), secret).psnr + gain
    assert compare(after, cover).psnr >= compare(before, cover).psnr - 0.06


@pytest.mark.parametrize("steps", [3, 25])
def test_progress_arrives_at_its_end(steps):
    steganographer, calls = Steganographer(stirred(Qim(hidden=8, blocks=0, stages=1, apart=True)), tile=48), []
    steganographer.hide(scene(96, 48), scene(96, 48, seed=1)[..., 0], lambda *call: calls.append(call), polish=steps)
    assert calls == [(done, 2 * steps) for done in range(1, 2 * steps + 1)]


def test_command_line_with_shipped_models(folder, model, capsys):
    quality = []
    for steps in ("0", "15"):
        assert main(["hide", "cover.png", "secret.png", "-o", "stego.png", "--force", "--polish", steps, "--model", "wavelet"]) == 0
        quality.append(float(re.findall(r"secret +PSNR +(\S+) dB", capsys.readouterr().out)[0]))
    assert quality[1] > quality[0] + 0.05
    for arguments, words in (
        (["--polish", "1001"], "from 0 to 1000"),
        (["--polish", "-1"], "from 0 to 1000"),
        (["--polish", "5", "--model", "lsb121"], "nothing to polish"),
    ):
        assert main(["hide", "cover.png", "secret.png", "-o", "x.png", *arguments]) == 2
        assert words in capsys.readouterr().err
    capsys.readouterr()
    assert main(["hide", "cover.png", "secret.png", "-o", "x.png", "--polish", "2.5"]) == 2
    assert re.fullmatch(r".*--polish: a whole number, not 2\.5\n", capsys.readouterr().err) and not Path("x.png").exists()
    with pytest.raises(IsganError, match="from 0 to 1000"):
        isgan.hide("cover.png", "secret.png", polish=2000)
    assert isinstance(isgan.hide("cover.png", "secret.png", model=model, polish=2), Image.Image)


def test_evaluate_refuses_too_many_steps_before_there_is_a_file(folder, capsys):
    photographs = folder / "photographs" / "test"
    photographs.mkdir(parents=True)
    for seed in range(2):
        Image.fromarray(scene(64, 64, seed)).save(photographs / f"{seed}.png")
    assert main(["evaluate", "--data", "photographs", "--polish", "1001", "-o", "ev.csv"]) == 2
    error = capsys.readouterr().err
    assert "--polish" in error and "1000" in error and error.count("\n") == 1 and not Path("ev.csv").exists()
