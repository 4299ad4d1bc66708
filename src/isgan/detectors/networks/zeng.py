"""`zeng`: a network for JPEG files behind the DCT's patterns, quantised and truncated as features are."""

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isgan.covers.base import Cover
from isgan.covers.jpeg import JpegCover
from isgan.detectors.networks import networks
from isgan.detectors.networks.base import Steganalyzer, gray
from isgan.jfif.dct import unrounded

TRUNCATION, STEPS = 4.0, (1.0, 2.0, 4.0)


def patterns() -> Tensor:
    """The 25 basis patterns of the DCT of 5 x 5, (25, 1, 5, 5)."""
    frequency, place = torch.arange(5.0)[:, None], torch.arange(5.0)
    basis = torch.cos(torch.pi * frequency * (2 * place + 1) / 10) * torch.where(frequency == 0, 1 / 5, 2 / 5).sqrt()
    return torch.einsum("ax,by->abxy", basis, basis).reshape(25, 1, 5, 5)


class Subnet(nn.Module):
    """Responses divided by `step`, rounded, cut off at +-4, and what three convolutions make of them: (N, 25, H, W) -> (N, 512)."""

    def __init__(self, step: float):
        super().__init__()
        self.step = step
        self.first = nn.Conv2d(25, 8, 5, stride=2, padding=2, bias=False)
        self.layers = nn.Sequential(
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 32, 3, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.AvgPool2d(5, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
            nn.Conv2d(32, 128, 1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
        )

    def forward(self, responses: Tensor) -> Tensor:
        scaled = responses / self.step
        # Rounding has no gradient: where one is asked for, it is that of no rounding.
        rounded = scaled + (scaled.round() - scaled).detach()
        return self.layers(self.first(rounded.clamp(-TRUNCATION, TRUNCATION)).abs())


@networks.register("zeng")
class Zeng(Steganalyzer):
    """Zeng, Tan, Li and Huang, "Large-scale JPEG image steganalysis using hybrid deep-learning framework", IEEE TIFS 13(5), 2018, with
    the subnets of its first type.

        1 x 256 x 256 -- DCT 5x5 25 -- three times, for the steps 1, 2, 4: round, cut off at +-4 -- |conv 5x5 8| 128 -- 3x3 32 -- pool
        64 -- 1x1 128 -- averages of 32 x 32 -- 512 -- together 1536 -- 800 ReLU -- 400 ReLU -- 200 ReLU -- 2

    What the paper leaves open is as in the network description that its authors published: padding, BatchNorm and ReLU after every
    convolution, no bias in them. 1,665,810 parameters. It looks at the brightness of a JPEG file as it is decoded before rounding; of
    pixels alone, at Y of them. Of other sizes than 256 the last averages are brought to 2 x 2.
    """

    covers: ClassVar[tuple[str, ...]] = ("jpeg",)
    seconds = 0.3
    note = "a network behind the DCT's patterns, on the brightness of JPEG files before rounding"
    dct: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("dct", patterns())
        self.subnets = nn.ModuleList(Subnet(step) for step in STEPS)
        self.together = nn.Sequential(
            nn.Linear(1536, 800), nn.ReLU(), nn.Linear(800, 400), nn.ReLU(), nn.Linear(400, 200), nn.ReLU(), nn.Linear(200, 2)
        )

    @classmethod
    def view(cls, cover: Cover) -> np.ndarray:
        if not isinstance(cover, JpegCover):
            return super().view(cover)
        height, width = cover.header.height, cover.header.width
        luma = unrounded(cover.planes[0], cover.quantiser)[:height, :width]
        return np.stack([luma.astype(np.float32)] * 3, axis=2)

    def answer(self, image: Tensor) -> Tensor:
        with torch.autocast(image.device.type, enabled=False):
            responses = F.conv2d(gray(image.float()), self.dct.float(), padding=2)
        return self.together(torch.cat([subnet(responses) for subnet in self.subnets], dim=1))
