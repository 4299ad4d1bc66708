"""Convolutions of a network with a dial: what its strengths share, and what each has of its own."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# What a strength has of its own: a bias in some places, which are not here; how the kernels that all strengths share are mixed, in each
# channel of the result, and a shift of it; or all weights. Of one kernel a channel that is a scale and a shift, as in E. Perez et al.,
# "FiLM: visual reasoning with a general conditioning layer", AAAI 2018; more are mixed in B. Yang et al., "CondConv: conditionally
# parameterized convolutions for efficient inference", NeurIPS 2019.
CONDITIONINGS = ("bias", "film", "mixture", "weights")
KERNELS = {"film": 1, "mixture": 2}
# With 1, Adam would move the strengths at both ends of the dial twice as fast: 2.4 dB less after a minute from random weights.
SPREAD = 0.3


class DialConv(nn.Module):
    """(N, channels, h, w) -> (N, out, h, w), as `nn.Conv2d` of an odd `side`, zero beyond the edge, does it.

    With "film" or "mixture" the weights of a strength are a sum of one or two `kernels` that all strengths share, (out, channels, side,
    side), each times a number for every strength and channel of the result, `scales` (strengths, kernels, out); to begin with the first
    times 1, the second, which is 0, times the place on the dial, from -.3 to .3. The sum is made before the convolution; of weights that
    are not trained it is kept, or it would cost a small picture a tenth of its time: load others, do not change them in place.

    With "weights" each strength has parameters for itself, not slices of one: those that a batch does not use have no gradient, and Adam
    leaves them where they are. With gradients of zero it would move them all the same, by its momentum, and training breaks down. (Scales
    and shifts are slices, and bear it: the kernels have a gradient from every batch.)
    """

    def __init__(self, channels: int, out: int, side: int = 3, strengths: int = 0, conditioning: str = "bias"):
        super().__init__()
        plain = nn.Conv2d(channels, out, side)
        weight, bias = plain.weight.detach(), plain.bias.detach()  # type: ignore[union-attr]
        self.padding = side // 2
        self.conditioning = conditioning
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}
        if conditioning == "weights":
            self.weights = nn.ParameterList([weight.clone() for _ in range(strengths)])
            self.biases = nn.ParameterList([bias.clone() for _ in range(strengths)])
        elif conditioning == "bias":
            self.weight, self.bias = plain.weight, plain.bias
        else:
            kernels = KERNELS[conditioning]
            self.kernels = nn.ParameterList([weight.clone() if kernel == 0 else torch.zeros_like(weight) for kernel in range(kernels)])
            places = torch.linspace(-SPREAD, SPREAD, strengths)[:, None, None]
            self.scales = nn.Parameter(torch.cat([places**kernel for kernel in range(kernels)], dim=1).repeat(1, 1, out))
            self.shifts = nn.Parameter(bias.repeat(strengths, 1))

    @torch.no_grad()
    def blank(self, bias: float = 0.0) -> "DialConv":
        """Sets all weights to 0 and all biases to one value, those of every strength, in place; returns itself."""
        for name, parameter in self.named_parameters():
            if name.startswith(("bias", "shifts")):
                parameter.fill_(bias)
            elif name.startswith(("weight", "kernels")):
                parameter.zero_()
        return self

    def chosen(self, strength: int) -> tuple[Tensor, Tensor]:
        """Weight (out, channels, side, side) and bias (out,) of a strength, from 1; a network without a dial has 0."""
        if self.conditioning == "weights":
            return self.weights[strength - 1], self.biases[strength - 1]
        if self.conditioning == "bias":
            return self.weight, self.bias  # type: ignore[return-value]
        compiling = torch.compiler.is_compiling()
        kept = None if compiling or torch.is_grad_enabled() else self._kept.get(strength)  # the quick way: the rest takes .2 ms of 22
        if kept is not None:
            return kept
        if compiling or any(parameter.requires_grad for parameter in self.parameters()):
            self._kept.clear()
            return self._mixed(strength)
        if strength not in self._kept:
            with torch.inference_mode(False):  # polishing needs tensors that a gradient may go past
                self._kept[strength] = self._mixed(strength)
        return self._kept[strength]

    def _mixed(self, strength: int) -> tuple[Tensor, Tensor]:
        scales = self.scales[strength - 1, :, :, None, None, None]
        weight = sum(kernel * scale for kernel, scale in zip(self.kernels, scales, strict=True))
        return weight, self.shifts[strength - 1]  # type: ignore[return-value]

    def _apply(self, *arguments: Any, **options: Any) -> "DialConv":
        self._kept.clear()
        return super()._apply(*arguments, **options)

    def _load_from_state_dict(self, *arguments: Any) -> None:
        self._kept.clear()
        super()._load_from_state_dict(*arguments)

    def forward(self, x: Tensor, strength: int) -> Tensor:
        return F.conv2d(x, *self.chosen(strength), padding=self.padding)
