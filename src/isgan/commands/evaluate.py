"""`isgan evaluate`: quality of both ends, on photographs, through 8-bit PNG files."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from isgan.errors import IsganError


def evaluate(
    *,
    data: Annotated[list[Path], Parameter(consume_multiple=True, negative="")],
    model: Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")] = None,
    strength: Annotated[list[Literal["auto"] | int] | None, Parameter(consume_multiple=True, negative="")] = None,
    secrets: Path | None = None,
    color: Annotated[bool, Parameter(negative="")] = False,
    polish: Annotated[int, Parameter(validator=Number(gte=0, lte=1000))] = 0,
    split: Literal["train", "val", "test"] = "test",
    limit: Annotated[int | None, Parameter(alias="-n", validator=Number(gte=1))] = None,
    output: Annotated[Path | None, Parameter(alias="-o")] = None,
    threads: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    card: Annotated[bool, Parameter(negative="")] = False,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Measure hiding and revealing on photographs, at their own size, through 8-bit PNG files.

    Each photograph of the split is a cover and carries the next one. PSNR in dB and SSIM, per image, then averaged. Methods that
    need no weights are always there to compare with: the secret written over the lowest bits.

    Parameters
    ----------
    data
        Folders of photographs; each is a set of its own.
    model
        Names of shipped models or weights files.
    strength
        Settings to measure, each on its own: numbers, for models with a dial, or "auto", which others have alone.
    secrets
        Folder of pictures to hide, in turn, instead of the next photograph of the same set. Rows are then of "SET/FOLDER".
    color
        Hide the secrets in colour, with the models that can.
    polish
        Steps of polishing each pair, for the models that learn.
    split
        Which photographs.
    limit
        At most so many pairs of each set.
    output
        CSV file with a row per image.
    threads
        CPU threads.
    card
        Write the means into the model's card, as its scores.
    force
        Overwrite the CSV file.
    """
    import sys

    import torch
    from rich.box import MARKDOWN
    from rich.console import Console
    from rich.table import Table

    from isgan import models
    from isgan.console import counting
    from isgan.datasets.base import open_sets
    from isgan.evaluation.quality import decibels, measure, pair_up, rounded, summary
    from isgan.models.card import read_card
    from isgan.steganographer import Steganographer, Strength

    if output and output.exists() and not force:
        raise IsganError(f"{output} exists: choose another name, or use --force to overwrite it")
    if output and not output.parent.is_dir():
        raise IsganError(f"the folder {output.parent} does not exist: create it first")
    if threads:
        torch.set_num_threads(threads)
    names = list(dict.fromkeys([*(model or [models.DEFAULT]), *models.weightless()]))
    steganographers = {name: Steganographer(models.hider(name)) for name in names}
    if color or polish:
        names = [name for name in names if (hider := steganographers[name].hider).trainable and (hider.color_strengths or not color)]
        if not names:
            raise IsganError("none of these models can do that: leave out --color or --polish, or --model")
    if card and (color or polish or secrets):
        raise IsganError("a card has the scores of photographs as `isgan hide` hides them: leave out --card")
    others = open_sets([secrets]) if secrets else {"": None}
    sets = {f"{name}/{other}".rstrip("/"): (pair_up(source.images(split), limit, hidden.images(split) if hidden else ()),
                                            (source.home, (hidden or source).home))
            for name, source in open_sets(data).items() for other, hidden in others.items()}  # fmt: skip
    for name in names if card else []:
        if path := models.find(name):
            read_card(path.with_suffix(".toml"))  # a missing card is known before the work
    groups: list[dict[str, Any]] = []
    wanted: list[Strength] = list(dict.fromkeys(strength)) if strength else ["auto"]
    if card and len(wanted) > 1:
        raise IsganError("a card has one score for each set: leave out --card, or give one --strength")
    auto: list[Strength] = ["auto"]
    runs = [(name, setting) for name in names for setting in (wanted if steganographers[name].strengths else auto)]
    for name, setting in runs:
        if setting != "auto":
            steganographers[name].hider.set_strength(setting, color)  # one that it does not have is known before the work
    total = len(runs) * sum(len(pairs) for pairs, _ in sets.values())
    with rows_to(output) as write, counting("hiding and revealing", total) as done:
        for name, (pairs, homes) in sets.items():
            for model_name, setting in runs:
                group = []
                for measured in measure(model_name, steganographers[model_name], setting, name, pairs, homes, done, color, polish):
                    group.append(measured)
                    write(rounded(measured))
                groups.append(summary(group))
                if card and models.find(model_name):
                    models.add_scores(model_name, {f"{name} {split}": groups[-1]})
    table = Table("set", "model", "strength", "pairs", "stego dB / SSIM", "secret dB / SSIM", "worst stego", "worst secret", "hide s",
                  "reveal s", box=MARKDOWN)  # fmt: skip
    for row in groups:
        table.add_row(row["set"], row["model"], str(row["setting"]), str(row["pairs"]),
                      f"{row['stego_psnr']:.2f} / {row['stego_ssim']:.4f}", f"{decibels(row['secret_psnr'])} / {row['secret_ssim']:.4f}",
                      f"{row['worst_stego_psnr']:.2f}", decibels(row["worst_secret_psnr"]),
                      f"{row['hide_seconds']:.2f}", f"{row['reveal_seconds']:.2f}")  # fmt: skip
    Console(width=None if sys.stdout.isatty() else 140).print(table)


@contextmanager
def rows_to(path: Path | None) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yields what writes a row to a CSV file at once, so that an interrupted run leaves what it measured; None writes nothing."""
    if path is None:
        yield lambda _: None
        return
    with _writing(path):
        file = path.open("w", newline="")

    def write(row: dict[str, Any]) -> None:
        with _writing(path):
            writer = csv.DictWriter(file, list(row))
            if not file.tell():
                writer.writeheader()
            writer.writerow(row)
            file.flush()

    try:
        yield write
    finally:
        with _writing(path):
            file.close()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise IsganError(f"cannot write {path}: {error.strerror or error}; make room or choose another name") from error
