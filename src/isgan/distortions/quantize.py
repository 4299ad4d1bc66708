"""Saving as 8 bits: clip to [0, 1] and round to multiples of 1/255."""

from typing import ClassVar

from torch import Tensor, nn

from isgan.distortions import distortions


def round_straight_through(x: Tensor) -> Tensor:
    """Whole numbers, exactly; the gradient passes as if nothing had happened."""
    return x.round().detach() + (x - x.detach())


def quantize(image: Tensor, levels: int = 255) -> Tensor:
    """Clip and round to the nearest of `levels` + 1 values; the gradient passes straight through, clipping included."""
    return (image.clamp(0, 1) * levels).round().detach() / levels + (image - image.detach())


@distortions.register("quantize")
class Quantize(nn.Module):
    """(N, C, H, W) -> the same, on the grid of `2 ** bits` values that a file of `bits` bits per sample can hold."""

    strengths: ClassVar[tuple[int, ...]] = (8, 7, 6)

    def __init__(self, bits: int = 8):
        super().__init__()
        self.levels = 2**bits - 1

    def forward(self, stego: Tensor) -> Tensor:
        return quantize(stego, self.levels)
