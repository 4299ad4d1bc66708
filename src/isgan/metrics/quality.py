"""PSNR, SSIM and MS-SSIM, one value per image.

SSIM is the paper's (eq. 8): 11x11 Gaussian window, sigma 1.5, C1 = .01^2, C2 = .03^2 for data in [0, 1], windows that
lie inside the image only. pytorch-msssim computes it and agrees with scikit-image to 4e-6.
"""

import pytorch_msssim
import torch
from pytorch_msssim.ssim import _fspecial_gauss_1d, _ssim
from torch import Tensor
from torch.nn import functional as F

# Wang, Simoncelli and Bovik 2003, from the finest scale to the coarsest.
MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW, SIGMA = 11, 1.5


def psnr(x: Tensor, y: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB: (N, C, H, W) twice, in [0, 1] -> (N,). Infinite for equal images."""
    return -10 * (x - y).square().flatten(1).mean(dim=1).log10()


def ssim(x: Tensor, y: Tensor) -> Tensor:
    """Structural similarity: (N, C, H, W) twice, in [0, 1], at least 11 pixels a side -> (N,), mean over channels."""
    return pytorch_msssim.ssim(x, y, data_range=1.0, size_average=False, win_size=WINDOW, win_sigma=SIGMA)


def ms_ssim_scales(height: int, width: int) -> int:
    """How many of the five scales fit: the window must lie inside the coarsest image (176 pixels for all five)."""
    return min(len(MS_SSIM_WEIGHTS), max(1, (min(height, width) // WINDOW).bit_length()))


def ms_ssim(x: Tensor, y: Tensor) -> Tensor:
    """Multi-scale SSIM (Wang et al. 2003): (N, C, H, W) twice, in [0, 1] -> (N,), mean over channels.

    Images under 176 pixels use fewer scales, with the first weights renormalised to sum to one. Contrast terms are
    clamped at 1e-6: a negative base has no fractional power, and at zero the power's gradient is infinite.
    """
    scales = ms_ssim_scales(*x.shape[-2:])
    weights = torch.tensor(MS_SSIM_WEIGHTS[:scales], device=x.device)
    if scales < len(MS_SSIM_WEIGHTS):  # the five as published sum to 1.0001
        weights = weights / weights.sum()
    window = _fspecial_gauss_1d(WINDOW, SIGMA).repeat(x.shape[1], 1, 1, 1)
    result = torch.ones((), device=x.device)
    for scale, weight in enumerate(weights):
        similarity, contrast = _ssim(x, y, data_range=1.0, win=window, size_average=False)
        last = scale == scales - 1
        result = result * (similarity if last else contrast).clamp(min=1e-6) ** weight
        if not last:
            odd = [side % 2 for side in x.shape[-2:]]
            x, y = F.avg_pool2d(x, 2, padding=odd), F.avg_pool2d(y, 2, padding=odd)
    return result.mean(dim=1)
