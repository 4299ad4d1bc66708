"""The paper's steganalyzer against its Table 3, XuNet against its publication, and what every steganalyzer owes its contract."""

import pytest
import torch
from torch import nn

from isgan.errors import IsganError
from isgan.layers.pyramid import SpatialPyramid
from isgan.steganalyzers import steganalyzers
from isgan.steganalyzers.base import Steganalyzer
from isgan.steganalyzers.isgan import Absolute, ISGANSteganalyzer
from isgan.steganalyzers.xunet import KV, XuNet

every = pytest.mark.parametrize("name", steganalyzers.names())


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(seed)).float() / 255


def sizes(network: nn.Sequential, image: torch.Tensor) -> list[tuple[int, ...]]:
    """What each layer of a sequence makes of an image, (C, H, W)."""
    shapes = []
    for layer in network:
        image = layer(image)
        shapes.append(tuple(image.shape[1:]))
    return shapes


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@torch.no_grad()
def test_table_3():
    network = ISGANSteganalyzer().eval()
    assert sizes(network.layers, noise(1, 3, 256, 256)) == [
        (8, 128, 128), (16, 64, 64), (32, 32, 32), (64, 16, 16), (128, 8, 8), (2688,), (128,), (128,), (2,),
    ]  # fmt: skip
    kinds = [[type(layer).__name__ for layer in group] for group in network.layers[:5]]
    assert kinds == [
        ["Conv2d", "Absolute", "BatchNorm2d", "Tanh", "AvgPool2d"],
        ["Conv2d", "BatchNorm2d", "Tanh", "AvgPool2d"],
        ["Conv2d", "BatchNorm2d", "AvgPool2d"],
        ["Conv2d", "BatchNorm2d", "AvgPool2d"],
        ["Conv2d", "BatchNorm2d", "LeakyReLU", "AvgPool2d"],
    ]
    for group, kernel in zip(network.layers[:5], (3, 3, 1, 1, 1), strict=True):
        assert group[0].kernel_size == (kernel, kernel)
        assert (group[-1].kernel_size, group[-1].stride, group[-1].padding) == (5, 2, 2)
    convolutions = 3 * 8 * 9 + 8 * 16 * 9 + 16 * 32 + 32 * 64 + 64 * 128
    norms = 2 * (8 + 16 + 32 + 64 + 128)
    assert count(network) == convolutions + norms + 2688 * 128 + 128 + 128 * 2 + 2 == 357_066


@torch.no_grad()
def test_xunet():
    network = XuNet().eval()
    assert sizes(network.layers, noise(1, 3, 256, 256)) == [
        (8, 128, 128), (16, 64, 64), (32, 32, 32), (64, 16, 16), (128, 16, 16), (128, 1, 1), (128,), (2,),
    ]  # fmt: skip
    assert count(network) == 3 * 8 * 25 + 8 * 16 * 25 + 16 * 32 + 32 * 64 + 64 * 128 + 2 * (8 + 16 + 32 + 64 + 128) + 128 * 2 + 2
    assert KV.sum() == 0 and torch.equal(KV, KV.T) and torch.equal(KV, KV.flip(0)) and KV[2, 2] == -12 and KV[0, 0] == -1
    assert "kv" in network.state_dict() and not any(name == "kv" for name, _ in network.named_parameters())


@torch.no_grad()
def test_xunet_sees_residuals_only():
    """Flat colours and slopes are filtered away, whatever their level."""
    network = XuNet().eval()
    slope = (torch.arange(64).float() * 2 / 255).expand(1, 3, 64, 64)
    flat = torch.full((1, 3, 64, 64), 0.3)
    assert torch.allclose(network(flat), network(slope), atol=1e-4)
    assert not torch.allclose(network(flat), network(flat + noise(1, 3, 64, 64) / 50), atol=1e-3)


@torch.no_grad()
@pytest.mark.parametrize("network", [ISGANSteganalyzer, XuNet])
def test_the_sign_of_the_first_convolution_does_not_matter(network):
    steganalyzer = network().eval()
    before = steganalyzer(noise(2, 3, 64, 64))
    steganalyzer.layers[0][0].weight.neg_()
    assert torch.equal(before, steganalyzer(noise(2, 3, 64, 64)))
    assert torch.equal(Absolute()(torch.tensor([-2.0, 3.0])), torch.tensor([2.0, 3.0]))


def test_spatial_pyramid():
    x = torch.arange(2 * 64.0).reshape(1, 2, 8, 8)
    vector = SpatialPyramid((4, 2, 1))(x)
    assert vector.shape == (1, 2 * (16 + 4 + 1))
    assert vector[0, 0] == x[0, 0, :2, :2].mean() and vector[0, 32 + 1] == x[0, 0, :4, 4:].mean()
    assert torch.equal(vector[0, -2:], x.mean(dim=(0, 2, 3)))
    assert SpatialPyramid()(torch.zeros(3, 5, 9, 13)).shape == (3, 105)


# ---------------------------------------------------------------------- every steganalyzer


@every
def test_any_size_from_64_pixels(name):
    steganalyzer: Steganalyzer = steganalyzers[name]().eval()
    for size in ((64, 64), (65, 97), (256, 256)):
        logits = steganalyzer(noise(2, 3, *size))
        assert logits.shape == (2, 2) and logits.dtype == torch.float32 and logits.isfinite().all()
    for size in ((63, 64), (64, 63)):
        with pytest.raises(IsganError, match="at least 64 pixels"):
            steganalyzer(noise(1, 3, *size))


@every
def test_gradients_reach_the_image_and_every_weight(name):
    steganalyzer = steganalyzers[name]()
    image = noise(4, 3, 64, 64).requires_grad_()
    steganalyzer(image)[:, 1].sum().backward()
    assert image.grad.abs().sum() > 0
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in steganalyzer.parameters())


@every
@torch.no_grad()
def test_an_image_does_not_depend_on_its_batch(name):
    steganalyzer = steganalyzers[name]().eval()
    images = noise(3, 3, 64, 70)
    assert torch.allclose(steganalyzer(images)[1:2], steganalyzer(images[1:2]), atol=1e-5)


@every
def test_the_configuration_builds_it_again(name):
    steganalyzer = steganalyzers[name]()
    again = steganalyzers[name](**steganalyzer.config)
    again.load_state_dict(steganalyzer.state_dict())
