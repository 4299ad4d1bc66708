"""Convolutions of a network with a dial: what each of its settings has of its own."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# "biases": nothing here. "scales": FiLM, E. Perez et al., "FiLM: visual reasoning with a general conditioning layer", AAAI 2018.
OWN = ("biases", "scales", "weights")


class DialConv(nn.Module):
    """(N, channels, h, w) -> (N, out, h, w), as `nn.Conv2d` of an odd `side`, zero beyond the edge, does it.

    Each of `settings` scales and shifts the channels of the result (`own` is "scales"), or has all weights for itself ("weights"). A
    scale goes into the weights, so that neither costs time.
    """

    def __init__(self, channels: int, out: int, side: int = 3, settings: int = 0, own: str = "biases"):
        super().__init__()
        plain = nn.Conv2d(channels, out, side)
        self.out, self.padding, self.sets = out, side // 2, settings if own == "weights" else 1
        self.weight = nn.Parameter(plain.weight.detach().repeat(self.sets, 1, 1, 1))
        self.bias = nn.Parameter(plain.bias.detach().repeat(self.sets))  # type: ignore[union-attr]
        self.scales = nn.Parameter(torch.ones(settings, out)) if own == "scales" else None
        self.shifts = nn.Parameter(torch.zeros(settings, out)) if own == "scales" else None

    def chosen(self, strength: int) -> tuple[Tensor, Tensor]:
        """Weight (out, channels, side, side) and bias (out,) of a setting."""
        weight: Tensor = self.weight
        bias: Tensor = self.bias
        if self.sets > 1:
            own = slice((strength - 1) * self.out, strength * self.out)
            weight, bias = weight[own], bias[own]
        if self.scales is not None and self.shifts is not None:
            scale = self.scales[strength - 1]
            weight, bias = weight * scale[:, None, None, None], bias * scale + self.shifts[strength - 1]
        return weight, bias

    def forward(self, x: Tensor, strength: int) -> Tensor:
        return F.conv2d(x, *self.chosen(strength), padding=self.padding)
