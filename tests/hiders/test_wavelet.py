"""`wavelet`: invertible for any weights, the identity before training."""

import pytest
import torch
from conftest import stirred

from isgan.errors import IsganError
from isgan.hiders.wavelet import CouplingBlock, Dense, Wavelet


def bands(seed: int) -> torch.Tensor:
    return torch.randn(2, 16, 5, 6, generator=torch.Generator().manual_seed(seed))


def forwards(block: CouplingBlock, cover: torch.Tensor, secret: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The block as its docstring has it."""
    cover = cover + block.phi(secret)
    rho, eta = block.rho_eta(cover).split(16, dim=1)
    return cover, secret * torch.exp(block.clamp * torch.tanh(rho)) + eta


@torch.no_grad()
def test_a_block_couples_and_uncouples():
    block = stirred(CouplingBlock(16, 8, clamp=0.7))
    cover, secret = bands(0), bands(1)
    rho, eta = block.rho_eta(cover).split(16, dim=1)
    coupled = block.couple(cover, secret)
    assert torch.allclose(coupled, secret * torch.exp(0.7 * torch.tanh(rho)) + eta, atol=1e-5)
    assert (coupled - secret).abs().mean() > 0.1
    assert torch.allclose(block.uncouple(cover, coupled), secret, atol=1e-4)
    assert torch.allclose(block.couple(cover, block.uncouple(cover, secret)), secret, atol=1e-4)


@torch.no_grad()
def test_the_network_runs_backwards_from_everything_the_blocks_make():
    """With z kept instead of zeros it is exact: all that a real reveal lacks is z and the rounding."""
    hider = stirred(Wavelet(blocks=3, hidden=8))
    y, secret = torch.rand(2, 1, 1, 16, 24)
    cover, z = hider.haar(y), hider.haar(secret)
    for block in hider.blocks:
        cover, z = forwards(block, cover, z)
    assert torch.allclose(hider.encode(y, secret), hider.haar.inverse(cover), atol=1e-4)
    for block in reversed(hider.blocks):
        z = block.uncouple(cover, z)
        cover = cover - block.phi(z)
    assert torch.allclose(hider.haar.inverse(cover), y, atol=1e-3)
    assert torch.allclose(hider.haar.inverse(z), secret, atol=1e-3)


@torch.no_grad()
def test_revealing_starts_from_zeros():
    hider = stirred(Wavelet(blocks=2, hidden=8))
    y = torch.rand(1, 1, 16, 16)
    cover, secret = hider.haar(y), torch.zeros(1, 16, 4, 4)
    for block in (hider.blocks[1], hider.blocks[0]):
        secret = block.uncouple(cover, secret)
        cover = cover - block.phi(secret)
    assert torch.allclose(hider.decode(y), hider.haar.inverse(secret), atol=1e-4)


@torch.no_grad()
def test_starts_at_the_identity():
    hider = Wavelet(blocks=2, hidden=8)
    y, secret = torch.rand(2, 1, 1, 16, 16)
    assert torch.allclose(hider.encode(y, secret), y, atol=1e-6)
    assert torch.allclose(hider.decode(y), torch.zeros_like(y), atol=1e-6)


@torch.no_grad()
def test_without_a_scale_the_coupling_is_additive():
    block = stirred(CouplingBlock(16, 8, clamp=0.0))
    cover = bands(0)
    assert torch.allclose(block.couple(cover, bands(1)) - bands(1), block.couple(cover, bands(2)) - bands(2), atol=1e-5)


@pytest.mark.parametrize("blocks, hidden", [(4, 64), (1, 8)])
def test_parameters(blocks, hidden):
    def subnet(inputs: int, outputs: int) -> int:
        first, second, last = (inputs, hidden), (inputs + hidden, hidden), (inputs + 2 * hidden, outputs)
        return sum(9 * a * b + b for a, b in (first, second, last))

    expected = blocks * (subnet(16, 16) + subnet(16, 32))
    assert sum(parameter.numel() for parameter in Wavelet(blocks, hidden).parameters()) == expected
    assert (blocks, hidden) != (4, 64) or expected == 692_416


def test_the_subnet_is_dense():
    """Each convolution sees the input and all convolutions before it, with slope 0.2 between them."""
    subnet = stirred(Dense(3, 5, 4))
    x = torch.randn(1, 3, 7, 6)
    a = torch.nn.functional.leaky_relu(subnet.first(x), 0.2)
    b = torch.nn.functional.leaky_relu(subnet.second(torch.cat([x, a], dim=1)), 0.2)
    assert torch.allclose(subnet(x), subnet.last(torch.cat([x, a, b], dim=1)), atol=1e-6)
    assert [layer.kernel_size for layer in (subnet.first, subnet.second, subnet.last)] == [(3, 3)] * 3


@pytest.mark.parametrize(
    "config",
    [
        *({"blocks": 0}, {"blocks": 17}, {"hidden": 7}, {"hidden": 257}),
        *({"clamp": -0.1}, {"clamp": 5.0}, {"clamp": float("nan")}),
    ],
)
def test_bounds(config):
    with pytest.raises(IsganError, match="out of bounds"):
        Wavelet(**config)
