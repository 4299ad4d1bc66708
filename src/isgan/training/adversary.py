"""The paper's adversarial game (eq. 3-4): a steganalyzer learns to tell stego images from covers, the hider to make it
answer "cover". Ours: several steganalyzers may play, an ensemble.
"""

from typing import Any, cast

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional as F

from isgan.detectors.networks import networks
from isgan.detectors.networks.base import COVER, STEGO
from isgan.errors import IsganError
from isgan.training.detecting import answers
from isgan.training.recipe import Recipe, build_part

OPTIMIZERS = {
    "sgd": lambda parameters, o: torch.optim.SGD(parameters, o.lr, o.momentum, weight_decay=o.weight_decay),
    "adam": lambda parameters, o: torch.optim.Adam(parameters, o.lr, weight_decay=o.weight_decay),
}


class Adversary:
    """The steganalyzers that are trained beside the hider, each on the same batches; the tricks are those of the recipe's
    [adversarial].

    Args:
        recipe: its `steganalyzer` names the networks, its `adversarial` how they play.
        crop: side of the training crops; images of other sizes are not kept in the pool, and larger ones not exchanged.
        fabric: Lightning Fabric, launched.
    """

    def __init__(self, recipe: Recipe, crop: int, fabric: Fabric):
        self.options, self.seed, self.crop, self.fabric = recipe.adversarial, recipe.seed, crop, fabric
        members = [build_part(networks, table) for table in recipe.steganalyzers]
        least = max(member.least for member in members)
        smallest = min(crop, recipe.photos.late_crop or crop)
        if smallest - 3 * recipe.photos.ragged < least:
            raise IsganError(
                f"crops of {smallest} pixels are too small for the steganalyzer: set --photos.crop {least + 3}, "
                f"or {least} with --photos.ragged false"
            )
        self.steganalyzers = nn.ModuleList(members).to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizers = [OPTIMIZERS[self.options.optimizer](member.parameters(), self.options) for member in members]
        self.pool = torch.empty(0, 3, crop, crop, dtype=torch.uint8)
        self._right = [[0, 0], [0, 0]]  # of covers and of stego images: how many were recognised, of how many

    def weight(self, step: int) -> float:
        """What the adversarial term counts at a step: nothing until `start`, then rising over `ramp` steps."""
        options = self.options
        if step < options.start:
            return 0.0
        return options.weight * (min(1.0, (step - options.start + 1) / options.ramp) if options.ramp else 1.0)

    def term(self, cover: Tensor, stego: Tensor, step: int) -> Tensor:
        """Eq. 4, weighted: how far the steganalyzers are, in the mean, from calling stego images (N, 3, H, W) covers.
        Scalar; the hider's gradient only.

        `IsganError` if the stego images pass no gradient on: nothing would be learnt.
        """
        if not stego.requires_grad:
            raise IsganError(
                "this hider's stego image has no gradient, so a steganalyzer cannot teach it: take another --hider.name, "
                "such as wavelet or isgan, or leave out [steganalyzer]"
            )
        weight = self.weight(step)
        if not weight:
            return stego.new_zeros(())
        self.steganalyzers.requires_grad_(False)
        told = [answers(member, cover, stego)[1] for member in self.steganalyzers.train()]
        self.steganalyzers.requires_grad_(True)
        likely = torch.stack(told).log_softmax(dim=2)
        # The paper's flipped labels. Without them, eq. 3 as it stands: its gradient vanishes where the steganalyzer is sure.
        return weight * (-likely[..., COVER] if self.options.flipped else likely[..., STEGO]).mean()

    def learn(self, cover: Tensor, stego: Tensor, step: int) -> None:
        """One step of each steganalyzer on covers and stego images, (N, 3, H, W) each; some of these from the past, if
        there is a pool.
        """
        rng = np.random.default_rng((self.seed, 2, step, self.fabric.global_rank))
        seen = self._from_pool(stego.detach(), rng)
        count = len(cover)
        told = [answers(member, cover, seen) for member in self.steganalyzers.train()]
        for both in told:
            for side, (logits, label) in enumerate(zip(both, (COVER, STEGO), strict=True)):
                self._right[side][0] += int((logits.argmax(dim=1) == label).sum())
                self._right[side][1] += count
        if step % self.options.every:
            return
        cover_likely = torch.from_numpy(np.concatenate(self._labels(count, rng))).to(cover.device, torch.float32)
        targets = torch.stack([cover_likely, 1 - cover_likely], dim=1)
        for member, optimizer, both in zip(self.steganalyzers, self.optimizers, told, strict=True):
            optimizer.zero_grad()
            F.cross_entropy(torch.cat(both), targets).backward()
            for parameter in member.parameters():
                if parameter.grad is not None:
                    parameter.grad.copy_(cast(Tensor, self.fabric.all_reduce(parameter.grad, reduce_op="mean")))
            optimizer.step()

    def accuracies(self) -> dict[str, float]:
        """How often covers and stego images were recognised since this was last asked, by the mean steganalyzer; nan
        before any were seen.
        """
        (covers, of_covers), (stegos, of_stegos) = self._right
        self._right = [[0, 0], [0, 0]]
        return {"accuracy_cover": covers / of_covers if of_covers else float("nan"),
                "accuracy_stego": stegos / of_stegos if of_stegos else float("nan")}  # fmt: skip

    def state_dict(self) -> dict[str, Any]:
        """All that a resumed run needs, as tensors and plain values."""
        return {
            "steganalyzers": self.steganalyzers.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "pool": self.pool,
            "right": self._right,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on from `state_dict`."""
        self.steganalyzers.load_state_dict(state["steganalyzers"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.pool, self._right = state["pool"], state["right"]

    def _labels(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """How likely covers and stego images are said to be covers, (count,) each."""
        options = self.options
        covers = (1 - options.smoothing + rng.uniform(-options.soft, options.soft, count)).clip(0, 1)
        stegos = rng.uniform(0, options.soft, count)
        flipped = rng.random((2, count)) < options.flip
        return np.where(flipped[0], 1 - covers, covers), np.where(flipped[1], 1 - stegos, stegos)

    def _from_pool(self, stego: Tensor, rng: np.random.Generator) -> Tensor:
        """The batch with about half its images exchanged for past ones (Shrivastava et al. 2017), whose places they
        take.
        """
        size = self.options.pool
        if not size or max(stego.shape[-2:]) > self.crop:
            return stego
        fresh = (stego * 255).round().to(torch.uint8).cpu()
        height, width = fresh.shape[-2:]
        result = stego.clone()
        whole = height == width == self.crop
        for index in range(len(fresh)):
            if len(self.pool) < size:
                if whole:
                    self.pool = torch.cat([self.pool, fresh[index : index + 1]])
            elif rng.random() < 0.5:
                place = int(rng.integers(size))
                result[index] = self.pool[place, :, :height, :width].to(result) / 255
                if whole:
                    self.pool[place] = fresh[index]
        return result
