"""The contract of a hiding loss."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn


class LossTerms(NamedTuple):
    """Scalars: what is minimised, and its two parts before they are weighted against each other."""

    total: Tensor
    cover: Tensor
    secret: Tensor


class HidingLoss(nn.Module, ABC):
    """Compares a pair with what the sender made and the receiver got."""

    @abstractmethod
    def forward(self, cover: Tensor, stego: Tensor, secret: Tensor, revealed: Tensor) -> LossTerms:
        """cover, stego (N, 3, H, W) and secret, revealed (N, 1, H, W), all float, about [0, 1]."""
