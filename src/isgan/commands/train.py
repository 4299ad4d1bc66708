"""`isgan train`: weights from a recipe and photographs."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from isgan.errors import IsganError

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
    photos: Overrides = None,
    optimizer: Overrides = None,
    schedule: Overrides = None,
) -> None:
    """Train a hider. Every value of the recipe can be set here: --loss.beta 0.1, --photos.crop 128, --optimizer.lr 1e-4.

    Of [hider] and [loss], the arguments of the part they name; of [photos], side, crop, batch, balance, ragged, validation; of
    [optimizer], lr, beta1, beta2, weight_decay, clip; of [schedule], warmup, final, ema, validate_every, save_every.

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
    import logging
    import warnings

    import torch

    try:
        from lightning.fabric import Fabric
        from lightning.fabric.utilities.exceptions import MisconfigurationException

        from isgan.training.loop import CHECKPOINT, WEIGHTS, Trainer
    except ModuleNotFoundError as error:
        raise IsganError(f"training needs {error.name}: pip install -c constraints.txt '.[train]'") from error

    from isgan import weights
    from isgan.console import TrainingProgress, counting
    from isgan.datasets.pairs import load_photographs
    from isgan.training.memory import keep_memory
    from isgan.training.recipe import parse_value, read_recipe

    sections = {"hider": hider, "loss": loss, "photos": photos, "optimizer": optimizer, "schedule": schedule}
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
    folder = output or Path("runs") / recipe.stem
    if not resume and (folder / CHECKPOINT).exists():
        raise IsganError(f"{folder} holds a run already: add --resume to go on with it, or choose another --output")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IsganError(f"cannot make the folder {folder}: {error.strerror}; choose another --output") from error

    keep_memory()
    if threads:
        torch.set_num_threads(threads)
    warnings.filterwarnings("ignore", module="lightning.*")
    for talkative in ("lightning.fabric", "lightning.pytorch"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    try:
        fabric = Fabric(accelerator=accelerator, devices=devices, precision=plan.precision)
    except (RuntimeError, ValueError, TypeError, MisconfigurationException) as error:
        raise IsganError(f"cannot train on {devices} x {accelerator}: {error}") from error
    fabric.launch()
    with counting("reading photographs", visible=fabric.is_global_zero) as count:
        fresh = load_photographs(data, "train", plan.photos.side, progress=count)
        fixed = load_photographs(data, "val", plan.photos.side, limit=plan.photos.validation, progress=count)
    with TrainingProgress(visible=fabric.is_global_zero) as progress:
        skipped = fresh.skipped + fixed.skipped
        for path, reason in skipped:
            progress.note(f"skipped {path}: {reason}")
        if skipped:
            progress.note(f"{len(skipped)} files skipped")
        facts: dict[str, Any] = {"licence": licence} if licence else {}
        if initial:
            facts["initial"] = {"model": initial, **weights.card(initial)}
        trainer = Trainer(plan, fresh, fixed, folder, fabric, initial=weights.load(initial) if initial else None, facts=facts,
                          on_step=progress.step, on_validation=progress.validation)  # fmt: skip
        if resume:
            trainer.resume()
        trainer.fit()
        if trainer.interrupted:
            progress.note(f"stopped at step {trainer.step}; go on with --resume")
            raise KeyboardInterrupt  # the exit code of a command that was stopped
        progress.note(f"done after {trainer.step} steps: {folder / WEIGHTS}")
