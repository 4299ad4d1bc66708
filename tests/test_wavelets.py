"""The transforms that `wavelet` can work on: 5/3 against its published filters, all of them as the invertible maps they have to be."""

import numpy as np
import pytest
import torch
from test_haar import pyramid

from isgan.layers.haar import Haar
from isgan.layers.wavelets import TRANSFORMS, LearnedHaar, LeGall

# The analysis filters as they are printed, centred on even samples and on odd ones.
LOW, HIGH = np.array([-1, 2, 6, 2, -1]) / 8, np.array([-1, 2, -1]) / 2


def image(*size: int) -> torch.Tensor:
    return torch.rand(2, 1, *size, generator=torch.Generator().manual_seed(0))


def smooth(*size: int) -> torch.Tensor:
    """As photographs are: neighbours are alike. A random walk along both directions."""
    return image(*size).sub(0.5).cumsum(2).cumsum(3) / 8


def stirred(transform: torch.nn.Module) -> torch.nn.Module:
    """With a random matrix, where there is one to learn."""
    for parameter in transform.parameters():
        torch.nn.init.normal_(parameter, std=0.3, generator=torch.Generator().manual_seed(1))
    return transform.requires_grad_(False)


def filtered(signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(2 n,) -> the two bands (n,) by convolution with the filters, the signal mirrored at its first and last sample."""
    mirrored = np.pad(signal, 2, mode="reflect")
    low, high = np.convolve(mirrored, LOW, "valid"), np.convolve(mirrored, HIGH, "valid")[1:-1]
    return np.sqrt(2) * low[0::2], high[1::2] / np.sqrt(2)


def one_level(picture: np.ndarray) -> tuple[np.ndarray, ...]:
    """(H, W) -> low-pass, horizontal, vertical and diagonal detail, each (H / 2, W / 2)."""
    left, right = (np.stack(band) for band in zip(*map(filtered, picture), strict=True))
    (low, vertical), (horizontal, diagonal) = ((np.stack(b).T for b in zip(*map(filtered, half.T), strict=True)) for half in (left, right))
    return low, horizontal, vertical, diagonal


@pytest.fixture(params=[1, 2, 3])
def levels(request) -> int:
    return request.param


every_transform = pytest.mark.parametrize("name", TRANSFORMS)


@pytest.mark.parametrize("size", [(16, 24), (8, 8)])
def test_5_3_against_the_published_filters(levels, size, monkeypatch):
    """In the arrangement that `Haar` has: the same pyramid, another filter."""
    monkeypatch.setattr("test_haar.one_level", one_level)
    x = image(*size)
    ours = LeGall(levels)(x)
    for i in range(2):
        assert np.allclose(ours[i].numpy(), pyramid(x[i, 0].double().numpy(), levels), atol=1e-5)


def test_5_3_has_bands_as_large_as_haars(levels):
    x = smooth(64, 64) - smooth(64, 64).mean()
    ours, haars = (transform(levels)(x).square().mean(dim=(0, 2, 3)).sqrt() for transform in (LeGall, Haar))
    assert torch.allclose(ours[0], haars[0], rtol=0.2)
    ratios = ours[1:] / haars[1:]
    assert ratios.min() > 0.4 and ratios.max() < 1.3
    flat = LeGall(levels)(torch.full((1, 1, 8, 8), 0.3))
    assert torch.allclose(flat[:, 0], torch.tensor(0.3 * 2**levels)) and flat[:, 1:].abs().max() < 1e-6


@every_transform
def test_inverse(name, levels):
    transform = stirred(TRANSFORMS[name](levels))
    for size in ((16, 24), (2**levels, 2**levels), (8, 40)):
        x = image(*size)
        bands = transform(x)
        assert bands.shape == (2, 4**levels, size[0] / 2**levels, size[1] / 2**levels)
        assert torch.allclose(transform.inverse(bands), x, atol=1e-5)
        other = torch.randn(bands.shape, generator=torch.Generator().manual_seed(1))
        assert torch.allclose(transform(transform.inverse(other)), other, atol=1e-5)


@every_transform
def test_stays_in_float32_under_autocast(name):
    transform, x = stirred(TRANSFORMS[name]()), image(8, 8)
    bands, plain = transform(x), transform.inverse(transform(x).bfloat16().float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert transform(x).dtype == torch.float32 and torch.equal(transform(x), bands)
        assert torch.equal(transform.inverse(bands.bfloat16()), plain)


@every_transform
def test_reach(name, levels):
    """By NaN, from each pixel of a block in the middle: what depends on it through its bands, and nothing farther."""
    transform, block = stirred(TRANSFORMS[name](levels)), 2**levels
    middle, reaches = 8 * block, []
    for start in range(middle, middle + block):
        x = torch.zeros(1, 1, block, 17 * block)
        x[..., start] = torch.nan
        touched = transform(x).isnan().any(dim=1, keepdim=True)
        bands = torch.zeros(1, 4**levels, 1, 17).masked_fill(touched.any(dim=2, keepdim=True), torch.nan)  # no band is the only one
        seen = transform.inverse(bands).isnan().flatten(0, 2).any(dim=0).nonzero()
        reaches.append(int((seen - start).abs().max()))
    assert max(reaches) == transform.reach


def test_the_learned_transform_starts_as_haars_and_stays_orthogonal(levels):
    transform, x = LearnedHaar(levels), image(16, 24)
    assert torch.equal(transform(x), Haar(levels)(x))
    transform(x).square()[:, 0].mean().backward()
    assert transform.generator.grad.isfinite().all() and transform.generator.grad.any()
    stirred(transform)
    assert torch.allclose(transform(x).square().sum(), x.square().sum(), rtol=1e-5)
    assert not torch.allclose(transform(x), Haar(levels)(x), atol=0.1)
    basis = transform.basis().flatten(1)
    assert torch.allclose(basis @ basis.T, torch.eye(4**levels), atol=1e-5)


def test_only_the_learned_transform_has_weights():
    assert {name: len(transform().state_dict()) for name, transform in TRANSFORMS.items()} == {"haar": 0, "cdf53": 0, "learned": 1}
