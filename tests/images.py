"""Made images on the 8-bit grid, as tensors."""

import torch
from torch import Tensor


def eight_bit(*shape: int, seed: int = 0) -> Tensor:
    """Random images with all values from black to white, on the 8-bit grid."""
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(seed)).float() / 255


def pair(height: int, width: int, batch: int = 1) -> tuple[Tensor, Tensor]:
    return eight_bit(batch, 3, height, width), eight_bit(batch, 1, height, width, seed=1)


def on_grid(image: Tensor) -> bool:
    """Exactly the values that an 8-bit file gives back."""
    levels = (image * 255).round()
    return torch.equal(image, levels / 255) and levels.min() >= 0 and levels.max() <= 255
