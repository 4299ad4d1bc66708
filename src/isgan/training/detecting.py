"""The task of detecting: a steganalyzer learns to tell stego images from their covers."""

import copy
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isgan.detectors.networks.base import COVER, STEGO, Steganalyzer
from isgan.training.task import Moment, Task

BATCH = 8  # covers, with as many stego images


def answers(network: nn.Module, covers: Tensor, stegos: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (N, 2) of covers and of stego images, (N, 3, H, W) each in [0, 1].

    Both in one batch, so that BatchNorm sees what a detector sees, and in 32 bits: a change of one level is lost in
    bfloat16.
    """
    with torch.autocast(covers.device.type, enabled=False):
        on_cover, on_stego = network(torch.cat([covers, stegos]).float()).chunk(2)
    return on_cover, on_stego


@torch.inference_mode()
def scores(network: nn.Module, images: Tensor) -> np.ndarray:
    """How much more like stego images than like covers (N, 3, H, W) uint8 are, (N,); positive means stego."""
    device = next(network.parameters()).device
    logits = torch.cat([network.eval()(part.to(device).float() / 255) for part in images.split(2 * BATCH)])
    return (logits[:, STEGO] - logits[:, COVER]).double().cpu().numpy()


class DetectingTask(Task):
    """Cross-entropy on pairs; the weights that do best on the validation pairs are kept.

    A cover and its stego image are always in the same batch, turned and flipped alike: quarter turns and flips change
    no pixel's value, and so hide no trace.

    Args:
        network: a steganalyzer.
        train, val: covers and their stego images in the same order, (N, 3, S, S) uint8 each; no photograph may be in
            both.
        seed: of order and turns.

    Attributes:
        kept: the state of the network at its best validation so far.
    """

    network: Steganalyzer

    def __init__(self, network: Steganalyzer, train: tuple[Tensor, Tensor], val: tuple[Tensor, Tensor], seed: int):
        self.network, self.train, self.val, self.seed = network, train, val, seed
        self.best, self.kept = math.inf, copy.deepcopy(network.state_dict())

    def batch(self, step: int, progress: float = 0.0) -> tuple[Tensor, Tensor]:
        count = len(self.train[0])
        epoch, place = divmod(step, max(1, count // BATCH))
        chosen = torch.from_numpy(
            np.random.default_rng((self.seed, 0, epoch)).permutation(count)[BATCH * place :][:BATCH]
        )
        turn = int(np.random.default_rng((self.seed, 1, step)).integers(8))
        covers, stegos = (_turned(images[chosen], turn).float() / 255 for images in self.train)
        return covers, stegos

    def loss(self, network: nn.Module, batch: tuple[Tensor, Tensor], step: int) -> Tensor:
        logits = torch.cat(answers(network, *batch))
        labels = torch.tensor([COVER, STEGO], device=logits.device).repeat_interleave(len(batch[0]))
        return F.cross_entropy(logits, labels)

    def validate(self, network: nn.Module, moment: Moment) -> None:
        covers, stegos = (scores(network, images) for images in self.val)
        loss = float(np.logaddexp(0, covers).mean() + np.logaddexp(0, -stegos).mean())
        if loss < self.best:
            self.best, self.kept = loss, copy.deepcopy(network.state_dict())

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "kept": self.kept}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.best, self.kept = state["best"], state["kept"]


def _turned(images: Tensor, turn: int) -> Tensor:
    """One of the eight flips and quarter turns, the same for the whole batch of square images."""
    images = images.rot90(turn % 4, (2, 3))
    return (images.flip(3) if turn >= 4 else images).contiguous(memory_format=torch.channels_last)
