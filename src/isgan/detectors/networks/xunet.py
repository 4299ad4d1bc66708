"""`xunet`: XuNet as published, with its fixed high-pass filter."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isgan.detectors.networks import networks
from isgan.detectors.networks.base import Steganalyzer
from isgan.detectors.networks.isgan import group

# Ker and Boehme's 5 x 5 filter (KV), the residual of a sample as predicted from its neighbours.
KV = torch.tensor(
    [
        [-1.0, 2.0, -2.0, 2.0, -1.0],
        [2.0, -6.0, 8.0, -6.0, 2.0],
        [-2.0, 8.0, -12.0, 8.0, -2.0],
        [2.0, -6.0, 8.0, -6.0, 2.0],
        [-1.0, 2.0, -2.0, 2.0, -1.0],
    ]
)


@networks.register("xunet")
class XuNet(Steganalyzer):
    """Xu, Wu, Shi, "Structural design of convolutional neural networks for steganalysis", IEEE Signal Processing
    Letters 23(5), 2016.

        image x 255 -- KV / 12 -- |conv 5x5| 8 tanh -- conv 5x5 16 tanh -- conv 1x1 32 -- 64 -- 128 ReLU -- global mean
        -- 2

    Published for gray images; here each of R, G and B is filtered, and the first convolution sees the three residuals.
    Every group but the last halves the size by average pooling, 5 x 5, stride 2; the last is averaged over the whole
    image. Convolutions have no bias, each is followed by BatchNorm. Ours: images are filtered without padding, the
    padding of pools is not averaged in, and the first weights are PyTorch's instead of the publication's Gaussian. 15 k
    parameters.
    """

    seconds = 0.05
    note = "a small network behind one fixed high-pass filter, on R, G and B"
    kv: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kv", (KV / 12).expand(3, 1, 5, 5).contiguous())
        self.layers = nn.Sequential(
            group(3, 8, 5, nn.Tanh(), absolute=True),
            group(8, 16, 5, nn.Tanh()),
            group(16, 32, 1, nn.ReLU()),
            group(32, 64, 1, nn.ReLU()),
            group(64, 128, 1, nn.ReLU())[:-1],
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(128, 2),
        )

    def answer(self, image: Tensor) -> Tensor:
        # No padding: an edge would look like a residual. Always in 32 bits: in bf16 the filter's values no longer sum to zero.
        with torch.autocast(image.device.type, enabled=False):
            residual = F.conv2d(image.float() * 255, self.kv.float(), groups=3)
        return self.layers(residual)
