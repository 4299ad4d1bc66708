"""How strongly a picture was hidden, written into the stego image for the receiver.

A hider with a dial (`Hider.strengths`) reveals only at the strength the sender chose. Four bits say which: of 64 pixels all over the
picture, number i has bit i % 4 as the lowest bit of its B. The colour is changed to the nearest that carries the same symbol.
"""

from itertools import product

import numpy as np
import torch

from isgan.errors import IsganError
from isgan.layers.carrier import Carrier

PIXELS, BITS = 64, 4
# The golden ratio: its multiples, modulo 1, are spread evenly, and so is each fourth one.
GOLDEN = 2654435769  # in units of 2^-32
# A picture that hides nothing agrees with its own majority in five votes of eight.
VOTES, AGREEING = 20, 7 / 8
STEPS = np.array(sorted(product(range(-3, 4), range(-6, 7), range(-3, 4)), key=lambda step: np.square(step).sum()))


def write_strength(stego: np.ndarray, strength: int, carrier: Carrier) -> None:
    """Writes 1 to 15 into a picture (H, W, 3) uint8, C-contiguous, in place, beside what it carries.

    `IsganError` if it has no room even for that.
    """
    if not 1 <= strength < 2**BITS:
        raise ValueError(f"{strength} does not fit into {BITS} bits")
    pixels = stego.reshape(-1, 3)
    places = _places(len(pixels))
    bits = strength >> np.arange(PIXELS) % BITS & 1
    symbols, voting = _carried(pixels[places], carrier)
    wrong = np.flatnonzero(~voting | (pixels[places, 2] & 1 != bits))
    before = pixels[places[wrong]]
    colours = before[:, None] + STEPS
    inside = ((colours >= 0) & (colours <= 255)).all(axis=2)
    found, voting = _carried(colours.clip(0, 255).reshape(-1, 3), carrier)
    same = (found.reshape(*colours.shape[:2], 2) == symbols[wrong, None]).all(axis=2)
    right = inside & same & voting.reshape(colours.shape[:2]) & (colours[..., 2] & 1 == bits[wrong, None])
    nearest = colours[np.arange(len(wrong)), right.argmax(axis=1)]
    pixels[places[wrong]] = np.where(right.any(axis=1)[:, None], nearest, before)
    if read_strength(stego, carrier) != strength:
        raise IsganError("the cover is of one pure colour nearly everywhere, where nothing can be hidden: take another cover")


def read_strength(stego: np.ndarray, carrier: Carrier) -> int | None:
    """What `write_strength` wrote into a picture (H, W, 3) uint8, or None where there is nothing."""
    pixels = stego.reshape(-1, 3)
    colours = pixels[_places(len(pixels))]
    _, voting = _carried(colours, carrier)
    votes = np.where(voting, 2.0 * (colours[:, 2] & 1) - 1, 0).reshape(-1, BITS).sum(axis=0)
    agreeing = (voting.sum() + np.abs(votes).sum()) / 2
    if voting.sum() < VOTES or agreeing < AGREEING * voting.sum():
        return None
    return int((votes > 0) @ (1 << np.arange(BITS)))


def _carried(colours: np.ndarray, carrier: Carrier) -> tuple[np.ndarray, np.ndarray]:
    """(n, 3) -> what they carry, (n, 2): symbols, and whether there are any; who votes, (n,)."""
    pixels = as_pixels(colours)
    symbols = torch.cat([carrier.read(pixels), carrier.room(pixels)], dim=1)
    return symbols[0, :, 0].T.numpy(), carrier.votes(pixels).numpy().ravel()


def as_pixels(colours: np.ndarray) -> torch.Tensor:
    """(n, 3) -> (1, 3, 1, n), as carriers take pixels."""
    return torch.from_numpy(colours.astype(np.float32)).T[None, :, None]


def _places(count: int) -> np.ndarray:
    return (np.arange(PIXELS) * GOLDEN % 2**32) * count >> 32
