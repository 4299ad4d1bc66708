"""What the table decides: the default's cost and strategy, how much `--risk` allows, and what `hide` says of a rate."""

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

from isgan import models, risk
from isgan.errors import IsganError
from isgan.evaluation.audit.subjects import BITS, ROOT_BITS, Load, Parts, default_parts
from isgan.evaluation.audit.table import JPEG_PARTS, PAPER, PNG_PARTS
from isgan.files import write_file
from isgan.models.card import read_card, to_toml
from isgan.risk import GUESSING, Point, falling, rate_at

ALLOWED = {"low": 0.47, "medium": 0.38}
"""P_E of the strongest detector that each risk must not fall below, in covers of the measured size."""
ENOUGH = 300
"""Leaked pairs of cover and stego image: a detector that has fewer is weaker than an attacker's need be, so that such a curve may lower
what a risk allows, and never raise it."""
COMPARED = {"png": str(Load(PAPER)), "jpeg": str(Load(0.1, BITS))}
"""Settings at which ways to embed are compared."""
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


def better(table: Sequence[Mapping[str, Any]], kind: str, present: Parts) -> Parts | None:
    """The way to embed that is found least, if that is less than the present one by more than both 95 % intervals, so that chance changes
    no default; with as many pairs in as large covers, no more secrets of which a part alone fitted, and judged by all detectors that judged
    the present one. None if there is none."""
    rows = [row for row in table if row["kind"] == kind and row["setting"] == COMPARED[kind]]
    known = {str(parts): parts for parts in (*PNG_PARTS, *JPEG_PARTS)}
    own = next((row for row in rows if row["name"] == str(present)), None)
    if own is None:
        return None
    alike = [row for row in rows if row["name"] in known and row["side"] == own["side"] and int(row["leaked"]) >= int(own["leaked"])
             and int(row["short"]) <= int(own["short"]) and _judges(own) <= _judges(row)
             and error_of(row) - float(row["p_e_interval"]) > error_of(own) + float(own["p_e_interval"])]  # fmt: skip
    return known[max(alike, key=error_of)["name"]] if alike else None


def _judges(row: Mapping[str, Any]) -> set[str]:
    """The detectors that looked at a row."""
    return {column.removeprefix("interval_") for column, value in row.items() if column.startswith("interval_") and value != ""}


def write(table: Sequence[Mapping[str, Any]], folder: Path | None = None) -> dict[str, dict[str, Any]]:
    """Writes the curves to `risk.csv`, and cost, strategy, `low` and `medium` into the card of the default model; what it wrote there, by
    kind of cover.

    Another cost or strategy is chosen as `better` says; its curve is then measured by the next table, and `risk.csv` has none before.

    Args:
        table: rows of `audit-table.csv`, of one or more kinds of covers; what is known of other kinds stays.
        folder: of the package; another one in tests.

    Raises:
        IsganError: no rates of the default model, or too few of them; or a detector that judged the present curve has not judged the
            new one, which would let `--risk` allow more because less was seen.
    """
    folder = folder or Path(risk.__file__).parent
    target = folder / "models" / f"{models.DEFAULT}.toml"
    card = read_card(target)
    changed: dict[str, dict[str, Any]] = {}
    lines: list[str] = []
    curve = folder / risk.TABLE
    old = curve.read_text(encoding="utf-8").splitlines() if curve.exists() else []
    for kind, settings in card["covers"].items():
        present = default_parts(kind)
        other, own = better(table, kind, present), points_of(table, kind, str(present))
        if other:
            changed[kind] = {"cost": other.cost, "strategy": other.strategy, "model_based": other.design}
            continue
        if own:
            before = {row["detector"] for row in csv.DictReader(old) if row["kind"] == kind}
            if missing := sorted(before - {str(row["strongest"]) for row in own}.union(*map(_judges, own))):
                raise IsganError(f"the present curve of {kind} covers was judged by {', '.join(missing)} too: add them to --detectors")
            changed[kind] = constants(own, settings)
        for row in sorted(own, key=lambda row: float(row["root_bits"])):
            figures = [f"{float(row['root_bits']):.2f}", f"{error_of(row):.4f}", f"{float(row['p_e_interval']):.4f}"]
            lines.append(",".join([kind, settings["cost"], settings["strategy"], *figures, str(row["strongest"]), str(row["leaked"]),
                                   f"{float(row['weight']):.0f}"]))  # fmt: skip
    if not changed:
        raise IsganError("the table has no rates of the default model: run it to its end first")
    for kind, facts in changed.items():
        card["covers"][kind] |= facts
    lines += [line for line in old[1:] if line.split(",")[0] not in changed]
    write_file(curve, "\n".join([",".join(COLUMNS), *lines, ""]).encode(), force=True)
    write_file(target, to_toml(card).encode(), force=True)
    return changed
