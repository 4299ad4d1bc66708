"""What each choice of the default model's network, at one strength, is worth: one thing changed at a time, equal processor time.

    python benchmarks/ablation.py RESULTS.csv PHOTOGRAPHS...

Each row is what `isgan train` does with a recipe and options on top of it, for as many steps as take a minute of one core, then the
validation photographs of each set, 8 bits. Processor time is counted, so that rows are alike on a machine that does other work besides.
Where there are two phases, they share the minute, and the second is what `isgan train --initial` does with the weights of the first.
Rows that are there are kept, so that an interrupted run goes on; beside the CSV file its table is written, as Markdown.
"""

import csv
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric

from isgan import weights
from isgan.datasets.pairs import Photographs, load_photographs
from isgan.hiders.base import Hider
from isgan.memory import keep_memory
from isgan.training.loop import WEIGHTS, Trainer
from isgan.training.recipe import Recipe, parse_value, read_recipe

SECONDS = 60  # of one core, for each row
WARMING, PROBED = 5, 60  # steps before, and of, the measurement of how many steps that is
RECIPES = Path(__file__).parent.parent / "recipes"
# Options of the only phase, or of one phase after the other.
VARIANTS: dict[str, dict[str, str | tuple[str, ...]]] = {
    "ablation": {
        "as it is": "",
        "luma carries the code, not R, G and B apart": "--hider.apart false",
        "one network for seven strengths": "--hider.dial true",
        "the same, each strength scales and shifts all channels": "--hider.dial true --hider.conditioning film",
        "the same, each strength mixes two kernels of each channel": "--hider.dial true --hider.conditioning mixture",
        "the same, each strength has weights of its own": "--hider.dial true --hider.conditioning weights",
        "one stage": "--hider.stages 1",
        "two stages": "--hider.stages 2",
        "four stages": "--hider.stages 4",
        "half the width": "--hider.hidden 32",
        "one and a half times the width": "--hider.hidden 96",
        "one residual block a reader": "--hider.blocks 1",
        "three residual blocks": "--hider.blocks 3",
        "mean square error as loss": "--loss.name mse",
        "the paper's mixed loss": "--loss.name mixed",
        "Charbonnier's loss": "--loss.name charbonnier",
        "three times the learning rate": "--optimizer.lr 3e-3",
        "smaller crops, more of them": "--photos.crop 48 --photos.batch 16",
        "larger crops, fewer of them": "--photos.crop 136 --photos.batch 2",
        "no average of weights": "--schedule.ema 0",
        "a rate that does not fall": "--schedule.final 1",
        "the secret's decibels count less from 40 on": "--loss.ceiling 40",
        "no SSIM in the loss": "--loss.structure 0",
        "hard pairs: of each batch the half with the worst secrets": "--loss.hardest 0.5",
        "rounding comes in over three tenths of the run": "--schedule.rounding 0.3",
        "in two halves, the rate falls in the second": ("--schedule.final 1", "--schedule.warmup 0"),
        "the same, SSIM in the second alone": ("--schedule.final 1 --loss.structure 0", "--schedule.warmup 0"),
        "in two halves, larger crops in the second": ("--schedule.final 1", "--schedule.warmup 0 --photos.crop 192 --photos.batch 1"),
    },
    "ablation-wavelet": {
        "an invertible network (`wavelet`) of four blocks": "",
        "the same of six blocks": "--hider.blocks 6",
        "the same of eight blocks": "--hider.blocks 8",
        "the same of four blocks, one level of the transform": "--hider.levels 1",
        "the same of four blocks, three levels of the transform": "--hider.levels 3",
        "the same of four blocks, additive coupling": "--hider.clamp 0",
        "the same of four blocks, residual subnets": "--hider.subnet residual",
        "the same of four blocks, depthwise subnets": "--hider.subnet depthwise",
        "the same of four blocks, gated subnets": "--hider.subnet gated",
        "the same of four blocks, R, G and B rounded together": "--hider.apart false",
        "the same of four blocks, near black and white channels with room make up for the others": "--hider.gamut true",
        "the same of four blocks, more for the secret": "--loss.gamma 1.5",
        "the same of four blocks, the 5/3 transform": "--hider.transform cdf53",
        "the same of four blocks, a learned transform": "--hider.transform learned",
        "the same of four blocks, rounding comes in over three tenths of the run": "--schedule.rounding 0.3",
        "the same of four blocks, changes count less in texture": "--loss.name masked",
        "the same of four blocks, an enhancement after the inverse pass": "--hider.enhance true",
        "the same of four blocks, in two halves": ("--schedule.final 1", "--schedule.warmup 0"),
        "the same in two halves, SSIM in the second alone": ("--schedule.final 1 --loss.structure 0", "--schedule.warmup 0"),
        "the same in two halves, low frequencies in the second": ("--schedule.final 1", "--schedule.warmup 0 --loss.low 0.01"),
    },
}
HEAD = """# What each choice of the default model's network is worth

One thing changed at a time, a minute of one core's time from random weights (recipes `ablation` and `ablation-wavelet`), then the first 12
validation photographs of each set, 8 bits, 11 symbols: the secret's PSNR in dB / SSIM. One run each: tenths may be chance, and how many
steps a minute has is measured before each run, by 60, and differs between runs of one network. Two halves have half a minute each, and
the second starts from the weights of the first. So short a time prefers what learns fast; longer runs, in which for example a dial
whose strengths have weights of their own costs nothing, and what was tried before, are in [experiments.md](experiments.md). The recipes
are in bfloat16, which is faster; the default model was trained in float32 in the end.
`python benchmarks/ablation.py docs/results/ablation.csv lfw voc imagenet cc` makes the table again.

"""
ENDS = ("stego_psnr", "stego_ssim", "secret_psnr", "secret_ssim")


