"""PSNR, SSIM and MS-SSIM against scikit-image and against pytorch-msssim's own MS-SSIM."""

import math

import pytest
import pytorch_msssim
import torch
from pixels import noisy, picture, skimage_ms_ssim, skimage_ssim
from skimage.metrics import peak_signal_noise_ratio

from isgan.metrics.quality import ms_ssim, ms_ssim_scales, psnr, ssim


@pytest.mark.parametrize("amount", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("size", [(48, 64), (33, 47), (11, 11)])
def test_against_scikit_image(size, amount):
    x = picture(*size)
    y = noisy(x, amount)
    assert psnr(x, y).item() == pytest.approx(peak_signal_noise_ratio(x.numpy(), y.numpy(), data_range=1.0), abs=1e-3)
    assert ssim(x, y).item() == pytest.approx(skimage_ssim(x, y), abs=2e-5)


@pytest.mark.parametrize("side, scales", [(48, 3), (96, 4), (176, 5)])
def test_ms_ssim_against_scikit_image(side, scales):
    x = picture(side, side, channels=1)
    y = noisy(x, 0.05)
    assert ms_ssim_scales(side, side) == scales
    assert ms_ssim(x, y).item() == pytest.approx(skimage_ms_ssim(x, y, scales), abs=2e-5)


@pytest.mark.parametrize("size", [(200, 200), (177, 201)])
def test_ms_ssim_against_pytorch_msssim(size):
    x = torch.cat([picture(*size), picture(*size, seed=4)])
    y = torch.cat([noisy(x[:1], 0.05), noisy(x[1:], 0.2)])
    theirs = pytorch_msssim.ms_ssim(x, y, data_range=1.0, size_average=False)
    assert torch.allclose(ms_ssim(x, y), theirs, atol=1e-6)


@pytest.mark.parametrize("side, scales", [(11, 1), (21, 1), (22, 2), (43, 2), (44, 3), (87, 3), (88, 4), (175, 4), (176, 5), (4000, 5)])
def test_scales_by_size(side, scales):
    assert ms_ssim_scales(side, side) == ms_ssim_scales(side, 5000) == ms_ssim_scales(5000, side) == scales
    assert 11 * 2 ** (scales - 1) <= side  # the window lies inside the coarsest image


def test_one_scale_is_ssim():
    x = picture(20, 18)
    y = noisy(x, 0.1)
    assert torch.allclose(ms_ssim(x, y), ssim(x, y), atol=1e-6)


@pytest.mark.parametrize("measure", [psnr, ssim, ms_ssim])
def test_one_value_per_image(measure):
    x = torch.cat([picture(32, 40), picture(32, 40, seed=1)])
    y = torch.cat([noisy(x[:1], 0.05), noisy(x[1:], 0.3)])
    both = measure(x, y)
    assert both.shape == (2,) and both[0] > both[1]
    assert torch.allclose(both, torch.cat([measure(x[:1], y[:1]), measure(x[1:], y[1:])]), atol=1e-5)


def test_equal_images():
    x = picture(32, 32)
    assert psnr(x, x).item() == math.inf
    assert ssim(x, x).item() == pytest.approx(1, abs=1e-6) and ms_ssim(x, x).item() == pytest.approx(1, abs=1e-6)


def test_known_psnr():
    x = torch.zeros(1, 3, 4, 4)
    assert psnr(x, x + 1).item() == pytest.approx(0, abs=1e-5)
    assert psnr(x, x + 0.1).item() == pytest.approx(20, abs=1e-4)
    # The mean runs over pixels and channels before the logarithm.
    x[:, 0, 0, 0] = 1
    assert psnr(x, torch.zeros_like(x)).item() == pytest.approx(10 * math.log10(48), abs=1e-4)


@pytest.mark.parametrize("side", [16, 32, 64])
@pytest.mark.parametrize("kind", ["equal", "inverted", "noise", "flat"])
@pytest.mark.parametrize("measure", [ssim, ms_ssim])
def test_gradients_are_finite(measure, kind, side):
    x = picture(side, side)
    y = {"equal": x, "inverted": 1 - x, "noise": torch.rand_like(x), "flat": torch.full_like(x, 0.5)}[kind].clone().requires_grad_()
    measure(x, y).sum().backward()
    assert y.grad.isfinite().all()
    assert y.grad.any() or kind in ("equal", "inverted")


def test_float64_stays_float64():
    x = picture(48, 48).double()
    y = noisy(x.float(), 0.1).double()
    assert psnr(x, y).dtype == ssim(x, y).dtype == ms_ssim(x, y).dtype == torch.float64
