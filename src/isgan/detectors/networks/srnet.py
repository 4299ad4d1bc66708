"""`srnet`: a residual network that learns its own filters; the usual measure of what a network finds."""

import torch
from torch import Tensor, nn

from isgan.detectors.networks import networks
from isgan.detectors.networks.base import Steganalyzer


def convolved(in_channels: int, out_channels: int) -> list[nn.Module]:
    """Convolution 3 x 3 of the same size and BatchNorm."""
    return [nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False), nn.BatchNorm2d(out_channels)]


class Unpooled(nn.Module):
    """The paper's layer type 2: what two convolutions add, at full size."""

    def __init__(self, channels: int):
        super().__init__()
        self.change = nn.Sequential(*convolved(channels, channels), nn.ReLU(), *convolved(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.change(x)


class Pooled(nn.Module):
    """The paper's layer type 3: at half the size, what two convolutions and an average add to a convolution of 1 x 1."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        pool = nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)
        self.change = nn.Sequential(*convolved(in_channels, out_channels), nn.ReLU(), *convolved(out_channels, out_channels), pool)
        self.way = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride=2, bias=False), nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        return self.way(x) + self.change(x)


@networks.register("srnet")
class SRNet(Steganalyzer):
    """Boroumand, Chen and Fridrich, "Deep residual network for steganalysis of digital images", IEEE TIFS 14(5), 2019.

        conv 3x3 64 -- 16 -- 5 x (+ 16, 16) -- halves: 16 -- 64 -- 128 -- 256 -- conv 3x3 512, 512 -- mean -- 2

    Of gray images it has 4,776,962 parameters, of colour 1,152 more in its first layer, where the authors' later networks for ALASKA
    have three channels too. Convolutions have no bias. First weights: He's, and a Gaussian of .01 in the linear layer (paper). Inputs
    are 0 ... 255, less 128 here.

    Args:
        channels: 3 for colour, 1 for Y alone, which is then the mean of R, G and B of gray images.
    """

    seconds = 1.0
    note = "a deep residual network without fixed filters, on R, G and B; the strongest of these networks, if trained for long"

    def __init__(self, channels: int = 3) -> None:
        super().__init__(channels=channels)
        self.layers = nn.Sequential(
            nn.Sequential(*convolved(channels, 64), nn.ReLU()),
            nn.Sequential(*convolved(64, 16), nn.ReLU()),
            *(Unpooled(16) for _ in range(5)),
            Pooled(16, 16),
            Pooled(16, 64),
            Pooled(64, 128),
            Pooled(128, 256),
            nn.Sequential(*convolved(256, 512), nn.ReLU(), *convolved(512, 512)),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(512, 2),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
            elif isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=0.01)
                nn.init.zeros_(layer.bias)

    def answer(self, image: Tensor) -> Tensor:
        image = image if self.config["channels"] == 3 else image.mean(dim=1, keepdim=True)
        return self.layers(255 * image - torch.tensor(128.0, device=image.device))
