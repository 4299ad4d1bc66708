"""Saving as 8 bits: clip to [0, 1] and round to multiples of 1/255."""

from itertools import product

import torch
from torch import Tensor
from torch.nn import functional as F

from isgan.color import KB, KG, KR, luma

# Which of R, G and B go one level up, and what that adds to Y.
STEPS = torch.tensor(list(product((0.0, 1.0), repeat=3)))
LIFTS = (STEPS * torch.tensor([KR, KG, KB]))[:, :, None, None]


def round_straight_through(x: Tensor) -> Tensor:
    """Whole numbers, exactly; the gradient passes as if nothing had happened."""
    return x.round().detach() + (x - x.detach())


def quantize(image: Tensor, levels: int = 255) -> Tensor:
    """Clip and round to the nearest of `levels` + 1 values; the gradient passes straight through, clipping included."""
    return (image.clamp(0, 1) * levels).round().detach() / levels + (image - image.detach())


def quantize_luma(image: Tensor) -> Tensor:
    """Clip and round RGB (N, 3, H, W) to 8 bits so that Y comes out as near as it can; the gradient passes straight
    through.

    R, G and B each go down or up to a whole level, in the one of eight ways that keeps Y best: .045 levels of noise on
    Y, where rounding all three alike leaves .29. The colour of a pixel moves by less than a level.
    """
    wanted = image.detach().float().clamp(0, 1) * 255
    low = (wanted + 1e-3).floor()  # a whole level may have come as a hair less
    room = (low < 255).float()
    missing = luma(wanted - low)
    nearest = (F.conv2d(room, LIFTS.to(room)) - missing).abs().argmin(dim=1)
    levels = low + room * STEPS.to(room)[nearest].movedim(-1, 1)
    return levels / 255 + (image - image.detach())
