"""Pictures of what hiding does, as the paper arranges them (Fig. 4-6)."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

GAIN = 10.0


class Sample(NamedTuple):
    """One pair and what became of it: cover, stego (1, 3, H, W); secret, revealed (1, 1, H, W); all in [0, 1]."""

    cover: Tensor
    secret: Tensor
    stego: Tensor
    revealed: Tensor


def side_by_side(samples: list[Sample], gain: float = GAIN) -> Tensor:
    """One row per sample: cover, stego, residual x `gain` around mid-gray, secret, revealed; (1, 3, H, W) in [0, 1]."""
    rows = []
    for cover, secret, stego, revealed in samples:
        residual = ((stego - cover) * gain + 0.5).clamp(0, 1)
        tiles = [cover, stego, residual, secret.expand_as(cover), revealed.expand_as(cover)]
        rows.append(torch.cat([tile.cpu() for tile in tiles], dim=3))
    width = max(row.shape[3] for row in rows)
    return torch.cat([F.pad(row, (0, width - row.shape[3])) for row in rows], dim=2)