def plan_of(recipe: str, options: str, steps: int, seed: int = 0) -> Recipe:
    """The recipe with options as `isgan train` takes them, for so many steps."""
    tables: dict[str, Any] = {"schedule": {"steps": steps, "minutes": 0.0}, "seed": seed}
    words = options.split()
    for option, text in zip(words[::2], words[1::2], strict=True):
        section, key = option.removeprefix("--").split(".")
        tables.setdefault(section, {})[key] = parse_value(text)
    return read_recipe(RECIPES / f"{recipe}.toml", tables)


def train(recipe: str, phases: tuple[str, ...], fresh: Photographs, fixed: Photographs) -> list[dict[str, Any]]:
    """The last rows of the last phase's validation.csv, one for each set, with the steps of all phases."""
    steps, initial = 0, None
    for seed, options in enumerate(phases):  # of the same seed the second would see the pairs of the first again
        rows, initial = train_phase(partial(plan_of, recipe, options, seed=seed), SECONDS / len(phases), initial, fresh, fixed)
        steps += int(rows[0]["step"])
    return [row | {"step": str(steps)} for row in rows]


def train_phase(plan_for: Callable[[int], Recipe], seconds: float, initial: Hider | None, fresh: Photographs,
                fixed: Photographs) -> tuple[list[dict[str, Any]], Hider]:  # fmt: skip
    """The last rows of the run's validation.csv, and the weights; `plan_for` makes the recipe for so many steps."""
    with tempfile.TemporaryDirectory() as folder:

        def trainer(name: str, steps: int) -> Trainer:
            plan = plan_for(steps)
            fabric = Fabric(accelerator="cpu", devices=1, precision=plan.precision)
            fabric.launch()
            Path(folder, name).mkdir()
            return Trainer(plan, fresh, fixed, Path(folder, name), fabric, initial=initial)

        probe = trainer("probe", WARMING + PROBED)
        for step in range(WARMING + PROBED):
            if step == WARMING:
                started = time.process_time()
            probe.train_step(probe.pairs[step])
        steps = int(seconds * PROBED / (time.process_time() - started))
        trainer("run", steps).fit()
        with Path(folder, "run", "validation.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        return [row for row in rows if row["step"] == rows[-1]["step"]], weights.load(Path(folder, "run", WEIGHTS))


def markdown(rows: list[dict[str, str]]) -> str:
    """Rows of all variants, a line for each: secret dB / SSIM by set, and the mean of the dB against the first variant's."""
    sets = list(dict.fromkeys(row["set"] for row in rows))
    lines = ["| " + " | ".join(["", "options", "steps", "stego dB", *sets, "mean"]) + " |", "|" + "---|" * (5 + len(sets))]
    means: list[float] = []
    for name in dict.fromkeys(row["variant"] for row in rows):
        own = {row["set"]: row for row in rows if row["variant"] == name}
        means.append(sum(float(row["secret_psnr"]) for row in own.values()) / len(own))
        stego = sum(float(row["stego_psnr"]) for row in own.values()) / len(own)
        cells = [f"{float(own[s]['secret_psnr']):.2f} / {float(own[s]['secret_ssim']):.4f}" for s in sets]
        options = next(iter(own.values()))["options"]
        change = f"{means[-1]:.2f}" if len(means) == 1 else f"{means[-1] - means[0]:+.2f}"
        cells = [name, f"`{options}`" if options else "", own[sets[0]]["step"], f"{stego:.2f}", *cells, change]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    path, folders = Path(sys.argv[1]), [Path(folder) for folder in sys.argv[2:]]
    keep_memory()
    torch.set_num_threads(1)
    fresh = load_photographs(folders, "train")
    fixed = load_photographs(folders, "val", limit=plan_of("ablation", "", 1).photos.validation)
    rows: list[dict[str, Any]] = []
    if path.exists():
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
    variants = [(recipe, *variant) for recipe, group in VARIANTS.items() for variant in group.items()]
    order = {name: place for place, (_, name, _) in enumerate(variants)}
    for recipe, name, phases in variants:
        if name in {row["variant"] for row in rows}:
            continue
        print(name, flush=True)
        phases = (phases,) if isinstance(phases, str) else phases
        for row in train(recipe, phases, fresh, fixed):
            measured = {column: row[column] for column in ("step", "set", *ENDS)}
            rows.append({"variant": name, "recipe": recipe, "options": ", then ".join(phases), **measured})
        rows.sort(key=lambda row: order.get(row["variant"], len(order)))
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    path.with_suffix(".md").write_text(HEAD + markdown(rows))


if __name__ == "__main__":
    main()
