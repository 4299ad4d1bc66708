"""Table 5 on the page: quality, and what saving costs."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from isgan.evaluation.paper.report.values import ENDS, command, numbers, text
from isgan.evaluation.results import Results, decibels


def section(results: Results, paper: list[dict[str, Any]]) -> dict[str, Any]:
    """What report.html shows of `table5.csv`, with the paper's rows beside it."""
    rows = results.rows("table5")
    printed: dict[tuple[str, ...], dict[str, Any]] = {
        (row["model"], row["covers"], row["secrets"]): row for row in paper
    }
    groups = []
    worst: tuple[float, str] = (0.0, "")
    for sets, group in groupby(rows, key=lambda row: text("table5", row, "covers", "secrets")):
        models = []
        for row in group:
            name, status = text("table5", row, "model", "status")
            view: dict[str, Any] = {
                "name": name,
                "status": status,
                "fingerprint": row.get("fingerprint", ""),
                "training": row.get("training", ""),
                "paper": printed.get((name, *sets), {}),
                "ends": {},
            }
            if status == "measured":
                view |= numbers("table5", row, ("pairs", "side"))
                for end in ENDS:
                    for measure in ("psnr", "ssim"):
                        view["ends"][f"{end}_{measure}"] = cell = _saving(row, f"{end}_{measure}")
                        if measure == "psnr":
                            where = f"the {ENDS[end]} of {name} on {sets[0]} with secrets of {sets[1]}"
                            both = f"{decibels(cell['float'])} as a float, {decibels(cell['mean'])} as a file"
                            worst = max(worst, (cell["lost"], f"{where}, {cell['lost']:.2f} dB ({both})"))
            models.append(view)
        groups.append({"covers": sets[0], "secrets": sets[1], "models": models})
    measured = [row for row in rows if row["status"] == "measured"]
    most = (
        f"Saving as an 8-bit file costs most at {worst[1]}."
        if worst[1]
        else "Saving as an 8-bit file costs nothing anywhere."
    )
    return {
        "command": command(results, "table 5", measured, {"side": "side"}),
        "groups": groups,
        "sentences": [most] if measured else [],
    }


def _saving(row: Mapping[str, str], column: str) -> dict[str, float]:
    """8-bit mean, deviation and worst, the float mean, and what is lost between them."""
    values = numbers("table5", row, (column, f"{column}_sd", f"{column}_worst", f"float_{column}"))
    mean, deviation, worst, unsaved = values.values()
    return {"mean": mean, "sd": deviation, "worst": worst, "float": unsaved, "lost": unsaved - mean}
