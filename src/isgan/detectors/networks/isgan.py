"""`isgan`: the paper's steganalyzer (Table 3), after XuNet."""

import torch
from torch import Tensor, nn

from isgan.detectors.networks import networks
from isgan.detectors.networks.base import Steganalyzer
from isgan.layers.pyramid import SpatialPyramid

SLOPE = 0.2


class Absolute(nn.Module):
    """|x|: the sign of a residual says nothing about what was hidden (Xu, Wu, Shi 2016)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.abs()


def group(
    in_channels: int, out_channels: int, kernel: int, act: nn.Module | None, absolute: bool = False
) -> nn.Sequential:
    """Convolution, [absolute value], BatchNorm, [activation], average pooling to half: (N, in, H, W) -> (N, out, H/2,
    W/2).
    """
    layers: list[nn.Module] = [nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=False)]
    layers += [Absolute()] if absolute else []
    layers += [nn.BatchNorm2d(out_channels)]
    layers += [act] if act else []
    return nn.Sequential(*layers, nn.AvgPool2d(5, stride=2, padding=2, count_include_pad=False))


@networks.register("isgan")
class ISGANSteganalyzer(Steganalyzer):
    """Table 3, any size from 64 pixels; 0.36 M parameters.

        3 x 256 x 256 -> 8 x 128 x 128 -> 16 x 64 x 64 -> 32 x 32 x 32 -> 64 x 16 x 16 -> 128 x 8 x 8 -> pyramid 2688 ->
        128 -> 2

    The paper's: kernels, channels and sizes, BatchNorm in every layer, LeakyReLU in the last convolution, the pyramid
    and both linear layers; in its text the absolute value after the first convolution and TanH "in the early stages",
    both XuNet's.

    Our reading, where table and text disagree or are silent:
    - TanH stands instead of the table's LeakyReLU in the first two layers, in XuNet's order: convolution, absolute
      value (first layer only), BatchNorm, TanH, pooling (Xu, Wu, Shi 2016).
    - The sizes halve at every layer, so layers that the table writes without pooling pool too: XuNet's average, 5 x 5,
      stride 2, padding 2. The padding is not averaged in.
    - LeakyReLU with slope 0.2, also between the linear layers; convolutions before BatchNorm have no bias.
    - [0, 1] is centred to [-.5, .5], so that the zero padding of the first convolution is a middle gray and no black
    frame. First weights: Xavier (paper).
    """

    seconds = 0.1
    note = "the paper's own network, after XuNet, without a fixed filter"

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            group(3, 8, 3, nn.Tanh(), absolute=True),
            group(8, 16, 3, nn.Tanh()),
            group(16, 32, 1, None),
            group(32, 64, 1, None),
            group(64, 128, 1, nn.LeakyReLU(SLOPE)),
            SpatialPyramid((4, 2, 1)),
            nn.Linear(128 * (16 + 4 + 1), 128),
            nn.LeakyReLU(SLOPE),
            nn.Linear(128, 2),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def answer(self, image: Tensor) -> Tensor:
        return self.layers(image - torch.tensor(0.5, device=image.device))
