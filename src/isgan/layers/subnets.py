"""What an invertible network couples its halves by: any function will do, and these see as far as three 3x3 convolutions.

Each is made of its numbers of channels in and out and its width: (N, in, h, w) -> (N, out, h, w). They start at zero, and so the network
at the identity.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LEAK = 0.2


def silent(convolution: nn.Conv2d) -> nn.Conv2d:
    """Gives zeros until it is trained."""
    for parameter in convolution.parameters():
        nn.init.zeros_(parameter)
    return convolution


class DenseSubnet(nn.Module):
    """Each convolution sees all that came before it, as in HiNet."""

    def __init__(self, in_channels: int, out_channels: int, hidden: int):
        super().__init__()
        self.first = nn.Conv2d(in_channels, hidden, 3, padding=1)
        self.second = nn.Conv2d(in_channels + hidden, hidden, 3, padding=1)
        self.last = silent(nn.Conv2d(in_channels + 2 * hidden, out_channels, 3, padding=1))

    def features(self, x: Tensor) -> Tensor:
        a = F.leaky_relu(self.first(x), LEAK)
        b = F.leaky_relu(self.second(torch.cat([x, a], dim=1)), LEAK)
        return torch.cat([x, a, b], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.features(x))


class GatedSubnet(DenseSubnet):
    """A dense one whose features are turned down, each by what all of them are at its place, before the last convolution."""

    def __init__(self, in_channels: int, out_channels: int, hidden: int):
        super().__init__(in_channels, out_channels, hidden)
        channels = in_channels + 2 * hidden
        self.gate = nn.Sequential(nn.Conv2d(channels, hidden // 4, 1), nn.LeakyReLU(LEAK), nn.Conv2d(hidden // 4, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        features = self.features(x)
        return self.last(features * torch.sigmoid(self.gate(features)))


class ResidualSubnet(nn.Module):
    """Each convolution sees the one before, and the second adds to the first."""

    def __init__(self, in_channels: int, out_channels: int, hidden: int):
        super().__init__()
        self.first = nn.Conv2d(in_channels, hidden, 3, padding=1)
        self.second = nn.Conv2d(hidden, hidden, 3, padding=1)
        self.last = silent(nn.Conv2d(hidden, out_channels, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        a = F.leaky_relu(self.first(x), LEAK)
        return self.last(a + F.leaky_relu(self.second(a), LEAK))


class DepthwiseSubnet(nn.Module):
    """As `ResidualSubnet`, of depthwise 3x3 convolutions that 1x1 convolutions follow."""

    def __init__(self, in_channels: int, out_channels: int, hidden: int):
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels),
            nn.Conv2d(in_channels, hidden, 1),
        )
        self.second = nn.Sequential(
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden),
            nn.Conv2d(hidden, hidden, 1),
        )
        self.last = silent(nn.Conv2d(hidden, out_channels, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        a = F.leaky_relu(self.first(x), LEAK)
        return self.last(a + F.leaky_relu(self.second(a), LEAK))


SUBNETS: dict[str, Callable[[int, int, int], nn.Module]] = {
    "dense": DenseSubnet,
    "gated": GatedSubnet,
    "residual": ResidualSubnet,
    "depthwise": DepthwiseSubnet,
}
