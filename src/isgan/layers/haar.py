"""The two-dimensional Haar wavelet transform as one strided convolution, exactly invertible.

Mallat's pyramid of `levels` levels turns each 2^levels x 2^levels block of pixels into 4^levels coefficients (channel 0
is the low-pass band). Finer detail bands keep their positions as channels, so every channel has the same size. The
basis is orthonormal: energy is preserved and the inverse is the transposed convolution with the same kernels.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BUTTERFLY = torch.tensor([[1.0, 1.0], [1.0, -1.0]]) / 2**0.5


def haar_kernels(levels: int) -> Tensor:
    """The orthonormal basis, (4^levels, 1, 2^levels, 2^levels): low-pass first, then the detail bands from coarse to
    fine."""
    if levels == 0:
        return torch.ones(1, 1, 1, 1)
    coarse = haar_kernels(levels - 1)
    low, high = BUTTERFLY
    half = 2 ** (levels - 1)
    # The coarser pyramid acts on the low-pass band of this level: every coarse coefficient spreads over 2x2 pixels.
    kernels = [torch.kron(kernel[0], torch.outer(low, low)) for kernel in coarse]
    for vertical, horizontal in ((low, high), (high, low), (high, high)):
        for row in range(half):
            for column in range(half):
                kernel = torch.zeros(2 * half, 2 * half)
                kernel[2 * row : 2 * row + 2, 2 * column : 2 * column + 2] = torch.outer(vertical, horizontal)
                kernels.append(kernel)
    return torch.stack(kernels)[:, None]


class Haar(nn.Module):
    """(N, 1, H, W) -> (N, 4^levels, H / 2^levels, W / 2^levels); H and W are multiples of 2^levels.

    Always in float32, under autocast too: bfloat16 has steps of a whole gray level near white.

    Attributes:
        reach: how far, in pixels, one that `inverse` gives may be from one of the image that its coefficients depend
            on.
    """

    kernels: Tensor

    def __init__(self, levels: int = 2):
        super().__init__()
        self.stride = 2**levels
        self.reach = self.stride - 1
        self.register_buffer("kernels", haar_kernels(levels)[:, 0], persistent=False)

    def basis(self) -> Tensor:
        """What it convolves with, (4^levels, 1, 2^levels, 2^levels), orthonormal."""
        return self.kernels[:, None]

    def forward(self, image: Tensor) -> Tensor:
        with torch.autocast(image.device.type, enabled=False):
            return F.conv2d(image.float(), self.basis(), stride=self.stride)

    def inverse(self, bands: Tensor) -> Tensor:
        """(N, 4^levels, h, w) -> (N, 1, h * 2^levels, w * 2^levels), undoing `forward`."""
        with torch.autocast(bands.device.type, enabled=False):
            return F.conv_transpose2d(bands.float(), self.basis(), stride=self.stride)
