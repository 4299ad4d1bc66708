"""Pictures for tests of measures and losses, and SSIM as scikit-image computes it."""

import numpy as np
import torch
from conftest import scene
from skimage.metrics import structural_similarity

from isgan.metrics.quality import MS_SSIM_WEIGHTS


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
