"""`wavelet`: invertible for any weights, the identity before training."""

import pytest
import torch
from conftest import stirred

from isgan.color import luma
from isgan.errors import IsganError
from isgan.hiders.wavelet import CouplingBlock, Wavelet
from isgan.layers.subnets import SUBNETS, DenseSubnet
from isgan.layers.wavelets import TRANSFORMS


def bands(seed: int) -> torch.Tensor:
    return torch.randn(2, 16, 5, 6, generator=torch.Generator().manual_seed(seed))


def forwards(block: CouplingBlock, cover: torch.Tensor, secret: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The block as its docstring has it."""
    cover = cover + block.phi(secret)
    rho, eta = block.rho_eta(cover).split(16, dim=1)
    return cover, secret * torch.exp(block.clamp * torch.tanh(rho)) + eta


@torch.no_grad()
def test_a_block_couples_and_uncouples():
    block = stirred(CouplingBlock(16, 8, clamp=0.7, subnet="dense"))
    cover, secret = bands(0), bands(1)
    rho, eta = block.rho_eta(cover).split(16, dim=1)
    coupled = block.couple(cover, secret)
    assert torch.allclose(coupled, secret * torch.exp(0.7 * torch.tanh(rho)) + eta, atol=1e-5)
    assert (coupled - secret).abs().mean() > 0.1
    assert torch.allclose(block.uncouple(cover, coupled), secret, atol=1e-4)
    assert torch.allclose(block.couple(cover, block.uncouple(cover, secret)), secret, atol=1e-4)


@torch.no_grad()
def test_channels_with_room_make_up_for_the_others():
    """Y is what was wanted where any colour has it, also where two channels are full one after the other; elsewhere nothing is other."""
    plain, hider = Wavelet(blocks=1, hidden=8, apart=True), Wavelet(blocks=1, hidden=8, apart=True, gamut=True)
    cover = torch.tensor([[0.5, 0.6, 0.7], [1.0, 0.9, 0.2], [0.99, 1.0, 0.98], [0.0, 0.0, 0.3], [0.0, 0.05, 0.9]]).T[None, :, :, None]
    for change in (0.1, -0.1):
        wanted = (luma(cover) + change).clamp(0, 1)
        clipped, stego = (model._changed(cover, torch.full_like(wanted, change)) for model in (plain, hider))
        assert torch.allclose(luma(stego), wanted, atol=1e-6) and not torch.allclose(luma(clipped), wanted, atol=1e-3)
        assert torch.allclose(stego[:, :, 0], clipped[:, :, 0], atol=1e-6)
    with pytest.raises(IsganError, match="gamut and not apart"):
        Wavelet(gamut=True)


@torch.no_grad()
def test_an_enhancement_adds_to_what_the_inverse_pass_found():
    """Nothing before training; then what its subnet makes of the secret's and the stego image's bands."""
    plain, hider = Wavelet(blocks=1, hidden=8).eval(), Wavelet(blocks=1, hidden=8, enhance=True)
    stego = torch.rand(1, 1, 16, 24)
    stirred(plain)
    hider.load_state_dict(plain.state_dict(), strict=False)
    assert torch.equal(hider.decode(stego), plain.decode(stego))
    stirred(hider)
    plain.load_state_dict({name: value for name, value in hider.state_dict().items() if not name.startswith("enhancement")})
    found, bands_of = plain.transform(plain.decode(stego)), plain.transform(stego)
    expected = found + hider.enhancement(torch.cat([found, bands_of], dim=1))
    assert torch.allclose(hider.transform(hider.decode(stego)), expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("transform", TRANSFORMS)
@torch.no_grad()
def test_the_network_runs_backwards_from_everything_the_blocks_make(transform):
    """With z kept instead of zeros it is exact: all that a real reveal lacks is z and the rounding."""
    hider = stirred(Wavelet(blocks=3, hidden=8, transform=transform))
    y, secret = torch.rand(2, 1, 1, 16, 24)
    cover, z = hider.transform(y), hider.transform(secret)
    for block in hider.blocks:
        cover, z = forwards(block, cover, z)
    assert torch.allclose(hider.encode(y, secret), hider.transform.inverse(cover), atol=1e-4)
    for block in reversed(hider.blocks):
        z = block.uncouple(cover, z)
        cover = cover - block.phi(z)
    assert torch.allclose(hider.transform.inverse(cover), y, atol=1e-3)
    assert torch.allclose(hider.transform.inverse(z), secret, atol=1e-3)


@torch.no_grad()
def test_revealing_starts_from_zeros():
    hider = stirred(Wavelet(blocks=2, hidden=8))
    y = torch.rand(1, 1, 16, 16)
    cover, secret = hider.transform(y), torch.zeros(1, 16, 4, 4)
    for block in (hider.blocks[1], hider.blocks[0]):
        secret = block.uncouple(cover, secret)
        cover = cover - block.phi(secret)
    assert torch.allclose(hider.decode(y), hider.transform.inverse(secret), atol=1e-4)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("subnet", SUBNETS)
@torch.no_grad()
def test_starts_at_the_identity(subnet, transform):
    hider = Wavelet(blocks=2, hidden=8, subnet=subnet, transform=transform)
    y, secret = torch.rand(2, 1, 1, 16, 16)
    assert torch.allclose(hider.encode(y, secret), y, atol=1e-6)
    assert torch.allclose(hider.decode(y), torch.zeros_like(y), atol=1e-6)


@torch.no_grad()
def test_without_a_scale_the_coupling_is_additive():
    block = stirred(CouplingBlock(16, 8, clamp=0.0, subnet="residual"))
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
    subnet = stirred(DenseSubnet(3, 5, 4))
    x = torch.randn(1, 3, 7, 6)
    a = torch.nn.functional.leaky_relu(subnet.first(x), 0.2)
    b = torch.nn.functional.leaky_relu(subnet.second(torch.cat([x, a], dim=1)), 0.2)
    assert torch.allclose(subnet(x), subnet.last(torch.cat([x, a, b], dim=1)), atol=1e-6)
    assert [layer.kernel_size for layer in (subnet.first, subnet.second, subnet.last)] == [(3, 3)] * 3


@pytest.mark.parametrize(
    "config",
    [
        *({"blocks": 0}, {"blocks": 17}, {"hidden": 7}, {"hidden": 257}, {"levels": 0}, {"levels": 4}),
        *({"clamp": -0.1}, {"clamp": 5.0}, {"clamp": float("nan")}),
    ],
)
def test_bounds(config):
    with pytest.raises(IsganError, match="out of bounds"):
        Wavelet(**config)


def test_an_unknown_subnet():
    with pytest.raises(IsganError, match="did you mean 'dense'"):
        Wavelet(subnet="denser")


def test_an_unknown_transform():
    with pytest.raises(IsganError, match="did you mean 'haar'"):
        Wavelet(transform="haare")
