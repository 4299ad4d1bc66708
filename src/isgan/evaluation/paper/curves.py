"""How training runs went: their validation tables in one folder, and a picture of all of them."""

import csv
import itertools
import math
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isgan.errors import IsganError, require
from isgan.evaluation.results import Results
from isgan.files import write_file

VALIDATION = "validation.csv"
FOLDER = "curves"
PICTURE = "curves.png"
ENDS = {"stego_psnr": "stego image, PSNR in dB", "secret_psnr": "secret, PSNR in dB"}
ACCURACIES = {"accuracy_cover": "covers", "accuracy_stego": "stego images"}


def collect(results: Results, runs: Mapping[str, Path]) -> None:
    """Copies the validation table of each run, by its name, into the results' folder curves/."""
    texts = {}
    for name, folder in runs.items():
        if name != Path(name).name or name.startswith("."):
            raise IsganError(
                f"'{name}' cannot be a run's name: it becomes a file's, so leave out slashes and leading dots"
            )
        path = folder / VALIDATION
        try:
            texts[name] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise IsganError(
                f"cannot read {path}: {error}; give the folder of a training run that was validated once"
            ) from error
        read(path)  # before anything is written
    copies = results.subfolder(FOLDER)
    for name, text in texts.items():
        write_file(copies / f"{name}.csv", text.encode(), force=True, remedy="make room and run it again")


def copied(results: Results) -> dict[str, list[dict[str, Any]]]:
    """The rows of every run that was collected, by its name; see `read`."""
    return {path.stem: read(path) for path in sorted((results.folder / FOLDER).glob("*.csv"))}


def read(path: Path) -> list[dict[str, Any]]:
    """One row per validation, means over the sets: minutes, PSNR and SSIM of stego image and secret, loss and
    accuracies where they were logged.

    `step` and `sets`, their number, are ints, the rest floats. A last line that was cut off is left out.
    """
    try:
        text = path.read_text(encoding="utf-8")
        rows = [
            row
            for row in csv.DictReader(text[: text.rfind("\n") + 1].splitlines())
            if None not in row and None not in row.values()
        ]
        found = []
        for step, group in itertools.groupby(rows, key=lambda row: int(row["step"])):
            sets = list(group)
            values = {
                key: statistics.fmean(float(row[key] or "nan") for row in sets)
                for key in rows[0]
                if key not in ("step", "set")
            }
            found.append({"step": step, "sets": len(sets), **values})
        if not found or not {"minutes", *ENDS, "stego_ssim", "secret_ssim"} <= found[0].keys():
            raise ValueError("columns or rows are missing")
    except (OSError, ValueError, KeyError) as error:
        raise IsganError(
            f"{path} is not the validation table of a training run ({error}): give the folder of another run"
        ) from error
    return found


def draw(results: Results) -> Path | None:
    """Draws figures/curves.png of all runs that were collected, over minutes: PSNR of stego image and secret, loss,
    steganalyzer.

    None without runs.
    """
    require("train", "matplotlib")
    from matplotlib.figure import Figure

    runs = copied(results)
    if not runs:
        return None
    panels = [(title, {column: "-"}) for column, title in ENDS.items()]
    if _logged(runs, "loss"):
        panels.append(("loss of the training steps", {"loss": "-"}))
    if any(_logged(runs, column) for column in ACCURACIES):
        panels.append(
            ("steganalyzer right (solid: covers, dashed: stego)", dict(zip(ACCURACIES, ("-", "--"), strict=True)))
        )
    lines = math.ceil(len(panels) / 2)
    figure = Figure(figsize=(11, 4 * lines), dpi=110, layout="constrained")
    axes = figure.subplots(lines, 2, squeeze=False).ravel()
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    for axis, (title, columns) in zip(axes, panels, strict=False):
        axis.set(title=title, xlabel="minutes")
        axis.grid(alpha=0.3)
        for number, (name, rows) in enumerate(runs.items()):
            for column, style in columns.items():
                minutes, values = [row["minutes"] for row in rows], [row.get(column, math.nan) for row in rows]
                axis.plot(minutes, values, style, color=f"C{number % 10}", marker=".", label=name)
        if "loss" in columns and not any(row.get("loss", math.nan) <= 0 for rows in runs.values() for row in rows):
            axis.set_yscale("log")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return results.save_figure(figure, PICTURE)


def _logged(runs: Mapping[str, list[dict[str, Any]]], column: str) -> bool:
    return any(math.isfinite(row.get(column, math.nan)) for rows in runs.values() for row in rows)
