"""The paper's steganalyzer against its Table 3, XuNet against its publication. What every one owes its contract is in `test_contracts`."""

import pytest
import torch
from conftest import stirred
from torch import nn
from torch.nn import functional as F

from isgan.detectors.networks import networks
from isgan.detectors.networks.gncnn import GNCNN, Gaussian
from isgan.detectors.networks.isgan import SLOPE, Absolute, ISGANSteganalyzer
from isgan.detectors.networks.srnet import SRNet
from isgan.detectors.networks.xunet import KV, XuNet
from isgan.detectors.networks.yenet import YeNet, rich_filters
from isgan.detectors.networks.zeng import Subnet, Zeng, patterns
from isgan.layers.pyramid import SpatialPyramid


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
    assert all(layer.negative_slope == SLOPE == 0.2 for layer in network.modules() if isinstance(layer, nn.LeakyReLU))
    convolutions = 3 * 8 * 9 + 8 * 16 * 9 + 16 * 32 + 32 * 64 + 64 * 128
    norms = 2 * (8 + 16 + 32 + 64 + 128)
    assert count(network) == convolutions + norms + 2688 * 128 + 128 + 128 * 2 + 2 == 357_066


@torch.no_grad()
def test_the_frame_around_the_image_is_a_middle_gray():
    """[0, 1] is centred: zero padding is what a gray of .5 would be."""
    seen = []
    network = stirred(ISGANSteganalyzer()).eval()
    network.layers[0][0].register_forward_hook(lambda *call: seen.append(call[-1]))
    for level in (0.5, 0.75):
        network(torch.full((1, 3, 64, 64), level))
    gray, brighter = seen
    assert not gray.any() and brighter.all()
    kernel = network.layers[0][0].weight.sum(dim=(1, 2, 3))
    assert torch.allclose(brighter[0, :, 30, 30], 0.25 * kernel, atol=1e-5)


@torch.no_grad()
def test_the_pyramid_of_table_3_begins_with_its_finest_grid():
    layer = ISGANSteganalyzer().layers[5]
    x = noise(2, 128, 8, 8)
    expected = [F.avg_pool2d(x, side).flatten(1) for side in (2, 4, 8)]
    assert torch.allclose(layer(x), torch.cat(expected, dim=1), atol=1e-6)


