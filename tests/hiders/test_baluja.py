"""`baluja` layer by layer: kernels side by side, sizes kept, gray and colour secrets."""

import pytest
import torch
from conftest import stirred
from torch import nn
from torch.nn import functional as F

from isgan.errors import IsganError
from isgan.hiders.baluja import Baluja, Layer
from isgan.schemes.neural import Neural

KERNELS = (3, 4, 5)


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def layer_parameters(inputs: int, width: int) -> int:
    """`width` filters of each kernel size, with biases."""
    return sum(kernel * kernel * inputs * width + width for kernel in KERNELS)


def rows(network: nn.Sequential) -> list[tuple[int, int]]:
    """Channels into and out of each row of a network's table."""
    found = []
    for row in network:
        if isinstance(row, Layer):
            branches = (row.three, row.four, row.five)
            assert [branch.kernel_size for branch in branches] == [(kernel, kernel) for kernel in KERNELS]
            assert len({(branch.in_channels, branch.out_channels) for branch in branches}) == 1
            found.append((row.three.in_channels, sum(branch.out_channels for branch in branches)))
        else:
            assert isinstance(row, nn.Conv2d) and row.kernel_size == (1, 1) and row is network[-1]
            found.append((row.in_channels, row.out_channels))
    return found


def test_parameters_of_the_papers_width():
    """50 filters of each size: 50 x (9 + 16 + 25) = 2,500 weights for each channel that comes in."""
    hider = Baluja()
    inner = 2_500 * 150 + 150
    assert layer_parameters(150, 50) == inner == 375_150
    assert parameters(hider.preparation) == layer_parameters(1, 50) + inner == 2_650 + 375_150 == 377_800
    assert (
        parameters(hider.hiding)
        == layer_parameters(153, 50) + 4 * inner + 3 * 151
        == 382_650 + 1_500_600 + 453
        == 1_883_703
    )
    assert (
        parameters(hider.revealing) == layer_parameters(3, 50) + 4 * inner + 151 == 7_650 + 1_500_600 + 151 == 1_508_401
    )
    assert parameters(hider) == 377_800 + 1_883_703 + 1_508_401 == 3_769_904


def test_parameters_of_the_colour_mode():
    hider = Baluja(colour=True)
    assert parameters(hider.preparation) == 2_500 * 3 + 150 + 375_150 == 382_800
    assert parameters(hider.hiding) == 1_883_703
    assert parameters(hider.revealing) == 7_650 + 1_500_600 + 453 == 1_508_703
    assert parameters(hider) == 3_775_206


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("width", [4, 50])
def test_layers(width, colour):
    channels = 3 if colour else 1
    hider, wide = Baluja(width, colour), 3 * width
    assert rows(hider.preparation) == [(channels, wide), (wide, wide)]
    assert rows(hider.hiding) == [(3 + wide, wide), (wide, wide), (wide, wide), (wide, wide), (wide, wide), (wide, 3)]
    assert rows(hider.revealing) == [
        (3, wide),
        (wide, wide),
        (wide, wide),
        (wide, wide),
        (wide, wide),
        (wide, channels),
    ]


@pytest.mark.parametrize("size", [(9, 12), (8, 7)])
def test_a_layer_is_three_convolutions_side_by_side(size):
    layer = stirred(Layer(2, 5)).eval()
    for branch in (layer.three, layer.four, layer.five):
        branch.bias.data.zero_()
    x = torch.randn(2, 2, *size)
    # One row above and two below for the 4x4 convolution, likewise from left to right.
    expected = [
        F.conv2d(F.pad(x, (1, 1, 1, 1)), layer.three.weight),
        F.conv2d(F.pad(x, (1, 2, 1, 2)), layer.four.weight),
        F.conv2d(F.pad(x, (2, 2, 2, 2)), layer.five.weight),
    ]
    with torch.no_grad():
        out = layer(x)
    assert out.shape == (2, 15, *size) and (out == 0).any()
    assert torch.allclose(out, torch.cat(expected, dim=1).clamp(min=0), atol=1e-5)


def test_what_the_networks_see():
    hider = stirred(Baluja(width=4)).eval()
    cover, secret = torch.rand(1, 3, 32, 35), torch.rand(1, 1, 32, 35)
    with torch.no_grad():
        features = hider.preparation(secret)
        assert features.shape == (1, 12, 32, 35)
        stego = hider.hide(cover, secret)
        assert torch.equal(stego, hider.hiding(torch.cat([cover, features], dim=1)))
        assert torch.equal(hider.reveal(stego), hider.revealing(stego))


