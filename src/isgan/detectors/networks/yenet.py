"""`yenet`: thirty filters of the spatial rich model as first weights, truncated."""

import torch
from torch import Tensor, nn

from isgan.detectors.networks import networks
from isgan.detectors.networks.base import Steganalyzer, gray
from isgan.detectors.networks.xunet import KV

TRUNCATION = 3.0


def rich_filters() -> Tensor:
    """The linear filters of Fridrich and Kodovsky's spatial rich model, (30, 1, 5, 5): 8 of first, 4 of second and 8 of third order, in
    all directions; the square of 3 x 3, its 4 halves; the square of 5 x 5, its 4 halves."""
    steps = [(0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1)]
    lines = [({0: -1.0, 1: 1.0}, steps), ({-1: 1.0, 0: -2.0, 1: 1.0}, steps[:4]), ({-1: 1.0, 0: -3.0, 1: 3.0, 2: -1.0}, steps)]
    filters = []
    for weights, directions in lines:
        for down, right in directions:
            one = torch.zeros(5, 5)
            for place, weight in weights.items():
                one[2 + place * down, 2 + place * right] = weight
            filters.append(one)
    small = torch.zeros(5, 5)
    small[1:4, 1:4] = torch.tensor([[-1.0, 2.0, -1.0], [2.0, -4.0, 2.0], [-1.0, 2.0, -1.0]])
    for square in (small, KV):
        half = square.clone()
        half[3:] = 0
        filters += [square, *(half.rot90(turn) for turn in range(4))]
    return torch.stack(filters)[:, None]


@networks.register("yenet")
class YeNet(Steganalyzer):
    """Ye, Ni and Yi, "Deep learning hierarchical representations for image steganalysis", IEEE TIFS 12(11), 2017; without its map of
    embedding probabilities.

        1 x 256 x 256 -- conv 5x5 30 TLU -- 252 -- 3x3 30 -- 250 -- 3x3 30 -- 248 -- 3x3 30 -- 246, 123 -- 5x5 32 -- 119, 59
        -- 5x5 32 -- 55, 27 -- 5x5 32 -- 23, 11 -- 3x3 16 -- 9 -- 3x3 16, every third place -- 3 -- 144 -- 2

    ReLU after all convolutions but the first, which is cut off at +-3 (TLU) and starts as the 30 filters of the spatial rich model;
    averages of 2 x 2, then 3 x 3, at every other place; every convolution has a bias. 107,700 parameters. What the paper leaves open:
    whether the filters are divided by their weight; here they are as they stand. Ours: 128 is taken from
    the input, which the filters do not see as they start. Of other sizes than 256 the last 3 x 3 are averages.
    """

    least = 160
    seconds = 0.3
    note = "a network that starts from thirty filters of the spatial rich model, on brightness; slow to train"

    def __init__(self) -> None:
        super().__init__()
        first = nn.Conv2d(1, 30, 5)
        first.load_state_dict({"weight": rich_filters(), "bias": torch.zeros(30)})
        self.layers = nn.Sequential(
            nn.Sequential(first, nn.Hardtanh(-TRUNCATION, TRUNCATION)),
            nn.Sequential(nn.Conv2d(30, 30, 3), nn.ReLU()),
            nn.Sequential(nn.Conv2d(30, 30, 3), nn.ReLU()),
            nn.Sequential(nn.Conv2d(30, 30, 3), nn.ReLU(), nn.AvgPool2d(2)),
            nn.Sequential(nn.Conv2d(30, 32, 5), nn.ReLU(), nn.AvgPool2d(3, stride=2)),
            nn.Sequential(nn.Conv2d(32, 32, 5), nn.ReLU(), nn.AvgPool2d(3, stride=2)),
            nn.Sequential(nn.Conv2d(32, 32, 5), nn.ReLU(), nn.AvgPool2d(3, stride=2)),
            nn.Sequential(nn.Conv2d(32, 16, 3), nn.ReLU()),
            nn.Sequential(nn.Conv2d(16, 16, 3, stride=3), nn.ReLU()),
            nn.AdaptiveAvgPool2d(3),
            nn.Flatten(),
            nn.Linear(144, 2),
        )

    def answer(self, image: Tensor) -> Tensor:
        return self.layers(gray(image) - 128)