@torch.no_grad()
def test_the_first_weights_are_xaviers():
    torch.manual_seed(0)
    layers = [layer for layer in ISGANSteganalyzer().modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert len(layers) == 7
    for layer in layers:
        fans = (layer.weight[0].numel(), layer.weight[:, 0].numel())
        bound = (6 / sum(fans)) ** 0.5
        assert 0.9 * bound < layer.weight.abs().max() <= bound
        assert layer.bias is None or not layer.bias.any()


@torch.no_grad()
def test_xunet():
    network = XuNet().eval()
    assert sizes(network.layers, noise(1, 3, 256, 256)) == [
        (8, 128, 128), (16, 64, 64), (32, 32, 32), (64, 16, 16), (128, 16, 16), (128, 1, 1), (128,), (2,),
    ]  # fmt: skip
    convolutions = 3 * 8 * 25 + 8 * 16 * 25 + 16 * 32 + 32 * 64 + 64 * 128
    assert count(network) == convolutions + 2 * (8 + 16 + 32 + 64 + 128) + 128 * 2 + 2 == 15_306
    kinds = [[type(layer).__name__ for layer in group] for group in network.layers[:5]]
    assert kinds == [
        ["Conv2d", "Absolute", "BatchNorm2d", "Tanh", "AvgPool2d"],
        ["Conv2d", "BatchNorm2d", "Tanh", "AvgPool2d"],
        ["Conv2d", "BatchNorm2d", "ReLU", "AvgPool2d"],
        ["Conv2d", "BatchNorm2d", "ReLU", "AvgPool2d"],
        ["Conv2d", "BatchNorm2d", "ReLU"],
    ]


def test_the_filter_is_ker_and_boehmes_and_stays_so():
    assert KV.tolist() == [[-1, 2, -2, 2, -1], [2, -6, 8, -6, 2], [-2, 8, -12, 8, -2], [2, -6, 8, -6, 2], [-1, 2, -2, 2, -1]]
    network = XuNet().train()
    optimizer = torch.optim.SGD(network.parameters(), 1.0, weight_decay=0.1)
    network(noise(4, 3, 64, 64))[:, 1].sum().backward()
    optimizer.step()
    assert torch.equal(network.state_dict()["kv"], (KV / 12).expand(3, 1, 5, 5))
    assert not any(name == "kv" for name, _ in network.named_parameters())


@torch.no_grad()
@pytest.mark.parametrize("bf16", [False, True])
def test_the_filter_sees_each_channels_prediction_error(bf16):
    """A pixel one level up, in one channel, of any flat colour: KV / 12 around it in that channel, and nothing in the others."""
    network, seen = XuNet().eval(), []
    network.layers.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    levels = torch.arange(256).view(-1, 1, 1, 1).expand(-1, 3, 64, 64)
    image = levels.clone()
    image[:, 1, 30, 40] += 1
    for part in (levels, image):
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            network(part / 255)
    flat, dot = seen
    assert flat.shape == (256, 3, 60, 60) and flat.abs().max() < 1e-4
    expected = torch.zeros(256, 3, 60, 60)
    expected[:, 1, 26:31, 36:41] = KV / 12
    assert (dot - expected).abs().max() < 1e-4


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


def test_the_absolute_value_comes_before_batchnorm():
    network = stirred(ISGANSteganalyzer()).eval()
    conv, _, norm, _, pool = network.layers[0]
    image = noise(1, 3, 64, 64)
    expected = F.avg_pool2d(norm(conv(image).abs()).tanh(), 5, stride=2, padding=2, count_include_pad=False)
    assert torch.allclose(network.layers[0](image), expected, atol=1e-6)
    assert torch.equal(pool(torch.ones(1, 1, 9, 8)), torch.ones(1, 1, 5, 4))  # the padding is not averaged in


def test_spatial_pyramid():
    x = torch.arange(2 * 64.0).reshape(1, 2, 8, 8)
    vector = SpatialPyramid((4, 2, 1))(x)
    assert vector.shape == (1, 2 * (16 + 4 + 1))
    assert vector[0, 0] == x[0, 0, :2, :2].mean() and vector[0, 32 + 1] == x[0, 0, :4, 4:].mean()
    assert torch.equal(vector[0, -2:], x.mean(dim=(0, 2, 3)))
    assert SpatialPyramid()(torch.zeros(3, 5, 9, 13)).shape == (3, 105)


@torch.no_grad()
def test_gncnn():
    network = GNCNN().eval()
    assert sizes(network.layers, noise(1, 1, 252, 252)) == [
        (16, 124, 124), (16, 61, 61), (16, 29, 29), (16, 13, 13), (16, 4, 4), (16, 4, 4), (256,), (128,), (128,), (128,), (128,), (2,),
    ]  # fmt: skip
    convolutions = (25 + 1) * 16 + 3 * (16 * 9 + 1) * 16 + (16 * 25 + 1) * 16
    assert count(network) == convolutions + 257 * 128 + 129 * 128 + 129 * 2 == 63_458
    assert torch.allclose(Gaussian()(torch.tensor([0.0, 1.0, -2.0])), torch.tensor([1.0, 0.36788, 0.018316]), atol=1e-5)


@torch.no_grad()
def test_yenet():
    network = YeNet().eval()
    assert sizes(network.layers, noise(1, 1, 256, 256)) == [
        (30, 252, 252), (30, 250, 250), (30, 248, 248), (30, 123, 123), (32, 59, 59), (32, 27, 27), (32, 11, 11), (16, 9, 9), (16, 3, 3),
        (16, 3, 3), (144,), (2,),
    ]  # fmt: skip
    convolutions = 26 * 30 + 3 * (30 * 9 + 1) * 30 + (30 * 25 + 1) * 32 + 2 * (32 * 25 + 1) * 32 + (32 * 9 + 1) * 16 + (16 * 9 + 1) * 16
    assert count(network) == convolutions + 145 * 2 == 107_700
    assert network.layers[0](255 * noise(1, 1, 64, 64)).abs().max() == 3  # truncated
    assert torch.equal(network.layers[0][0].weight, rich_filters()) and network.layers[0][0].weight.requires_grad


def test_the_filters_of_the_spatial_rich_model():
    """Thirty, all different, that see no constant; those of second order and up see no slope, those of third no parabola."""
    filters = rich_filters()[:, 0]
    assert filters.shape == (30, 5, 5) and len({tuple(one.flatten().tolist()) for one in filters}) == 30
    y, x = torch.meshgrid(torch.arange(5.0), torch.arange(5.0), indexing="ij")
    seen = [(filters * surface).sum(dim=(1, 2)) for surface in (torch.ones(5, 5), x + 2 * y, (x + 3 * y) ** 2)]
    assert not seen[0].any() and seen[1][:8].all() and not seen[1][8:20].any() and seen[2][8:12].all() and not seen[2][12:20].any()
    assert torch.equal(filters[25], KV) and filters[20].abs().sum() == 16 and (filters[26:].abs().sum(dim=(1, 2)) == 64).all()


@torch.no_grad()
def test_srnet():
    network = SRNet(channels=1).eval()
    assert sizes(network.layers, noise(1, 1, 256, 256)) == [
        (64, 256, 256), *[(16, 256, 256)] * 6, (16, 128, 128), (64, 64, 64), (128, 32, 32), (256, 16, 16), (512, 16, 16), (512, 1, 1),
        (512,), (2,),
    ]  # fmt: skip
    flat = 9 * 64 + 9 * 64 * 16 + 10 * 9 * 16 * 16
    halves = sum(9 * (a * b + b * b) + a * b for a, b in ((16, 16), (16, 64), (64, 128), (128, 256)))
    norms = 2 * (64 + 16 + 10 * 16 + 3 * (16 + 64 + 128 + 256) + 2 * 512)
    assert count(network) == flat + halves + 9 * (256 * 512 + 512 * 512) + norms + 513 * 2 == 4_776_962
    assert count(SRNet()) == 4_776_962 + 2 * 9 * 64


@torch.no_grad()
def test_zeng():
    network = Zeng().eval()
    responses = noise(2, 25, 256, 256)
    subnet = network.subnets[0]
    assert subnet.first(responses).shape == (2, 8, 128, 128) and subnet.layers[:6](noise(2, 8, 128, 128)).shape == (2, 32, 64, 64)
    assert subnet(responses).shape == (2, 512) and [part.step for part in network.subnets] == [1, 2, 4]
    convolutions = 3 * (8 * 25 * 25 + 32 * 8 * 9 + 128 * 32 + 2 * (8 + 32 + 128))
    assert count(network) == convolutions + 1537 * 800 + 801 * 400 + 401 * 200 + 201 * 2 == 1_665_810
    basis = patterns().reshape(25, 25)
    assert torch.allclose(basis @ basis.T, torch.eye(25), atol=1e-6)  # orthonormal
    seen = []
    subnet.first.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0]))
    Subnet.forward(subnet, torch.tensor([0.4, -1.6, 90.0]).expand(1, 25, 64, 3).contiguous())
    assert torch.equal(seen[0][0, 0, 0], torch.tensor([0.0, -2.0, 4.0]))


def test_every_number_of_parameters_is_in_its_documentation():
    for name in ("gncnn", "yenet", "srnet", "zeng"):
        network = SRNet(channels=1) if name == "srnet" else networks[name]()
        assert f"{count(network):,}" in networks[name].__doc__
