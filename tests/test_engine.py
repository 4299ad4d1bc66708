"""Exported graphs: other runtimes and other sizes give the pictures that PyTorch gives."""

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import onnxruntime
import pytest
import torch
from conftest import scene, stirred

import isgan
from isgan import weights
from isgan.__main__ import main
from isgan.engine import HALVES, compiled, to_onnx
from isgan.errors import IsganError
from isgan.hiders.base import Hider
from isgan.hiders.qim import Qim
from isgan.hiders.wavelet import Wavelet
from isgan.steganographer import Steganographer


def color() -> Qim:
    hider = Qim(modulus=7, hidden=8, blocks=1, dial=True, apart=True)
    hider.set_strength(4, color=True)
    return hider


CASES = {
    "qim": lambda: Qim(modulus=11, hidden=8, blocks=1, apart=True),
    "qim in colour": color,
    "wavelet": lambda: Wavelet(blocks=1, hidden=8, apart=True),
}


def images(height: int, width: int, channels: int) -> tuple[torch.Tensor, torch.Tensor]:
    cover, secret = (torch.from_numpy(scene(height, width, seed)).permute(2, 0, 1)[None].float() / 255 for seed in (0, 1))
    return cover, secret[:, :channels]


def onnx_halves(hider: Hider) -> list[Callable]:
    sessions = [onnxruntime.InferenceSession(to_onnx(hider, half)) for half in HALVES]

    def hide(cover: torch.Tensor, secret: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(sessions[0].run(["stego"], {"cover": cover.numpy(), "secret": secret.numpy()})[0])

    def reveal(stego: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(sessions[1].run(["secret"], {"stego": stego.numpy()})[0])

    return [hide, reveal]


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("case", CASES)
@torch.no_grad()
def test_other_runtimes_give_the_same_pictures(case, engine):
    """At two sizes that the graph was not made with: no gray level of the secret differs, and hardly one of the stego image."""
    hider = stirred(CASES[case]()).eval().requires_grad_(False)
    halves = onnx_halves(hider) if engine == "onnxruntime" else [compiled(hider, half) for half in HALVES]
    for size in ((48, 72), (104, 40)):
        cover, secret = images(*size, 3 if hider.color else 1)
        stego = hider.hide_in_8_bits(cover, secret)
        made = halves[0](cover, secret)
        different = ((made - stego) * 255).round()
        assert different.abs().max() <= 2 and -10 * ((made - stego).square().mean() + 1e-12).log10() > 60
        assert ((halves[1](stego) - hider.reveal(stego)) * 255).abs().max() < 0.5
        assert (stego - cover).abs().max() > 0


def test_the_engine_of_a_steganographer(dial):
    """Any size: tiles off the grid go through PyTorch."""
    plain, fast = Steganographer(weights.load(dial), tile=64), Steganographer(weights.load(dial), tile=64, engine="openvino")
    cover, secret = scene(70, 83), scene(70, 83, seed=1)[..., 0]
    stego = plain.hide(cover, secret, strength=3)
    assert (fast.hide(cover, secret, strength=3) != stego).mean() < 1e-3
    assert np.abs(fast.reveal(stego).astype(int) - plain.reveal(stego)).max() <= 1
    assert set(fast._compiled) == {("hide", 3, False), ("reveal", 3, False)}


SIGNAL = """
import gc, signal
from isgan.engine import compiled
from isgan.hiders.qim import Qim
hider = Qim(hidden=8, blocks=0, stages=1, apart=True).eval().requires_grad_(False)
works = [compiled(hider, half) for half in ("hide", "reveal")]
while works:
    del works[0]
gc.collect()
signal.signal(signal.SIGINT, lambda *_: print("heard"))
signal.raise_signal(signal.SIGINT)
"""


def test_a_signal_after_openvino_is_heard():
    """OpenVINO moves the stack that signals are handled on, where there is one, and has to leave a whole one behind."""
    run = subprocess.run([sys.executable, "-X", "faulthandler", "-c", SIGNAL], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "heard\n"), run.stderr


def test_one_thread_and_two_give_the_same():
    """To a gray level; the shipped model."""
    cover, secret = scene(120, 90), scene(120, 90, seed=1)[..., 0]
    steganographer, results = isgan.load(), []
    threads = torch.get_num_threads()
    try:
        stego = steganographer.hide(cover, secret)
        for count in (1, 2):
            torch.set_num_threads(count)
            results.append(steganographer.reveal(stego).astype(int))
    finally:
        torch.set_num_threads(threads)
    assert np.abs(results[0] - results[1]).max() <= 1


def test_command_line(folder, dial, capsys):
    assert main(["export", "--model", str(dial), "-o", "made", "--strength", "2"]) == 0
    assert "strength 2" in capsys.readouterr().out
    session = onnxruntime.InferenceSession(folder / "made" / "reveal.onnx")
    hider = weights.load(dial)
    hider.set_strength(2)
    stego, _ = images(40, 48, 1)
    revealed = session.run(None, {"stego": stego.numpy()})[0]
    assert np.abs(revealed - hider.reveal(stego).numpy()).max() < 1e-3
    for arguments, words in (
        (["-o", "made"], "use --force"),
        (["-o", "other", "--strength", "9"], "strengths 1 to 7"),
        (["-o", "other", "--strength", "7", "--color"], "strengths 1 to 5"),
        (["-o", "cover.png"], "choose another"),
    ):
        assert main(["export", "--model", str(dial), *arguments]) == 2
        error = capsys.readouterr().err
        assert words in error and error.count("\n") == 1
    assert main(["export", "--model", "lsb121", "-o", "other", "--strength", "2"]) == 2
    assert "no strength" in capsys.readouterr().err and not (folder / "other").exists()


def test_what_is_missing_is_named(dial, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)
    with pytest.raises(IsganError, match=r"\.\[fast\]"):
        compiled(weights.load(dial), "hide")
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    with pytest.raises(IsganError, match=r"\.\[export\]"):
        to_onnx(weights.load(dial), "hide")
    with pytest.raises(IsganError, match="'torch' or 'openvino'"):
        isgan.load(dial, engine="tpu")
