"""`atique` layer by layer, and how its two branches meet."""

import pytest
import torch
from conftest import stirred
from torch import nn
from torch.nn import functional as F

from isgan.color import rgb_to_ycbcr
from isgan.errors import IsganError
from isgan.hiders.atique import Atique, Encoder, decoder
from isgan.hiders.base import LumaHider

# (inputs, outputs, kernel) of each convolution, in order.
GUEST = [(1, 16, 3)] + [(16, 16, 3)] * 6
HOST = [(3, 16, 3)] + [(32, 16, 3), (16, 16, 3)] * 3
HYBRID = [(32, 16, 1), (16, 8, 1), (8, 3, 1)]
DECODER = [(3, 16, 3), (16, 16, 3), (16, 8, 3), (8, 8, 3), (8, 3, 3), (3, 3, 3), (3, 1, 1)]
# The guest joins the host after these layers, counted from one.
MEETINGS = [1, 3, 5, 7]


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def expected_parameters(table: list[tuple[int, int, int]]) -> int:
    """Weights and biases."""
    return sum(kernel * kernel * inputs * outputs + outputs for inputs, outputs, kernel in table)


def convolutions(module: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]


def table(module: nn.Module) -> list[tuple[int, int, int]]:
    return [(layer.in_channels, layer.out_channels, layer.kernel_size[0]) for layer in convolutions(module)]


def test_parameters_of_the_encoder():
    encoder = Encoder()
    assert parameters(encoder.guest) == expected_parameters(GUEST) == 160 + 6 * 2_320 == 14_080
    assert parameters(encoder.host) == expected_parameters(HOST) == 448 + 3 * (4_624 + 2_320) == 21_280
    assert parameters(encoder.hybrid) == expected_parameters(HYBRID) == 528 + 136 + 27 == 691
    assert parameters(encoder) == 14_080 + 21_280 + 691 == 36_051


def test_parameters_of_the_decoder():
    assert parameters(decoder()) == expected_parameters(DECODER) == 448 + 2_320 + 1_160 + 584 + 219 + 84 + 4 == 4_819


def test_layers():
    encoder = Encoder()
    assert table(encoder.guest) == GUEST and table(encoder.host) == HOST and table(encoder.hybrid) == HYBRID
    assert table(decoder()) == DECODER
    for layer in [*convolutions(encoder), *convolutions(decoder())]:
        assert layer.kernel_size[0] == layer.kernel_size[1] and layer.padding == (layer.kernel_size[0] // 2,) * 2
        assert layer.stride == (1, 1) and layer.bias is not None


def test_the_guest_joins_the_host_at_every_other_layer():
    encoder = stirred(Encoder()).eval()
    host, guest = torch.rand(2, 3, 12, 9), torch.rand(2, 1, 12, 9)
    x, y = host, guest
    with torch.no_grad():
        for number, (ours, theirs) in enumerate(
            zip(convolutions(encoder.host), convolutions(encoder.guest), strict=True), start=1
        ):
            x, y = (
                F.relu(F.conv2d(image, layer.weight, layer.bias, padding=1))
                for image, layer in ((x, ours), (y, theirs))
            )
            if number in MEETINGS:
                x = torch.cat([x, y], dim=1)
        first, second, last = convolutions(encoder.hybrid)
        x = F.relu(F.conv2d(x, first.weight, first.bias))
        x = F.relu(F.conv2d(x, second.weight, second.bias))
        expected = F.conv2d(x, last.weight, last.bias)
        assert torch.allclose(encoder(host, guest), expected, atol=1e-5)


def test_relu_follows_every_convolution_but_the_last():
    """The stego image and the secret are what the last convolution says."""
    for network in (Encoder(), decoder()):
        layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.ReLU)]
        *pairs, last = layers
        assert isinstance(last, nn.Conv2d)
        assert all(isinstance(layer, nn.ReLU) == bool(number % 2) for number, layer in enumerate(pairs))


def test_the_plain_output_is_the_encoders():
    hider = stirred(Atique()).eval()
    cover, secret = torch.rand(1, 3, 32, 33), torch.rand(1, 1, 32, 33)
    with torch.no_grad():
        assert torch.equal(hider.hide(cover, secret), hider.encoder(cover, secret))


def test_the_colours_change_too():
    assert not issubclass(Atique, LumaHider)
    hider = stirred(Atique(residual=0.2)).eval()
    cover, secret = torch.rand(1, 3, 32, 33), torch.rand(1, 1, 32, 33)
    with torch.no_grad():
        change = rgb_to_ycbcr(hider.hide(cover, secret)) - rgb_to_ycbcr(cover)
    assert (change.abs().amax(dim=(0, 2, 3)) > 1 / 255).all()


def test_first_weights_are_xavier():
    for layer in convolutions(Atique()):
        fan = (layer.in_channels + layer.out_channels) * layer.kernel_size[0] ** 2
        bound = (6 / fan) ** 0.5
        assert 0.2 * bound < layer.weight.abs().max() <= bound
        assert not layer.bias.any()


def test_the_residual_output_starts_near_the_identity():
    torch.manual_seed(0)
    cover, secret = torch.rand(2, 3, 32, 32), torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        assert 0 < (Atique(residual=0.2).hide(cover, secret) - cover).abs().max() < 0.5 / 255
        assert (Atique().hide(cover, secret) - cover).abs().mean() > 10 / 255


def test_the_residual_output_is_bounded():
    hider = stirred(Atique(residual=0.2)).eval()
    cover, secret = torch.rand(1, 3, 32, 32), torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        for bias in (-50.0, 50.0):
            hider.encoder.hybrid[-1].bias.fill_(bias)
            change = hider.hide(cover, secret) - cover
            assert torch.allclose(change, torch.full_like(change, 0.2 if bias > 0 else -0.2), atol=1e-4)


@pytest.mark.parametrize("residual", [0.0, 0.2])
def test_pictures_are_float32_in_bfloat16_training(residual):
    hider = Atique(residual)
    with torch.autocast("cpu", torch.bfloat16):
        stego, revealed = hider(torch.rand(1, 3, 32, 32), torch.rand(1, 1, 32, 32))
    assert stego.dtype == revealed.dtype == torch.float32


@pytest.mark.parametrize("residual", [-0.1, 1.1, float("nan")])
def test_bounds(residual):
    with pytest.raises(IsganError, match="residual"):
        Atique(residual)
