"""`recipes/strengths.py`: networks of single strengths are what the dial was, and become what it is."""

import runpy
import sys
from pathlib import Path

import pytest
import torch
from conftest import scene, stirred

from isgan import weights
from isgan.hiders.qim import Qim
from isgan.image import to_tensor

SCRIPT = Path(__file__).parents[1] / "recipes" / "strengths.py"
SMALL = {"modulus": 7, "stages": 2, "hidden": 8, "blocks": 1, "apart": True}
COVER, SECRET = to_tensor(scene(20, 24)), to_tensor(scene(20, 24, 1)[..., :1])


def made(hider: Qim, strength: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    if strength:
        hider.set_strength(strength)
    stego = hider.hide(COVER, SECRET)
    return stego, hider.reveal(stego)


@torch.no_grad()
@pytest.mark.parametrize("own", ["biases", "scales", "weights"])
def test_split_and_joined(own, tmp_path, monkeypatch):
    dial = stirred(Qim(**SMALL, dial=True, own=own)).eval()
    weights.save(dial, tmp_path / "dial.safetensors", {"licence": "MIT", "hours": 2.0})
    monkeypatch.setattr(sys, "argv", ["", "split", str(tmp_path / "dial.safetensors"), str(tmp_path / "ones")])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    for strength, modulus in enumerate(dial.carrier.moduli, 1):
        one = weights.load(tmp_path / "ones" / f"{modulus}.safetensors")
        assert one.strengths == 0
        for mine, theirs in zip(made(one), made(dial, strength), strict=True):
            assert torch.allclose(mine, theirs, atol=1e-5)
        if modulus != 11:
            (tmp_path / "ones" / f"{modulus}.safetensors").unlink()
    other = stirred(Qim(**SMALL | {"modulus": 11})).eval()
    for parameter in other.parameters():
        parameter.mul_(0.9)
    weights.save(other, tmp_path / "ones" / "11.safetensors", {"steps": 5, "hours": 0.5, "photographs": {"lfw": 3}})
    monkeypatch.setattr(sys, "argv", ["", "join", *sys.argv[2:], str(tmp_path / "new.safetensors")])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    new = weights.load(tmp_path / "new.safetensors")
    assert new.config == dial.config | {"own": "weights"}
    for strength, modulus in enumerate(dial.carrier.moduli, 1):
        (_, expected), (_, found) = made(other) if modulus == 11 else made(dial, strength), made(new, strength)
        assert (found - expected).abs().mean() < 0.02 * expected.abs().mean()
    assert (made(new, 5)[1] - made(dial, 5)[1]).abs().mean() > 0.1 * made(dial, 5)[1].abs().mean()
    card = weights.card(tmp_path / "new.safetensors")
    assert (card["licence"], card["steps"], card["hours"], card["initial"]["hours"]) == ("MIT", 5, 0.5, 2.0)
    assert card["photographs"] == {"lfw": 3} and set(card["alone"]) == {"modulus 11"}
    assert (tmp_path / "new.safetensors").stat().st_size < 0.6 * sum(4 * p.numel() for p in new.parameters())
