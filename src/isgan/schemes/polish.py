"""Polish: a hider's work on one very pair made better by gradient descent through its frozen reveal network, rounding
included."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from isgan.hiders.base import Hider
from isgan.metrics.quality import ssim

RATE = 0.01  # Adam's at its highest, for a draft of large values; smaller ones get the same share
WARM_UP = 5  # steps; then the rate falls to 0 as a cosine does
STRUCTURE = 10  # what a secret's SSIM of 1 is worth, in logarithms of its mean square error
SPARED = 0.05 * math.log(10) / 10, 0.0005  # what the stego image may lose: .05 dB, and of SSIM
PENALTY = 10, 30  # for what it loses beyond that


def polish(hider: Hider, cover: Tensor, secret: Tensor, free: Tensor, steps: int, on_step: Callable[[], object]) -> Tensor:
    """Hides, and makes the revealed secret better, in PSNR and SSIM, while the stego image is no worse in either; the
    best stego image (1, 3, H, W), in 8 bits.

    Args:
        cover, secret: of one pair, as `Hider.hide` takes them.
        free: (1, 1, H, W), 1 where the hider's draft may change, else 0.
        steps: how many; the last ones gain most, since they are the smallest.
        on_step: called after each of them.
    """
    with torch.no_grad():
        start = hider.draft(cover, secret)
    with torch.enable_grad():
        draft = start.clone().requires_grad_()
        highest = RATE * min(1.0, draft[:, :1].abs().max().item())
        optimizer = torch.optim.Adam([draft], lr=highest, betas=(0.9, 0.99))
        best, saved, first, allowed = math.inf, cover, math.inf, [math.inf, math.inf]
        for step in range(steps + 1):
            hiding = hider.finish(cover, draft)
            error = (hiding.revealed - secret).square().mean().log()
            loss = error + STRUCTURE * (1 - ssim(hiding.revealed, secret)).mean()
            change = (hiding.stego - cover).square().mean().log(), (1 - ssim(hiding.stego, cover)).mean()
            if step == 0:
                best, saved = loss.item(), hiding.stego.detach()
                first, allowed = error.item(), [a.item() + b for a, b in zip(change, SPARED, strict=True)]
            else:
                on_step()
            if loss < best and error <= first and all(a <= b for a, b in zip(change, allowed, strict=True)):
                best, saved = loss.item(), hiding.stego.detach()
            if step == steps:
                break
            for worth, a, b in zip(PENALTY, change, allowed, strict=True):
                loss = loss + worth * torch.relu(a - b)
            rate = highest * min(1, (step + 1) / WARM_UP) * (1 + math.cos(math.pi * step / steps)) / 2
            optimizer.param_groups[0]["lr"] = rate
            optimizer.zero_grad()
            loss.backward()
            draft.grad *= free  # type: ignore[operator]
            optimizer.step()
    return saved
