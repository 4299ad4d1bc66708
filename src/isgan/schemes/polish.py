"""Polish: a hider's work on one very pair made better by gradient descent through its frozen reveal network, rounding
included."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from isgan.hiders.base import Hider

RATE = 0.02  # Adam's, for a draft of large values; smaller ones get the same share
PATIENCE = 10  # steps without a better secret
SPARED = 0.05 * math.log(10) / 10  # what the stego image may lose: .05 dB, as the logarithm of a mean square


def polish(
    hider: Hider, cover: Tensor, secret: Tensor, free: Tensor, steps: int, on_step: Callable[[], object]
) -> Tensor:
    """Hides, and makes the revealed secret better while the stego image is no worse; the best stego image (N, 3, H, W),
    in 8 bits.

    Args:
        cover, secret: as `Hider.hide` takes them.
        free: (N, 1, H, W), 1 where the hider's draft may change, else 0.
        steps: at most; it ends when ten of them were of no use.
        on_step: called after each of `steps`, the spared ones too.
    """
    with torch.no_grad():
        start = hider.draft(cover, secret)
    with torch.enable_grad():
        draft = start.clone().requires_grad_()
        rate = RATE * min(1.0, draft[:, :1].abs().max().item())
        optimizer = torch.optim.Adam([draft], lr=rate, betas=(0.9, 0.99))
        best, kept, saved, allowed, useless = math.inf, draft.detach().clone(), cover, math.inf, 0
        for step in range(steps + 1):
            if step:
                on_step()
            hiding = hider.finish(cover, draft)
            error = (hiding.revealed - secret).square().mean().log()
            change = (hiding.stego - cover).square().mean().log()
            if step == 0:
                allowed = change.item() + SPARED
            if error < best and change <= allowed:
                best, kept, saved, useless = error.item(), draft.detach().clone(), hiding.stego.detach(), 0
            else:
                useless += 1
            if step == steps or useless == PATIENCE:
                break
            if useless and useless % 2 == 0:  # too far: back, and on in smaller steps
                draft.data.copy_(kept)
                optimizer.param_groups[0]["lr"] /= 3
                continue
            optimizer.zero_grad()
            (error + 10 * torch.relu(change - allowed)).backward()
            draft.grad *= free  # type: ignore[operator]
            optimizer.step()
        for _ in range(step, steps):
            on_step()
    return saved
