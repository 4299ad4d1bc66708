"""The sentences of an audit's report: what the figures say, for people who do not read tables."""

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

from isgan.evaluation.audit import levels
from isgan.evaluation.results import AGAIN, BASIC, LSB_MATCHING, OTHER_COVER

Row = Mapping[str, Any]
GUESSING, FOUND = 0.5, 0.1


def number(value: float, width: float | None = None) -> str:
    """A share as .44, with its interval as .44 ± .04."""
    text = f"{value:.2f}".replace("0.", ".", 1) if value < 1 else f"{value:.2f}"
    return text if width is None else f"{text} ± {width:.2f}".replace("± 0.", "± .")


def sentences(table: Sequence[Row], told: Sequence[Row]) -> list[str]:
    """What was found, the most important first; `table` has the strongest detectors' rows."""
    said = []
    for kind in dict.fromkeys(row["kind"] for row in table):
        rows = [row for row in table if row["kind"] == kind]
        said += _trust(kind, rows)
        full = [row for row in rows if row["level"] == "S3" and not int(row["leaked"])]
        for row in full:
            said += [_headline(row), *_curve(row, rows), *_others(row, rows)]
        for subject in () if full else dict.fromkeys(row["subject"] for row in rows):
            said += _others({"subject": subject, "kind": kind}, rows)
    said += _oracle(told)
    return said


def _trust(kind: str, rows: Sequence[Row]) -> list[str]:
    said = []
    for row in rows:
        error, width = float(row["p_e"]), float(row["p_e_interval"])
        if row["subject"] == OTHER_COVER:
            fine = error + width >= GUESSING
            verdict = "as it must" if fine else "so something but hiding tells the files apart: believe no figure of this kind of covers"
            said.append(f"On {kind} covers, the null test: {row['detector']} tells covers from other covers with P_E "
                        f"{number(error, width)}, {verdict}.")  # fmt: skip
        elif row["subject"] == LSB_MATCHING and row["level"] == levels.POSITIVE:
            verdict = "so the detectors work" if error <= 0.25 else "so the detectors are weak here: take more pairs"
            said.append(f"On {kind} covers, the positive control: LSB matching at .4 bits a sample is found with P_E "
                        f"{number(error, width)} by {row['detector']}, {verdict}.")  # fmt: skip
    return said


def _headline(row: Row) -> str:
    error, width = float(row["p_e"]), float(row["p_e_interval"])
    what = f"{row['subject']} on {row['kind']} covers: whoever trains {row['detector']} on {row['train_pairs']} pairs of its own files"
    if error <= FOUND:
        return f"{what} finds it: P_E {number(error, width)}, {round(100 * error)} of 100 decisions are wrong."
    blind = error + width >= GUESSING and float(row["auc"]) - float(row["auc_interval"]) <= GUESSING
    sure = "which cannot be told from guessing" if blind else "50 would be guessing"
    return f"{what} errs in {round(100 * error)} of 100 decisions, P_E {number(error, width)}; {sure}."


def _curve(full: Row, rows: Sequence[Row]) -> list[str]:
    own = sorted((int(row["leaked"]), float(row["p_e"])) for row in rows
                 if row["level"] == "S3" and row["subject"] == full["subject"] and int(row["leaked"]))  # fmt: skip
    if not own:
        return []
    points = ", ".join(f"{number(error)} with {count}" for count, error in own)
    return [f"{full['subject']} on {full['kind']} covers, by how many pairs have leaked: P_E {points}."]


def _others(full: Row, rows: Sequence[Row]) -> list[str]:
    said = []
    for row in rows:
        if row["subject"] != full["subject"] or row["level"] not in ("S0", "S1", "S2", "S5"):
            continue
        figure = f"P_E {number(float(row['p_e']), float(row['p_e_interval']))} ({row['detector']})"
        where = f"{row['subject']} on {row['kind']} covers"
        if row["level"] == "S0":
            said.append(f"{where}, attacks that need no training: {figure}.")
        elif row["level"] == "S5":
            said.append(f"{where}, a detector from other sources tested on {row['source']}: {figure}.")
        elif row["level"] == "S1" and row["subject"] != row["trained_on"]:
            said.append(f"{where}, a detector trained on {row['trained_on']} (S1): {figure}{_known(row, rows)}.")
        else:
            said.append(f"{where}, a detector trained on {row['trained_on']} ({row['level']}): {figure}.")
    return said


def _known(transfer: Row, rows: Sequence[Row]) -> str:
    """What a detector that learned on another model sees of that model, and of the same network from another seed."""
    names = {BASIC: f"of {BASIC} itself", AGAIN: "of the same network from another seed"}
    others = [row for row in rows if (row["level"], row["trained_on"]) == ("S1", transfer["trained_on"])
              and row["subject"] in names and row["subject"] != transfer["subject"]]  # fmt: skip
    seen = [f"{names[row['subject']]} {number(float(row['p_e']), float(row['p_e_interval']))}" for row in others]
    return "; " + ", ".join(seen) if seen else ""


def _oracle(told: Sequence[Row]) -> list[str]:
    said = []
    for kind, name in dict.fromkeys((row["kind"], row["subject"]) for row in told):
        rows = [row for row in told if (row["kind"], row["subject"]) == (kind, name)]
        if any(row["statistic"].startswith("what it reveals") for row in rows):
            (row,) = rows
            said.append(f"{name} has no key: whoever has isgan reveals its secrets, and tells them from what covers give "
                        f"(AUC {number(float(row['auc']), float(row['auc_interval']))}; .5 is guessing).")  # fmt: skip
            continue
        # Each interval holds for one statistic alone: of several, one lies outside of its own too often.
        wider = NormalDist().inv_cdf(1 - 0.025 / len(rows)) / NormalDist().inv_cdf(0.975)
        telling = [row for row in rows if abs(float(row["auc"]) - GUESSING) > wider * float(row["auc_interval"])]
        if telling:
            facts = "; ".join(f"{row['statistic']}: AUC {number(float(row['auc']), float(row['auc_interval']))}" for row in telling)
            said.append(f"{name} on {kind} covers: asked without the right pass phrase, isgan tells something: {facts}.")
        else:
            said.append(f"{name} on {kind} covers: asked without the right pass phrase, isgan says the same of covers and stego images, "
                        "and takes as long.")  # fmt: skip
    return said
