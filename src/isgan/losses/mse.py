"""`mse`: the mean squared error of stego image and secret (eq. 5)."""

from torch import Tensor
from torch.nn import functional as F

from isgan.losses import losses
from isgan.losses.base import HidingLoss, LossTerms


@losses.register("mse")
class MSELoss(HidingLoss):
    """MSE(C, C') + gamma MSE(S, S') (eq. 5; the paper does not print the weight of the secret in it)."""

    def __init__(self, gamma: float = 0.85):
        super().__init__()
        self.gamma = gamma

    def forward(self, cover: Tensor, stego: Tensor, secret: Tensor, revealed: Tensor) -> LossTerms:
        on_cover, on_secret = F.mse_loss(stego, cover), F.mse_loss(revealed, secret)
        return LossTerms(on_cover + self.gamma * on_secret, on_cover, on_secret)
