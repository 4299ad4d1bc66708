"""The task of hiding: a hider learns from pairs of photographs, alone or against steganalyzers."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from isgan import models
from isgan.errors import IsganError
from isgan.figures import Sample
from isgan.hiders import hiders
from isgan.hiders.base import Hider
from isgan.layers.quantize import quantize
from isgan.losses import losses
from isgan.metrics import EXACT, MEASURES
from isgan.metrics.quality import psnr, ssim
from isgan.tensors import to_array
from isgan.training.adversary import Adversary
from isgan.training.log import Log
from isgan.training.loop import Loop
from isgan.training.pairs import Pair, Photographs, TrainingPairs, fixed_pairs
from isgan.training.recipe import Recipe, build_part, recipe_from
from isgan.training.task import Moment, Task

WEIGHTS = "weights.safetensors"
SHOWN = 2  # pairs of each set in samples.png


def loop(recipe: Recipe, train: Photographs, val: Photographs, folder: Path, fabric: Fabric, *,
         on_step: Callable[[int, float, float], None] = lambda *_: None, **options: Any) -> Loop:  # fmt: skip
    """The loop that trains a hider by a recipe; for the other arguments see `HidingTask` and `Loop`."""
    task = HidingTask(recipe, train, val, folder, fabric, **options)
    # Scaled gradients of 16 bits would have to be clipped by a fused optimizer itself.
    fused = fabric.device.type == "cuda" and recipe.precision != "16-mixed"
    return Loop(task, recipe.optimizer, recipe.schedule, fabric, folder, fused=fused, on_step=on_step)


class HidingTask(Task):
    """Covers and secrets in, the loss of stego images and revealed secrets out.

    Args:
        recipe: see `isgan.training.recipe`.
        train, val: photographs of the two splits.
        folder: where weights, logs and sample pictures go.
        fabric: Lightning Fabric, launched.
        initial: weights to start from instead of random ones.
        earlier: the runs that made these weights, for the card.
        facts: what else the card is to say, such as a licence.
        on_validation: called with the rows of a validation, one dict for each set.
    """

    network: Hider
    remedy: ClassVar[str] = (
        "start again in another --output with a lower --optimizer.lr, or from its last weights with --initial"
    )

    def __init__(
        self,
        recipe: Recipe,
        train: Photographs,
        val: Photographs,
        folder: Path,
        fabric: Fabric,
        *,
        initial: Hider | None = None,
        earlier: Sequence[Mapping[str, Any]] = (),
        facts: Mapping[str, Any] | None = None,
        on_validation: Callable[[list[dict[str, Any]]], None] = lambda _: None,
    ):
        self.recipe, self.folder, self.on_validation = recipe, folder, on_validation
        self.earlier, self.facts = [dict(run) for run in earlier], dict(facts or {})
        self.device = fabric.device.type if fabric.world_size == 1 else f"{fabric.world_size} x {fabric.device.type}"
        self.counts = {name: len(photographs) for name, photographs in train.sets.items()}
        torch.manual_seed(recipe.seed)
        self.network = build_part(hiders, recipe.hider)
        if not self.network.trainable:
            raise IsganError(f"hider '{recipe.hider['name']}' has no weights to train")
        if initial is not None:
            if (type(initial), initial.config) != (type(self.network), self.network.config):
                raise IsganError(
                    f"the initial weights are of another hider or another size ({initial.config}): give the recipe the same"
                )
            self.network.load_state_dict(initial.state_dict())
        self.criterion = build_part(losses, recipe.loss)
        photos = recipe.photos
        self.adversary = Adversary(recipe, photos.crop, fabric) if recipe.steganalyzer else None
        self.pairs = TrainingPairs(train.sets, photos.crop, photos.batch, recipe.seed, photos.balance, photos.ragged,
                                   fabric.global_rank, fabric.world_size)  # fmt: skip
        if fabric.device.type == "cuda":
            with suppress(torch.OutOfMemoryError):  # then the CPU cuts the crops
                self.pairs.pack(fabric.device)
        self.late = self.pairs.at(photos.late_crop or photos.crop, photos.late_batch or photos.batch)
        self.fixed = {name: fixed_pairs(photographs) for name, photographs in val.sets.items()}
        self.best = -math.inf
        self.log = Log(folder) if fabric.is_global_zero else None
        self._shown: tuple[Tensor, Tensor] | None = None

    def batch(self, step: int, progress: float) -> Pair:
        return (self.pairs if progress < self.recipe.photos.late else self.late)[step]

    def loss(self, network: nn.Module, batch: Pair, step: int) -> Tensor:
        hiding = network(batch.cover, batch.secret)
        total: Tensor = self.criterion(batch.cover, hiding.stego, batch.secret, hiding.revealed).total
        if self.adversary:
            total = total + self.adversary.term(batch.cover, hiding.stego, step)
            self._shown = batch.cover, hiding.stego.detach()
        return total

    def stepped(self, step: int) -> None:
        """The steganalyzers learn from the batch that the hider has learnt from."""
        if self.adversary and self._shown:
            self.adversary.learn(*self._shown, step)

    def validate(self, network: nn.Module, moment: Moment) -> None:
        """Every fixed pair, whole, rounded to 8 bits; logs a row for each set and a picture, keeps the
        best weights.
        """
        training = {"loss": moment.loss} | (self.adversary.accuracies() if self.adversary else {})
        rows, samples = [], []
        for name, pairs in self.fixed.items():
            scores = []
            for index, pair in enumerate(pairs):
                score, sample = self._score(network, pair)
                scores.append(score)
                if index < SHOWN:
                    samples.append(sample)
            means = torch.tensor(scores).mean(dim=0).tolist()
            rows.append(
                {"step": moment.step, "minutes": moment.minutes, "set": name, **dict(zip(MEASURES, means, strict=True))}
            )
        rows = [row | training for row in rows]
        if self.log:
            self.log.validation(rows, samples)
        # The worse end counts: the sum of both is hard to beat for weights that hide nothing, with 80 dB at the cover.
        score = sum(min(row["stego_psnr"], row["secret_psnr"]) for row in rows) / len(rows)
        # Against a steganalyzer the best picture is that of the first step: the newest weights are kept.
        if score > self.best or self.adversary or not (self.folder / WEIGHTS).exists():
            self.best = score
            models.save(network, self.folder / WEIGHTS, self._card(rows, moment))  # type: ignore[arg-type]
        self.on_validation(rows)

    def close(self) -> None:
        if self.log:
            self.log.close()

    def state_dict(self) -> dict[str, Any]:
        return {
            "recipe": self.recipe.to_dict(),
            "photographs": self.counts,
            "earlier": self.earlier,
            "facts": self.facts,
            "best": self.best,
            "adversary": self.adversary.state_dict() if self.adversary else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Length and intervals of the run may have changed, nothing else of recipe or data."""
        saved, wanted = recipe_from(state["recipe"]), self.recipe
        length = {
            key: getattr(wanted.schedule, key)
            for key in ("steps", "minutes", "validations", "validate_every", "save_every")
        }
        saved = replace(saved, schedule=replace(saved.schedule, **length))
        for name in (field.name for field in fields(saved)):
            if getattr(saved, name) != getattr(wanted, name):
                raise IsganError(
                    f"{self.folder} was trained with another {name}: resume with the same recipe, or choose another --output"
                )
        if state["photographs"] != self.counts:
            raise IsganError(
                f"{self.folder} was trained on other photographs: resume with the same --data, or choose another --output"
            )
        if self.adversary:
            self.adversary.load_state_dict(state["adversary"])
        self.earlier, self.facts, self.best = state["earlier"], state["facts"] | self.facts, state["best"]

    def _card(self, rows: list[dict[str, Any]], moment: Moment) -> dict[str, Any]:
        """What there is to say of the weights as they are now: photographs, steps, hours, validation, recipe."""
        run = {
            "steps": moment.step,
            "hours": round(moment.minutes / 60, 3),
            "device": self.device,
            "photographs": self.counts,
            "validation": {row["set"]: {key: round(row[key], 4) for key in MEASURES} for row in rows},
            "recipe": self.recipe.to_dict(),
        }
        return {**self.facts, "runs": [*self.earlier, run]}

    def _score(self, network: nn.Module, pair: Pair) -> tuple[list[float], Sample]:
        device = next(network.parameters()).device
        cover, secret = (image.to(device) for image in pair)
        stego, revealed = network(cover, secret)
        revealed = quantize(revealed)
        scores = [
            measure(a, b).clamp(max=EXACT).item()
            for a, b in ((stego, cover), (revealed, secret))
            for measure in (psnr, ssim)
        ]
        return scores, Sample(*map(to_array, (cover, secret, stego, revealed)))
