"""What `hide` says of a rate, and how much `--risk` allows: both from the measured curve of P_E against the rate."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

from isgan import models, risk
from isgan.errors import IsganError
from isgan.evaluation.audit.subjects import ROOT_BITS
from isgan.files import write_file
from isgan.risk import GUESSING, Point, falling, rate_at

ALLOWED = {"low": 0.47, "medium": 0.38}
"""P_E of the strongest detector that each risk must not fall below, in covers of the measured size."""
ENOUGH = 300
"""Leaked pairs of cover and stego image: a detector that has fewer is weaker than an attacker's need be, so that such a curve may lower
what a risk allows, and never raise it."""
COLUMNS = ("kind", "cost", "strategy", "root_bits", "p_e", "interval", "detector", "pairs", "weight")


def points_of(table: Sequence[Mapping[str, Any]], kind: str, name: str) -> list[Mapping[str, Any]]:
    """The rows of a way to embed that were measured at rates, in covers of the size that has most of them."""
    rows = [row for row in table if row["kind"] == kind and row["name"] == name and str(row["setting"]).endswith(ROOT_BITS)]
    sides = Counter(int(row["side"]) for row in rows)
    return [row for row in rows if int(row["side"]) == sides.most_common(1)[0][0]]


def error_of(row: Mapping[str, Any]) -> float:
    """P_E of a row, the lower of two figures: the one that was measured, for which a few validation pairs had to choose the threshold, and
    that of two bell curves of one width with the same AUC, which needs none."""
    auc = min(max(float(row["auc"]), 1e-6), 1 - 1e-6)
    return min(float(row["p_e"]), NormalDist().cdf(-NormalDist().inv_cdf(auc) / 2**0.5), GUESSING)


def constants(rows: Sequence[Mapping[str, Any]], before: Mapping[str, float]) -> dict[str, float]:
    """Bits for each square root of a sample, by `--risk`: where the curve passes `ALLOWED`, rounded down, but of few pairs no more than
    `before`. `IsganError` if it has fewer than three points."""
    points = falling(sorted(Point(float(row["root_bits"]), error_of(row), float(row["p_e_interval"]), int(row["leaked"]),
                                  float(row["weight"])) for row in rows))  # fmt: skip
    if len(points) < 3:
        raise IsganError(f"{rows[0]['name']} has {len(points)} measured rates on {rows[0]['kind']} covers: run the table to its end first")
    found = {level: float(int(rate_at(p_e, points))) for level, p_e in ALLOWED.items()}
    few = min(int(row["leaked"]) for row in rows) < ENOUGH
    return {level: min(value, before[level]) if few else value for level, value in found.items()}


def write(table: Sequence[Mapping[str, Any]], folder: Path | None = None) -> dict[str, dict[str, float]]:
    """Writes the curves to `risk.csv`, and `low` and `medium` into the card of the default model; the constants by kind of cover.

    Args:
        table: rows of `audit-table.csv`, of one or more kinds of covers; what is known of other kinds stays.
        folder: of the package; another one in tests.
    """
    folder = folder or Path(risk.__file__).parent
    card, target = models.card(models.DEFAULT), folder / "models" / f"{models.DEFAULT}.toml"
    changed: dict[str, dict[str, float]] = {}
    lines: list[str] = []
    for kind, settings in card["covers"].items():
        own = points_of(table, kind, ", ".join([settings["cost"], settings["strategy"]]))
        if own:
            changed[kind] = constants(own, settings)
        for row in sorted(own, key=lambda row: float(row["root_bits"])):
            figures = [f"{float(row['root_bits']):.2f}", f"{error_of(row):.4f}", f"{float(row['p_e_interval']):.4f}"]
            lines.append(",".join([kind, settings["cost"], settings["strategy"], *figures, str(row["strongest"]), str(row["leaked"]),
                                   f"{float(row['weight']):.0f}"]))  # fmt: skip
    if not changed:
        raise IsganError("the table has no rates of the default model: run it to its end first")
    text, curve = target.read_text(encoding="utf-8"), folder / risk.TABLE
    for kind, level, value in ((kind, level, value) for kind, levels in changed.items() for level, value in levels.items()):
        text = re.sub(rf"(\[covers\.{kind}\][^\[]*?\n{level} = )[0-9.]+", rf"\g<1>{value}", text)
    others = curve.read_text(encoding="utf-8").splitlines()[1:] if curve.exists() else []
    lines += [line for line in others if line.split(",")[0] not in changed]
    write_file(curve, "\n".join([",".join(COLUMNS), *lines, ""]).encode(), force=True)
    write_file(target, text.encode(), force=True)
    return changed
