"""The training loop, the same for every task; a run can be resumed at any step."""

import math
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from isgan.errors import IsganError
from isgan.training.checkpoint import load_checkpoint, save_checkpoint
from isgan.training.recipe import Optimizer, Schedule
from isgan.training.task import Moment, Task

CHECKPOINT = "checkpoint.pt"


def learning_rate(optimizer: Optimizer, schedule: Schedule, step: int, progress: float) -> float:
    """Linear warm-up over the first steps; from `schedule.hold` on a half cosine of `progress` from 1 to
    `schedule.final`.
    """
    warm = min(1.0, (step + 1) / schedule.warmup) if schedule.warmup else 1.0
    fallen = max(0.0, progress - schedule.hold) / (1 - schedule.hold)
    return optimizer.lr * warm * (schedule.final + (1 - schedule.final) * (1 + math.cos(math.pi * fallen)) / 2)


class Loop:
    """One run. Where it is after step k depends on task, options and k alone, if it is bounded by steps and not by
    minutes.

    Args:
        task: what is learnt.
        optimizer, schedule: see `isgan.training.recipe`.
        fabric: Lightning Fabric, launched.
        folder: where the checkpoint goes; None for a run that is not to be resumed.
        fused: whether the optimizer is torch's fused one.
        on_step: called after each step with (step, progress in [0, 1], loss).
    """

    def __init__(
        self,
        task: Task,
        optimizer: Optimizer,
        schedule: Schedule,
        fabric: Fabric,
        folder: Path | None = None,
        *,
        fused: bool = False,
        on_step: Callable[[int, float, float], None] = lambda *_: None,
    ):
        self.task, self.options, self.schedule, self.fabric, self.folder = task, optimizer, schedule, fabric, folder
        self.on_step, self.fused = on_step, fused
        network = task.network.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = AveragedModel(network, multi_avg_fn=self._average, use_buffers=True)
        adam = torch.optim.Adam(network.parameters(), optimizer.lr, (optimizer.beta1, optimizer.beta2),
                                weight_decay=optimizer.weight_decay, fused=fused)  # fmt: skip
        self.wrapped, self.optimizer = fabric.setup(network, adam)
        self.norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
        self.step, self.elapsed, self.rested = 0, 0.0, 0.0
        self.losses: list[float] = []  # since the last validation
        self.interrupted = self._asked = False

    def fit(self) -> None:
        """Trains to the end of the schedule; Ctrl-C or SIGTERM ends it after the running step, with a checkpoint."""
        with _signals(self._interrupt), closing(self.task):
            started = time.monotonic() - self.elapsed
            validated = True
            while self.progress() < 1 and not self.interrupted:
                before = self.progress()
                loss = self.train_step(self.task.batch(self.step, before))
                self.losses.append(loss)
                self.step += 1
                self.elapsed = self.fabric.broadcast(time.monotonic() - started)
                self.on_step(self.step, self.progress(), loss)
                validated = self._due(before)
                if validated:
                    self.validate()
                    took = time.monotonic() - started - self.elapsed
                    self.rested = self.elapsed + 2 * took
                if self.step % self.schedule.save_every == 0:
                    self.save()
                asked = torch.tensor(
                    float(self._asked), device=self.fabric.device
                )  # a signal may reach one rank before another
                self.interrupted = bool(self.fabric.all_reduce(asked, reduce_op="sum"))
            if not self.interrupted and not validated:
                self.validate()
            self.save()
            self.fabric.barrier()  # a rank that exits while rank 0 still writes would have it killed

    def train_step(self, batch: Any) -> float:
        """One optimizer step on one batch; returns the loss."""
        self.wrapped.train()
        if self.options.freeze_norm:
            for norm in self.norms:
                norm.eval()
        batch = self.fabric.to_device(batch)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.options, self.schedule, self.step, self.progress())
        total = self.task.loss(self.wrapped, batch, self.step)
        # Of all ranks, so that they stop together.
        loss = float(cast(Tensor, self.fabric.all_reduce(total.detach().clone(), reduce_op="mean")))
        if not math.isfinite(loss):
            raise IsganError(f"the loss is {loss} at step {self.step}: {self.task.remedy}")
        self.optimizer.zero_grad()
        self.fabric.backward(total)
        if self.options.clip:
            self.fabric.clip_gradients(
                self.wrapped, self.optimizer, max_norm=self.options.clip, error_if_nonfinite=False
            )
        self.optimizer.step()
        if self.schedule.ema:
            self.average.update_parameters(self.task.network)
        self.task.stepped(self.step)
        return loss

    @torch.inference_mode()
    def validate(self) -> None:
        """Has the task judge the weights."""
        mean = math.fsum(self.losses) / len(self.losses) if self.losses else math.nan
        self.losses.clear()
        if self.fabric.is_global_zero:
            self.task.validate(self.kept(), Moment(self.step, self.elapsed / 60, mean))

    def kept(self) -> nn.Module:
        """The network that is validated, in evaluation mode: with averaged weights if the schedule averages."""
        return cast(nn.Module, self.average.module if self.schedule.ema and self.step else self.task.network).eval()

    def progress(self) -> float:
        """How much of the run is done, 0 to 1, by steps or by minutes, whichever is further."""
        by_steps = self.step / self.schedule.steps if self.schedule.steps else 0.0
        by_time = self.elapsed / 60 / self.schedule.minutes if self.schedule.minutes else 0.0
        return min(1.0, max(by_steps, by_time))

    def save(self) -> None:
        """Writes the checkpoint (rank 0)."""
        if self.folder and self.fabric.is_global_zero:
            state = {
                "step": self.step,
                "elapsed": self.elapsed,
                "losses": self.losses,
                "network": self.task.network.state_dict(),
                "average": self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "task": self.task.state_dict(),
            }
            save_checkpoint(self.folder / CHECKPOINT, state)

    def resume(self) -> None:
        """Goes on from the folder's checkpoint; `IsganError` if there is none, or it is of another run."""
        path = cast(Path, self.folder) / CHECKPOINT
        state = load_checkpoint(path)
        try:
            self.task.load_state_dict(state["task"])
            self.task.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            for group in self.optimizer.param_groups:
                group["fused"] = self.fused  # it may go on elsewhere
            self.step, self.elapsed, self.losses = (state[key] for key in ("step", "elapsed", "losses"))
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise IsganError(f"{path} is of another version of isgan: start again without --resume") from error

    def _due(self, before: float) -> bool:
        """Is it time to validate, `before` being the progress before the last step?

        In a run bounded by minutes validations take half of them at most, however slow they are.
        """
        count = self.schedule.validations
        if not count:
            return self.step % self.schedule.validate_every == 0
        rests = self.schedule.minutes > 0 and self.fabric.broadcast(self.elapsed < self.rested)
        return not rests and int(self.progress() * count) > int(before * count)

    def _average(self, averages: Sequence[Tensor], currents: Sequence[Tensor], _count: Tensor | int) -> None:
        if not averages[0].is_floating_point():  # BatchNorm's counters
            torch._foreach_copy_(list(averages), list(currents))
            return
        # A short memory at first, so that the random first weights are soon forgotten.
        decay = min(self.schedule.ema, (self.step + 1) / (self.step + 10))
        torch._foreach_lerp_(list(averages), list(currents), 1 - decay)

    def _interrupt(self, *_: Any) -> None:
        self._asked = True


class _signals:
    """While it is entered, Ctrl-C and SIGTERM call `handler`; a second Ctrl-C acts as always."""

    def __init__(self, handler: Callable[..., None]):
        self.handler = handler

    def __enter__(self) -> None:
        self.before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def once(number: int, frame: Any) -> None:
            signal.signal(number, self.before[signal.Signals(number)])
            self.handler(number, frame)

        for number in self.before:
            signal.signal(number, once)

    def __exit__(self, *_: Any) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
