"""The leaderboard: every model on the same photographs through PNG files - quality, changed samples, payload, cost,
detectability.

Models that embed a compressed secret are measured as `isgan hide` uses them, and at fixed qualities of the secret with
all that the cover can carry; models with a dial at each of its strengths.
"""

import math
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isgan import models
from isgan.datasets.base import Source, name_in
from isgan.errors import IsganError, require
from isgan.evaluation.paper.curves import FIGURES, subfolder
from isgan.evaluation.quality import Row, measure, pair_up, summary
from isgan.evaluation.results import Counting, Following, Results, decibels, uncounted, unfollowed
from isgan.evaluation.security import CONTROL, RETRAINED, Case, Plan, Trial, pairs, unseen_photographs
from isgan.evaluation.stegos import CONTROLS, hiding
from isgan.files import write_file
from isgan.options import Options
from isgan.picture import png_bytes
from isgan.schemes.base import Scheme

IMAGES, TABLE, PICTURE = "leaderboard-images", "leaderboard", "leaderboard.png"
AUTO = "auto"
QUALITIES = (30.0, 33.5, 40.0, 47.6)
"""PSNR in dB of embedded secrets, where they fit: 33.5 is the paper's, 47.6 what `qim` reveals."""
DETECTED = (AUTO, "33.5 dB")
"""The settings whose stego images detectors look for."""
SHOWN = 60.0  # dB; better secrets are drawn there
SAME_PLACE = 0.5  # dB; dots so close have one label


class Cost(NamedTuple):
    """Of one command line from start to exit: seconds, and peak memory in MiB, NaN where the system does not tell."""

    seconds: float
    peak_mib: float


