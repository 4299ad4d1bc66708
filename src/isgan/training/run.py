"""One training run from its recipe and folders of photographs, as `isgan train` and the tables start it."""

import logging
import warnings
from pathlib import Path
from typing import Literal

import torch
from lightning.fabric import Fabric
from lightning.fabric.utilities.exceptions import MisconfigurationException

from isgan import models
from isgan.errors import IsganError
from isgan.files import clear_unfinished
from isgan.memory import keep_memory
from isgan.training.hiding import WEIGHTS, loop
from isgan.training.loop import CHECKPOINT
from isgan.training.pairs import load_photographs
from isgan.training.recipe import Precision, Recipe
from isgan.training.watcher import Watcher

Accelerator = Literal["auto", "cpu", "gpu"]
# Of several processes: a batch may leave weights out, those of strengths that none of them drew.
MANY = "ddp_find_unused_parameters_true"


def run(
    plan: Recipe,
    data: list[Path],
    folder: Path,
    *,
    resume: bool = False,
    initial: str | None = None,
    licence: str | None = None,
    threads: int | None = None,
    devices: int = 1,
    accelerator: Accelerator = "auto",
    watcher: Watcher | None = None,
) -> Path:
    """Trains and returns the weights file; `KeyboardInterrupt` if it was stopped before the end.

    Args:
        plan: the recipe.
        data: folders of photographs, a set each.
        folder: the run's; made if it is not there.
        resume: go on from the folder's checkpoint; without, `IsganError` if there is one.
        initial: model (name or file) whose weights to start from.
        licence: terms of the weights, for their card.
        threads: CPU threads of each process.
        devices: number of processes or GPUs.
        accelerator: what to train on.
        watcher: told how it goes.
    """
    if not resume and (folder / CHECKPOINT).exists():
        raise IsganError(f"{folder} holds a run already: add --resume to go on with it, or choose another --output")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IsganError(f"cannot make the folder {folder}: {error.strerror}; choose another --output") from error
    clear_unfinished(folder)
    keep_memory()
    if threads:
        torch.set_num_threads(threads)
    fabric = launched(accelerator, devices, plan.precision)
    told = watcher if watcher and fabric.is_global_zero else Watcher()
    fresh = load_photographs(data, "train", plan.photos.side, share=plan.photos.share, progress=told.reading)
    fixed = load_photographs(data, "val", plan.photos.side, limit=plan.photos.validation, progress=told.reading)
    skipped = fresh.skipped + fixed.skipped
    for path, reason in skipped:
        told.note(f"skipped {path}: {reason}")
    if skipped:
        told.note(f"{len(skipped)} files skipped")
    trained = loop(plan, fresh, fixed, folder, fabric, initial=models.hider(initial) if initial else None,
                   earlier=models.origin(initial) if initial else (), facts={"licence": licence} if licence else {},
                   on_step=told.step, on_validation=told.validation)  # fmt: skip
    if resume:
        trained.resume()
    trained.fit()
    if trained.interrupted:
        told.note(f"stopped at step {trained.step}; go on with --resume")
        raise KeyboardInterrupt  # the exit code of a command that was stopped
    told.note(f"done after {trained.step} steps: {folder / WEIGHTS}")
    return folder / WEIGHTS


def launched(accelerator: Accelerator = "auto", devices: int = 1, precision: Precision = "32-true") -> Fabric:
    """Lightning Fabric, started and quiet; `IsganError` if there is no such device."""
    warnings.filterwarnings("ignore", module="lightning.*")
    for harmless in (".*find_unused_parameters", "Grad strides do not match"):
        warnings.filterwarnings("ignore", message=harmless)
    for talkative in ("lightning.fabric", "lightning.pytorch"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    try:
        fabric = Fabric(
            accelerator=accelerator, strategy=MANY if devices > 1 else "auto", devices=devices, precision=precision
        )
    except (RuntimeError, ValueError, TypeError, MisconfigurationException) as error:
        raise IsganError(f"cannot train on {devices} x {accelerator}: {error}") from error
    fabric.launch()
    return fabric
