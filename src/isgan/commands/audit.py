"""`isgan audit`: how surely a model's files are found, and by whom."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from isgan.options import DEFAULT

Least = Number(gte=1)
Several = Parameter(consume_multiple=True, negative="")


def audit(
    *,
    data: Annotated[list[Path], Several],
    output: Annotated[Path, Parameter(alias="-o")],
    model: Annotated[list[str] | None, Several] = None,
    secrets: Annotated[list[Path] | None, Several] = None,
    detectors: Annotated[list[str] | None, Several] = None,
    levels: Annotated[list[str] | None, Several] = None,
    quality: float | None = None,
    risk: Literal["low", "medium", "high"] | None = None,
    pairs: Annotated[int | None, Parameter(alias="-n", validator=Number(gte=20))] = None,
    splits: Annotated[int, Parameter(validator=Number(gte=2))] = 5,
    minutes: Annotated[float, Parameter(validator=Number(gte=0))] = 0.0,
    budget: Annotated[float, Parameter(validator=Number(gt=0))] = 2.0,
    side: Annotated[int, Parameter(validator=Number(gte=64))] = 256,
    scale: Annotated[float, Parameter(validator=Number(gt=0, lte=1))] = 1.0,
    threads: Annotated[int | None, Parameter(validator=Least)] = None,
    table: Annotated[bool, Parameter(negative="")] = False,
    rows: Annotated[list[str] | None, Several] = None,
    write: Annotated[bool, Parameter(negative="")] = False,
    tiny: Annotated[bool, Parameter(negative="")] = False,
) -> list[dict[str, Any]]:
    """Say truthfully who finds a model's files: attackers who learned nothing, something, or everything.

    Covers and stego images are written as files and read back; detectors are trained on pairs that leaked and tested on others. P_E is
    how often the strongest detector errs: .5 is guessing, 0 finds every file. Covers against other covers, and LSB matching, stand
    beside the models. Rows are written as they are known, and the same command goes on; audit.html says it all in words.

    Parameters
    ----------
    data
        Folders of photographs for covers, PNG or JPEG; each is a source of its own.
    output
        Folder of the results: audit.html, audit.csv, every split in audit-runs.csv.
    model
        Shipped models, or NAME=FILE for weights of your own; the default model if not given.
    secrets
        Folders of the photographs to hide; without, half of the covers are hidden in the other half.
    detectors
        fast (features and attacks that need minutes), all (networks too), or names.
    levels
        S0 to S5; all if not given.
    quality
        PSNR in dB of the secrets of models that embed, or what fits of it; whatever the risk, which is high with it.
    risk
        How much models that embed may hide; medium if not given.
    pairs
        At most so many pairs of each kind of covers.
    splits
        Divisions of the pairs; each pair is tested in one of them.
    minutes
        After so many nothing new is begun, and the report says that something is missing; 0 for no bound.
    budget
        Minutes of training of each network, after as many on LSB matching, with which all but S1's begin.
    side
        PNG covers are squares of so many pixels, cut from the middle.
    scale
        Scale all covers down by this factor first.
    threads
        Cores to work on; all if not given.
    table
        Compare costs and strategies of embedding, and networks, at equal quality of the secret and at several rates, instead: not with
        --model, --levels, --quality, --risk.
    rows
        With --table: the rows with one of these texts in their name, such as "bits a root" or "33.5 dB"; all if not given. Detectors that
        looked at a row in an earlier run into the same folder count too.
    write
        With --table: write what it says into the default model, the bits that --risk allows and what `hide` says of the risk.
    tiny
        The whole way in seconds, on a few small images and by few detectors: numbers without meaning.
    """
    import shlex
    import sys
    from importlib.util import find_spec

    from isgan.commands.table import named, threads_of
    from isgan.console import counting, fraction_done
    from isgan.errors import IsganError, require
    from isgan.evaluation.audit import levels as attackers
    from isgan.evaluation.audit.run import Request, audit
    from isgan.evaluation.audit.run import tiny as smallest
    from isgan.evaluation.audit.summary import strongest
    from isgan.jit import limit
    from isgan.options import Options

    require("audit", "scipy", "sealwatch")
    if (write or rows) and not table:
        raise IsganError(f"{'--write' if write else '--rows'} is for --table: add it, or leave it out")
    asked = {"--model": model, "--levels": levels, "--quality": quality, "--risk": risk}
    if table and (without := [option for option, value in asked.items() if value]):
        raise IsganError(f"the rows of --table say what is hidden, and how: leave out {' and '.join(without)}")
    if quality and risk in ("low", "medium"):
        raise IsganError(f"--quality hides as much as it takes, whatever the risk: leave out --risk {risk}, or --quality")
    if threads:
        limit(threads)
        if find_spec("torch"):
            threads_of(threads)
    chosen = {name: Options(model=file, gray=True, quality=quality, risk="high" if quality else risk or "medium")
              for name, file in (named(text) for text in model or [DEFAULT])}  # fmt: skip
    request = Request(chosen, data, secrets or (), detectors or ("fast",), levels or tuple(attackers.LEVELS), pairs=pairs, side=side,
                      scale=scale, minutes=minutes, splits=splits, budget=budget)  # fmt: skip
    if table:
        return _table(request, output, rows, write, tiny)
    made = audit(output, smallest(request) if tiny else request, command=shlex.join(["isgan", *sys.argv[1:]]),
                 counting=counting, following=fraction_done)  # fmt: skip
    columns = ("kind", "level", "subject", "trained_on", "leaked", "source", "detector", "p_e", "p_e_interval", "auc", "wauc", "md5",
               "tested_pairs")  # fmt: skip
    return [{column: row[column] for column in columns} for row in strongest(made)]


def _table(request: Any, output: Path, rows: list[str] | None, write: bool, tiny: bool) -> list[dict[str, Any]]:
    """`isgan audit --table`."""
    from isgan.console import counting, fraction_done
    from isgan.evaluation.audit import curve
    from isgan.evaluation.audit.levels import chosen, learns
    from isgan.evaluation.audit.photographs import gather
    from isgan.evaluation.audit.run import plan_of
    from isgan.evaluation.audit.run import tiny as smallest
    from isgan.evaluation.audit.table import TABLE, compare_all
    from isgan.evaluation.results import Results

    request = smallest(request) if tiny else request
    materials = gather(request.data, request.secrets, request.side, request.pairs, request.scale)
    results = Results(output)
    made = compare_all(results, materials, plan_of(request), texts=rows or ("",), tiny=tiny, counting=counting, following=fraction_done,
                       detectors=lambda material: list(filter(learns, chosen(request.detectors, material.format))))  # fmt: skip
    if write:
        return [{"covers": kind} | levels for kind, levels in curve.write(results.rows(TABLE)).items()]
    columns = ("kind", "side", "name", "setting", "pairs", "stego_psnr", "stego_ssim", "secret_psnr", "rate", "strongest", "p_e",
               "p_e_interval")  # fmt: skip
    return [{column: row[column] for column in columns} for row in made]
