"""Pictures of 8 bits as tensors, and back."""

import numpy as np
import torch
from torch import Tensor

from isgan.errors import IsganError


def to_tensor(picture: np.ndarray) -> Tensor:
    """(H, W, 3) or (H, W) uint8 in 0 ... 255 -> (1, 3, H, W) or (1, 1, H, W) float32 in [0, 1]."""
    planes = np.atleast_3d(picture).transpose(2, 0, 1)[None]
    return torch.from_numpy(np.ascontiguousarray(planes, dtype=np.float32) / 255)


def to_array(image: Tensor) -> np.ndarray:
    """(1, 3, H, W) or (1, 1, H, W) float in [0, 1] -> (H, W, 3) or (H, W) uint8, clipped and rounded, never truncated.

    Raises:
        ValueError: another shape.
        IsganError: a value is not a number.
    """
    if image.ndim != 4 or image.shape[0] != 1 or image.shape[1] not in (1, 3):
        raise ValueError(f"expected shape (1, 3, H, W) or (1, 1, H, W), got {tuple(image.shape)}")
    pixels = image.detach().float()
    if torch.isnan(pixels).any():
        raise IsganError("the network returned values that are not numbers: use other weights, or float32")
    pixels = (pixels.clamp(0, 1) * 255).round().to(torch.uint8).cpu()
    return np.ascontiguousarray(pixels[0, 0] if pixels.shape[1] == 1 else pixels[0].permute(1, 2, 0))
