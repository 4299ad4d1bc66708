"""`gncnn`: the first network for steganalysis that was as good as features, with a Gaussian activation."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isgan.detectors.networks import networks
from isgan.detectors.networks.base import Steganalyzer, gray
from isgan.detectors.networks.xunet import KV


class Gaussian(nn.Module):
    """exp(-x^2 / sigma^2): residuals near 0 answer most, large ones not at all."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.exp(-(x**2))


def stage(in_channels: int, kernel: int, padding: int) -> nn.Sequential:
    """Convolution to 16 channels, Gaussian, average of 3 x 3 at every other place."""
    pool = nn.AvgPool2d(3, stride=2, padding=padding, count_include_pad=False)
    return nn.Sequential(nn.Conv2d(in_channels, 16, kernel), Gaussian(), pool)


@networks.register("gncnn")
class GNCNN(Steganalyzer):
    """Qian, Dong, Wang and Tan, "Deep learning for steganalysis via convolutional neural networks", SPIE 9409, 2015.

        1 x 256 x 256 -- KV -- 252 -- conv 5x5 16 -- 248, 124 -- 3x3 16 -- 122, 61 -- 3x3 16 -- 59, 29 -- 3x3 16 -- 27, 13
        -- 5x5 16 -- 9, 4 -- 256 -- 128 ReLU -- 128 ReLU -- 2

    Every convolution has a bias and is followed by the Gaussian and by an average; none is padded. 63,458 parameters. What the paper
    leaves open: sigma, 1 here; the scale of the fixed filter, XuNet's 1 / 12. Of other sizes than 256 the last averages are brought to
    4 x 4. It trains slowly: there is no normalisation anywhere.
    """

    least = 160
    seconds = 0.1
    note = "the oldest network, behind one fixed high-pass filter, on brightness; slow to train"
    kv: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kv", (KV / 12).expand(1, 1, 5, 5).contiguous())
        self.layers = nn.Sequential(
            stage(1, 5, padding=1),
            stage(16, 3, padding=1),
            stage(16, 3, padding=0),
            stage(16, 3, padding=0),
            stage(16, 5, padding=0),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Linear(256, 128),
            nn.ReLU(),
            nn.Linear(128, 128),
            nn.ReLU(),
            nn.Linear(128, 2),
        )

    def answer(self, image: Tensor) -> Tensor:
        with torch.autocast(image.device.type, enabled=False):
            residual = F.conv2d(gray(image.float()), self.kv.float())
        return self.layers(residual)
