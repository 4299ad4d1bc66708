"""Convolutions of a network with a dial: what its strengths share, and what each has of its own."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

KERNELS = 2
# With 1, Adam would move the strengths at both ends of the dial twice as fast: 2.4 dB less after a minute from random
# weights.
SPREAD = 0.3


class DialConv(nn.Module):
    """(N, channels, h, w) -> (N, out, h, w), as `nn.Conv2d` of an odd `side`, zero beyond the edge, does it.

    The weights of a strength are a sum of two `kernels` that all strengths share, (out, channels, side, side), each
    times a number for every strength and channel of the result, `scales` (strengths, kernels, out); to begin with the
    first times 1, the second, which is 0, times the place on the dial, from -.3 to .3. Each strength has its own
    `shifts` (strengths, out). One kernel would be FiLM (E. Perez et al., "FiLM: visual reasoning with a general
    conditioning layer", AAAI 2018); more are mixed in B. Yang et al., "CondConv: conditionally parameterized
    convolutions for efficient inference", NeurIPS 2019.

    The sum is made before the convolution. Of weights that are not trained it is kept, or it would cost a small picture
    a tenth of its time: load others, do not change them in place. Threads may share it.
    """

    def __init__(self, channels: int, out: int, side: int, strengths: int):
        super().__init__()
        plain = nn.Conv2d(channels, out, side)
        weight, bias = plain.weight.detach(), plain.bias.detach()  # type: ignore[union-attr]
        self.padding = side // 2
        self.kernels = nn.ParameterList(
            [weight.clone() if kernel == 0 else torch.zeros_like(weight) for kernel in range(KERNELS)]
        )
        places = torch.linspace(-SPREAD, SPREAD, strengths)[:, None, None]
        self.scales = nn.Parameter(torch.cat([places**kernel for kernel in range(KERNELS)], dim=1).repeat(1, 1, out))
        self.shifts = nn.Parameter(bias.repeat(strengths, 1))
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}

    @torch.no_grad()
    def blank(self, bias: float = 0.0) -> "DialConv":
        """Sets all weights to 0 and all biases to one value, those of every strength, in place; returns itself."""
        self.shifts.fill_(bias)
        for kernel in self.kernels:
            kernel.zero_()
        return self

    def chosen(self, strength: int) -> tuple[Tensor, Tensor]:
        """Weight (out, channels, side, side) and bias (out,) of a strength, from 1."""
        compiling = torch.compiler.is_compiling()
        # The quick way: the rest takes .2 ms of 22.
        kept = None if compiling or torch.is_grad_enabled() else self._kept.get(strength)
        if kept is not None:
            return kept
        if compiling or any(parameter.requires_grad for parameter in self.parameters()):
            self._kept.clear()
            return self._mixed(strength)
        kept = self._kept.get(strength)
        if kept is None:  # two threads may both come here: they make the same
            with torch.inference_mode(False):  # polishing needs tensors that a gradient may go past
                kept = self._kept[strength] = self._mixed(strength)
        return kept

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
