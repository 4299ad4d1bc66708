"""Convolutions of a network with a dial: what each of its settings has of its own."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# "biases": nothing here. "scales": FiLM, E. Perez et al., "FiLM: visual reasoning with a general conditioning layer", AAAI 2018.
OWN = ("biases", "scales", "weights")


class DialConv(nn.Module):
    """(N, channels, h, w) -> (N, out, h, w), as `nn.Conv2d` of an odd `side`, zero beyond the edge, does it.

    Each of `settings` scales and shifts the channels of the result (`own` is "scales"), or has all weights for itself ("weights"). A
    scale goes into the weights, so that neither costs time. Weights are parameters apart for each setting, not slices of one: those that
    a batch does not use have no gradient, and Adam leaves them where they are. With gradients of zero it would move them all the same,
    by its momentum, and training breaks down.
    """

    def __init__(self, channels: int, out: int, side: int = 3, settings: int = 0, own: str = "biases"):
        super().__init__()
        plain = nn.Conv2d(channels, out, side)
        self.padding = side // 2
        if own == "weights":
            self.weights = nn.ParameterList([plain.weight.detach().clone() for _ in range(settings)])
            self.biases = nn.ParameterList([plain.bias.detach().clone() for _ in range(settings)])  # type: ignore[union-attr]
        else:
            self.weight, self.bias = plain.weight, plain.bias
        self.own = own
        if own == "scales":
            self.scales = nn.Parameter(torch.ones(settings, out))
            self.shifts = nn.Parameter(torch.zeros(settings, out))

    @torch.no_grad()
    def fill(self, weight: float, bias: float) -> "DialConv":
        """Gives all weights and all biases this value, of every setting."""
        for name, parameter in self.named_parameters():
            if name.startswith(("weight", "bias")):
                parameter.fill_(weight if name.startswith("weight") else bias)
        return self

    def chosen(self, strength: int) -> tuple[Tensor, Tensor]:
        """Weight (out, channels, side, side) and bias (out,) of a setting."""
        if self.own == "weights":
            return self.weights[strength - 1], self.biases[strength - 1]
        if self.own == "biases":
            return self.weight, self.bias  # type: ignore[return-value]
        scale, shift = self.scales[strength - 1], self.shifts[strength - 1]
        return self.weight * scale[:, None, None, None], self.bias * scale + shift  # type: ignore[operator]

    def forward(self, x: Tensor, strength: int) -> Tensor:
        return F.conv2d(x, *self.chosen(strength), padding=self.padding)
