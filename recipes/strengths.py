"""From a `qim` with a dial to networks of one strength each, which are trained alone, and back to one model.

    python recipes/strengths.py film|mixture DIAL OUTPUT.safetensors
    python recipes/strengths.py split DIAL FOLDER
    python recipes/strengths.py join DIAL FOLDER OUTPUT.safetensors
    python recipes/strengths.py half DIAL OUTPUT.safetensors

DIAL is a model, shipped or a file. `film` and `mixture` make a model whose strengths scale and shift all channels, or mix two kernels of
each, as close to DIAL as that comes; to one whose strengths have biases only it is the same. `split` writes FOLDER/MODULUS.safetensors for
each strength, to be trained by `isgan train recipes/qim-one.toml --hider.modulus MODULUS --initial FOLDER/MODULUS.safetensors`; put what
that leaves, weights.safetensors and its card, in the place of where it started from. `join` makes a model with weights of its own for each
strength, rounded to 16 bits: those in FOLDER that were trained, and of the other strengths the dial's. `half` makes the same model, rounded
to 16 bits.
"""

import math
import sys
from pathlib import Path

import torch

from isgan import weights
from isgan.errors import IsganError
from isgan.hiders.qim import Qim
from isgan.layers.dial import KERNELS, DialConv


def convolutions(hider: Qim) -> list[DialConv]:
    """In an order that does not depend on the dial."""
    return [module for module in hider.modules() if isinstance(module, DialConv)]


@torch.no_grad()
def one_of(dial: Qim, strength: int) -> Qim:
    """The network that a dial is at a strength, without the dial."""
    modulus = dial.carrier.moduli[strength - 1]
    one = Qim(**dial.config | {"modulus": modulus, "dial": False, "conditioning": "bias"}).eval()
    for mine, theirs in zip(convolutions(one), convolutions(dial), strict=True):
        for to, source in zip(mine.chosen(0), theirs.chosen(strength), strict=True):
            to.copy_(source)
    for mine, theirs in zip(one.readers, dial.readers, strict=True):
        if theirs.biases is not None:
            mine.enter.bias += theirs.biases[strength - 1]
    return one


@torch.no_grad()
def shared(dial: Qim, conditioning: str) -> Qim:
    """A dial of "film" or "mixture" that is as close as can be, in least squares of the weights, to one of any conditioning."""
    made = Qim(**dial.config | {"conditioning": conditioning}).eval()
    ones = [one_of(dial, strength) for strength in range(1, dial.strengths + 1)]
    for mine, *theirs in zip(convolutions(made), *map(convolutions, ones), strict=True):
        mine.shifts.copy_(torch.stack([conv.bias for conv in theirs]))
        # Of each channel the weights of all strengths, (out, strengths, channels * side * side), by singular values.
        own, values, common = torch.linalg.svd(torch.stack([conv.weight for conv in theirs], dim=1).flatten(2), full_matrices=False)
        size = math.sqrt(dial.strengths)  # scales of about 1
        for number, kernel in enumerate(mine.kernels):
            sign = torch.where(own[:, :, number].sum(dim=1) < 0, -1.0, 1.0)
            mine.scales[:, number] = (size * sign[:, None] * own[:, :, number]).T
            kernel.copy_((sign * values[:, number] / size)[:, None].mul(common[:, number]).reshape(kernel.shape))
    return made


@torch.no_grad()
def joined(dial: Qim, ones: list[Qim]) -> Qim:
    """A dial with weights of its own for each strength; `ones` are its networks, from faint to faithful."""
    made = Qim(**dial.config | {"conditioning": "weights"}).eval()
    for strength, one in enumerate(ones, 1):
        for mine, theirs in zip(convolutions(made), convolutions(one), strict=True):
            for to, source in zip(mine.chosen(strength), theirs.chosen(0), strict=True):
                to.copy_(source)
    return made


def main() -> None:
    wanted = {"join": 2} | dict.fromkeys((*KERNELS, "split", "half"), 1)
    what, name, *paths = sys.argv[1:] if len(sys.argv) > 2 else ["", ""]
    if len(paths) != wanted.get(what):
        raise IsganError(str(__doc__))
    if Path(paths[-1]).exists():
        raise IsganError(f"'{paths[-1]}' is there already: remove it, or choose another name")
    dial = weights.load(name)
    if not (isinstance(dial, Qim) and dial.strengths):
        raise IsganError(f"{name} is no qim with a dial")
    licence = {"licence": text} if (text := weights.card(name).get("licence")) else {}
    initial = {"initial": weights.origin(name)}
    if what in KERNELS:
        note = f"as close as {KERNELS[what]} kernels a channel, which all strengths share, come to it"
        weights.save(shared(dial, what), paths[0], {"note": note, **licence, **initial})
        return
    if what == "half":
        weights.save(dial, paths[0], weights.card(name) | {"note": "rounded to 16 bits"}, half=True)
        return
    folder = Path(paths[0])
    files = {modulus: folder / f"{modulus}.safetensors" for modulus in dial.carrier.moduli}
    ones = {modulus: one_of(dial, strength) for strength, modulus in enumerate(files, 1)}
    if what == "split":
        folder.mkdir(parents=True, exist_ok=True)
        for modulus, one in ones.items():
            weights.save(one, files[modulus], {})
        return
    cards = {modulus: weights.card(file) for modulus, file in files.items() if file.exists()}
    cards = {modulus: card for modulus, card in cards.items() if "steps" in card}
    if not cards:
        raise IsganError(f"nothing in {folder} was trained: put weights.safetensors of a run there as MODULUS.safetensors, with its card")
    facts = {
        **licence,
        "note": "each strength has weights of its own; those under [alone] were trained alone in the end",
        "device": ", ".join(dict.fromkeys(card["device"] for card in cards.values())),
        "steps": sum(card["steps"] for card in cards.values()),
        "hours": round(sum(card["hours"] for card in cards.values()), 3),
        "photographs": {key: count for card in cards.values() for key, count in card["photographs"].items()},
        **initial,
        "alone": {f"modulus {modulus}": {key: value for key, value in card.items() if key != "initial"} for modulus, card in cards.items()},
    }
    for modulus in cards:
        trained = weights.load(files[modulus])
        if trained.config != ones[modulus].config:
            raise IsganError(f"'{files[modulus]}' is no network of {modulus} symbols such as `split` made: it is {trained.config}")
        ones[modulus] = trained
    weights.save(joined(dial, list(ones.values())), paths[1], facts, half=True)


if __name__ == "__main__":
    try:
        main()
    except IsganError as error:
        print(f"strengths.py: error: {error}", file=sys.stderr)
        sys.exit(2)
