"""`isgan figures`: the paper's Figures 4-7, and the curves of training runs."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from isgan.errors import IsganError, require

Least = Number(gte=1)


def figures(
    *,
    data: Annotated[list[Path], Parameter(consume_multiple=True, negative="")],
    output: Annotated[Path, Parameter(alias="-o")],
    model: Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")] = None,
    limit: Annotated[int, Parameter(alias="-n", validator=Least)] = 4,
    side: Annotated[int, Parameter(validator=Number(gte=64))] = 256,
    most: Annotated[int | None, Parameter(validator=Least)] = None,
    run: Annotated[list[str] | None, Parameter(consume_multiple=True, negative="")] = None,
    threads: Annotated[int | None, Parameter(validator=Least)] = None,
    tiny: Annotated[bool, Parameter(negative="")] = False,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> dict[str, str]:
    """Draw the paper's Figures 4-7: covers, stego images, secrets and residuals of every model side by side.

    The pairs are the first ones of Table 5, and the stego images PNG files, as a receiver gets them. Figure 4 is of lfw, 5 of
    voc, 6 of imagenet, 7 of the secrets' residuals; other sets get figures too. Residuals are drawn around mid-gray, with the
    same gain for all models. Pictures that are there are kept, unless the weights, pairs or size have changed.

    Parameters
    ----------
    data
        Folders of photographs; each is a set of its own.
    output
        Folder of the results; the pictures go into its figures/.
    model
        Shipped models, or NAME=FILE for weights of your own; isgan and atique if not given.
    limit
        Pairs of each set, a row each.
    side
        Side that photographs are brought to; the paper's 256.
    most
        KiB that a picture may have: it then has fewer colours, and is smaller if it must be.
    run
        Folders of training runs, or NAME=FOLDER: their validation tables are copied, and drawn as curves.
    threads
        CPU threads.
    tiny
        One pair of 64 x 64 pixels.
    force
        Draw pictures again that are there.
    """
    from isgan.commands.table import named, threads_of
    from isgan.console import counting
    from isgan.datasets.base import open_sets
    from isgan.evaluation.paper import curves
    from isgan.evaluation.paper import figures as drawing
    from isgan.evaluation.results import FIGURES, Results

    require("train", "torch", "matplotlib")
    threads_of(threads)
    if tiny:
        side, limit = 64, 1
    models = dict(named(text) for text in model) if model else None
    runs = _runs(run or [])
    sets = open_sets(data)
    results = Results(output)
    drawn: dict[str, str] = {}
    if runs:
        curves.collect(results, runs)
        drawn["curves"] = str(curves.draw(results))
    rows = drawing.run(
        results, sets, models, side=side, limit=limit, most=most and most << 10, force=force, counting=counting
    )
    return drawn | {
        f"{row['set']} {row['figure']}".strip(): str(results.folder / FIGURES / row["file"]) for row in rows
    }


def _runs(texts: list[str]) -> dict[str, Path]:
    """Folders by run name: NAME=FOLDER, or a folder, whose own name it is then."""
    runs: dict[str, Path] = {}
    for text in texts:
        name, _, folder = text.partition("=")
        path = Path(folder or text)
        name = name if folder else path.resolve().name
        if name in runs:
            raise IsganError(f"two runs are called '{name}': name one of them NAME=FOLDER")
        runs[name] = path
    return runs
