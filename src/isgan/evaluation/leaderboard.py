"""The leaderboard: every method on the same photographs through PNG files - quality, changed samples, cost, and how surely it is found.

Among them are the secret as an ordinary file, hidden with as few changes: see `isgan.evaluation.rivals`.
"""

import functools
import math
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isgan import models as weights
from isgan.console import counting
from isgan.datasets.base import Source, name_in
from isgan.errors import IsganError
from isgan.evaluation import table6
from isgan.evaluation.curves import FIGURES, subfolder
from isgan.evaluation.quality import Hides, Row, decibels, measure, pair_up, rounded, summary
from isgan.evaluation.results import Results
from isgan.evaluation.rivals import Jpeg2000, Rival, Webp
from isgan.files import replace_file
from isgan.image import write_png
from isgan.steganographer import Steganographer, Strength

IMAGES, TABLE, PICTURE = "leaderboard-images", "leaderboard", "leaderboard.png"
SHOWN = 60.0  # dB; better secrets are drawn there
SAME_PLACE = 0.5  # dB; dots so close have one label


class Cost(NamedTuple):
    """Of one command line from start to exit: seconds, and peak memory in MiB, NaN where the system does not tell."""

    seconds: float
    peak_mib: float


def process(*arguments: object) -> Cost:
    """Runs `isgan ARGUMENTS` and measures it; `IsganError` if it fails."""
    started = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "isgan", *map(str, arguments)], stdout=subprocess.DEVNULL)
    peak, status = math.nan, Path(f"/proc/{child.pid}/status")
    while child.poll() is None:  # asked while it runs: what the system says afterwards counts this process's memory too
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
        peak = int(found[1]) / 1024 if found else peak  # the system's figure never falls
        time.sleep(0.02)
    if child.returncode:
        raise IsganError(f"failed: isgan {' '.join(map(str, arguments))}")
    return Cost(time.perf_counter() - started, peak)


def run(results: Results, sets: Mapping[str, Source], plan: table6.Plan, models: Sequence[str],
        limit: int | None = None) -> list[dict[str, Any]]:  # fmt: skip
    """Measures what is missing in the results and writes `leaderboard.csv`, a row per set, model and setting of its dial.

    Args:
        results: where `leaderboard-images.csv` grows, a row per pair of images; the detectors' rows are in `table6-runs.csv`.
        sets: photographs by set name. Test photographs are measured at their own size; detectors see squares of all splits.
        plan: of the detectors, one for each model as `isgan hide` uses it, as in Table 6's test "retrained".
        models: shipped models or files; the first one decides how good the secret of `webp` is.
        limit: at most so many pairs of each set are measured.
    """
    table: list[dict[str, Any]] = []
    costs = {name: _costs(name, next(iter(sets.values()))) for name in models}
    for set_name, source in sets.items():
        pairs = pair_up(source.images("test"), limit)
        measured = functools.partial(_measured, results, set_name, pairs=pairs, home=source.home)
        groups = []
        for name in models:
            steganographer = Steganographer(weights.hider(name))
            settings: list[Strength] = ["auto", *range(1, steganographer.strengths + 1)]
            fingerprint = weights.fingerprint(name)
            groups += [measured(name, fingerprint, steganographer, setting) for setting in settings]
        rivals: list[Rival] = [Webp(round(summary(groups[0])["secret_psnr"], 1)), Jpeg2000()]
        for rival in rivals:
            settings = ["auto", *range(1, rival.strengths + 1)]
            groups += [measured(rival.name, rival.fingerprint, rival, setting) for setting in settings]
        others = {rival.name: (f"{rival.name}-{rival.fingerprint}", rival.carry) for rival in rivals}
        found = table6.run(results, {set_name: source}, plan, {name: name for name in models}, others=others)
        detected = {row["tested_on"]: row for row in found if row["test"] == "retrained"}
        for group in groups:
            row = summary(group)
            if row["setting"] == "auto":
                row |= {key: detected[row["model"]][key] for key in ("p_e", "p_e_interval")} | costs.get(row["model"], {})
            table.append(row)
        results.merge(TABLE, table, ("set", "model", "setting"))
    replace_file(results.folder / f"{TABLE}.md", markdown(results.rows(TABLE)).encode())
    draw(results)
    return table


