"""Table 6: how well a steganalyzer finds the stego images of each model.

Three tests of unseen pairs: "printed", as the paper does - a detector that learned on the basic model, from the
photographs that the models were trained on, meets each model; "clean", the same from photographs that no model has
seen; "retrained", a detector for each model, trained on that very model.
"""

from collections.abc import Callable, Mapping
from typing import Any

from isgan import models
from isgan.datasets.base import Source
from isgan.datasets.photographs import in_share
from isgan.errors import IsganError, MissingModel
from isgan.evaluation.paper.table5 import MODELS as MEASURED
from isgan.evaluation.results import AGAIN, BASIC, Counting, Following, Results, uncounted, unfollowed
from isgan.evaluation.security import CONTROL, RETRAINED, Case, Plan, Trial, pairs, unseen_photographs
from isgan.evaluation.stegos import CONTROLS, Method, hiding
from isgan.options import Options

MODELS = (*MEASURED, AGAIN)
TABLE = "table6"


def run(results: Results, sets: Mapping[str, Source], plan: Plan, names: Mapping[str, str] | None = None, *,
        on_row: Callable[[Mapping[str, Any]], None] = lambda _: None, counting: Counting = uncounted,
        following: Following = unfollowed) -> list[dict[str, Any]]:  # fmt: skip
    """Trains and tests the detectors that are missing in the results, and writes `table6.csv`: means and 95 % intervals
    over the splits.

    Args:
        results: where `table6-runs.csv` grows, a row per detector and tested model; stego images are kept in images/.
        sets: photographs by set name; a table for each.
        plan: see `Plan`.
        names: what to load, by row name; by default the shipped models. Models that do not exist get rows "not
            trained".
        on_row: called with each new row of `table6-runs.csv`.
        counting, following: show how far it is.
    """
    names = names or {name: name for name in MODELS}
    methods, absent = _methods(names)
    tests = _tests(list(methods))
    table: list[dict[str, Any]] = []
    for set_name, source in sets.items():
        used = [path for path in source.images("train") if in_share(path, plan.share)]
        trial = Trial(results, set_name, plan, methods, pairs(source, unseen_photographs(source, plan), "unseen", plan),
                      pairs(source, used, "used", plan), counting, following)  # fmt: skip
        for row in trial.runs(tests):
            on_row(row)
        trained = {
            name
            for name, model in names.items()
            if name not in absent and share(models.card(model), set_name) > plan.share
        }
        table += [row | {"seen": "yes" if row["tested_on"] in trained else "no"} for row in trial.summary(tests)]
        blind = [*absent, *(name for name in names if name not in absent and BASIC in absent)]
        for test, left_out in ((RETRAINED, absent), ("clean", blind), ("printed", blind)):
            table += [
                {"test": test, "set": set_name, "steganalyzer": plan.steganalyzer, "trained_on": "", "tested_on": name,
                 "status": "not trained"}
                for name in left_out
            ]
        results.merge(TABLE, table, ("set", "steganalyzer", "test", "tested_on"))
    return table


def share(card: Mapping[str, Any], set_name: str) -> float:
    """How much of a set's training photographs a model was trained on, in any of the runs on its card; 0 if on none."""
    shares = (run.get("recipe", {}).get("photos", {}).get("share", 1.0) for run in card.get("runs", [])
              if set_name in run.get("photographs", {}))  # fmt: skip
    return max(shares, default=0.0)


def _methods(names: Mapping[str, str]) -> tuple[dict[str, Method], list[str]]:
    """Methods by row name, controls last; and the names of models that do not exist."""
    methods: dict[str, Method] = {}
    absent = []
    for name, model in names.items():
        if name in CONTROLS:
            raise IsganError(f"'{name}' is the name of a control: give the model another, NAME=FILE")
        try:
            methods[name] = hiding(Options(model=model, gray=True))
        except MissingModel:
            absent.append(name)
    return methods | CONTROLS, absent


def _tests(names: list[str]) -> list[Case]:
    """All tests, controls first: where they fail, nothing else means anything."""
    hiders = [name for name in names if name not in CONTROLS]
    tests = [Case(CONTROL, name, name) for name in CONTROLS] + [Case(RETRAINED, name, name) for name in hiders]
    if BASIC in hiders:
        tests += [Case(kind, BASIC, name, kind == "printed") for kind in ("clean", "printed") for name in hiders]
    return tests
