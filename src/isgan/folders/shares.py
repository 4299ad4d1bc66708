"""One secret over all covers of a folder: `isgan.split` says what a part is, this says who gets how much."""

from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from isgan import jobs, models, split
from isgan.errors import IsganError
from isgan.files import quoted
from isgan.folders.hiding import Plan, Task, plan, words, workers
from isgan.folders.pairs import check_alike, pictures, stego_name
from isgan.options import Options
from isgan.payload import pack
from isgan.pipeline import check_options
from isgan.schemes.base import Progress, silent
from isgan.schemes.embedding import Embedding
from isgan.sources import cover_of, secret_of


def plan_sharing(covers: Path, secret: Path, output: Path, options: Options, results: Path | None, force: bool,
                 processes: int | None = None, progress: Progress = silent) -> Plan:  # fmt: skip
    """Looks through a run that shares a secret: see `isgan.folders.hiding.plan_hiding`. Carry it out with `isgan.folders.hide`.

    All parts are made in one run or made anew, since parts of two runs do not fit together.

    Raises:
        IsganError: also if one of the covers will not do; nothing is shared among some of them.
    """
    check_options(options)
    if not covers.is_dir():
        raise IsganError(f"--split shares one secret among the covers of a folder, and {quoted(covers)} is none: name one, or leave it out")
    if secret.is_dir():
        raise IsganError(f"--split shares one secret, and {quoted(secret)} is a folder: name a file in it, or leave it out")
    scheme = _embedding(options)
    found = pictures(covers)
    check_alike(found)
    tasks = [Task(cover, secret, output / stego_name(cover, options), (cover, secret)) for cover in found]
    made = plan(tasks, output, options, words(options, "split"), results, force)
    if made.refused:
        raise IsganError(made.refused[0])
    if not made.todo:
        return made
    work = partial(_room, output=output, options=options)
    outcomes = []
    with closing(jobs.each(work, found, workers(options, len(found), processes), ordered=True)) as judged:
        for outcome in judged:
            outcomes.append(outcome)
            progress(len(outcomes), len(found))
    failed = [f"{quoted(outcome.item.name)}: {outcome.error}" for outcome in outcomes if outcome.error]
    if failed:
        more = f" (and so are {len(failed) - 1} more)" if failed[1:] else ""
        raise IsganError(f"not every cover will do: {failed[0]}{more}; take it out of the folder")
    rooms = [outcome.result or 0 for outcome in outcomes]
    total = sum(rooms)
    power = 1 if options.risk == "high" else 2
    packed = pack(secret_of(secret, options, scheme, None), total, options, options.codec or scheme.codec,
                  lambda size: max(1.0, size / max(total, 1)) ** power)  # fmt: skip
    ours = {task.stego for task in tasks} - {task.stego for task in made.todo if not task.ours}
    parts = split.divided(packed.data, rooms)
    made.todo = [replace(task, secret=part, ours=task.stego in ours) for task, part in zip(tasks, parts, strict=True)]
    made.done = 0
    made.facts = {"parts": len(parts)} | packed.facts
    return made


def _room(cover: Path, output: Path, options: Options) -> int:
    """Bytes of a share that a cover takes."""
    read = cover_of(cover, output / stego_name(cover, options), options)
    room = _embedding(options).room(read, options.risk) - split.OVERHEAD
    if room < 1:
        raise IsganError(f"it takes nothing at --risk {options.risk}: take a larger one")
    return room


def _embedding(options: Options) -> Embedding:
    scheme = models.load(options.model)
    if not isinstance(scheme, Embedding):
        raise IsganError(f"'{options.model}' cannot share a secret: take an embedding model")
    return scheme
