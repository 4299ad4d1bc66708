"""Exported graphs: other runtimes and other sizes give the pictures that PyTorch gives."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from conftest import scene, stirred

import isgan
from isgan import engine, models
from isgan.__main__ import main
from isgan.color import luma
from isgan.engine import HALVES, compiled, to_onnx
from isgan.errors import IsganError
from isgan.hiders.base import Hider
from isgan.hiders.qim import Qim
from isgan.hiders.wavelet import Wavelet
from isgan.image import read_rgb, to_tensor
from isgan.steganographer import Steganographer

EXAMPLES = Path(__file__).parent.parent / "examples"


SMALL = {"modulus": 7, "stages": 2, "hidden": 8, "blocks": 0, "dial": True, "apart": True}


def color() -> Qim:
    hider = Qim(**SMALL)
    hider.set_strength(4, color=True)
    return hider


def shipped(name: str, strength: int = 0) -> Callable[[], Hider]:
    def build() -> Hider:
        hider = models.hider(name)
        if strength:
            hider.set_strength(strength)
        return hider

    return build


SHIPPED = {"qim 1": shipped("qim", 1), "qim 7": shipped("qim", 7), "wavelet": shipped("wavelet"), "isgan": shipped("isgan")}
CASES = {
    **SHIPPED,
    "qim in colour": lambda: stirred(color()),
    "mixture": lambda: stirred(Qim(**SMALL, conditioning="mixture")),
    "own weights": lambda: stirred(Qim(**SMALL, conditioning="weights")),
    "5/3": lambda: stirred(Wavelet(blocks=1, hidden=8, transform="cdf53")),
    "learned": lambda: stirred(Wavelet(blocks=1, hidden=8, transform="learned")),
}


def photographs(channels: int, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    cover, secret = (read_rgb(EXAMPLES / name)[64 : 64 + height, 64 : 64 + width] for name in ("covers/iguana.png", "secrets/temple.png"))
    return to_tensor(cover), to_tensor(secret) if channels == 3 else luma(to_tensor(secret)).mul(255).round() / 255


@pytest.fixture(scope="module", params=CASES)
def exported(request) -> tuple[Hider, dict[str, bytes]]:
    """A hider, and what `to_onnx` makes of its halves, which takes long."""
    hider = CASES[request.param]().eval().requires_grad_(False)
    return hider, {half: to_onnx(hider, half) for half in HALVES}


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
@torch.no_grad()
def test_other_runtimes_give_the_same_pictures(exported, engine, monkeypatch):
    """At two sizes that the graph was not made with: to a level the same secret, of the same and of their own stego image."""
    hider, graphs = exported
    if engine == "onnxruntime":
        sessions = [onnxruntime.InferenceSession(graphs[half]) for half in HALVES]
        names = [[value.name for value in session.get_inputs() + session.get_outputs()] for session in sessions]
        assert names == [["cover", "secret", "stego"], ["stego", "secret"]]

        def run(session: onnxruntime.InferenceSession) -> Callable:
            inputs = [value.name for value in session.get_inputs()]
            return lambda *images: torch.from_numpy(session.run(None, {n: i.numpy() for n, i in zip(inputs, images, strict=True)})[0])

        hide, reveal = map(run, sessions)
    else:
        monkeypatch.setattr("isgan.engine.to_onnx", lambda hider, half: graphs[half])
        hide, reveal = (compiled(hider, half) for half in HALVES)
        monkeypatch.setattr("isgan.engine._Half.forward", None)  # no call comes back to PyTorch
    for size in ((64, 72), (104, 40)):
        cover, secret = photographs(3 if hider.color else 1, *size)
        stego, made = hider.hide_in_8_bits(cover, secret), hide(cover, secret)
        different = ((made - stego) * 255).round()
        assert different.abs().max() <= 2 and -10 * ((made - stego).square().mean() + 1e-12).log10() > 60
        revealed = hider.reveal(stego)
        assert ((reveal(stego) - revealed) * 255).abs().max() < 0.5
        assert ((reveal(made) - secret).square().mean() / (revealed - secret).square().mean()).log10().abs() < 0.01
        assert (stego - cover).abs().max() > 0


def test_the_engine_of_a_steganographer(dial, monkeypatch):
    """Any size: tiles off the grid go through PyTorch, and only they."""
    plain, fast = Steganographer(models.hider(dial), tile=64), Steganographer(models.hider(dial), tile=64, engine="openvino")
    for size in ((70, 83), (72, 88)):
        cover, secret = scene(*size), scene(*size, seed=1)[..., 0]
        stego = plain.hide(cover, secret, strength=3)
        assert (fast.hide(cover, secret, strength=3) != stego).mean() < 1e-3
        assert np.abs(fast.reveal(stego).astype(int) - plain.reveal(stego)).max() <= 1
    assert set(fast._compiled) == {("hide", 3, False), ("reveal", 3, False)}
    calls = []
    half = engine._Half.forward
    monkeypatch.setattr(engine._Half, "forward", lambda *images: (calls.append(images[1].shape[2:]), half(*images))[1])
    fast.reveal(fast.hide(cover, secret, strength=3))
    assert not calls
    fast.hide(cover[:, :84], secret[:, :84], strength=3)
    assert calls


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """The halves that an engine was asked for, and PyTorch does the work."""
    halves = []

    def compiled(hider: Hider, half: str) -> Callable:
        halves.append(half)
        return hider.hide_in_8_bits if half == "hide" else hider.reveal

    monkeypatch.setattr(engine, "compiled", compiled)
    return halves


def test_who_asks_for_an_engine_gets_it(folder, dial, asked):
    options = ["--model", str(dial), "--force", "--min-secret-psnr", "0"]
    for name, halves in (("openvino", ["hide", "reveal"]), ("torch", [])):
        assert main(["hide", "cover.png", "secret.png", "-o", "stego.png", "--engine", name, *options]) == 0
        assert asked == halves
        asked.clear()
        assert main(["reveal", "stego.png", "-o", "revealed.png", "--engine", name, *options[:3]]) == 0
        assert asked == halves[1:]
        asked.clear()
        isgan.hide("cover.png", "secret.png", "stego.png", model=dial, engine=name, min_secret_psnr=0, force=True)
        assert asked == halves
        asked.clear()
        stego = isgan.hide("cover.png", "secret.png", model=dial, engine=name)
        assert asked == halves[:1]
        asked.clear()
        for output in (None, "revealed.png"):
            isgan.reveal(stego, output, model=dial, engine=name, force=True)
            assert asked == halves[1:]
            asked.clear()


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


@pytest.mark.parametrize("case", SHIPPED)
@torch.no_grad()
def test_one_thread_and_two_give_the_same(case):
    """To a gray level; the shipped models."""
    hider, results = SHIPPED[case](), []
    images = photographs(1, 96, 90)
    threads = torch.get_num_threads()
    stego = hider.hide_in_8_bits(*images)
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            results.append([(image * 255).round() for image in (hider.hide_in_8_bits(*images), hider.reveal(stego))])
    finally:
        torch.set_num_threads(threads)
    for one, two in zip(*results, strict=True):
        assert (one - two).abs().max() <= 1


def test_what_is_missing_is_named(dial, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)
    with pytest.raises(IsganError, match=r"\.\[fast\]"):
        compiled(models.hider(dial), "hide")
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    with pytest.raises(IsganError, match=r"\.\[export\]"):
        to_onnx(models.hider(dial), "hide")
    with pytest.raises(IsganError, match="'torch' or 'openvino'"):
        isgan.load(dial, engine="tpu")
