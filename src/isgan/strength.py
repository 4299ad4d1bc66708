"""How strongly a picture was hidden, written into the stego image for the receiver.

A hider with a dial (`Hider.strengths`) reveals only at the strength the sender chose. Four bits say which: of 64 pixels all over the
picture, number i has bit i % 4 as the lowest bit of its B. One level of B changes luma by .114, so there is a direction that leaves
its whole part, and with it what `qim` wrote there, as it is. Only white has none, and has no vote, as strongly saturated colours.
"""

import numpy as np

from isgan.errors import IsganError

PIXELS, BITS = 64, 4
# The golden ratio: its multiples, modulo 1, are spread evenly, and so is each fourth one.
GOLDEN = 2654435769  # in units of 2^-32
# Whether pixels of a more saturated colour carry a symbol may depend on B.
MAX_SPREAD = 244
# A picture that hides nothing agrees with its own majority in five votes of eight.
VOTES, AGREEING = 20, 7 / 8


def write_strength(stego: np.ndarray, strength: int) -> None:
    """Writes a strength of 1 to 15 into a picture (H, W, 3) uint8, in place; `IsganError` if it has no room even for that."""
    pixels = stego.reshape(-1, 3)
    for index, place in enumerate(_places(len(pixels))):
        red, green, blue = map(int, pixels[place])
        if blue & 1 == strength >> index % BITS & 1:
            continue
        for changed in (blue + 1, blue - 1):
            spread = max(red, green, blue, changed) - min(red, green, blue, changed)
            if 0 <= changed <= 255 and _level(red, green, changed) == _level(red, green, blue) and spread <= MAX_SPREAD:
                pixels[place, 2] = changed
                break
    if read_strength(stego) != strength:
        raise IsganError("the cover is white or of one pure colour nearly everywhere, where nothing can be hidden: take another cover")


def read_strength(stego: np.ndarray) -> int | None:
    """The strength in a picture (H, W, 3) uint8, or None where there is none."""
    pixels = stego.reshape(-1, 3)
    colours = pixels[_places(len(pixels))].astype(int)
    voting = (colours.min(axis=1) < 255) & (np.ptp(colours, axis=1) <= MAX_SPREAD)
    votes = np.where(voting, 2 * (colours[:, 2] & 1) - 1, 0).reshape(-1, BITS).sum(axis=0)
    agreeing = (voting.sum() + np.abs(votes).sum()) / 2
    if voting.sum() < VOTES or agreeing < AGREEING * voting.sum():
        return None
    return int((votes > 0) @ (1 << np.arange(BITS)))


def _places(count: int) -> np.ndarray:
    return (np.arange(PIXELS) * GOLDEN % 2**32) * count >> 32


def _level(red: int, green: int, blue: int) -> int:
    return (299 * red + 587 * green + 114 * blue) // 1000