@pytest.mark.parametrize("residual", [0.0, 0.2])
@pytest.mark.parametrize("size", [(32, 32), (33, 47)])
def test_a_colour_secret(size, residual):
    hider = stirred(Baluja(width=4, colour=True, residual=residual)).eval()
    cover, secret = torch.rand(2, 3, *size), torch.rand(2, 3, *size)
    with torch.no_grad():
        stego = hider.hide(cover, secret)
        hiding = hider(cover, secret)
        assert stego.shape == hiding.stego.shape == hiding.revealed.shape == hider.reveal(stego).shape == (2, 3, *size)
        assert torch.equal(hiding.revealed, hider.reveal(hiding.stego))
        for channel in range(3):
            other = secret.clone()
            other[:, channel] = 1 - other[:, channel]
            assert not torch.equal(hider.hide(cover, other), stego)


def test_a_colour_hider_learns():
    torch.manual_seed(0)
    hider = Baluja(width=4, colour=True, residual=0.2)
    cover, secret = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32)
    hiding = hider(cover, secret)
    (hiding.stego - cover).square().mean().add((hiding.revealed - secret).square().mean()).backward()
    assert all(
        parameter.grad.isfinite().all() and parameter.grad.any()
        for parameter in hider.parameters()
        if parameter.ndim > 1
    )


@pytest.mark.parametrize("colour, channels", [(False, 3), (True, 1)])
def test_the_other_kind_of_secret_is_refused(colour, channels):
    with pytest.raises(
        IsganError, match=f"colour={colour} hides a secret of {4 - channels} channel.*, not {channels}: convert"
    ):
        Baluja(width=4, colour=colour).hide(torch.rand(1, 3, 32, 32), torch.rand(1, channels, 32, 32))


@pytest.mark.parametrize("width", [4, 50])
def test_the_residual_output_starts_near_the_identity(width):
    torch.manual_seed(0)
    cover, secret = torch.rand(2, 3, 32, 32), torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        assert 0 < (Baluja(width, residual=0.2).hide(cover, secret) - cover).abs().max() < 0.5 / 255
        assert (Baluja(width).hide(cover, secret) - cover).abs().mean() > 10 / 255


def test_the_residual_output_is_bounded():
    hider = stirred(Baluja(width=4, residual=0.2)).eval()
    cover, secret = torch.rand(1, 3, 32, 32), torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        for bias in (-50.0, 50.0):
            hider.hiding[-1].bias.fill_(bias)
            change = hider.hide(cover, secret) - cover
            assert torch.allclose(change, torch.full_like(change, 0.2 if bias > 0 else -0.2), atol=1e-4)


def test_first_weights_are_hes():
    for layer in Baluja().modules():
        if isinstance(layer, nn.Conv2d):
            bound = (6 / (layer.in_channels * layer.kernel_size[0] ** 2)) ** 0.5
            assert 0.8 * bound < layer.weight.abs().max() <= bound
            assert not layer.bias.any()


@pytest.mark.parametrize("residual", [0.0, 0.2])
def test_pictures_are_float32_in_bfloat16_training(residual):
    hider = Baluja(width=4, residual=residual)
    with torch.autocast("cpu", torch.bfloat16):
        stego, revealed = hider(torch.rand(1, 3, 32, 32), torch.rand(1, 1, 32, 32))
    assert stego.dtype == revealed.dtype == torch.float32


@pytest.mark.parametrize(
    "name, value", [("width", 3), ("width", 101), ("residual", -0.1), ("residual", 1.1), ("residual", float("nan"))]
)
def test_bounds(name, value):
    with pytest.raises(IsganError, match=f"{name}={value}.*out of bounds"):
        Baluja(**{name: value})


def test_the_widest_fits_a_weights_file():
    """64 MiB, `isgan.models.MAX_BYTES`, with float32 weights."""
    from isgan.models import MAX_BYTES

    assert 4 * parameters(Baluja(width=100, colour=True)) < MAX_BYTES


def test_no_command_hides_colour_secrets_yet():
    with pytest.raises(IsganError, match="hides colour secrets"):
        Neural(Baluja(width=4, colour=True))
    Neural(Baluja(width=4))
