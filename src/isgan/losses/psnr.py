"""`psnr`: what the tables report, as a loss: the mean PSNR of the images of a batch, and SSIM. Ours, not the paper's."""

import torch
from torch import Tensor

from isgan.losses import losses
from isgan.losses.base import HidingLoss, LossTerms
from isgan.metrics.quality import ssim

# dB. Flat crops, in which hiding is easy, would otherwise outweigh all others.
CEILING = 50.0


def decibels(x: Tensor, y: Tensor, ceiling: float = CEILING) -> Tensor:
    """The mean over a batch, (N, C, H, W) each, of 10 log10(MSE + 10^(-ceiling / 10)) of each image: minus its PSNR in dB, scalar."""
    errors = (x - y).square().flatten(1).mean(dim=1)
    return 10 * torch.log10(errors + 10 ** (-ceiling / 10)).mean()


@losses.register("psnr")
class PSNRLoss(HidingLoss):
    """L(x, x') = decibel 10 log10(MSE + 10^(-ceiling / 10)) + structure (1 - SSIM), mean over images;
    total = L(C, C') + gamma L(S, S').

    Unlike MSE, which the hardest images of a batch decide, each image counts by its decibels, as in the mean that is
    reported.

    Args:
        decibel: weight of a decibel.
        structure: weight of SSIM.
        gamma: weight of the secret.
        ceiling: PSNR in dB at which a decibel of the secret counts half, and beyond less. The stego image's own is 50.
    """

    def __init__(self, decibel: float = 0.01, structure: float = 0.75, gamma: float = 1.0, ceiling: float = CEILING):
        super().__init__()
        self.decibel, self.structure, self.gamma, self.ceiling = decibel, structure, gamma, ceiling

    def distance(self, x: Tensor, y: Tensor, ceiling: float) -> Tensor:
        """Scalar distance of two batches (N, C, H, W); lower is closer, and it may be negative."""
        return self.decibel * decibels(x, y, ceiling) + self.structure * (1 - ssim(x, y)).mean()

    def forward(self, cover: Tensor, stego: Tensor, secret: Tensor, revealed: Tensor) -> LossTerms:
        with torch.autocast(cover.device.type, enabled=False):
            on_cover = self.distance(cover, stego, CEILING)
            on_secret = self.distance(secret, revealed.float(), self.ceiling)
        return LossTerms(on_cover + self.gamma * on_secret, on_cover, on_secret)
