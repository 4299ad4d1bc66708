"""From a `qim` with a dial to networks of one strength each, which are trained alone, and back to one model.

    python recipes/strengths.py split DIAL.safetensors FOLDER
    python recipes/strengths.py join DIAL.safetensors FOLDER OUTPUT.safetensors

`split` writes FOLDER/MODULUS.safetensors for each strength. `join` makes a model with weights of its own for each strength of them, from
files of these names, rounded to 16 bits; strengths that have no file are the dial's. In a row: `isgan train recipes/qim.toml`, split,
`isgan train recipes/qim-one.toml --hider.modulus M --initial FOLDER/M.safetensors` for those that matter, join.
"""

import sys
from pathlib import Path

import torch

from isgan import weights
from isgan.hiders.qim import Qim
from isgan.layers.dial import DialConv


def convolutions(hider: Qim) -> list[DialConv]:
    """In an order that does not depend on the dial."""
    return [module for module in hider.modules() if isinstance(module, DialConv)]


@torch.no_grad()
def one_of(dial: Qim, strength: int) -> Qim:
    """The network that a dial is at a strength, without the dial."""
    modulus = dial.carrier.moduli[strength - 1]
    one = Qim(**dial.config | {"modulus": modulus, "dial": False, "own": "biases"}).eval()
    for mine, theirs in zip(convolutions(one), convolutions(dial), strict=True):
        weight, bias = theirs.chosen(strength)
        mine.weight.copy_(weight)
        mine.bias.copy_(bias)
    for mine, theirs in zip(one.readers, dial.readers, strict=True):
        if theirs.biases is not None:
            mine.enter.bias += theirs.biases[strength - 1]
    return one


@torch.no_grad()
def joined(dial: Qim, ones: list[Qim]) -> Qim:
    """A dial with weights of its own for each strength; `ones` are its networks, from faint to faithful."""
    made = Qim(**dial.config | {"own": "weights"}).eval()
    for strength, one in enumerate(ones, 1):
        for mine, theirs in zip(convolutions(made), convolutions(one), strict=True):
            for to, source in zip(mine.chosen(strength), theirs.chosen(0), strict=True):
                to.copy_(source)
    return made


def main() -> None:
    what, dial, folder = sys.argv[1], weights.load(sys.argv[2]), Path(sys.argv[3])
    assert isinstance(dial, Qim) and dial.strengths, "not a qim with a dial"
    files = {modulus: folder / f"{modulus}.safetensors" for modulus in dial.carrier.moduli}
    ones = {modulus: one_of(dial, strength) for strength, modulus in enumerate(files, 1)}
    if what == "split":
        folder.mkdir(parents=True, exist_ok=True)
        for modulus, one in ones.items():
            weights.save(one, files[modulus], {})
        return
    trained = {modulus: file for modulus, file in files.items() if file.exists()}
    ones |= {modulus: weights.load(file) for modulus, file in trained.items()}
    cards = {f"modulus {modulus}": weights.card(file) for modulus, file in trained.items()}
    facts = {
        "licence": weights.card(sys.argv[2]).get("licence", ""),
        "note": "each strength has weights of its own; those under [alone] were trained alone in the end",
        "device": "cpu",
        "steps": sum(card.get("steps", 0) for card in cards.values()),
        "hours": round(sum(card.get("hours", 0) for card in cards.values()), 3),
        "photographs": next(iter(cards.values()))["photographs"],
        "initial": {"model": Path(sys.argv[2]).name, "fingerprint": weights.fingerprint(sys.argv[2]), **weights.card(sys.argv[2])},
        "alone": {name: {key: value for key, value in card.items() if key not in ("initial", "licence")} for name, card in cards.items()},
    }
    weights.save(joined(dial, list(ones.values())), sys.argv[4], facts, half=True)


if __name__ == "__main__":
    main()
