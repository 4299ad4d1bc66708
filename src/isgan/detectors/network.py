"""A steganalyzer network as a detector: each file in `networks/` is one, and its name is the detector's.

torch is imported when a network is made, or asked what it sees.
"""

import json
import pkgutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isgan.covers.base import Cover
from isgan.detectors import detectors, networks
from isgan.detectors.base import Budget, Detector, Pairs
from isgan.errors import IsganError, require
from isgan.files import write_file

if TYPE_CHECKING:
    from torch import Tensor

    from isgan.detectors.networks.base import Steganalyzer

VALIDATIONS = 10


class OfNetwork:
    """An attribute of the detector's class that is its network's."""

    def __set_name__(self, _owner: type, attribute: str) -> None:
        self.attribute = attribute

    def __get__(self, _instance: Any, owner: type["NetworkDetector"]) -> Any:
        return getattr(owner.kind(), self.attribute)


class NetworkDetector(Detector):
    """One of `isgan.detectors.networks`, trained from the weights that it has, random ones at first. Its subclasses, one
    for each network, are the detectors.

    Args:
        seed: of its first weights, and of the order of the pairs.
        cache: not used.

    Attributes:
        steps: that it was trained.
        training_seconds: that its training took.
    """

    network_name: str
    trained = True
    covers = OfNetwork()  # type: ignore[assignment]
    seconds = OfNetwork()  # type: ignore[assignment]
    note = OfNetwork()  # type: ignore[assignment]

    def __init__(self, seed: int = 0, cache: Path | None = None):
        super().__init__(seed, cache)
        kind = self.kind()
        import torch

        self.steps, self.training_seconds = 0, 0.0
        torch.manual_seed(seed)
        self.network = kind()

    @classmethod
    def kind(cls) -> type["Steganalyzer"]:
        """The network's class."""
        require("train", "torch", "safetensors", "lightning")
        from isgan.detectors.networks import networks

        return networks[cls.network_name]

    def learn(self, train: Pairs, val: Pairs, budget: Budget, progress: Callable[[float], None]) -> None:
        from isgan.training.detecting import DetectingTask
        from isgan.training.loop import Loop
        from isgan.training.recipe import Optimizer, Schedule
        from isgan.training.run import launched

        if not (budget.minutes > 0 or budget.steps > 0):
            raise IsganError("a detector needs minutes or steps to be trained")
        task = DetectingTask(
            self.network,
            (self.views(train.covers), self.views(train.stegos)),
            (self.views(val.covers), self.views(val.stegos)),
            self.seed,
        )
        schedule = Schedule(steps=budget.steps, minutes=budget.minutes, warmup=0, ema=0.0, validations=VALIDATIONS)
        optimizer = Optimizer(lr=1e-3, weight_decay=1e-5, clip=0.0)
        loop = Loop(task, optimizer, schedule, launched(), on_step=lambda _step, done, _loss: progress(done))
        loop.fit()
        if loop.interrupted:
            raise KeyboardInterrupt
        self.network.load_state_dict(task.kept)
        self.network.eval().requires_grad_(False)
        self.steps, self.training_seconds = loop.step, loop.elapsed

    def scores(self, covers: Sequence[Cover]) -> np.ndarray:
        from isgan.training.detecting import scores

        return scores(self.network, self.views(covers))

    def views(self, covers: Sequence[Cover]) -> "Tensor":
        """What the network looks at of files of one size, (N, 3, H, W), 0 ... 255."""
        import torch

        return torch.stack([torch.from_numpy(self.network.view(cover)).permute(2, 0, 1) for cover in covers])

    def save(self, path: Path) -> None:
        """Writes it to a .safetensors file, for `load`."""
        from safetensors.torch import save

        state = {name: tensor.cpu().contiguous() for name, tensor in self.network.state_dict().items()}
        facts = {"threshold": self.threshold, "steps": self.steps, "seconds": self.training_seconds}
        data = save(state, {"detector": json.dumps(facts)})
        write_file(path, data, force=True, remedy="make room and run the same command again")

    @classmethod
    def load(cls, path: Path) -> "NetworkDetector":
        """What `save` of a detector of the same name wrote."""
        detector = cls()
        import safetensors
        from safetensors.torch import load

        try:
            with safetensors.safe_open(path, "pt") as file:
                facts = json.loads(file.metadata()["detector"])
            detector.network.load_state_dict(load(path.read_bytes()))
            detector.threshold, detector.steps = facts["threshold"], facts["steps"]
            detector.training_seconds = facts["seconds"]
        except (OSError, KeyError, TypeError, ValueError, RuntimeError, safetensors.SafetensorError) as error:
            raise IsganError(
                f"{path} is not a detector of this version: delete it, and run the same command again"
            ) from error
        detector.network.eval().requires_grad_(False)
        return detector


for module in pkgutil.iter_modules(networks.__path__):
    if module.name != "base":
        doc = f"The network `{module.name}`."
        members = {"network_name": module.name, "__doc__": doc, "__module__": __name__}
        detectors.register(module.name)(type(f"{module.name}_detector", (NetworkDetector,), members))


def device() -> str:
    """What networks are trained on here, for reports."""
    require("train", "torch")
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "the CPU"


def of_network(name: str) -> type[NetworkDetector]:
    """The detector of a network, by its name; `IsganError` if there is no such network."""
    detector = detectors[name]
    if not issubclass(detector, NetworkDetector):
        raise IsganError(f"the detector '{name}' is no network: name one of the files in detectors/networks")
    return detector
