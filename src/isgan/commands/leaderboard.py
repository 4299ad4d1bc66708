"""`isgan leaderboard`: every method on the same photographs."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

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
    detect: Annotated[int | None, Parameter(validator=Number(gte=40))] = None,
    side: Annotated[int, Parameter(validator=Number(gte=64))] = 256,
    threads: Annotated[int | None, Parameter(validator=Least)] = None,
    tiny: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Rank every model and the methods without weights: quality, changed samples, seconds, memory, size, and P_E.

    All go through PNG files, on the same test photographs. P_E is of a steganalyzer trained on the very model: 0, it is always
    found; .5, never. With them, the secret as a WebP and as a JPEG 2000 file.
    Rows are written as they are known, and the same command goes on.

    Parameters
    ----------
    data
        Folders of photographs; each is a set of its own.
    output
        Folder of the results: leaderboard.csv, a row per image in leaderboard-images.csv, figures/leaderboard.png.
    model
        Shipped models or weights files; the first one decides how good the secret in WebP is. All, the default one first, if not given.
    limit
        At most so many pairs of each set are measured.
    budget
        Minutes of training of each detector.
    steganalyzer
        The network that detects.
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
    import torch

    from isgan import models
    from isgan.commands.table import show
    from isgan.datasets.base import open_sets
    from isgan.evaluation import leaderboard as board
    from isgan.evaluation.results import Results
    from isgan.evaluation.table6 import Plan, photographs

    if threads:
        torch.set_num_threads(threads)
    if tiny:
        side, limit, detect, splits = 64, 2, 24, 2
    names = list(dict.fromkeys([*(model or [models.DEFAULT, *models.names()]), *models.weightless()]))
    for name in names:
        models.find(name)  # what is wrong is known before there is a folder
    sets = open_sets(data)
    plan = Plan(steganalyzer, 0.0 if tiny else budget, 2 if tiny else 0, splits, detect, side, transfer=False)
    for source in sets.values():
        photographs(source, plan)  # nor with too few for the detectors
    rows = board.run(Results(output), sets, plan, names, limit)
    show(rows, ("set", "model", "setting", "pairs"), ("stego_psnr", "stego_ssim", "secret_psnr", "secret_ssim", "changed", "p_e"))