def markdown(rows: Sequence[Mapping[str, str]]) -> str:
    """The rows of `leaderboard.csv` with the strength that was chosen, as a Markdown table; in each set, the best worse end first."""
    rows = sorted(rows, key=lambda row: (row["set"], -min(float(row["stego_psnr"]), float(row["secret_psnr"]))))
    ends = "stego: dB / SSIM | worst | secret: dB / SSIM | worst"
    lines = [f"| set | method | {ends} | changed | P_E | hide, s | memory, MiB | weights, MiB |", "|---" * 11 + "|"]
    for row in rows:
        if row["setting"] == "auto":
            stego, secret, least, worst = (
                decibels(float(row[key])) for key in ("stego_psnr", "secret_psnr", "worst_stego_psnr", "worst_secret_psnr")
            )
            cells = [row["set"], f"`{row['model']}`", f"{stego} / {float(row['stego_ssim']):.4f}", least,
                     f"{secret} / {float(row['secret_ssim']):.4f}", worst, f"{100 * float(row['changed']):.0f} %",
                     f"{float(row['p_e']):.2f} ± {float(row['p_e_interval']):.2f}", f"{float(row['hide_seconds']):.2f}",
                     f"{float(row['peak_mib']):.0f}" if row["peak_mib"] else "",
                     f"{float(row['weights_mib'] or 0):.1f}"]  # fmt: skip
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _costs(model: str, source: Source) -> dict[str, float]:
    """Size of the weights, and what the command lines take on the set's first two test photographs."""
    path = weights.find(model)
    cover, secret = pair_up(source.images("test"), 1)[0]
    with tempfile.TemporaryDirectory() as folder:
        stego, revealed = Path(folder, "stego.png"), Path(folder, "revealed.png")
        hiding = process("hide", cover, secret, "-o", stego, "--model", model, "--min-secret-psnr", 0)
        revealing = process("reveal", stego, "-o", revealed, "--model", model)
    return {"weights_mib": path.stat().st_size / 2**20 if path else 0.0, "command_hide_seconds": hiding.seconds,
            "command_reveal_seconds": revealing.seconds, "peak_mib": max(hiding.peak_mib, revealing.peak_mib)}  # fmt: skip


def _measured(results: Results, set_name: str, name: str, fingerprint: str, hides: Hides, setting: Strength,
              pairs: Sequence[tuple[Path, Path]], home: Path) -> list[Row]:  # fmt: skip
    """The rows of these pairs, from the results or measured and added."""
    keys = {"set": set_name, "model": name, "setting": str(setting), "fingerprint": fingerprint}
    known = {(row["cover"], row["secret"]): row for row in results.rows(IMAGES) if all(row[key] == value for key, value in keys.items())}
    names = {pair: (name_in(home, pair[0]), name_in(home, pair[1])) for pair in pairs}
    missing = [pair for pair in pairs if names[pair] not in known]
    with counting(f"{set_name}: {name} {setting}", len(missing)) as done:
        for row in measure(name, hides, setting, set_name, missing, (home, home), done):
            values = {"fingerprint": fingerprint, **rounded(row)}
            results.add(IMAGES, values)
            known[row.cover, row.secret] = {key: str(value) for key, value in values.items()}
    return [_row(known[names[pair]]) for pair in pairs]


def _row(values: Mapping[str, str]) -> Row:
    """A row of `leaderboard-images.csv`."""
    kinds = {field.name: field.type if field.type in (int, float) else str for field in fields(Row)}
    return Row(**{name: kind(values[name]) for name, kind in kinds.items()})  # type: ignore[arg-type, operator]


def draw(results: Results) -> Path:
    """Draws figures/leaderboard.png from `leaderboard.csv`: both ends' dB, a panel per set, coloured by P_E; a dial is a line."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise IsganError("figures need matplotlib: pip install -c constraints.txt '.[train]'") from error
    rows = results.rows(TABLE)
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
            dial = [[min(float(row[key]), SHOWN) for row in own if row["setting"] != "auto"] for key in ("stego_psnr", "secret_psnr")]
            axis.plot(*dial, "-", color="gray", lw=1, marker=".", ms=4, zorder=1)
            for row in own:
                if row["setting"] == "auto":
                    place = float(row["stego_psnr"]), min(float(row["secret_psnr"]), SHOWN)
                    dots = axis.scatter(*place, c=[float(row["p_e"])], vmin=0, vmax=0.5, cmap="viridis", s=70, edgecolors="black", zorder=2)
                    exact = " (exact)" if math.isinf(float(row["secret_psnr"])) else ""
                    near = next((other for other in labels if math.dist(place, other) < SAME_PLACE), None)
                    labels[near or place] = f"{labels[near]}, {model}{exact}" if near else model + exact
        for place, text in labels.items():
            axis.annotate(text, place, xytext=(6, 5), textcoords="offset points", fontsize=8)
    figure.colorbar(dots, ax=axes.tolist(), label="P_E of a detector of the model (0: found, .5: not)")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])
    return write_png(pixels, subfolder(results, FIGURES) / PICTURE, force=True)
