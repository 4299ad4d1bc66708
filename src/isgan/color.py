"""RGB <-> YCbCr, full-range BT.601 as in JPEG/JFIF, unclamped, so that the pair is an exact inverse (up to float
rounding).

Y = .299 R + .587 G + .114 B; Cb and Cr are offset by 128/255. Adding one value d to R, G and B adds d to Y and leaves
Cb and Cr alone, which is how the paper's way hides in the Y channel.
"""

import torch
from torch import Tensor

KR, KG, KB = 0.299, 0.587, 0.114
OFFSET = 128 / 255


def luma(rgb: Tensor) -> Tensor:
    """Y of RGB: (N, 3, H, W) -> (N, 1, H, W), both in [0, 1]."""
    return KR * rgb[:, 0:1] + KG * rgb[:, 1:2] + KB * rgb[:, 2:3]


def rgb_to_ycbcr(rgb: Tensor) -> Tensor:
    """(N, 3, H, W) RGB in [0, 1] -> (N, 3, H, W) Y, Cb, Cr in [0, 1] (Cb, Cr reach 256/255 at pure blue and red)."""
    y = luma(rgb)
    cb = (rgb[:, 2:3] - y) / (2 * (1 - KB)) + OFFSET
    cr = (rgb[:, 0:1] - y) / (2 * (1 - KR)) + OFFSET
    return torch.cat([y, cb, cr], dim=1)


def ycbcr_to_rgb(ycbcr: Tensor) -> Tensor:
    """The inverse of `rgb_to_ycbcr`; values outside [0, 1] are kept, not clamped."""
    y, cb, cr = ycbcr[:, 0:1], ycbcr[:, 1:2] - OFFSET, ycbcr[:, 2:3] - OFFSET
    r = y + 2 * (1 - KR) * cr
    b = y + 2 * (1 - KB) * cb
    g = (y - KR * r - KB * b) / KG
    return torch.cat([r, g, b], dim=1)
