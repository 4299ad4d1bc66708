"""A steganalyzer trained to tell one method's stego images from their covers, and its verdicts on unseen pairs."""

import copy
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors
import torch
from safetensors.torch import load, save
from torch import Tensor
from torch.nn import functional as F

from isgan.errors import IsganError
from isgan.files import replace_file
from isgan.metrics.security import best_threshold
from isgan.detectors.networks import networks
from isgan.detectors.networks.base import COVER, STEGO, Steganalyzer

BATCH = 8  # covers, with as many stego images
CHECKS = 10  # validations in a training
LEAST_PAIRS = 2


@dataclass(frozen=True)
class Pairs:
    """Covers and their stego images, (N, 3, H, W) uint8 each, in the same order."""

    covers: Tensor
    stegos: Tensor

    def __post_init__(self) -> None:
        if self.covers.shape != self.stegos.shape or len(self.covers) < LEAST_PAIRS:
            raise IsganError(f"a detector needs pairs of covers and stego images, at least {LEAST_PAIRS}: "
                             f"{tuple(self.covers.shape)} and {tuple(self.stegos.shape)}")  # fmt: skip

    def __len__(self) -> int:
        return len(self.covers)

    def take(self, places: np.ndarray) -> "Pairs":
        """The pairs at these places."""
        chosen = torch.from_numpy(places)
        return Pairs(self.covers[chosen], self.stegos[chosen])


@dataclass(frozen=True)
class Detector:
    """A trained steganalyzer, and from which score on it says "stego": the threshold of least P_E on the validation pairs."""

    steganalyzer: Steganalyzer
    threshold: float
    steps: int
    seconds: float

    def scores(self, pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
        """How much more like stego images than like covers: of the covers, and of the stego images; (N,) each."""
        return _scores(self.steganalyzer, pairs.covers), _scores(self.steganalyzer, pairs.stegos)

    def save(self, path: Path) -> None:
        """Writes it to a .safetensors file, for `load_detector`."""
        state = {name: tensor.contiguous() for name, tensor in self.steganalyzer.state_dict().items()}
        facts = {"threshold": self.threshold, "steps": self.steps, "seconds": self.seconds}
        replace_file(path, save(state, {"detector": json.dumps(facts)}), "make room and run the same command again")


def load_detector(name: str, path: Path) -> Detector:
    """What `Detector.save` wrote; `name` is the steganalyzer's."""
    steganalyzer: Steganalyzer = networks[name]().to(memory_format=torch.channels_last)
    try:
        with safetensors.safe_open(path, "pt") as file:
            facts = json.loads(file.metadata()["detector"])
        steganalyzer.load_state_dict(load(path.read_bytes()))
        return Detector(steganalyzer.eval().requires_grad_(False), **facts)
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, safetensors.SafetensorError) as error:
        raise IsganError(f"{path} is not a detector of this version: delete it, and run the same command again") from error


def train_detector(name: str, train: Pairs, val: Pairs, *, minutes: float = 0.0, steps: int = 0, seed: int = 0, lr: float = 1e-3,
                   progress: Callable[[float], None] = lambda _: None) -> Detector:  # fmt: skip
    """Trains a steganalyzer on pairs, for some minutes or steps, and keeps the weights that did best on the validation pairs.

    A cover and its stego image are always in the same batch, turned and flipped alike: quarter turns and flips change no pixel's
    value, and so hide no trace. Adam, cross-entropy, half a cosine; 32 bits, since a change of one level is lost in bf16.

    Args:
        name: of the steganalyzer.
        train, val: pairs; no photograph may be in both.
        minutes, steps: how long; of both whichever is reached first.
        seed: of weights, order and turns.
        lr: learning rate at its highest.
        progress: called after each step with how much is done, 0 to 1.
    """
    if not (minutes > 0 or steps > 0):
        raise IsganError("a detector needs minutes or steps to be trained")
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    steganalyzer: Steganalyzer = networks[name]().to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(steganalyzer.parameters(), lr, weight_decay=1e-5)
    best, kept = np.inf, copy.deepcopy(steganalyzer.state_dict())
    started, step, done, order = time.monotonic(), 0, 0.0, np.array([], int)
    checked = 0
    while done < 1:
        if len(order) < min(BATCH, len(train)):
            order = rng.permutation(len(train))
        batch, order = train.take(order[:BATCH]), order[BATCH:]
        images = _turned(torch.cat([batch.covers, batch.stegos]), int(rng.integers(8))).float() / 255
        labels = torch.tensor([COVER, STEGO]).repeat_interleave(len(batch))
        for group in optimizer.param_groups:
            group["lr"] = lr * (1 + np.cos(np.pi * done)) / 2
        optimizer.zero_grad()
        F.cross_entropy(steganalyzer.train()(images.contiguous(memory_format=torch.channels_last)), labels).backward()
        optimizer.step()
        step += 1
        by_time = (time.monotonic() - started) / 60 / minutes if minutes else 0.0
        done = min(1.0, max(by_time, step / steps if steps else 0.0))
        if int(done * CHECKS) > checked:
            checked = int(done * CHECKS)
            loss = _loss(steganalyzer, val)
            if loss < best:
                best, kept = loss, copy.deepcopy(steganalyzer.state_dict())
        progress(done)
    steganalyzer.load_state_dict(kept)
    threshold = best_threshold(_scores(steganalyzer, val.covers), _scores(steganalyzer, val.stegos))
    return Detector(steganalyzer.eval().requires_grad_(False), threshold, step, time.monotonic() - started)


def _turned(images: Tensor, turn: int) -> Tensor:
    """One of the eight flips and quarter turns, the same for the whole batch (square images)."""
    images = images.rot90(turn % 4, (2, 3))
    return images.flip(3) if turn >= 4 else images


@torch.inference_mode()
def _scores(steganalyzer: Steganalyzer, images: Tensor) -> np.ndarray:
    steganalyzer.eval()
    logits = torch.cat([steganalyzer(part.float() / 255) for part in images.split(2 * BATCH)])
    return (logits[:, STEGO] - logits[:, COVER]).double().numpy()


def _loss(steganalyzer: Steganalyzer, pairs: Pairs) -> float:
    """Mean cross-entropy, from the scores."""
    covers, stegos = _scores(steganalyzer, pairs.covers), _scores(steganalyzer, pairs.stegos)
    return float(np.logaddexp(0, covers).mean() + np.logaddexp(0, -stegos).mean())
