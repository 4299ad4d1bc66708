"""How a pixel of 8 bits carries a symbol: its colour makes a whole number, taken modulo `modulus`; the least change
makes that the symbol.

What the receiver reads does not depend on the cover, and saving as 8 bits loses nothing (quantisation index modulation,
Chen and Wornell 2001). Pixels are (N, 3, H, W) whole numbers in 0 ... 255, symbols (N, 1, H, W) whole numbers in 0 ...
modulus - 1.
"""

import functools
from itertools import product

import numpy as np
import torch
from torch import Tensor

# From faint to faithful: the stego image has 55.9, 54.7, 54.2, 53.6, 51.9, 51.1 and 49.9 dB.
MODULI = (2, 3, 4, 7, 11, 17, 27)
MOST = 27


class Carrier:
    """The symbol is a R + b G + c B modulo `modulus`; of R, G and B one moves by a level (to 7 symbols), or up to two
    (17) or three (27).

    With a, b, c = 1, 2, 3 and 7 symbols each is reached by leaving the pixel or moving one channel up or down: a
    perfect code, the exploiting modification direction of Zhang and Wang (2006). For other moduli, to `MOST`, a, b, c
    are searched for. No channel moves by more than a level, but at 0 and 255, and every colour carries every symbol.
    Chroma moves with luma.
    """

    def __init__(self, modulus: int):
        self.modulus = modulus
        self.weights, steps = _weights_and_steps(modulus)
        self.steps = torch.from_numpy(steps)

    def read(self, pixels: Tensor) -> Tensor:
        """pixels -> symbols."""
        return _weighted(pixels, *self.weights) % self.modulus

    def carry(self, pixels: Tensor, symbols: Tensor) -> Tensor:
        """pixels, symbols -> pixels that `read` as the symbols."""
        missing = (symbols - self.read(pixels)) % self.modulus
        bounds = (pixels == 0).float() + 2 * (pixels == 255).float()
        row = (_weighted(bounds, 9, 3, 1) * self.modulus + missing)[:, 0].long()
        return pixels + self.steps.to(pixels.device)[row].permute(0, 3, 1, 2)


@functools.cache
def _weights_and_steps(modulus: int) -> tuple[tuple[int, int, int], np.ndarray]:
    """a, b, c of the least mean square change, and the changes, (27 * modulus, 3): which channels are 0 or 255, then
    what is missing."""
    free = np.array(list(product((-1, 0, 1), repeat=3)))
    half = range(1, modulus // 2 + 1)
    best = min(
        ((a, b, c) for a in half for b in half[a - 1 :] for c in half[b - 1 :]),
        key=lambda w: _least(free, w, modulus)[1].sum(),
    )
    steps = []
    for bounds in product(((-1, 0, 1), (0, 1, 2, 3), (0, -1, -2, -3)), repeat=3):  # anywhere, at 0, at 255
        moves = np.array(list(product(*bounds)))
        steps.append(moves[_least(moves, best, modulus)[0]])
    return best, np.concatenate(steps).astype(np.float32)


def _least(moves: np.ndarray, weights: tuple[int, int, int], modulus: int) -> tuple[np.ndarray, np.ndarray]:
    """For each residue the number of the move (n, 3) of the least square that makes it, and that square; infinite if
    none does."""
    squares = np.square(moves).sum(axis=1)
    makes = np.where((moves @ weights % modulus)[:, None] == np.arange(modulus), squares[:, None], np.inf)
    return makes.argmin(axis=0), makes.min(axis=0)


def _weighted(pixels: Tensor, red: int, green: int, blue: int) -> Tensor:
    return red * pixels[:, 0:1] + green * pixels[:, 1:2] + blue * pixels[:, 2:3]
