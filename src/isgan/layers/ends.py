"""The first and the last layer of a network in float32, where autocast runs the others in bfloat16."""

import torch
from torch import Tensor, nn


def exact_ends(layers: nn.Sequential, x: Tensor, last: int = 1) -> Tensor:
    """`layers(x)`; under autocast the first layer and the `last` ones of the sequence stay in float32.

    These see and make pixels: bfloat16 holds the upper half of [0, 1] in steps of a whole 8-bit level.
    """
    if not torch.is_autocast_enabled(x.device.type):
        result: Tensor = layers(x)
        return result
    with torch.autocast(x.device.type, enabled=False):
        x = layers[0](x.float())
    x = layers[1:-last](x)
    with torch.autocast(x.device.type, enabled=False):
        return layers[-last:](x.float())
