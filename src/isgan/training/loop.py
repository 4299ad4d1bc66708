"""The training loop: one recipe, one run folder, resumable at any step."""

import math
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, nullcontext, suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, cast

import torch
from lightning.fabric import Fabric
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from isgan import models
from isgan.datasets.pairs import Pair, Photographs, TrainingPairs, fixed_pairs
from isgan.layers.quantize import quantize
from isgan.errors import IsganError
from isgan.figures import Sample
from isgan.hiders import hiders
from isgan.hiders.base import Hider
from isgan.losses import losses
from isgan.metrics import EXACT
from isgan.metrics.quality import MEASURES, psnr, ssim
from isgan.training.adversary import Adversary
from isgan.training.checkpoint import load_checkpoint, save_checkpoint
from isgan.training.log import Log
from isgan.training.recipe import Recipe, build_part, recipe_from

CHECKPOINT = "checkpoint.pt"
WEIGHTS = "weights.safetensors"
SHOWN = 2  # pairs of each set in samples.png


def learning_rate(recipe: Recipe, step: int, progress: float) -> float:
    """Linear warm-up over the first steps; from `schedule.hold` on a half cosine of `progress` from 1 to `schedule.final`."""
    schedule = recipe.schedule
    warm = min(1.0, (step + 1) / schedule.warmup) if schedule.warmup else 1.0
    fallen = max(0.0, progress - schedule.hold) / (1 - schedule.hold)
    return recipe.optimizer.lr * warm * (schedule.final + (1 - schedule.final) * (1 + math.cos(math.pi * fallen)) / 2)


def rounding(recipe: Recipe, progress: float) -> float:
    """How much of the rounding there is, 0 to 1: it rises linearly over the first `schedule.rounding` of the run."""
    share = recipe.schedule.rounding
    return min(1.0, progress / share) if share else 1.0


