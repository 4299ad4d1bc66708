"""Spatial pyramid pooling (He, Zhang, Ren, Sun 2014, arXiv 1406.4729): a vector of one length from feature maps of any
size."""

import torch
from torch import Tensor, nn


class SpatialPyramid(nn.Module):
    """(N, C, H, W) -> (N, C * sum of grid squares): means over grids of `grids` cells a side, one after the other."""

    def __init__(self, grids: tuple[int, ...] = (4, 2, 1)):
        super().__init__()
        self.pools = nn.ModuleList(nn.AdaptiveAvgPool2d(grid) for grid in grids)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([pool(x).flatten(1) for pool in self.pools], dim=1)
