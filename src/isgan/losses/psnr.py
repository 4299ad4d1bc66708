"""`psnr`: what the tables report, as a loss: the mean PSNR of the images of a batch, and SSIM. Ours, not the paper's."""

import torch
from torch import Tensor
from torch.nn import functional as F

from isgan.errors import IsganError
from isgan.losses import losses
from isgan.losses.base import HidingLoss, LossTerms
from isgan.metrics.quality import ssim

# dB. Flat crops, which hide for nothing, would otherwise outweigh all others.
CEILING = 50.0


@losses.register("psnr")
class PSNRLoss(HidingLoss):
    """L(x, x') = decibel 10 log10(MSE + 10^(-ceiling / 10)) + structure (1 - SSIM), mean over images;   total = L(C, C') + gamma L(S, S').

    Unlike MSE, which the hardest images of a batch decide, each image counts by its decibels, as in the mean that is reported.

    Args:
        decibel: what a decibel is worth.
        structure: what SSIM is worth.
        gamma: weight of the secret.
        ceiling: PSNR in dB at which a decibel of the secret counts half, and beyond less: the stego image gains where secrets are
            good. The stego image's own is 50.
        low: what a decibel of the stego image's means over 4 x 4 pixels is worth, as HiNet's low-frequency loss.
        hardest: share of the pairs of a batch that count, above 0 to 1: those with the worst secrets, at least one.
    """

    def __init__(self, decibel: float = 0.01, structure: float = 0.75, gamma: float = 1.0, ceiling: float = CEILING, hardest: float = 1.0,
                 low: float = 0.0):  # fmt: skip
        if not 0 < hardest <= 1:
            raise IsganError(f"a loss with hardest={hardest} is out of bounds: above 0, at most 1")
        super().__init__()
        self.decibel, self.structure, self.gamma, self.ceiling = decibel, structure, gamma, ceiling
        self.hardest, self.low = hardest, low

    def distances(self, x: Tensor, y: Tensor, ceiling: float = CEILING, weight: Tensor | float = 1.0) -> Tensor:
        """Distance of each image of two batches (N, C, H, W), (N,); lower is closer, and it may be negative.

        `weight`, (N, 1, H, W), is what the squared error of a pixel counts.
        """
        return self.decibel * _decibels((x - y).square() * weight, ceiling) + self.structure * (1 - ssim(x, y))

    def weight(self, cover: Tensor) -> Tensor | float:
        """What the squared error of a stego pixel counts, (N, 1, H, W), from the cover (N, 3, H, W); here all count alike."""
        return 1.0

    def forward(self, cover: Tensor, stego: Tensor, secret: Tensor, revealed: Tensor) -> LossTerms:
        with torch.autocast(cover.device.type, enabled=False):
            on_cover = self.distances(cover, stego, weight=self.weight(cover))
            if self.low:
                on_cover = on_cover + self.low * _decibels(F.avg_pool2d(stego - cover, 4).square(), CEILING)
            on_secret = self.distances(secret, revealed.float(), self.ceiling)
        if self.hardest < 1:
            chosen = on_secret.topk(max(1, round(self.hardest * len(on_secret)))).indices
            on_cover, on_secret = on_cover[chosen], on_secret[chosen]
        cover_term, secret_term = on_cover.mean(), on_secret.mean()
        return LossTerms(cover_term + self.gamma * secret_term, cover_term, secret_term)


def _decibels(squares: Tensor, ceiling: float) -> Tensor:
    """Of the mean of squared errors (N, C, H, W), negative where they are small, at least minus the ceiling; (N,)."""
    return 10 * torch.log10(squares.flatten(1).mean(dim=1) + 10 ** (-ceiling / 10))
