"""The paper's inception block with a residual shortcut (Fig. 3; the branches are the authors')."""

import torch
from torch import Tensor, nn

# The authors' slope in the hiding networks (torch's default).
SLOPE = 0.01


def conv_bn_act(in_channels: int, out_channels: int, kernel: int) -> nn.Sequential:
    """Convolution without bias (BatchNorm has one), BatchNorm, LeakyReLU; (N, in, H, W) -> (N, out, H, W)."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.LeakyReLU(SLOPE),
    )


class InceptionBlock(nn.Module):
    """Four branches of out/4 channels each, concatenated, plus a 1x1 convolution of the input.

        x --+-- 1x1 -----------------+
            +-- 1x1 (no BN) -- 3x3 --+-- concat -- (+) -->
            +-- 1x1 (no BN) -- 5x5 --+              |
            +-- 3x3 max pool - 1x1 --+              |
            +-- 1x1 (shortcut: no BN, no activation)+

    Each branch ends in its own BatchNorm + LeakyReLU. `out_channels` is a multiple of 4.
    """

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        width = out_channels // 4
        self.branches = nn.ModuleList(
            [
                conv_bn_act(in_channels, width, 1),
                nn.Sequential(nn.Conv2d(in_channels, width, 1), *conv_bn_act(width, width, 3)),
                nn.Sequential(nn.Conv2d(in_channels, width, 1), *conv_bn_act(width, width, 5)),
                nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), *conv_bn_act(in_channels, width, 1)),
            ]
        )
        self.shortcut = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1) + self.shortcut(x)
