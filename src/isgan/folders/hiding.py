"""Whole folders: covers and secrets to stego images and back, several at a time, going on where a run was stopped."""

import os
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from isgan import jobs, models, pipeline
from isgan.errors import IsganError, IsganWarning, NothingFound
from isgan.files import LOSSY, check_output, clear_unfinished, quoted, system_errors
from isgan.folders import pairs, record
from isgan.options import Options
from isgan.schemes.base import Progress, silent
from isgan.secret import Secret

FOUND = ("stego dB", "stego SSIM", "secret dB", "bytes", "rate")
COLUMNS = ("stego", "cover", "secret", *FOUND, "seconds")
FILES = (*LOSSY, ".png", ".tif", ".tiff", ".bmp", ".txt", ".pdf", ".zip", ".csv")  # what no folder is called
FEWEST = 4  # files for each process at least, by default: a process takes a second to start


@dataclass(frozen=True)
class Task:
    """One stego image to make.

    Attributes:
        cover, stego: files.
        secret: a file, or a secret as it is.
        inputs: all files that it is made from.
        ours: what lies at `stego` is of an earlier, stopped run, and may be overwritten.
    """

    cover: Path
    secret: Path | Secret
    stego: Path
    inputs: tuple[Path, ...]
    ours: bool = False


@dataclass(frozen=True)
class Done:
    """What a run over a folder did.

    Attributes:
        facts: what is worth printing, by name.
        failures: a line for each file that failed.
        rows: what the results file says, a dictionary of texts for each file.
        results: that file.
    """

    facts: dict[str, Any]
    failures: list[str]
    rows: list[dict[str, str]]
    results: Path


@dataclass
class Plan:
    """A run that was looked through before it starts: `todo`, what was `done` before, what cannot be done, and `facts` worth printing."""

    output: Path
    record: record.Record
    options: Options
    todo: list[Any] = field(default_factory=list)
    done: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)


def plan_hiding(covers: Path, secrets: Path, output: Path, how: str, options: Options, results: Path | None, force: bool) -> Plan:
    """Looks through a run of `hide` over folders. Nothing is written yet.

    Args:
        covers, secrets: folders.
        output: the folder for stego images, made if there is none.
        how: see `isgan.folders.pairs.pairs`.
        results: a CSV file, see `isgan.folders.record`; beside `output` if it is None.
        force: begin anew, and overwrite.
    """
    pipeline.check_options(options)
    made = pairs.pairs(covers, secrets, output, how, options)
    for pair in made:
        if pair.stego.resolve() in (pair.cover.resolve(), pair.secret.resolve()):
            raise IsganError(f"{quoted(pair.stego)} is a cover or a secret, which would be lost: choose another folder")
    return plan([Task(*pair, inputs=(pair.cover, pair.secret)) for pair in made], output, options, words(options), results, force)


def plan(tasks: list[Task], output: Path, options: Options, said: str, results: Path | None, force: bool) -> Plan:
    """What of some tasks is to do; `said` are the options in words."""
    made = Plan(output, record.Record(record.where(results, check_folder(output)), COLUMNS, said, force), options)
    for task in tasks:
        row = made.record.row(task.stego.name)
        there = record.digest(task.stego)
        same = row is not None and row["inputs"] == record.stamp(*task.inputs) and row["cover"] == task.cover.name
        if row is None or row["error"] not in ("", record.OPEN):
            made.todo.append(task)
        elif row["error"] == record.OPEN or (there is None and same):
            made.todo.append(replace(task, ours=True))
        elif there is None:
            made.todo.append(task)
        elif not same:
            made.refused.append(f"{task.stego.name}: it was made from other files than these: remove it, or --force makes all anew")
        elif there != row["sha256"]:
            made.refused.append(f"{task.stego.name}: it was changed after it was made: remove it, or --force makes all anew")
        else:
            made.done += 1
    return made


def hide(plan: Plan, phrase: str | None, processes: int | None = None, force: bool = False, progress: Progress = silent) -> Done:
    """Makes the stego images of a plan.

    Args:
        plan: by `plan_hiding`.
        phrase: one for all of them; the keys differ all the same, since their salt comes from the cover.
        processes: how many at a time; None for as many as there are cores and work.
        force: overwrite what is there.
        progress: called with files done and all files.

    Raises:
        IsganError: what concerns the run as a whole; what concerns one file is among the `failures`.
    """
    work = partial(_hide, phrase=phrase, options=plan.options, force=force)
    started = time.perf_counter()
    failures, notes = list(plan.refused), Counter[str]()
    with working(plan) as kept_open:
        if plan.todo:
            _check_phrase(plan, phrase)

        def starting() -> Iterator[Task]:
            for task in plan.todo:
                if os.path.lexists(task.stego) and not (force or task.ours):
                    yield task  # which fails; a kill before that must not make somebody's file the run's own
                    continue
                plan.record.start(task.stego.name, **_names(task))
                yield task

        with closing(jobs.each(work, starting(), workers(plan.options, len(plan.todo), processes), kept_open)) as done:
            for number, outcome in enumerate(done, 1):
                task, made = outcome.item, outcome.result or {}
                if outcome.error:
                    failures.append(f"{task.cover.name}: {outcome.error}")
                plan.record.end(task.stego.name, error=outcome.error, **_names(task), **made)
                notes.update(outcome.notes)
                progress(number, len(plan.todo))
    tell(notes)
    rows = [row for row in plan.record.rows.values() if not row["error"]]
    facts: dict[str, Any] = {"stego images": len(rows)} | ({"of them before": plan.done} if plan.done else {}) | {"failed": len(failures)}
    facts |= plan.facts | {f"{name}, mean": _mean(rows, name) for name in FOUND if any(row[name] for row in rows)}
    return finished(plan, facts, failures, started)


