"""A steganalyzer network as a detector: it looks at pixels."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import safetensors
import torch
from safetensors.torch import load, save
from torch import Tensor

from isgan.covers.base import Cover
from isgan.detectors.base import Budget, Detector, Pairs
from isgan.detectors.networks import networks
from isgan.detectors.networks.base import Steganalyzer
from isgan.errors import IsganError
from isgan.files import write_file
from isgan.training.detecting import DetectingTask, scores
from isgan.training.loop import Loop
from isgan.training.recipe import Optimizer, Schedule
from isgan.training.run import launched

OPTIMIZER = Optimizer(lr=1e-3, weight_decay=1e-5, clip=0.0)
VALIDATIONS = 10


class NetworkDetector(Detector):
    """One of `isgan.detectors.networks`, trained from random weights.

    Args:
        name: of the network.
        seed: of its first weights, and of the order of the pairs.

    Attributes:
        steps: that it was trained.
        seconds: that its training took.
    """

    def __init__(self, name: str, seed: int = 0):
        self.seed, self.steps, self.seconds = seed, 0, 0.0
        torch.manual_seed(seed)
        self.network: Steganalyzer = networks[name]()

    def learn(self, train: Pairs, val: Pairs, budget: Budget, progress: Callable[[float], None]) -> None:
        task = DetectingTask(
            self.network,
            (pixels(train.covers), pixels(train.stegos)),
            (pixels(val.covers), pixels(val.stegos)),
            self.seed,
        )
        schedule = Schedule(steps=budget.steps, minutes=budget.minutes, warmup=0, ema=0.0, validations=VALIDATIONS)
        loop = Loop(task, OPTIMIZER, schedule, launched(), on_step=lambda _step, done, _loss: progress(done))
        loop.fit()
        if loop.interrupted:
            raise KeyboardInterrupt
        self.network.load_state_dict(task.kept)
        self.network.eval().requires_grad_(False)
        self.steps, self.seconds = loop.step, loop.elapsed

    def scores(self, covers: Sequence[Cover]) -> np.ndarray:
        return scores(self.network, pixels(covers))

    def save(self, path: Path) -> None:
        """Writes it to a .safetensors file, for `load`."""
        state = {name: tensor.cpu().contiguous() for name, tensor in self.network.state_dict().items()}
        facts = {"threshold": self.threshold, "steps": self.steps, "seconds": self.seconds}
        write_file(
            path,
            save(state, {"detector": json.dumps(facts)}),
            force=True,
            remedy="make room and run the same command again",
        )

    @classmethod
    def load(cls, name: str, path: Path) -> "NetworkDetector":
        """What `save` wrote; `name` is the network's."""
        detector = cls(name)
        try:
            with safetensors.safe_open(path, "pt") as file:
                facts = json.loads(file.metadata()["detector"])
            detector.network.load_state_dict(load(path.read_bytes()))
            detector.threshold, detector.steps, detector.seconds = facts["threshold"], facts["steps"], facts["seconds"]
        except (OSError, KeyError, TypeError, ValueError, RuntimeError, safetensors.SafetensorError) as error:
            raise IsganError(
                f"{path} is not a detector of this version: delete it, and run the same command again"
            ) from error
        detector.network.eval().requires_grad_(False)
        return detector


def pixels(covers: Sequence[Cover]) -> Tensor:
    """What viewers show of files of one size, (N, 3, H, W) uint8; gray ones three times."""
    pictures = (cover.pixels() for cover in covers)
    return torch.stack(
        [
            torch.from_numpy(picture if picture.ndim == 3 else np.stack([picture] * 3, axis=2)).permute(2, 0, 1)
            for picture in pictures
        ]
    )
