"""bfloat16 in the sender's half costs next to nothing, and stays away where others have to come to the same numbers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from conftest import stirred

from isgan import models
from isgan.engine import to_onnx
from isgan.evaluation.table5 import score
from isgan.hiders.isgan import ISGAN
from isgan.image import read_rgb, to_array, to_tensor
from isgan.layers import bf16
from isgan.steganographer import Steganographer, compare

NATIVE = bf16.native  # other tests replace it
EXAMPLES = Path(__file__).parent.parent / "examples"
COVER, SECRET = (to_tensor(read_rgb(EXAMPLES / name)[64:192, 64:192]) for name in ("covers/iguana.png", "secrets/temple.png"))


def hidden(model: str, native: bool, monkeypatch: pytest.MonkeyPatch) -> tuple[torch.Tensor, list[float]]:
    """The stego image, and dB of both ends."""
    monkeypatch.setattr(bf16, "native", lambda: native)
    hider, secret = models.hider(model), SECRET[:, :1]
    with torch.inference_mode():
        with bf16.bf16_allowed():
            stego = hider.hide_in_8_bits(COVER, secret)
        revealed = hider.reveal(stego)
    return stego, [-10 * (a - b).square().mean().log10().item() for a, b in ((stego, COVER), (revealed, secret))]


@pytest.mark.parametrize("model", ["isgan", "basic"])
def test_it_costs_next_to_nothing(model, monkeypatch):
    (exact, before), (fast, after) = (hidden(model, native, monkeypatch) for native in (False, True))
    assert not torch.equal(exact, fast)  # it is in use
    assert all(now > then - 0.05 for now, then in zip(after, before, strict=True))


def in_bf16(hider: torch.nn.Module, work: Callable, *images: torch.Tensor) -> set[str]:
    """The parts, by the first two words of their names, whose convolutions give bfloat16."""
    found: set[str] = set()

    def note(name: str) -> Callable:
        return lambda _module, _images, out: found.add(".".join(name.split(".")[:2])) if out.dtype == torch.bfloat16 else None

    hooks = [m.register_forward_hook(note(name)) for name, m in hider.named_modules() if isinstance(m, torch.nn.Conv2d)]
    with torch.inference_mode(), bf16.bf16_allowed():
        work(*images)
    for hook in hooks:
        hook.remove()
    return found


def test_which_parts_take_it(monkeypatch):
    """The receiver's half never: it has to come to the same numbers everywhere."""
    monkeypatch.setattr(bf16, "native", lambda: True)
    secret = SECRET[:, :1]
    isgan = stirred(ISGAN()).eval()
    assert in_bf16(isgan, isgan.hide, COVER, secret) == {f"encoder.{layer}" for layer in range(1, 8)}
    assert in_bf16(isgan, isgan.reveal, COVER) == set()


@pytest.mark.parametrize(("flags", "fast"), [({"avx512_bf16": True}, True), ({"amx_bf16": True}, True), ({"avx512_f": True}, False)])
def test_which_processors_do(flags, fast, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags, raising=False)
    assert NATIVE.__wrapped__() is fast


def test_only_table_5_takes_it(tmp_path, monkeypatch):
    """What `isgan hide` makes is the same on all processors, and so are both engines."""
    monkeypatch.setattr(bf16, "native", lambda: True)
    steganographer = Steganographer(models.hider("isgan"))
    cover, secret = to_array(COVER), to_array(SECRET[:, :1])
    made = steganographer.hide(cover, secret)
    with bf16.bf16_allowed():
        measured = steganographer.hide(cover, secret)
    monkeypatch.setattr(bf16, "native", lambda: False)
    exact = steganographer.hide(cover, secret)
    assert np.array_equal(made, exact) and 40 < compare(measured, exact).psnr < 60
    assert score(steganographer.hider, cover, secret, tmp_path / "exact.png")["stego_psnr"] == compare(exact, cover).psnr
    monkeypatch.setattr(bf16, "native", lambda: True)
    assert score(steganographer.hider, cover, secret, tmp_path / "fast.png")["stego_psnr"] == compare(measured, cover).psnr


@bf16.bf16_allowed()
def test_training_and_exported_graphs_are_without(monkeypatch):
    hider = stirred(ISGAN()).eval()
    monkeypatch.setattr(bf16, "native", lambda: False)
    exact = hider.hide(COVER, SECRET[:, :1])
    monkeypatch.setattr(bf16, "native", lambda: True)
    assert torch.equal(hider.hide(COVER, SECRET[:, :1]), exact)  # with a gradient
    graph = onnx.load_from_string(to_onnx(hider.requires_grad_(False), "hide")).graph
    types = {attribute.i for node in graph.node for attribute in node.attribute if attribute.name == "to"}
    types |= {value.type.tensor_type.elem_type for value in graph.value_info}
    assert onnx.TensorProto.FLOAT in types and onnx.TensorProto.BFLOAT16 not in types