def _hide(task: Task, phrase: str | None, options: Options, force: bool) -> dict[str, Any]:
    """In a process of its own: one stego image, and its facts for the record."""
    started = time.perf_counter()
    force, inputs = force or task.ours, record.stamp(*task.inputs)
    pipeline.check(task.cover, task.secret if isinstance(task.secret, Path) else b"", task.stego, options, force)
    made = pipeline.hide(task.cover, task.secret, task.stego, phrase, options, force)
    facts = {name: made.facts[name] for name in FOUND if name in made.facts}
    return facts | {"seconds": time.perf_counter() - started, "inputs": inputs, "sha256": record.digest(task.stego)}


def _names(task: Task) -> dict[str, str]:
    secret = str(task.secret.part) if isinstance(task.secret, Secret) else task.secret.name
    return {"cover": task.cover.name, "secret": secret}


def _check_phrase(plan: Plan, phrase: str | None) -> None:
    """That a run goes on with the pass phrase it began with; it is kept nowhere, but opens what is there."""
    if not pipeline.keyed(plan.options.model):
        return
    for row in plan.record.rows.values():
        path = plan.output / row["stego"]
        if not row["error"] and record.digest(path) == row["sha256"]:
            try:
                pipeline.opened(path, phrase, plan.options)
            except NothingFound:
                raise IsganError("this is not the pass phrase that the run began with: give that one, or --force begins anew") from None
            return


@contextmanager
def working(plan: Plan) -> Iterator[tuple[int, ...]]:
    """While a plan is carried out: its folder is there and nobody else's, and in the end its record is whole."""
    with system_errors(f"make the folder {quoted(plan.output)}", "choose another one"):
        plan.output.mkdir(exist_ok=True)
    with record.alone(plan.output) as kept_open:
        clear_unfinished(plan.output)
        try:
            yield kept_open
        finally:
            plan.record.close()


def words(options: Options, *more: str) -> str:
    """The options that are not as they are by default."""
    usual = Options()
    chosen = {entry.name: getattr(options, entry.name) for entry in fields(options)}
    return " ".join([*more, *(f"{name}={value}" for name, value in chosen.items() if value != getattr(usual, name))])


def check_folder(output: Path) -> Path:
    """A folder that is there, or can be made."""
    if output == Path("-"):
        raise IsganError("a folder cannot go to standard output: name one, -o FOLDER")
    if output.exists() and not output.is_dir():
        raise IsganError(f"{quoted(output)} is a file: of a folder the results go to a folder: name one, -o FOLDER")
    if not output.exists() and output.suffix.lower() in FILES:
        raise IsganError(f"{quoted(output)} is called like a file: of a folder the results go to a folder: name one, -o FOLDER")
    check_output(output / "any.png" if output.is_dir() else output, force=True, suffixes=None)
    return output


def workers(options: Options, count: int, wished: int | None) -> int:
    """How many processes so many files get: as many as are wished, if any. A network takes all cores by itself."""
    if wished is not None:
        return wished
    if models.card(options.model)["scheme"] == "neural":
        return 1
    return max(1, min(jobs.cores_allowed(), count // FEWEST))


def tell(notes: Counter[str]) -> None:
    """Notes on files, each once."""
    for note, times in notes.items():
        warnings.warn(note if times == 1 else f"{note} ({times} files)", IsganWarning, stacklevel=3)


def finished(plan: Plan, facts: dict[str, Any], failures: list[str], started: float) -> Done:
    """What a run did, with how long it took and where it is written."""
    facts |= {"seconds": time.perf_counter() - started, "folder": str(plan.output), "results": str(plan.record.path)}
    return Done(facts, failures, [plan.record.rows[name] for name in sorted(plan.record.rows)], plan.record.path)


def _mean(rows: list[record.Row], name: str) -> float:
    values = [float(row[name]) for row in rows if row[name]]
    return sum(values) / len(values)


