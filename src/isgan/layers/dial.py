"""Convolutions of a network with a dial: what each of its strengths has of its own."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# What a strength has of its own: a bias in some places, which are not here; a scale and a shift of each channel, as in E. Perez et al.,
# "FiLM: visual reasoning with a general conditioning layer", AAAI 2018; or all weights.
CONDITIONINGS = ("bias", "film", "weights")


class DialConv(nn.Module):
    """(N, channels, h, w) -> (N, out, h, w), as `nn.Conv2d` of an odd `side`, zero beyond the edge, does it.

    With "film" each of `strengths` scales and shifts the channels of the result; the scale goes into the weights, so that it costs no
    time. With "weights" each has parameters for itself, not slices of one: those that a batch does not use have no gradient, and Adam
    leaves them where they are. With gradients of zero it would move them all the same, by its momentum, and training breaks down.
    """

    def __init__(self, channels: int, out: int, side: int = 3, strengths: int = 0, conditioning: str = "bias"):
        super().__init__()
        plain = nn.Conv2d(channels, out, side)
        self.padding = side // 2
        if conditioning == "weights":
            self.weights = nn.ParameterList([plain.weight.detach().clone() for _ in range(strengths)])
            self.biases = nn.ParameterList([plain.bias.detach().clone() for _ in range(strengths)])  # type: ignore[union-attr]
        else:
            self.weight, self.bias = plain.weight, plain.bias
        self.conditioning = conditioning
        if conditioning == "film":
            self.scales = nn.Parameter(torch.ones(strengths, out))
            self.shifts = nn.Parameter(torch.zeros(strengths, out))

    @torch.no_grad()
    def fill(self, weight: float, bias: float) -> "DialConv":
        """Gives all weights one value and all biases another, those of every strength, in place; returns itself."""
        for name, parameter in self.named_parameters():
            if name.startswith(("weight", "bias")):
                parameter.fill_(weight if name.startswith("weight") else bias)
        return self

    def chosen(self, strength: int) -> tuple[Tensor, Tensor]:
        """Weight (out, channels, side, side) and bias (out,) of a strength, from 1; a network without a dial has 0."""
        if self.conditioning == "weights":
            return self.weights[strength - 1], self.biases[strength - 1]
        if self.conditioning == "bias":
            return self.weight, self.bias  # type: ignore[return-value]
        scale, shift = self.scales[strength - 1], self.shifts[strength - 1]
        return self.weight * scale[:, None, None, None], self.bias * scale + shift  # type: ignore[operator]

    def forward(self, x: Tensor, strength: int) -> Tensor:
        return F.conv2d(x, *self.chosen(strength), padding=self.padding)
