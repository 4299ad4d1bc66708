"""PSNR, SSIM and MS-SSIM against scikit-image and against pytorch-msssim's own MS-SSIM."""

import math

import numpy as np
import pytest
import pytorch_msssim
import torch
from conftest import scene
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from isgan.evaluation.quality import Row, measure, summary
from isgan.image import write_png
from isgan.metrics.quality import MS_SSIM_WEIGHTS, ms_ssim, ms_ssim_scales, psnr, ssim


class Stub:
    """Adds 4 to B of the upper half, and reveals white."""

    def hide(self, cover, secret, *, strength="auto", polish=0):
        stego = cover.copy()
        stego[: len(cover) // 2, :, 2] += 4
        return stego

    def reveal(self, stego):
        return np.full(stego.shape[:2], 255, np.uint8)

    def strength_of(self, stego):
        return None


def picture(height: int, width: int, channels: int = 3, seed: int = 0) -> torch.Tensor:
    """(1, channels, height, width) in [0, 1]."""
    return torch.from_numpy(scene(height, width, seed)[..., :channels]).permute(2, 0, 1)[None].float() / 255


def noisy(image: torch.Tensor, amount: float, seed: int = 1) -> torch.Tensor:
    return (image + amount * torch.randn(image.shape, generator=torch.Generator().manual_seed(seed))).clamp(0, 1)


def skimage_ssim(x: torch.Tensor, y: torch.Tensor) -> float:
    """SSIM with the paper's window, the mean over windows inside the image (scikit-image alone averages a border of 5 in too)."""
    a, b = (image[0].permute(1, 2, 0).double().numpy() for image in (x, y))
    _, full = structural_similarity(a, b, data_range=1.0, channel_axis=2, gaussian_weights=True, sigma=1.5,
                                    use_sample_covariance=False, full=True)  # fmt: skip
    return full[5:-5, 5:-5].mean()


def skimage_ms_ssim(x: torch.Tensor, y: torch.Tensor, scales: int) -> float:
    """MS-SSIM of one-channel images from scikit-image's SSIM alone. Contrast is SSIM with the luminance term made 1 by K1."""
    weights = np.array(MS_SSIM_WEIGHTS[:scales]) / sum(MS_SSIM_WEIGHTS[:scales])
    a, b = (image[0, 0].double().numpy() for image in (x, y))
    result = 1.0
    for scale, weight in enumerate(weights):
        last = scale == scales - 1
        _, full = structural_similarity(a, b, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
                                        K1=0.01 if last else 1e6, full=True)  # fmt: skip
        result *= full[5:-5, 5:-5].mean() ** weight
        a, b = (image.reshape(image.shape[0] // 2, 2, -1, 2).mean(axis=(1, 3)) for image in (a, b)) if not last else (a, b)
    return result


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


def test_what_is_measured_of_a_pair(tmp_path):
    """`changed` is the share of the samples, three a pixel."""
    pair = tuple(write_png(scene(32, 48, seed), tmp_path / f"{seed}.png") for seed in (0, 1))
    (row,) = measure("stub", Stub(), "auto", "some", [pair], (tmp_path, tmp_path))
    assert row.changed == pytest.approx(1 / 6) and (row.width, row.height, row.strength) == (48, 32, "")
    assert row.stego_psnr == pytest.approx(10 * math.log10(255**2 / (16 / 6)), abs=1e-4)


def test_a_summary_has_means_and_the_worst():
    numbers = [(50.0, 0.99, 30.0, 0.9), (40.0, 0.95, 38.0, 0.98), (45.0, 0.97, 34.0, 0.94)]
    rows = [Row("some", "stub", "auto", "", "a.png", "b.png", 9, 9, *four, 0.1 * n, n, 2 * n) for n, four in enumerate(numbers)]
    told = summary(rows)
    assert (told["worst_stego_psnr"], told["worst_secret_psnr"], told["pairs"]) == (40, 30, 3)
    means = [told[name] for name in ("stego_psnr", "stego_ssim", "secret_psnr", "secret_ssim", "changed", "hide_seconds", "reveal_seconds")]
    assert means == pytest.approx([45, 0.97, 34, 0.94, 0.1, 1, 2])
