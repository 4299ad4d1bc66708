"""The contract between the training loop and what is learnt."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

from torch import Tensor, nn


class Moment(NamedTuple):
    """Where a run stands: steps done, minutes of training, mean loss of the steps since the last validation (nan
    without one).
    """

    step: int
    minutes: float
    loss: float


class Task(ABC):
    """What a network learns. `isgan.training.loop.Loop` does everything that is the same for all tasks.

    Attributes:
        network: what is trained.
        remedy: what a user can do if the loss is not finite.
    """

    network: nn.Module
    remedy: ClassVar[str] = "train with a lower learning rate"

    @abstractmethod
    def batch(self, step: int, progress: float) -> Any:
        """What step `step` learns from, a tuple of tensors: a function of the step and of how much of the run is done, 0
        to 1, so that a run can be resumed.
        """

    @abstractmethod
    def loss(self, network: nn.Module, batch: Any, step: int) -> Tensor:
        """The scalar to minimise. `network` is `self.network` as the loop runs it: on several devices, in the run's
        precision.
        """

    @abstractmethod
    def validate(self, network: nn.Module, moment: Moment) -> None:
        """Judges the weights as they are now, and keeps what is worth keeping. Called on one process only.

        Args:
            network: in evaluation mode; with averaged weights where the schedule says so.
            moment: when.
        """

    def stepped(self, step: int) -> None:  # noqa: B027
        """Called once the network has learnt from a batch."""

    def close(self) -> None:  # noqa: B027
        """Called at the end of a run, finished or not."""

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs besides the network: tensors and plain values."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:  # noqa: B027
        """Goes on from `state_dict`; `IsganError` if that is of another task."""
