"""`psnr`: what the tables report, as a loss: the mean PSNR of the images of a batch, and SSIM. Ours, not the paper's."""

import torch
from torch import Tensor

from isgan.losses import losses
from isgan.losses.base import HidingLoss, LossTerms
from isgan.metrics.quality import ssim

# 50 dB: flat crops, which hide for nothing, would otherwise outweigh all others.
FLOOR = 1e-5


@losses.register("psnr")
class PSNRLoss(HidingLoss):
    """L(x, x') = decibel 10 log10(MSE + 1e-5) + structure (1 - SSIM), mean over images;   total = L(C, C') + gamma L(S, S').

    Unlike MSE, which the hardest images of a batch decide, each image counts by its decibels, as in the mean that is reported.

    Args:
        decibel: what a decibel is worth.
        structure: what SSIM is worth.
        gamma: weight of the secret.
    """

    def __init__(self, decibel: float = 0.01, structure: float = 0.75, gamma: float = 1.0):
        super().__init__()
        self.decibel, self.structure, self.gamma = decibel, structure, gamma

    def distance(self, x: Tensor, y: Tensor) -> Tensor:
        """Scalar distance of two batches (N, C, H, W); lower is closer, and it may be negative."""
        mse = (x - y).square().flatten(1).mean(dim=1)
        return (self.decibel * 10 * torch.log10(mse + FLOOR) + self.structure * (1 - ssim(x, y))).mean()

    def forward(self, cover: Tensor, stego: Tensor, secret: Tensor, revealed: Tensor) -> LossTerms:
        with torch.autocast(cover.device.type, enabled=False):
            on_cover, on_secret = self.distance(cover, stego), self.distance(secret, revealed.float())
        return LossTerms(on_cover + self.gamma * on_secret, on_cover, on_secret)
