"""What `hide` says of a rate, and how much `--risk` allows: both from the measured curve of P_E against the rate."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from isgan import models, risk
from isgan.errors import IsganError
from isgan.evaluation.audit.subjects import ROOT_BITS
from isgan.files import write_file
from isgan.risk import Point, falling, rate_at

ALLOWED = {"low": 0.47, "medium": 0.38}
"""P_E of the strongest detector that each risk must not fall below, in covers of the measured size."""
COLUMNS = ("kind", "cost", "strategy", "root_bits", "p_e", "interval", "detector", "pairs", "weight")


def points_of(table: Sequence[Mapping[str, Any]], kind: str, name: str) -> list[Mapping[str, Any]]:
    """The rows of a way to embed that were measured at rates."""
    return [row for row in table if row["kind"] == kind and row["name"] == name and str(row["setting"]).endswith(ROOT_BITS)]


def constants(table: Sequence[Mapping[str, Any]], kind: str, name: str) -> dict[str, float]:
    """Bits for each square root of a sample, by `--risk`: where the curve passes `ALLOWED`, rounded down. `IsganError` if it has
    fewer than three points."""
    points = falling(sorted(Point(float(row["root_bits"]), float(row["p_e"]), float(row["p_e_interval"]))
                            for row in points_of(table, kind, name)))  # fmt: skip
    if len(points) < 3:
        raise IsganError(f"{name} has {len(points)} measured rates on {kind} covers: run the table to its end first")
    return {level: float(int(rate_at(p_e, points))) for level, p_e in ALLOWED.items()}


def write(table: Sequence[Mapping[str, Any]], folder: Path | None = None) -> dict[str, dict[str, float]]:
    """Writes the curves to `risk.csv`, and `low` and `medium` into the card of the default model; the constants by kind of cover.

    Args:
        table: rows of `audit-table.csv`, of one or more kinds of covers.
        folder: of the package; another one in tests.
    """
    folder = folder or Path(risk.__file__).parent
    path = folder / "models" / f"{models.DEFAULT}.toml"
    card, text = models.card(models.DEFAULT), path.read_text(encoding="utf-8")
    lines, changed = [",".join(COLUMNS)], {}
    for kind, settings in card["covers"].items():
        name = ", ".join([settings["cost"], settings["strategy"]])
        own = points_of(table, kind, name)
        if not own:
            continue
        changed[kind] = constants(table, kind, name)
        for row in sorted(own, key=lambda row: float(row["root_bits"])):
            figures = [f"{float(row['root_bits']):.2f}", f"{float(row['p_e']):.4f}", f"{float(row['p_e_interval']):.4f}"]
            lines.append(",".join([kind, settings["cost"], settings["strategy"], *figures, row["strongest"], str(row["pairs"]),
                                   f"{float(row['weight']):.0f}"]))  # fmt: skip
        for level, value in changed[kind].items():
            text = re.sub(rf"(\[covers\.{kind}\][^\[]*?\n{level} = )[0-9.]+", rf"\g<1>{value}", text)
    if not changed:
        raise IsganError("the table has no rates of the default model: run it to its end first")
    write_file(folder / risk.TABLE, ("\n".join(lines) + "\n").encode(), force=True)
    write_file(path, text.encode(), force=True)
    return changed
