"""`mixed`: the paper's loss of SSIM, MS-SSIM and MSE (eq. 10-12)."""

import torch
from torch import Tensor
from torch.nn import functional as F

from isgan.losses import losses
from isgan.losses.base import HidingLoss, LossTerms
from isgan.losses.psnr import decibels
from isgan.metrics.quality import ms_ssim, ssim


@losses.register("mixed")
class MixedLoss(HidingLoss):
    """L(x, x') = alpha (1 - SSIM) + (1 - alpha)(1 - MS-SSIM) + beta MSE;   total = L(C, C') + gamma L(S, S').

    The defaults are the paper's. alpha = 1 leaves MS-SSIM out, alpha = 0 SSIM; `structure` scales both against the MSE,
    so that 0 leaves plain MSE. On images too small for five scales MS-SSIM uses fewer (see `metrics.quality.ms_ssim`).
    `decibel` > 0 adds decibel 10 log10(MSE + 1e-5) of each image (ours): with beta = 0 it stands for the MSE, which the
    one or two hardest images of a batch decide.
    """

    def __init__(
        self, alpha: float = 0.5, beta: float = 0.3, gamma: float = 0.85, structure: float = 1.0, decibel: float = 0.0
    ):
        super().__init__()
        self.alpha, self.beta, self.gamma, self.structure, self.decibel = alpha, beta, gamma, structure, decibel

    def distance(self, x: Tensor, y: Tensor) -> Tensor:
        """Eq. 10 (and 11): scalar distance of two batches (N, C, H, W)."""
        distance = self.beta * F.mse_loss(y, x)
        if self.structure and self.alpha:
            distance = distance + self.structure * self.alpha * (1 - ssim(x, y)).mean()
        if self.structure and self.alpha < 1:
            distance = distance + self.structure * (1 - self.alpha) * (1 - ms_ssim(x, y)).mean()
        if self.decibel:
            distance = distance + self.decibel * decibels(x, y)
        return distance

    def forward(self, cover: Tensor, stego: Tensor, secret: Tensor, revealed: Tensor) -> LossTerms:
        with torch.autocast(cover.device.type, enabled=False):  # variances are small differences: bf16 would lose them
            on_cover, on_secret = self.distance(cover, stego), self.distance(secret, revealed.float())
        return LossTerms(on_cover + self.gamma * on_secret, on_cover, on_secret)
