"""`isgan table`: the paper's Tables 4, 5 and 6, measured on 8-bit PNG files."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from isgan.errors import IsganError, require
from isgan.metrics import MEASURES

Least = Number(gte=1)


def table(
    number: Literal["4", "5", "6"],
    /,
    *,
    data: Annotated[list[Path], Parameter(consume_multiple=True, negative="")],
    output: Annotated[Path, Parameter(alias="-o")],
    budget: Annotated[float | None, Parameter(validator=Number(gt=0))] = None,
    model: Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")] = None,
    recipe: Path | None = None,
    initial: str | None = None,
    steganalyzer: str = "xunet",
    splits: Annotated[int, Parameter(validator=Number(gte=3))] = 3,
    share: Annotated[float, Parameter(validator=Number(gt=0, lt=1))] = 0.5,
    side: Annotated[int, Parameter(validator=Number(gte=64))] = 256,
    limit: Annotated[int | None, Parameter(alias="-n", validator=Least)] = None,
    threads: Annotated[int | None, Parameter(validator=Least)] = None,
    tiny: Annotated[bool, Parameter(negative="")] = False,
) -> list[dict[str, Any]]:
    """Make one of the paper's tables anew: 4 (five losses), 5 (quality of every model), 6 (detection).

    What is measured is written row by row; the same command goes on where it was stopped. Models that are not there are
    reported as "not trained". `isgan report` makes a page of the results.

    Parameters
    ----------
    number
        4, 5 or 6.
    data
        Folders of photographs; each is a set of its own. Table 5 looks for lfw, voc, imagenet and cc.
    output
        Folder of the results.
    budget
        Minutes of training: of each loss in Table 4 (10 if not given), of each detector in Table 6 (5).
    model
        Tables 5 and 6: shipped models, or NAME=FILE for a row with weights of your own.
    recipe
        Table 4: the training run; its loss is exchanged.
    initial
        Table 4: model (name or file) whose weights all five runs start from.
    steganalyzer
        Table 6: the detector: a network (xunet learns faster than isgan, the paper's own), or features for an ensemble,
        such as crm, the strongest, or spam, the quickest. Tables of several stand side by side.
    splits
        Table 6: random divisions of the pairs, over which the intervals are.
    share
        Table 6: share of the training photographs that the models were trained on; see their recipes.
    side
        Side that photographs are brought to; the paper's 256.
    limit
        At most so many pairs of each set.
    threads
        CPU threads.
    tiny
        The whole way in seconds, on a few small images: numbers without meaning.
    """
    require("train", "torch", "lightning")
    from isgan.console import TrainingProgress, counting, fraction_done
    from isgan.datasets.base import open_sets
    from isgan.evaluation.results import Results

    threads_of(threads)
    if tiny:
        side, limit, splits = min(side, 64), min(limit or 4, 4), 2
    models = dict(named(text) for text in model) if model else None
    sets = open_sets(data)
    results = Results(output)
    columns: tuple[str, ...]
    match number:
        case "4":
            from isgan.evaluation.paper import table4

            rows = table4.run(
                results,
                data,
                _plan(recipe, budget, bool(initial), tiny),
                initial=initial,
                side=side,
                limit=limit,
                threads=threads,
                counting=counting,
                watcher=TrainingProgress,
            )
            columns = ("loss", "set", "pairs", "steps", "minutes", *MEASURES)
        case "5":
            from isgan.evaluation.paper import table5

            rows = table5.run(results, sets, models, side=side, limit=limit, counting=counting)
            columns = ("model", "covers", "secrets", "status", "pairs", *table5.WITH_FLOATS)
        case "6":
            from isgan.evaluation.paper import table6
            from isgan.evaluation.security import MEASURES as SCORES
            from isgan.evaluation.security import Plan

            plan = Plan(
                steganalyzer,
                0.0 if tiny else budget or 5.0,
                2 if tiny else 0,
                splits,
                24 if tiny else limit,
                side,
                share,
            )
            rows = table6.run(results, sets, plan, models, counting=counting, following=fraction_done)
            columns = (
                "test",
                "set",
                "trained_on",
                "tested_on",
                "status",
                *(f"{score}{what}" for score in SCORES for what in ("", "_interval")),
            )
    return [{column: row.get(column, "") for column in columns} for row in rows]


def threads_of(threads: int | None) -> None:
    """Sets the CPU threads of networks, if asked for."""
    if threads:
        require("neural", "torch")
        import torch

        torch.set_num_threads(threads)


def named(text: str) -> tuple[str, str]:
    """NAME=FILE, or a model's name, which then is the row's name too."""
    name, _, file = text.partition("=")
    if not name or ("=" in text and not file):
        raise IsganError(f"'{text}': give a shipped model's name, or NAME=FILE")
    return name, file or name


def _plan(recipe: Path | None, budget: float | None, trained: bool, tiny: bool) -> Any:
    """The recipe of Table 4's runs."""
    from isgan.evaluation.paper.table4 import basic
    from isgan.training.recipe import read_recipe

    length: dict[str, Any] = {"steps": 0, "minutes": float(budget)} if budget else {}
    if tiny:
        length = {"steps": 2, "minutes": 0.0, "warmup": 0}
    if recipe:
        return read_recipe(recipe, {"schedule": length} if length else None)
    photos = {"crop": 32, "batch": 2, "validation": 1, "share": 1.0} if tiny else {}
    return basic(length or {"steps": 0, "minutes": 10.0}, photos, trained)
