"""`masked`: as `psnr`, but a change of the cover counts less where its texture hides it from the eye. Ours, not the paper's."""

from torch import Tensor
from torch.nn import functional as F

from isgan.color import luma
from isgan.errors import IsganError
from isgan.losses import losses
from isgan.losses.psnr import CEILING, PSNRLoss

WINDOW = 5  # pixels a side


@losses.register("masked")
class MaskedLoss(PSNRLoss):
    """The squared errors of the stego image are divided by 1 + (sigma / width)^2, sigma being the cover's standard deviation around.

    That is the noise visibility function of S. Voloshynovskiy et al., "A stochastic approach to content adaptive digital image
    watermarking", Information Hiding 1999. Over each image the weights have a mean of 1: a change that is alike everywhere counts as in
    `psnr`, and so does SSIM.

    Args:
        decibel, structure, gamma, ceiling, hardest, low: as in `psnr`.
        width: the standard deviation of luma, in windows of 5 x 5, at which an error counts half as much as on a flat ground; above 0.
    """

    def __init__(self, decibel: float = 0.01, structure: float = 0.75, gamma: float = 1.0, ceiling: float = CEILING, hardest: float = 1.0,
                 low: float = 0.0, width: float = 0.02):  # fmt: skip
        if not width > 0:
            raise IsganError(f"masked with width={width} is out of bounds: above 0")
        super().__init__(decibel, structure, gamma, ceiling, hardest, low)
        self.width = width

    def weight(self, cover: Tensor) -> Tensor:
        visible = 1 / (1 + variance(luma(cover)) / self.width**2)
        return visible / visible.mean(dim=(2, 3), keepdim=True)


def variance(image: Tensor) -> Tensor:
    """(N, C, H, W) -> the same: of the window around each pixel, as far as it lies inside the image."""

    def mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, WINDOW, stride=1, padding=WINDOW // 2, count_include_pad=False)

    return (mean(image.square()) - mean(image).square()).clamp(min=0)
