"""Table 6 on the page: detection, and whether adversarial training hides from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from isgan.evaluation.paper.report.values import Estimate, command, numbers, ratio, text
from isgan.evaluation.results import AGAIN, BASIC, LSB_MATCHING, OTHER_COVER, Results

ADVERSARIAL = "isgan"
SUFFIX = "-adversarial"  # of the names of other models trained against a steganalyzer
CONTROLS = {LSB_MATCHING: "LSB matching", OTHER_COVER: "another cover"}
WEAK = 0.45  # a detector whose P_E for LSB matching is not under this, interval included, has not learnt to detect
LEAK = 0.05  # a test that tells covers from other covers by more than this, and by more than the interval, is wrong
TESTS = {
    "control": "The detector has to find LSB matching, and must not find anything where another cover stands for the stego image.",
    "retrained": "The detector learns on the very model it is tested on, from photographs that are new to it. The stronger test.",
    "clean": "Transfer: the detector learns on the basic model and is tested on each model, with photographs new to both.",
    "printed": "Transfer, as the paper tests: the detector learns on the basic model's stego images of the photographs that the models "
    "were trained on.",
}


@dataclass(frozen=True)
class Detection:
    """How well a model's stego images are recognised."""

    p_e: Estimate
    auc: Estimate


def section(results: Results, paper: list[dict[str, Any]]) -> dict[str, Any]:
    """What report.html shows of `table6.csv`, with the paper's accuracies beside it."""
    rows = results.rows("table6")
    printed = {row["set"]: {key: value for key, value in row.items() if key != "set"} for row in paper}
    groups: dict[tuple[str, ...], list[dict[str, str]]] = {}  # a later run puts its rows after those of all sets
    for row in rows:
        groups.setdefault(text("table6", row, "set", "steganalyzer"), []).append(row)
    sets = []
    for (set_name, _), group in groups.items():
        tests: dict[str, list[dict[str, Any]]] = {}
        found: dict[tuple[str, str], Detection] = {}
        setting: dict[str, str] = {}
        seen: list[str] = []
        for row in group:
            test, tested_on, status = text("table6", row, "test", "tested_on", "status")
            view: dict[str, Any] = {"trained_on": row.get("trained_on", ""), "tested_on": tested_on, "status": status}
            if status == "measured":
                setting = setting or dict(row)
                for measure in ("accuracy", "p_e", "auc"):
                    view[measure] = Estimate(*numbers("table6", row, (measure, f"{measure}_interval")).values())
                view |= numbers("table6", row, ("splits", "train_pairs", "test_pairs"))
                found[test, tested_on] = Detection(view["p_e"], view["auc"])
                if row.get("seen") == "yes" and tested_on not in seen:
                    seen.append(tested_on)
            view["paper"] = _printed(printed.get(set_name, {}), tested_on) if test == "printed" else ""
            tests.setdefault(test, []).append(view)
        ordered = [test for test in (*TESTS, *tests) if test in tests]
        sentences = verdicts(set_name, found)
        if seen:
            sentences.append(f"Trained on photographs of the clean and retrained tests as well: {', '.join(seen)}.")
        sets.append(
            {
                "name": set_name,
                "setting": setting,
                "sentences": sentences,
                "tests": {test: {"what": TESTS.get(test, ""), "rows": tests[test]} for test in ordered},
            }
        )
    measured = [row for row in rows if row.get("status") == "measured"]
    options = {"steganalyzer": "steganalyzer", "budget": "minutes", "splits": "splits", "side": "side"}
    return {"command": command(results, "table 6", measured, options), "sets": sets}


def _printed(accuracies: Mapping[str, float], model: str) -> str:
    """The paper's accuracy for a model: one, or for isgan those after 50, 100 and 150 epochs."""
    return " / ".join(
        ratio(value) for name, value in accuracies.items() if name == model or name.startswith(f"{model}_")
    )


def verdicts(set_name: str, found: Mapping[tuple[str, str], Detection]) -> list[str]:
    """What the detections say: whether the test itself is right, and if so, whether adversarial training hides from
    detectors.

    Args:
        set_name: of the photographs.
        found: by test and model tested on.
    """
    lsb, same = (found.get(("control", name)) for name in CONTROLS)
    if lsb is None or same is None:
        return [f"On {set_name} the controls are not measured: nothing can be concluded."]
    if not all(abs(score.mean - 0.5) <= max(LEAK, score.interval) for score in (same.p_e, same.auc)):
        return [
            f"On {set_name} the test leaks: it tells covers from other covers (P_E {same.p_e}, AUC {same.auc}, both should be .5). "
            "Nothing can be concluded."
        ]
    if lsb.p_e.mean + lsb.p_e.interval < WEAK:
        right = (f"On {set_name} the controls are right: LSB matching is found (P_E {lsb.p_e}), "
                 f"covers are not told from other covers (P_E {same.p_e}).")  # fmt: skip
    else:
        right = (
            f"On {set_name} the detector is too weak for a quiet method: it does not find LSB matching (P_E {lsb.p_e}, .5 is "
            "guessing). What it finds below is found; what it misses proves nothing."
        )
    compared = [_compared(test, found, ADVERSARIAL, BASIC) for test in TESTS if test != "control"]
    compared += [_compared(test, found, ADVERSARIAL, AGAIN) for test in ("clean", "printed") if (test, AGAIN) in found]
    trained = [name for test, name in found if test == "retrained" and name.endswith(SUFFIX)]
    compared += [
        _compared(test, found, name, name.removesuffix(SUFFIX))
        for name in trained
        for test in TESTS
        if test != "control"
    ]
    return [right, *compared]


def _compared(test: str, found: Mapping[tuple[str, str], Detection], model: str, other: str) -> str:
    """Is an adversarially trained model detected less than another one, by more than the intervals?"""
    where = f"In the {test} test"
    if missing := [name for name in (model, other) if (test, name) not in found]:
        return f"{where} {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not measured: nothing is known."
    ours, theirs = found[test, model].p_e, found[test, other].p_e
    figures = f"P_E {ours} against {theirs}"
    if ours.mean - ours.interval > theirs.mean + theirs.interval:
        said = f"{where} {model} is detected less than {other}, by more than the intervals: {figures}."
    elif ours.mean + ours.interval < theirs.mean - theirs.interval:
        said = f"{where} {model} is detected more than {other}, by more than the intervals: {figures}."
    else:
        said = f"{where} {model} is not detected less than {other}: {figures}, a difference within the intervals."
    if other == AGAIN:
        said += f" {AGAIN} is the basic model trained anew, as unknown to the detector as {model}: the fairer comparison of the two."
    return said
