"""PSNR and SSIM in numpy, against the tensors' and scikit-image's."""

import math
import subprocess
import sys

import numpy as np
import pytest

from isgan.metrics import pictures
from isgan.metrics.pictures import compare

GENERATOR = np.random.default_rng(0)


def pair(*shape: int, noise: int = 12) -> tuple[np.ndarray, np.ndarray]:
    smooth = np.add.outer(np.arange(shape[0]), np.arange(shape[1])) % 256
    original = np.broadcast_to(smooth.reshape(*shape[:2], *[1] * (len(shape) - 2)), shape).astype(np.int64)
    changed = (original + GENERATOR.integers(-noise, noise + 1, shape)).clip(0, 255)
    return changed.astype(np.uint8), original.astype(np.uint8)


@pytest.mark.parametrize("shape", [(11, 11), (64, 80), (75, 200, 3), (140, 33), (139, 31, 3)])
def test_scikit_image_agrees(shape):
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    picture, original = pair(*shape)
    psnr, ssim = compare(picture, original)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255, "full": True}
    _, full = structural_similarity(picture, original, channel_axis=2 if len(shape) == 3 else None, **options)
    assert ssim == pytest.approx(full[5:-5, 5:-5].mean(), abs=1e-9)
    assert psnr == pytest.approx(peak_signal_noise_ratio(original, picture), abs=1e-9)


@pytest.mark.parametrize("shape", [(32, 40), (150, 64, 3)])
def test_tensors_agree(shape):
    torch = pytest.importorskip("torch")
    from isgan.metrics import quality

    picture, original = pair(*shape)
    tensors = [
        torch.from_numpy(image.reshape(*shape[:2], -1)).permute(2, 0, 1)[None].double() / 255
        for image in (picture, original)
    ]
    psnr, ssim = compare(picture, original)
    assert ssim == pytest.approx(quality.ssim(*tensors).item(), abs=1e-5)  # its window is float32
    assert psnr == pytest.approx(quality.psnr(*tensors).item(), abs=1e-6)


def test_equal_and_small_pictures():
    picture = np.full((40, 40), 7, np.uint8)
    assert compare(picture, picture) == (math.inf, 1.0)
    picture, original = pair(10, 200)
    psnr, ssim = compare(picture, original)
    assert 25 < psnr < 45 and math.isnan(ssim)
    with pytest.raises(ValueError, match="pictures of"):
        compare(picture, original[:, :1])


def test_large_pictures_are_sampled(monkeypatch):
    picture, original = pair(1000, 100)
    whole = compare(picture, original)
    monkeypatch.setattr(pictures, "ALL_PIXELS", 20_000)
    sampled = compare(picture, original)
    assert (
        sampled.psnr == whole.psnr
        and sampled.ssim != whole.ssim
        and sampled.ssim == pytest.approx(whole.ssim, abs=0.02)
    )


def test_no_torch_is_needed():
    code = "import sys, isgan.metrics.pictures; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