class Trainer:
    """One run. What it is after step k depends on recipe, photographs, k and, where the hider has a dial, the number of processes (if
    bounded by steps, not minutes).

    Args:
        recipe: see `training.recipe`.
        train, val: photographs of the two splits.
        folder: where checkpoint, logs and sample pictures go.
        fabric: Lightning Fabric, launched.
        initial: weights to start from instead of random ones.
        facts: what else the card of the weights is to say, such as their licence.
        on_step: called after each step with (step, progress in [0, 1], loss); the command line shows it.
        on_validation: called with the rows of a validation: one dict per set.
    """

    def __init__(self, recipe: Recipe, train: Photographs, val: Photographs, folder: Path, fabric: Fabric, *,
                 initial: Hider | None = None, facts: Mapping[str, Any] | None = None,
                 on_step: Callable[[int, float, float], None] = lambda *_: None,
                 on_validation: Callable[[list[dict[str, Any]]], None] = lambda _: None):  # fmt: skip
        self.recipe, self.folder, self.fabric, self.facts = recipe, folder, fabric, dict(facts or {})
        self.counts = {name: len(photographs) for name, photographs in train.sets.items()}
        self.on_step, self.on_validation = on_step, on_validation
        torch.manual_seed(recipe.seed)
        self.hider: Hider = build_part(hiders, recipe.hider)
        if not self.hider.trainable:
            raise IsganError(f"hider '{recipe.hider['name']}' has no weights to train")
        if initial is not None:
            if (type(initial), initial.config) != (type(self.hider), self.hider.config):
                raise IsganError(f"the initial weights are of another hider or another size ({initial.config}): give the recipe the same")
            self.hider.load_state_dict(initial.state_dict())
        self.hider = self.hider.to(fabric.device, memory_format=torch.channels_last)
        self.average = AveragedModel(self.hider, multi_avg_fn=self._average, use_buffers=True)
        self.loss = build_part(losses, recipe.loss)
        options = recipe.optimizer
        on_gpu = fabric.device.type == "cuda"
        self.fused = on_gpu and recipe.precision != "16-mixed"  # whose scaled gradients a fused optimizer would have to clip itself
        adam = torch.optim.Adam(self.hider.parameters(), options.lr, (options.beta1, options.beta2), weight_decay=options.weight_decay,
                                fused=self.fused)  # fmt: skip
        self.wrapped, self.optimizer = fabric.setup(self.hider, adam)
        photos = recipe.photos
        self.adversary = Adversary(recipe, photos.crop, fabric) if recipe.steganalyzer else None
        self.pairs = TrainingPairs(train.sets, photos.crop, photos.batch, recipe.seed, photos.balance, photos.ragged,
                                   fabric.global_rank, fabric.world_size)  # fmt: skip
        if on_gpu:
            with suppress(torch.OutOfMemoryError):  # then the CPU cuts the crops
                self.pairs.pack(fabric.device)
        self.fixed = {name: fixed_pairs(photographs) for name, photographs in val.sets.items()}
        self.step, self.elapsed, self.best = 0, 0.0, -math.inf
        self.losses: list[float] = []  # since the last validation
        self.interrupted = self._asked = False
        self.log = Log(folder) if fabric.is_global_zero else None

    # ------------------------------------------------------------------ the recipe, as a reader would tell it

    def fit(self) -> None:
        """Trains to the end of the recipe; Ctrl-C or SIGTERM ends it after the running step, with a checkpoint."""
        with _signals(self._interrupt), closing(self.log) if self.log else nullcontext():
            started = time.monotonic() - self.elapsed
            while self.progress() < 1 and not self.interrupted:
                loss = self.train_step(self.pairs[self.step])
                self.losses.append(loss)
                self.step += 1
                self.elapsed = self.fabric.broadcast(time.monotonic() - started)
                self.on_step(self.step, self.progress(), loss)
                if self.step % self.recipe.schedule.validate_every == 0:
                    self.validate()
                if self.step % self.recipe.schedule.save_every == 0:
                    self.save()
                asked = torch.tensor(float(self._asked), device=self.fabric.device)  # a signal may reach one rank before another
                self.interrupted = bool(self.fabric.all_reduce(asked, reduce_op="sum"))
            if not self.interrupted and self.step % self.recipe.schedule.validate_every:
                self.validate()
            self.save()
            self.fabric.barrier()  # a rank that exits while rank 0 still writes would have it killed

    def train_step(self, pair: Pair) -> float:
        """One optimizer step on one batch; returns the loss."""
        self.wrapped.train()
        pair = Pair(*(self.fabric.to_device(image) for image in pair))
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.recipe, self.step, self.progress())
        self.hider.rounding = rounding(self.recipe, self.progress())
        hiding = self.wrapped(pair.cover, pair.secret)
        total = self.loss(pair.cover, hiding.stego, pair.secret, hiding.revealed).total
        if self.adversary:
            total = total + self.adversary.term(pair.cover, hiding.stego, self.step)
        # Of all ranks, so that they stop together.
        loss = float(cast(Tensor, self.fabric.all_reduce(total.detach().clone(), reduce_op="mean")))
        if not math.isfinite(loss):
            remedy = f"start again in another --output with a lower --optimizer.lr, or from {self.folder / WEIGHTS} with --initial"
            raise IsganError(f"the loss is {loss} at step {self.step}: {remedy}")
        self.optimizer.zero_grad()
        self.fabric.backward(total)
        if self.recipe.optimizer.clip:
            self.fabric.clip_gradients(self.wrapped, self.optimizer, max_norm=self.recipe.optimizer.clip, error_if_nonfinite=False)
        self.optimizer.step()
        if self.recipe.schedule.ema:
            self.average.update_parameters(self.hider)
        if self.adversary:
            self.adversary.learn(pair.cover, hiding.stego, self.step)
        return loss

    @torch.inference_mode()
    def validate(self) -> None:
        """Every fixed pair, whole, in evaluation mode, through 8 bits on both sides; logs a row per set and a picture."""
        training = {"loss": math.fsum(self.losses) / len(self.losses) if self.losses else math.nan}
        training |= self.adversary.accuracies() if self.adversary else {}
        self.losses.clear()
        if not self.fabric.is_global_zero:
            return
        hider = self.kept()
        rows, samples = [], []
        for name, pairs in self.fixed.items():
            scores = []
            for index, pair in enumerate(pairs):
                score, sample = self._score(hider, pair)
                scores.append(score)
                if index < SHOWN:
                    samples.append(sample)
            means = torch.tensor(scores).mean(dim=0).tolist()
            rows.append({"step": self.step, "minutes": self.elapsed / 60, "set": name, **dict(zip(MEASURES, means, strict=True))})
        rows = [row | training for row in rows]
        if self.log:  # always, on this rank
            self.log.validation(rows, samples)
        # The worse end counts: the sum of both is hard to beat for weights that hide nothing, with 80 dB at the cover.
        score = sum(min(row["stego_psnr"], row["secret_psnr"]) for row in rows) / len(rows)
        # Against a steganalyzer the best picture is that of the first step: the newest weights are kept.
        if score > self.best or self.adversary or not (self.folder / WEIGHTS).exists():
            self.best = score
            models.save(hider, self.folder / WEIGHTS, self.card(rows))
        self.on_validation(rows)

    def card(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """What there is to say of the weights as they are now: photographs, steps, hours, validation, recipe."""
        return {
            **self.facts,
            "steps": self.step,
            "hours": round(self.elapsed / 3600, 3),
            "photographs": self.counts,
            "validation": {row["set"]: {key: round(row[key], 4) for key in MEASURES} for row in rows},
            "recipe": self.recipe.to_dict(),
        }

    def _score(self, hider: Hider, pair: Pair) -> tuple[list[float], Sample]:
        cover, secret = (image.to(self.fabric.device) for image in pair)
        stego, revealed = hider(cover, secret)
        revealed = quantize(revealed)
        scores = [measure(a, b).clamp(max=EXACT).item() for a, b in ((stego, cover), (revealed, secret)) for measure in (psnr, ssim)]
        return scores, Sample(cover, secret, stego, revealed)

    def kept(self) -> Hider:
        """The weights that are validated and shipped, in evaluation mode: the averaged ones if the recipe averages."""
        averaging = self.recipe.schedule.ema and self.step
        return cast(Hider, self.average.module if averaging else self.hider).eval()

    # ------------------------------------------------------------------ state

    def progress(self) -> float:
        """How much of the run is behind it, 0 to 1, by steps or by minutes, whichever is further."""
        schedule = self.recipe.schedule
        by_steps = self.step / schedule.steps if schedule.steps else 0.0
        by_time = self.elapsed / 60 / schedule.minutes if schedule.minutes else 0.0
        return min(1.0, max(by_steps, by_time))

    def save(self) -> None:
        """Writes the checkpoint (rank 0)."""
        if self.fabric.is_global_zero:
            state = {
                "recipe": self.recipe.to_dict(),
                "photographs": self.counts,
                "facts": self.facts,
                "step": self.step,
                "elapsed": self.elapsed,
                "best": self.best,
                "losses": self.losses,
                "hider": self.hider.state_dict(),
                "average": self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "adversary": self.adversary.state_dict() if self.adversary else None,
            }
            save_checkpoint(self.folder / CHECKPOINT, state)

    def resume(self) -> None:
        """Goes on from the folder's checkpoint; the length and intervals of the run may have changed, nothing else of recipe or data."""
        state = load_checkpoint(self.folder / CHECKPOINT)
        saved, wanted = recipe_from(state["recipe"]), self.recipe
        length = {key: getattr(wanted.schedule, key) for key in ("steps", "minutes", "validate_every", "save_every")}
        saved = replace(saved, schedule=replace(saved.schedule, **length))
        for name in (field.name for field in fields(saved)):
            if getattr(saved, name) != getattr(wanted, name):
                raise IsganError(f"{self.folder} was trained with another {name}: resume with the same recipe, or choose another --output")
        if state.get("photographs") != self.counts:
            raise IsganError(f"{self.folder} was trained on other photographs: resume with the same --data, or choose another --output")
        try:
            self.hider.load_state_dict(state["hider"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            for group in self.optimizer.param_groups:
                group["fused"] = self.fused  # it may go on elsewhere
            if self.adversary:
                self.adversary.load_state_dict(state["adversary"])
            self.facts = state["facts"] | self.facts
            self.step, self.elapsed, self.best, self.losses = (state[key] for key in ("step", "elapsed", "best", "losses"))
        except (KeyError, RuntimeError, ValueError) as error:
            raise IsganError(f"{self.folder / CHECKPOINT} is of another version of isgan: start again without --resume") from error

    def _average(self, averages: Sequence[Tensor], currents: Sequence[Tensor], _count: Tensor | int) -> None:
        if not averages[0].is_floating_point():  # BatchNorm's counters
            torch._foreach_copy_(list(averages), list(currents))
            return
        # A short memory at first, so that the random first weights are soon forgotten.
        decay = min(self.recipe.schedule.ema, (self.step + 1) / (self.step + 10))
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
