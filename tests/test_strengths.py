"""`recipes/strengths.py`: networks of single strengths are what the dial was, and become what it is."""

import hashlib
import runpy
import sys
from pathlib import Path

import pytest
import torch
from conftest import scene, stirred

from isgan import weights
from isgan.hiders.qim import Qim
from isgan.image import to_tensor
from isgan.layers.dial import CONDITIONINGS, KERNELS

SCRIPT = Path(__file__).parents[1] / "recipes" / "strengths.py"
SMALL = {"modulus": 7, "stages": 2, "hidden": 8, "blocks": 1, "apart": True}
COVER, SECRET = to_tensor(scene(20, 24)), to_tensor(scene(20, 24, 1)[..., :1])


def made(hider: Qim, strength: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    if strength:
        hider.set_strength(strength)
    stego = hider.hide(COVER, SECRET)
    return stego, hider.reveal(stego)


convolutions = runpy.run_path(str(SCRIPT))["convolutions"]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["", *map(str, arguments)])
    runpy.run_path(str(SCRIPT), run_name="__main__")


def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, *arguments: object) -> str:
    """What it says, with exit code 2, where it does nothing."""
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, *arguments)
    assert stop.value.code == 2
    return capsys.readouterr().err


@torch.no_grad()
@pytest.mark.parametrize("conditioning", KERNELS)
@pytest.mark.parametrize("source", CONDITIONINGS)
def test_shared(conditioning, source, tmp_path, monkeypatch):
    """What one kernel a channel can be for all strengths, it is; weights that differ anyhow are met halfway, by two more than by one."""
    dial = stirred(Qim(**SMALL, dial=True, conditioning=source)).eval()
    weights.save(dial, tmp_path / "dial.safetensors", {"licence": "MIT", "hours": 2.0})
    run(monkeypatch, conditioning, tmp_path / "dial.safetensors", tmp_path / "new.safetensors")
    new = weights.load(tmp_path / "new.safetensors")
    assert new.config == dial.config | {"conditioning": conditioning}
    rank = {"bias": 1, "weights": 7}.get(source) or KERNELS[source]
    for mine, theirs in zip(convolutions(new), convolutions(dial), strict=True):
        own, near = (torch.stack([conv.chosen(strength)[0] for strength in range(1, 8)], dim=1).flatten(2) for conv in (theirs, mine))
        left = torch.linalg.svdvals(own)[:, KERNELS[conditioning] :].square().sum().sqrt()
        assert ((near - own).norm() - left).abs() < 1e-5 * own.norm() and (left > 1e-3 * own.norm()) == (rank > KERNELS[conditioning])
        if source != "bias":  # its biases stand elsewhere
            assert all(torch.equal(mine.chosen(strength)[1], theirs.chosen(strength)[1]) for strength in range(1, 8))
    for strength in range(1, 8) if rank <= KERNELS[conditioning] else ():
        new.set_strength(strength)
        stego, revealed = made(dial, strength)
        assert (new.reveal(stego) - revealed).abs().max() < 1e-4 * revealed.abs().max()
    card = weights.card(tmp_path / "new.safetensors")
    assert (card["licence"], card["initial"]["hours"]) == ("MIT", 2.0)


@torch.no_grad()
@pytest.mark.parametrize("conditioning", CONDITIONINGS)
def test_split_and_joined(conditioning, tmp_path, monkeypatch, capsys):
    dial = stirred(Qim(**SMALL, dial=True, conditioning=conditioning)).eval()
    weights.save(dial, tmp_path / "dial.safetensors", {"licence": "MIT", "hours": 2.0})
    run(monkeypatch, "split", tmp_path / "dial.safetensors", tmp_path / "ones")
    for strength, modulus in enumerate(dial.carrier.moduli, 1):
        one = weights.load(tmp_path / "ones" / f"{modulus}.safetensors")
        assert one.strengths == 0
        for mine, theirs in zip(made(one), made(dial, strength), strict=True):
            assert torch.allclose(mine, theirs, atol=1e-5)
    join = "join", tmp_path / "dial.safetensors", tmp_path / "ones", tmp_path / "new.safetensors"
    assert "was trained" in refused(monkeypatch, capsys, *join)
    other = stirred(Qim(**SMALL | {"modulus": 11})).eval()
    for parameter in other.parameters():
        parameter.mul_(0.9)
    facts = {"steps": 5, "hours": 0.5, "device": "cpu", "photographs": {"lfw": 3}, "initial": {"hours": 9.0}}
    for modulus in (11, 7):  # the second is of another alphabet than its name says
        weights.save(other, tmp_path / "ones" / f"{modulus}.safetensors", facts)
    assert "no network of 7 symbols" in refused(monkeypatch, capsys, *join)
    for suffix in ("safetensors", "toml"):
        (tmp_path / "ones" / f"7.{suffix}").unlink()
    run(monkeypatch, *join)
    assert "new.safetensors' is there already" in refused(monkeypatch, capsys, *join)
    new = weights.load(tmp_path / "new.safetensors")
    assert new.config == dial.config | {"conditioning": "weights"}
    for strength, modulus in enumerate(dial.carrier.moduli, 1):
        (_, expected), (_, found) = made(other) if modulus == 11 else made(dial, strength), made(new, strength)
        assert (found - expected).abs().mean() < 0.02 * expected.abs().mean()
    assert (made(new, 5)[1] - made(dial, 5)[1]).abs().mean() > 0.1 * made(dial, 5)[1].abs().mean()
    card = weights.card(tmp_path / "new.safetensors")
    assert (card["licence"], card["steps"], card["hours"], card["initial"]["hours"]) == ("MIT", 5, 0.5, 2.0)
    assert card["photographs"] == {"lfw": 3} and set(card["alone"]) == {"modulus 11"}
    assert (tmp_path / "new.safetensors").stat().st_size < 0.6 * sum(4 * p.numel() for p in new.parameters())


@torch.no_grad()
def test_half(tmp_path, monkeypatch):
    dial = stirred(Qim(**SMALL, dial=True, conditioning="mixture")).eval()
    weights.save(dial, tmp_path / "dial.safetensors", {"licence": "MIT", "hours": 2.0})
    run(monkeypatch, "half", tmp_path / "dial.safetensors", tmp_path / "new.safetensors")
    new, card = weights.load(tmp_path / "new.safetensors"), weights.card(tmp_path / "new.safetensors")
    assert all(torch.equal(tensor, dial.state_dict()[name].half().float()) for name, tensor in new.state_dict().items())
    assert (card["licence"], card["hours"]) == ("MIT", 2.0)
    assert card["sha256"] == hashlib.sha256((tmp_path / "new.safetensors").read_bytes()).hexdigest()
    assert (tmp_path / "new.safetensors").stat().st_size < 0.6 * (tmp_path / "dial.safetensors").stat().st_size


@pytest.mark.parametrize("words", [(), ("film",), ("mixtures", "qim", "new.safetensors"), ("join", "qim", "folder"), ("half", "qim")])
def test_what_it_does_not_understand(words, monkeypatch, capsys):
    assert "strengths.py join DIAL FOLDER OUTPUT" in refused(monkeypatch, capsys, *words)
