"""The Haar transform against a pyramid written out with slices, and as the orthonormal, invertible map it has to be."""

import numpy as np
import pytest
import torch

from isgan.layers.haar import Haar, haar_kernels


def one_level(image: np.ndarray) -> tuple[np.ndarray, ...]:
    """(H, W) -> the four bands of one Haar level: low-pass, horizontal, vertical and diagonal detail, each (H / 2, W /
    2)."""
    a, b, c, d = image[0::2, 0::2], image[0::2, 1::2], image[1::2, 0::2], image[1::2, 1::2]
    return (a + b + c + d) / 2, (a - b + c - d) / 2, (a + b - c - d) / 2, (a - b - c + d) / 2


def pyramid(image: np.ndarray, levels: int) -> np.ndarray:
    """(H, W) -> (4^levels, H / 2^levels, W / 2^levels): the bands, finer ones split by the position inside the
    block."""
    if levels == 0:
        return image[None]
    low, *details = one_level(image)
    step = 2 ** (levels - 1)
    polyphase = [band[row::step, column::step] for band in details for row in range(step) for column in range(step)]
    return np.concatenate([pyramid(low, levels - 1), np.stack(polyphase)])


@pytest.fixture(params=[1, 2, 3])
def levels(request) -> int:
    return request.param


def image(*size: int) -> torch.Tensor:
    return torch.rand(2, 1, *size, generator=torch.Generator().manual_seed(0))


def test_kernels_are_orthonormal(levels):
    basis = haar_kernels(levels).flatten(1).double()
    assert basis.shape == (4**levels, 4**levels)
    assert torch.allclose(basis @ basis.T, torch.eye(4**levels, dtype=torch.float64), atol=1e-6)


def test_against_slices(levels):
    x = image(16, 24)
    ours = Haar(levels)(x)
    for i in range(2):
        assert np.allclose(ours[i].numpy(), pyramid(x[i, 0].numpy(), levels), atol=1e-5)


def test_inverse_and_energy(levels):
    haar, x = Haar(levels), image(16, 24)
    bands = haar(x)
    assert bands.shape == (2, 4**levels, 16 / 2**levels, 24 / 2**levels)
    assert torch.allclose(haar.inverse(bands), x, atol=1e-6)
    other = torch.randn(bands.shape, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(haar(haar.inverse(other)), other, atol=1e-5)
    assert torch.allclose(bands.square().sum(), x.square().sum(), rtol=1e-5)


def test_a_flat_image_has_only_a_low_pass_band(levels):
    bands = Haar(levels)(torch.full((1, 1, 8, 8), 0.3))
    assert torch.allclose(bands[:, 0], torch.tensor(0.3 * 2**levels))
    assert bands[:, 1:].abs().max() < 1e-6


def test_stays_in_float32_under_autocast():
    haar, x = Haar(), image(8, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        bands = haar(x)
        back = haar.inverse(bands.bfloat16().float())
    assert bands.dtype == back.dtype == torch.float32
    assert torch.equal(bands, haar(x))


def test_has_no_weights():
    assert not list(Haar().parameters()) and not Haar().state_dict()
