"""How a pixel of 8 bits carries a symbol: its colour makes a whole number, taken modulo `modulus`; the least change makes that the symbol.

What the receiver reads does not depend on the cover, and saving as 8 bits loses nothing (quantisation index modulation, Chen and
Wornell 2001). Pixels are (N, 3, H, W) whole numbers in 0 ... 255, symbols (N, 1, H, W) whole numbers in 0 ... modulus - 1.
"""

import functools
from abc import ABC, abstractmethod
from itertools import product

import numpy as np
import torch
from torch import Tensor


class Carrier(ABC):
    """Attributes: `moduli`, those of a dial, from faint to faithful; `most`, the largest there is room for."""

    moduli: tuple[int, ...]
    most: int

    def __init__(self, modulus: int):
        self.modulus = modulus

    @abstractmethod
    def read(self, pixels: Tensor) -> Tensor:
        """pixels -> symbols; of no meaning where there is no `room`."""

    @abstractmethod
    def carry(self, pixels: Tensor, symbols: Tensor) -> Tensor:
        """pixels, symbols -> pixels that `read` as the symbols where there is `room`."""

    def room(self, pixels: Tensor) -> Tensor:
        """1 where a pixel carries a symbol, else 0, (N, 1, H, W); the same for what `carry` makes of them."""
        return torch.ones_like(pixels[:, :1])

    def votes(self, pixels: Tensor) -> Tensor:
        """Whether the lowest bit of B is free to say something besides, whatever the modulus; (N, 1, H, W)."""
        return torch.ones_like(pixels[:, :1], dtype=torch.bool)


class LumaCarrier(Carrier):
    """R, G and B move together, so that the whole part of luma is the symbol, modulo `modulus`; Cb and Cr stay as they are.

    The mean square of the changes is (modulus^2 - 1) / 12, or a little more. Where max - min > 256 - modulus there is not room for every
    residue; the change leaves max - min as it is, so the receiver knows these pixels too.
    """

    # The stego image has 51.1, 49.9, 46.4, 45.1, 43.1, 40.7 and 38.1 dB.
    moduli, most = (2, 3, 4, 5, 6, 8, 11), 16

    def read(self, pixels: Tensor) -> Tensor:
        level = torch.div(_weighted(pixels, 299, 587, 114), 1000, rounding_mode="floor")  # exact: whole numbers under 2^24
        return level % self.modulus

    def carry(self, pixels: Tensor, symbols: Tensor) -> Tensor:
        least = (self.modulus - 1) // 2
        change = (symbols - self.read(pixels) + least) % self.modulus - least
        # One step further round leads to the same residue on the other side, where a dark or bright pixel has room.
        change = change + self.modulus * (change < -pixels.amin(dim=1, keepdim=True)).float()
        change = change - self.modulus * (change > 255 - pixels.amax(dim=1, keepdim=True)).float()
        return pixels + change * self.room(pixels)

    def room(self, pixels: Tensor) -> Tensor:
        return (_spread(pixels) <= 256 - self.modulus).float()

    def votes(self, pixels: Tensor) -> Tensor:
        """Not white, the only colour of its luma, nor where a level of B may decide about `room`."""
        return (pixels.amin(dim=1, keepdim=True) < 255) & (_spread(pixels) < 256 - max(self.moduli))


class ColorCarrier(Carrier):
    """The symbol is a R + b G + c B modulo `modulus`; of R, G and B one moves by a level (to 7 symbols), or up to two (17) or three (27).

    With a, b, c = 1, 2, 3 and 7 symbols each is reached by leaving the pixel or moving one channel up or down: a perfect code, the
    exploiting modification direction of Zhang and Wang (2006). For other moduli a, b, c are searched for. No channel moves by more than
    a level, but at 0 and 255, and every colour carries every symbol. Chroma moves with luma.
    """

    # The stego image has 55.9, 54.7, 54.2, 53.6, 51.9, 51.1 and 49.9 dB.
    moduli, most = (2, 3, 4, 7, 11, 17, 27), 27

    def __init__(self, modulus: int):
        super().__init__(modulus)
        self.weights, steps = _weights_and_steps(modulus)
        self.steps = torch.from_numpy(steps)

    def read(self, pixels: Tensor) -> Tensor:
        return _weighted(pixels, *self.weights) % self.modulus

    def carry(self, pixels: Tensor, symbols: Tensor) -> Tensor:
        missing = (symbols - self.read(pixels)) % self.modulus
        bounds = (pixels == 0).float() + 2 * (pixels == 255).float()
        row = (_weighted(bounds, 9, 3, 1) * self.modulus + missing)[:, 0].long()
        return pixels + self.steps.to(pixels.device)[row].permute(0, 3, 1, 2)


@functools.cache
def _weights_and_steps(modulus: int) -> tuple[tuple[int, int, int], np.ndarray]:
    """a, b, c of the least mean square change, and the changes, (27 * modulus, 3): which channels are 0 or 255, then what is missing."""
    free = np.array(list(product((-1, 0, 1), repeat=3)))
    half = range(1, modulus // 2 + 1)
    best = min(((a, b, c) for a in half for b in half[a - 1 :] for c in half[b - 1 :]), key=lambda w: _least(free, w, modulus)[1].sum())
    steps = []
    for bounds in product(((-1, 0, 1), (0, 1, 2, 3), (0, -1, -2, -3)), repeat=3):  # anywhere, at 0, at 255
        moves = np.array(list(product(*bounds)))
        steps.append(moves[_least(moves, best, modulus)[0]])
    return best, np.concatenate(steps).astype(np.float32)


def _least(moves: np.ndarray, weights: tuple[int, int, int], modulus: int) -> tuple[np.ndarray, np.ndarray]:
    """For each residue the number of the move (n, 3) of the least square that makes it, and that square; infinite if none does."""
    squares = np.square(moves).sum(axis=1)
    makes = np.where((moves @ weights % modulus)[:, None] == np.arange(modulus), squares[:, None], np.inf)
    return makes.argmin(axis=0), makes.min(axis=0)


def _weighted(pixels: Tensor, red: int, green: int, blue: int) -> Tensor:
    return red * pixels[:, 0:1] + green * pixels[:, 1:2] + blue * pixels[:, 2:3]


def _spread(pixels: Tensor) -> Tensor:
    return pixels.amax(dim=1, keepdim=True) - pixels.amin(dim=1, keepdim=True)
