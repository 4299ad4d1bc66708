"""`charbonnier`: a mean error that grows with its square where it is small, and with itself where it is large. Ours, not the paper's."""

from torch import Tensor

from isgan.errors import IsganError
from isgan.losses import losses
from isgan.losses.base import HidingLoss, LossTerms


@losses.register("charbonnier")
class CharbonnierLoss(HidingLoss):
    """L(x, x') = mean of sqrt((x - x')^2 + width^2) - width;   total = L(C, C') + gamma L(S, S').

    P. Charbonnier et al., "Two deterministic half-quadratic regularization algorithms for computed imaging", ICIP 1994.

    Args:
        width: above 0; errors well below it count by their square. A gray level is .004.
        gamma: weight of the secret.
    """

    def __init__(self, width: float = 1e-3, gamma: float = 1.0):
        if not width > 0:
            raise IsganError(f"charbonnier with width={width} is out of bounds: above 0")
        super().__init__()
        self.width, self.gamma = width, gamma

    def distance(self, x: Tensor, y: Tensor) -> Tensor:
        """Scalar distance of two batches (N, C, H, W)."""
        return ((x - y).float().square() + self.width**2).sqrt().mean() - self.width

    def forward(self, cover: Tensor, stego: Tensor, secret: Tensor, revealed: Tensor) -> LossTerms:
        on_cover, on_secret = self.distance(cover, stego), self.distance(secret, revealed)
        return LossTerms(on_cover + self.gamma * on_secret, on_cover, on_secret)
