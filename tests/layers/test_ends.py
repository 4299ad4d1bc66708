"""The float32 ends of a network, against the network itself."""

import pytest
import torch
from torch import nn

from isgan.layers.ends import exact_ends


class Seen(nn.Module):
    """Notes the type that a convolution gives in its place of a sequence."""

    def __init__(self, into: list[torch.dtype]):
        super().__init__()
        self.into, self.layer = into, nn.Conv2d(2, 2, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.layer(x)
        self.into.append(y.dtype)
        return y


@pytest.mark.parametrize("last", [1, 2])
def test_the_ends_are_exact_under_autocast(last):
    seen: list[torch.dtype] = []
    layers = nn.Sequential(*(Seen(seen) for _ in range(5)))
    image = torch.rand(1, 2, 16, 16)
    plain = exact_ends(layers, image, last)
    assert torch.equal(plain, layers(image)) and set(seen) == {torch.float32}
    seen.clear()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = exact_ends(layers, image, last)
    assert seen == [torch.float32, *[torch.bfloat16] * (4 - last), *[torch.float32] * last]
    assert mixed.dtype == torch.float32 and torch.allclose(mixed, plain, atol=0.02) and not torch.equal(mixed, plain)
