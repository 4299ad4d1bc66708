"""What rows of splits come to: means with intervals, and the strongest detector of each test."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from isgan.evaluation.audit.bench import MEASURES, VERSION, Attack
from isgan.metrics.security import interval, share_interval

SHARES = ("p_e", "accuracy", "md5")


def summarise(rows: Sequence[Mapping[str, str]], prints: Mapping[str, set[str]]) -> list[dict[str, Any]]:
    """One row for each test and detector: the mean of each measure and half the width of its 95 % interval.

    The interval is Student's over the splits, and of shares at least what so many tested files leave open. `strongest` marks, of each
    test, the detector of least P_E on the validation pairs: chosen by the tested ones, it would seem better than it is.

    Args:
        rows: of `audit-runs.csv`.
        prints: by subject, the fingerprints that count; rows of others are left aside.
    """
    groups: dict[tuple[str, ...], list[Mapping[str, str]]] = {}
    for row in current(rows, prints):
        groups.setdefault(tuple(row[name] for name in ("kind", "photographs", *Attack._fields, "detector", "budget")), []).append(row)
    table = [_mean(group) for group in groups.values()]
    for test in {_test(row) for row in table}:
        same = [row for row in table if _test(row) == test]
        strongest_of(same)["strongest"] = "yes"
    return table


def strongest_of(same: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of the rows of one test, that of least P_E on the validation pairs."""
    return min(same, key=lambda row: (row["val_p_e"], row["detector"]))


def current(rows: Sequence[Mapping[str, str]], prints: Mapping[str, set[str]]) -> Iterator[Mapping[str, str]]:
    """The rows of this version of the protocol and of the subjects' present fingerprints."""
    for row in rows:
        known = all(row[print] in prints.get(row[name], ()) for name, print in (("subject", "print"), ("trained_on", "trained_print")))
        if row["protocol"] == str(VERSION) and known:
            yield row


def _mean(group: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    first = group[0]
    # Pairs that are tested in every split count once.
    tested = int(first["test_pairs"]) if first["source"] else sum(int(row["test_pairs"]) for row in group)
    result: dict[str, Any] = {name: first[name] for name in ("kind", *Attack._fields, "detector", "budget")}
    result |= {"splits": len(group), "train_pairs": int(first["train_pairs"]), "val_pairs": int(first["val_pairs"]), "tested_pairs": tested}
    for measure in MEASURES:
        values = [float(row[measure]) for row in group]
        mean, width = interval(values) if len(values) > 1 else (values[0], 1.0)  # a single split tells no interval
        if measure in SHARES:
            width = max(width, share_interval(mean, tested if measure == "md5" else 2 * tested))
        result |= {measure: mean, f"{measure}_interval": within(mean, width)}
    result["val_p_e"] = sum(float(row["val_p_e"]) for row in group) / len(group)
    result |= {"seconds": sum(float(row["seconds"]) for row in group), "steps": round(sum(int(row["steps"]) for row in group) / len(group))}
    return result | {"device": ", ".join(dict.fromkeys(row["device"] for row in group)), "strongest": ""}


def within(mean: float, width: float) -> float:
    """Half the width of an interval around a share, no wider than shares can differ from it: all lie in 0 ... 1."""
    return min(width, max(mean, 1 - mean))


def _test(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in ("kind", *Attack._fields))


def strongest(table: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The strongest detector's row of each test."""
    return [row for row in table if row["strongest"]]
