"""Exported graphs: other runtimes and other sizes give the pictures that PyTorch gives."""

import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from conftest import scene, stirred

from isgan import models
from isgan.color import luma
from isgan.covers.png import PngCover
from isgan.errors import IsganError
from isgan.hiders.base import Hider
from isgan.hiders.qim import Qim
from isgan.hiders.wavelet import Wavelet
from isgan.key import Key
from isgan.options import Options
from isgan.picture import read_rgb
from isgan.schemes import engine
from isgan.schemes.engine import HALVES, compiled, to_onnx
from isgan.schemes.neural import Neural
from isgan.secret import Secret
from isgan.tensors import to_tensor

EXAMPLES = Path(__file__).parents[2] / "examples"
SMALL = {"stages": 1, "hidden": 8, "blocks": 0}


SHIPPED: dict[str, Callable[[], Hider]] = {
    "qim 1": lambda: models.hider("qim").at(1),
    "qim 7": lambda: models.hider("qim").at(7),
    "wavelet": lambda: models.hider("wavelet"),
    "isgan": lambda: models.hider("isgan"),
}
CASES: dict[str, Callable[[], Hider]] = {
    "gray": lambda: stirred(Qim(**SMALL)),
    "in colour": lambda: stirred(Qim(**SMALL)).at(4, color=True),
    "wavelet": lambda: stirred(Wavelet(blocks=1, hidden=8)),
}


def photographs(channels: int, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    cover, secret = (
        read_rgb(EXAMPLES / name)[64 : 64 + height, 64 : 64 + width]
        for name in ("covers/iguana.png", "secrets/temple.png")
    )
    return to_tensor(cover), to_tensor(secret) if channels == 3 else luma(to_tensor(secret)).mul(255).round() / 255


@functools.cache
def exported(case: str) -> tuple[Hider, dict[str, bytes]]:
    """A hider, and what `to_onnx` makes of its halves, which takes long."""
    hider = CASES[case]().eval().requires_grad_(False)
    return hider, {half: to_onnx(hider, half) for half in HALVES}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
@torch.no_grad()
def test_other_runtimes_give_the_same_pictures(case, engine, monkeypatch):
    """At two sizes that the graph was not made with: to a level the same secret, of the same and of their own stego
    image."""
    hider, graphs = exported(case)
    if engine == "onnxruntime":
        sessions = [onnxruntime.InferenceSession(graphs[half]) for half in HALVES]
        names = [[value.name for value in session.get_inputs() + session.get_outputs()] for session in sessions]
        assert names == [["cover", "secret", "stego"], ["stego", "secret"]]

        def run(session: onnxruntime.InferenceSession) -> Callable:
            inputs = [value.name for value in session.get_inputs()]
            return lambda *images: torch.from_numpy(
                session.run(None, {n: i.numpy() for n, i in zip(inputs, images, strict=True)})[0]
            )

        hide, reveal = map(run, sessions)
    else:
        monkeypatch.setattr("isgan.schemes.engine.to_onnx", lambda hider, half: graphs[half])
        hide, reveal = (compiled(hider, half) for half in HALVES)
        monkeypatch.setattr("isgan.schemes.engine._Half.forward", None)  # no call comes back to PyTorch
    for size in ((64, 72), (104, 40)):
        cover, secret = photographs(3 if getattr(hider, "color", False) else 1, *size)
        stego, made = hider.hide_in_8_bits(cover, secret), hide(cover, secret)
        different = ((made - stego) * 255).round()
        assert different.abs().max() <= 2 and -10 * ((made - stego).square().mean() + 1e-12).log10() > 60
        revealed = hider.reveal(stego)
        assert ((reveal(stego) - revealed) * 255).abs().max() < 0.5
        assert ((reveal(made) - secret).square().mean() / (revealed - secret).square().mean()).log10().abs() < 0.01
        assert (stego - cover).abs().max() > 0


def test_a_scheme_in_openvino(monkeypatch):
    """Any size: tiles off the grid go through PyTorch, and only they. What one engine sealed the other reveals."""
    hider, graphs = exported("gray")
    plain, fast = Neural(hider, tile=64), Neural(hider, tile=64, engine="openvino")
    monkeypatch.setattr(engine, "to_onnx", lambda view, half: graphs[half] if view.strength == hider.strength else b"")
    calls: list[tuple[int, ...]] = []
    half = engine._Half.forward
    monkeypatch.setattr(engine._Half, "forward", lambda *images: (calls.append(images[1].shape[2:]), half(*images))[1])
    for size, off_grid in (((70, 83), True), ((72, 88), False)):
        cover, secret = PngCover(scene(*size)), Secret(scene(*size, seed=1)[..., 0])
        key = Key("phrase", cover.salt())
        hidden = {scheme: scheme.hide(cover, secret, key, Options(strength=4)) for scheme in (plain, fast)}
        calls.clear()
        for one, other in ((plain, fast), (fast, plain)):
            revealed = other.reveal(hidden[one].stego, key).picture
            assert np.abs(revealed.astype(int) - hidden[one].delivered.picture).max() <= 1
        assert bool(calls) == off_grid
    assert set(fast._compiled) == {("hide", 3), ("reveal", 3)}


SIGNAL = """
import gc, signal
from isgan.schemes.engine import compiled
from isgan.hiders.wavelet import Wavelet
hider = Wavelet(hidden=8, blocks=1).eval().requires_grad_(False)
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
    for missing, extra, work in (
        ("openvino", "fast", compiled),
        ("onnx", "fast", compiled),
        ("onnxscript", "export", to_onnx),
    ):
        monkeypatch.setattr("isgan.errors.find_spec", lambda name, missing=missing: None if name == missing else True)
        with pytest.raises(IsganError, match=rf"this needs {missing}: pip install 'isgan\[{extra}\]'"):
            work(models.hider(dial), "hide")