def process(*arguments: object, code: int = 0) -> Cost:
    """Runs `isgan ARGUMENTS` and measures it; `IsganError` if it ends with another exit code."""
    started = time.perf_counter()
    unwanted = subprocess.DEVNULL if code else None  # why it was refused
    child = subprocess.Popen([sys.executable, "-m", "isgan", *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=unwanted)
    peak, status = math.nan, Path(f"/proc/{child.pid}/status")
    while child.poll() is None:  # asked while it runs: what the system says afterwards counts this process's memory too
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
        peak = int(found[1]) / 1024 if found else peak  # the system's figure never falls
        time.sleep(0.02)
    if child.returncode != code:
        raise IsganError(f"failed: isgan {' '.join(map(str, arguments))}")
    return Cost(time.perf_counter() - started, peak)


def settings(model: str, scheme: Scheme) -> dict[str, Options]:
    """What a model is measured with, by name: as `isgan hide` uses it first."""
    plain = {AUTO: Options(model=model, gray=True)}
    if scheme.resizes:
        return plain | {
            str(strength): Options(model=model, strength=strength) for strength in range(1, scheme.strengths + 1)
        }
    return plain | {f"{psnr:g} dB": Options(model=model, gray=True, risk="high", quality=psnr) for psnr in QUALITIES}


def run(results: Results, sets: Mapping[str, Source], plan: Plan, names: Sequence[str], limit: int | None = None,
        counting: Counting = uncounted, following: Following = unfollowed) -> list[dict[str, Any]]:  # fmt: skip
    """Measures what is missing in the results and writes `leaderboard.csv`, a row for each set, model and setting.

    Args:
        results: where `leaderboard-images.csv` grows, a row per pair of images; the detectors' rows are in
            `table6-runs.csv`.
        sets: photographs by set name. Test photographs are measured at their own size; detectors see squares of all
            splits.
        plan: of the detectors, one for each model and setting that is detected, and the controls.
        names: models.
        limit: at most so many pairs of each set are measured.
        counting, following: show how far it is.
    """
    table: list[dict[str, Any]] = []
    costs = {name: _costs(name, next(iter(sets.values()))) for name in names}
    choices = {name: settings(name, models.load(name)) for name in names}
    methods = {
        _method(name, setting): hiding(options)
        for name, chosen in choices.items()
        for setting, options in chosen.items()
        if setting in DETECTED
    }
    tests = [*(Case(CONTROL, name, name) for name in CONTROLS), *(Case(RETRAINED, name, name) for name in methods)]
    for set_name, source in sets.items():
        files = pair_up(source.images("test"), limit)
        rows = [summary(_measured(results, set_name, options, setting, files, source.home, counting))
                for chosen in choices.values() for setting, options in chosen.items()]  # fmt: skip
        trial = Trial(
            results,
            set_name,
            plan,
            methods | CONTROLS,
            pairs(source, unseen_photographs(source, plan), "unseen", plan),
            counting=counting,
            following=following,
        )
        for _ in trial.runs(tests):
            pass
        detected = {row["tested_on"]: row for row in trial.summary(tests)}
        for row in rows:
            found = detected.get(_method(row["model"], row["setting"]), {})
            row |= {key: found[key] for key in ("p_e", "p_e_interval") if found}
            row |= costs[row["model"]] if row["setting"] == AUTO else {}
        table += rows
        table += [
            {
                "set": set_name,
                "model": name,
                "setting": CONTROL,
                **{key: detected[name][key] for key in ("p_e", "p_e_interval")},
            }
            for name in CONTROLS
        ]
        results.merge(TABLE, table, ("set", "model", "setting"))
    write_file(results.folder / f"{TABLE}.md", markdown(results.rows(TABLE)).encode(), force=True)
    draw(results)
    return table


def markdown(rows: Sequence[Mapping[str, str]]) -> str:
    """The rows of `leaderboard.csv` that detectors looked at, as a Markdown table; in each set the hardest to find
    first.
    """
    head = (
        "set",
        "model",
        "setting",
        "stego: dB / SSIM",
        "worst",
        "secret: dB / SSIM",
        "worst",
        "pixels",
        "changed",
        "bits a sample",
        "P_E",
        "hide, s",
        "memory, MiB",
        "weights, MiB",
    )
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for row in sorted((row for row in rows if row.get("p_e")), key=lambda row: (row["set"], -float(row["p_e"]))):
        cells = [row["set"], f"`{row['model']}`", row["setting"], *_quality(row),
                 f"{float(row['p_e']):.2f} ± {float(row['p_e_interval']):.2f}"]  # fmt: skip
        cells += [
            f"{float(row[key]):.{digits}f}" if row.get(key) else ""
            for key, digits in (("hide_seconds", 2), ("peak_mib", 0), ("weights_mib", 1))
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _quality(row: Mapping[str, str]) -> list[str]:
    """Its cells in the Markdown table; empty ones for a control."""
    if not row.get("stego_psnr"):
        return [""] * 7
    cells = []
    for end in ("stego", "secret"):
        cells += [
            f"{decibels(float(row[f'{end}_psnr']))} / {float(row[f'{end}_ssim']):.4f}",
            decibels(float(row[f"worst_{end}_psnr"])),
        ]
    return [
        *cells,
        row["secret_pixels"],
        f"{100 * float(row['changed']):.1f} %",
        f"{float(row['rate']):.3f}" if row["rate"] else "",
    ]


def _method(model: str, setting: str) -> str:
    """What the stego images of a model and setting are called among the detectors' rows."""
    return model if setting == AUTO else f"{model} {setting}"


def _costs(model: str, source: Source) -> dict[str, float]:
    """Size of the weights, and what the command lines take on the set's first two test photographs; at `--risk high`, so that no pair of
    them is refused."""
    path = models.find(model)
    cover, secret = pair_up(source.images("test"), 1)[0]
    with tempfile.TemporaryDirectory() as folder:
        stego, revealed = Path(folder, "stego.png"), Path(folder, "revealed.png")
        hiding = process(
            "hide",
            cover,
            secret,
            "-o",
            stego,
            "--model",
            model,
            "--min-secret-psnr",
            0,
            "--no-pass",
            "--gray",
            "--risk",
            "high",
            "--quiet",
        )
        revealing = process("reveal", stego, "-o", revealed, "--model", model, "--no-pass", "--quiet")
    return {
        "weights_mib": path.stat().st_size / 2**20 if path else 0.0,
        "command_hide_seconds": hiding.seconds,
        "command_reveal_seconds": revealing.seconds,
        "peak_mib": max(hiding.peak_mib, revealing.peak_mib),
    }


def _measured(
    results: Results,
    set_name: str,
    options: Options,
    setting: str,
    files: Sequence[tuple[Path, Path]],
    home: Path,
    counting: Counting,
) -> list[Row]:
    """The rows of these pairs, from the results or measured and added."""
    scheme: Scheme | None = None

    def one(place: int) -> dict[str, Any]:
        nonlocal scheme
        scheme = scheme or models.load(options.model)
        (row,) = measure(scheme, options, setting, set_name, [files[place]], (home, home))
        return {key: value for key, value in asdict(row).items() if key not in (*keys, "cover", "secret")}

    keys = {
        "set": set_name,
        "model": options.model,
        "setting": setting,
        "fingerprint": models.fingerprint(options.model),
    }
    names = [(name_in(home, cover), name_in(home, secret)) for cover, secret in files]
    return [_row(row) for row in results.completed(IMAGES, keys, names, one, counting)]


def _row(values: Mapping[str, str]) -> Row:
    """A row of `leaderboard-images.csv`."""
    kinds = {field.name: field.type if field.type in (int, float) else str for field in fields(Row)}
    numbers = {"rate": float, "strength": int}
    return Row(**{name: numbers[name](values[name]) if values[name] and name in numbers else kind(values[name])
                  for name, kind in kinds.items()})  # type: ignore[arg-type, operator]  # fmt: skip


def draw(results: Results) -> Path:
    """Draws figures/leaderboard.png from `leaderboard.csv`: dB of stego image and secret, a panel for each set,
    coloured by P_E.

    The settings of a model are a line; those that no detector looked at are small dots.
    """
    require("train", "matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [row for row in results.rows(TABLE) if row["stego_psnr"]]
    names = list(dict.fromkeys(row["set"] for row in rows))
    columns = min(2, len(names))
    lines = math.ceil(len(names) / columns)
    figure = Figure(figsize=(1 + 6 * columns, 5 * lines), dpi=110, layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for axis in axes[len(names) :]:
        axis.set_axis_off()
    for axis, name in zip(axes, names, strict=False):
        axis.set(title=name, xlabel="stego image, PSNR in dB", ylabel="revealed secret, PSNR in dB")
        axis.grid(alpha=0.3)
        axis.margins(0.12)
        labels: dict[tuple[float, float], str] = {}
        for model in dict.fromkeys(row["model"] for row in rows):
            own = [row for row in rows if (row["set"], row["model"]) == (name, model)]
            dial = [
                [min(float(row[key]), SHOWN) for row in own if row["setting"] != AUTO]
                for key in ("stego_psnr", "secret_psnr")
            ]
            axis.plot(*dial, "-", color="gray", lw=1, marker=".", ms=4, zorder=1)
            for row in own:
                if row["p_e"]:
                    place = float(row["stego_psnr"]), min(float(row["secret_psnr"]), SHOWN)
                    dots = axis.scatter(
                        *place,
                        c=[float(row["p_e"])],
                        vmin=0,
                        vmax=0.5,
                        cmap="viridis",
                        s=70,
                        edgecolors="black",
                        zorder=2,
                    )
                    exact = " (exact)" if math.isinf(float(row["secret_psnr"])) else ""
                    near = next((other for other in labels if math.dist(place, other) < SAME_PLACE), None)
                    labels[near or place] = f"{labels[near]}, {model}{exact}" if near else model + exact
        for place, text in labels.items():
            axis.annotate(text, place, xytext=(6, 5), textcoords="offset points", fontsize=8)
    figure.colorbar(dots, ax=axes.tolist(), label="P_E of a detector of the model (0: found, .5: not)")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])
    path = subfolder(results, FIGURES) / PICTURE
    write_file(path, png_bytes(pixels), force=True)
    return path
