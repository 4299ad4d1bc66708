"""`isgan leaderboard`: every method on the same photographs."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from isgan.errors import require
from isgan.options import DEFAULT

Least = Number(gte=1)


def leaderboard(
    *,
    data: Annotated[list[Path], Parameter(consume_multiple=True, negative="")],
    output: Annotated[Path, Parameter(alias="-o")],
    model: Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")] = None,
    limit: Annotated[int | None, Parameter(alias="-n", validator=Least)] = None,
    budget: Annotated[float, Parameter(validator=Number(gt=0))] = 2.0,
    steganalyzer: str = "xunet",
    splits: Annotated[int, Parameter(validator=Number(gte=2))] = 3,
    detect: Annotated[int | None, Parameter(validator=Number(gte=20))] = None,
    side: Annotated[int, Parameter(validator=Number(gte=64))] = 256,
    threads: Annotated[int | None, Parameter(validator=Least)] = None,
    tiny: Annotated[bool, Parameter(negative="")] = False,
) -> list[dict[str, Any]]:
    """Rank models: quality, changed samples, payload and P_E; leaderboard.md has seconds, memory and size too.

    All go through PNG files, on the same test photographs. Models that embed are measured as `isgan hide` uses them, and at fixed
    qualities of the secret. P_E is of a steganalyzer trained on the very model: 0, it is always found; .5, no better than by guessing.
    Two controls stand beside the models: LSB matching, and other covers. Rows are written as they are known, and the same command goes on.

    Parameters
    ----------
    data
        Folders of photographs; each is a set of its own.
    output
        Folder of the results: leaderboard.csv, a row per image in leaderboard-images.csv, figures/leaderboard.png.
    model
        Shipped models or weights files; all shipped ones if not given.
    limit
        At most so many pairs of each set are measured.
    budget
        Minutes of training of each detector.
    steganalyzer
        The detector: a network, or features for an ensemble, such as crm or spam.
    splits
        Random divisions of the pairs, over which the intervals are.
    detect
        At most so many pairs of each set for the detectors.
    side
        Side of the squares that detectors see.
    threads
        CPU threads.
    tiny
        The whole way in seconds, on a few small images: numbers without meaning.
    """
    require("train", "torch", "lightning", "matplotlib")
    from isgan import models
    from isgan.commands.table import threads_of
    from isgan.console import counting, fraction_done
    from isgan.datasets.base import open_sets
    from isgan.evaluation import leaderboard as board
    from isgan.evaluation.results import Results
    from isgan.evaluation.security import Plan, pairs, unseen_photographs

    threads_of(threads)
    if tiny:
        side, limit, detect, splits = 96, 2, 24, 2
    names = list(dict.fromkeys(model or [DEFAULT, *models.names()]))
    for name in names:
        models.find(name)  # what is wrong is known before there is a folder
    sets = open_sets(data)
    plan = Plan(steganalyzer, 0.0 if tiny else budget, 2 if tiny else 0, splits, detect, side)
    for source in sets.values():
        pairs(source, unseen_photographs(source, plan), "unseen", plan)  # nor with too few for the detectors
    rows = board.run(Results(output), sets, plan, names, limit, counting, fraction_done)
    columns = (
        "set",
        "model",
        "setting",
        "pairs",
        "stego_psnr",
        "stego_ssim",
        "secret_psnr",
        "secret_ssim",
        "changed",
        "rate",
        "p_e",
    )
    return [{column: row.get(column, "") for column in columns} for row in rows]
