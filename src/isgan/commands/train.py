"""`isgan train`: weights from a recipe and photographs."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from isgan.errors import require

Overrides = Annotated[dict[str, str] | None, Parameter(show=False)]


def train(
    recipe: Path,
    /,
    *,
    data: Annotated[list[Path], Parameter(consume_multiple=True, negative="")],
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    resume: Annotated[bool, Parameter(negative="")] = False,
    initial: str | None = None,
    licence: str | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    seed: int | None = None,
    precision: str | None = None,
    threads: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    devices: Annotated[int, Parameter(validator=Number(gte=1))] = 1,
    accelerator: Literal["auto", "cpu", "gpu"] = "auto",
    hider: Overrides = None,
    loss: Overrides = None,
    steganalyzer: Overrides = None,
    adversarial: Overrides = None,
    photos: Overrides = None,
    optimizer: Overrides = None,
    schedule: Overrides = None,
) -> Path | None:
    """Train a hider. Every value of the recipe can be set here: --loss.beta 0.1, --photos.crop 128, --optimizer.lr 1e-4.

    Of [hider], [loss] and [steganalyzer], the arguments of the part they name, of the last also several names,
    --steganalyzer.name '["xunet", "yenet"]'; of [photos], side, crop, batch, balance, ragged, share, validation; of
    [adversarial], weight, start, ramp, flipped, optimizer, lr, momentum, weight_decay, every, smoothing, soft, flip, pool; of
    [optimizer], lr, beta1, beta2, weight_decay, clip; of [schedule], warmup, hold, final, ema, validate_every, validations,
    save_every.

    Ctrl-C ends the run after the running step with a checkpoint; the same command with --resume goes on. The run's folder
    gets weights.safetensors with its card (use it with --model), validation.csv, samples.png and TensorBoard logs.

    Parameters
    ----------
    recipe
        TOML file with [hider], [loss], [photos], [optimizer], [schedule].
    data
        Folders of photographs; each is a set, validated apart.
    output
        The run's folder; runs/RECIPE if not given.
    resume
        Go on from the folder's checkpoint.
    initial
        Model (name or file) whose weights to start from.
    licence
        Terms of the weights, for their card: think of the photographs' terms.
    minutes
        Time budget; the learning rate falls to the end of it.
    steps
        Number of steps.
    seed
        Decides first weights, pairs and crops.
    precision
        32-true, bf16-mixed or 16-mixed.
    threads
        CPU threads of each process.
    devices
        Number of processes or GPUs.
    accelerator
        What to train on.
    """
    require("train", "torch", "lightning", "tensorboard")
    from isgan.console import TrainingProgress
    from isgan.training.recipe import parse_value, read_recipe
    from isgan.training.run import run

    sections = {"hider": hider, "loss": loss, "steganalyzer": steganalyzer, "adversarial": adversarial,
                "photos": photos, "optimizer": optimizer, "schedule": schedule}  # fmt: skip
    overrides: dict[str, Any] = {
        name: {key: parse_value(text) for key, text in values.items()} for name, values in sections.items() if values
    }
    overrides.setdefault("schedule", {})
    if minutes is not None:
        overrides["schedule"] |= {"minutes": float(minutes)} | ({} if steps else {"steps": 0})
    if steps is not None:
        overrides["schedule"]["steps"] = steps
    overrides |= {key: value for key, value in {"seed": seed, "precision": precision}.items() if value is not None}
    plan = read_recipe(recipe, overrides)
    with TrainingProgress() as progress:
        weights = run(
            plan,
            data,
            output or Path("runs") / recipe.stem,
            resume=resume,
            initial=initial,
            licence=licence,
            threads=threads,
            devices=devices,
            accelerator=accelerator,
            watcher=progress,
        )
    # Of several processes the first one alone has something to say.
    return weights if os.environ.get("LOCAL_RANK", "0") == "0" else None
