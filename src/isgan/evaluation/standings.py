"""What is written of the leaderboard: its rows as a Markdown table, and as a picture."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from isgan.errors import require
from isgan.evaluation.results import Results, decibels

TABLE, PICTURE = "leaderboard", "leaderboard.png"
AUTO = "auto"
"""The setting of a model as `isgan hide` uses it."""
SHOWN = 60.0  # dB; better secrets are drawn there
SAME_PLACE = 0.5  # dB; dots so close have one label


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


def draw(results: Results) -> Path:
    """Draws figures/leaderboard.png from `leaderboard.csv`: dB of stego image and secret, a panel for each set,
    coloured by P_E.

    The settings of a model are a line; those that no detector looked at are small dots.
    """
    require("train", "matplotlib")
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
            places = [(float(row["stego_psnr"]), min(float(row["secret_psnr"]), SHOWN)) for row in own]
            dial = [place for row, place in zip(own, places, strict=True) if row["setting"] != AUTO]
            axis.plot(*zip(*dial, strict=True) if dial else ([], []), "-", color="gray", lw=1, marker=".", ms=4, zorder=1)
            for row, place in zip(own, places, strict=True):
                if row["p_e"]:
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
    return results.save_figure(figure, PICTURE)
