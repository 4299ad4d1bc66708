"""A folder of stego images to a folder of secrets; parts of a secret that was shared are put together, in any order."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from isgan import jobs, payload, pipeline, split
from isgan.errors import IsganError
from isgan.files import quoted, shortened, system_errors, write_file
from isgan.folders import record
from isgan.folders.hiding import Done, Plan, check_folder, finished, tell, words, workers, working
from isgan.folders.pairs import pictures
from isgan.options import Options
from isgan.schemes.base import Progress, silent
from isgan.secret import Secret

COLUMNS = ("stego", "secret", "size", "seconds")


class Found(NamedTuple):
    """What one stego image gave: a secret as a file, or a part of one."""

    name: str
    data: bytes
    size: str
    part: Secret | None
    facts: dict[str, Any]


def plan_revealing(stego: Path, output: Path, options: Options, results: Path | None, force: bool) -> Plan:
    """Looks through a run of `reveal` over a folder. Nothing is written yet.

    Args:
        stego: a folder.
        output: the folder for secrets, which get their own names; made if there is none.
        results, force: see `isgan.folders.hiding.plan_hiding`.
    """
    pipeline.check_reveal(stego / "any.png", None, options, force)
    found = pictures(stego)
    if output.resolve() == stego.resolve():
        raise IsganError(f"{quoted(output)} is the folder of the stego images: choose another one for the secrets")
    made = Plan(output, record.Record(record.where(results, check_folder(output)), COLUMNS, words(options), force), options)
    for path in found:
        row = made.record.row(path.name)
        if row is None or row["error"] or row["inputs"] != record.stamp(path) or record.digest(output / row["secret"]) != row["sha256"]:
            made.todo.append(path)
        else:
            made.done += 1
    return made


def reveal(plan: Plan, phrase: str | None, processes: int | None = None, force: bool = False, progress: Progress = silent) -> Done:
    """Reveals what the stego images of a plan hide; arguments as of `isgan.folders.hiding.hide`."""
    started = time.perf_counter()
    failures, notes = list(plan.refused), Counter[str]()
    shared: dict[bytes, dict[Path, Secret]] = defaultdict(dict)
    with working(plan) as kept_open:
        keeper = _Keeper(plan, force)

        def starting() -> Iterator[Path]:
            for path in plan.todo:
                plan.record.start(path.name)
                yield path

        work = partial(_reveal, phrase=phrase, options=plan.options)
        outcomes = jobs.each(work, starting(), workers(plan.options, len(plan.todo), processes), kept_open, ordered=True)
        with closing(outcomes) as done:
            for number, (path, found, error, noted) in enumerate(done, 1):
                if found is not None and found.part is not None and found.part.part is not None:
                    shared[found.part.part.id][path] = found.part
                    plan.record.end(path.name, secret=str(found.part.part), **found.facts)
                else:
                    error = error or keeper.keep(path, found)
                if error:
                    failures.append(f"{path.name}: {error}")
                    plan.record.end(path.name, error=error)
                notes.update(noted)
                progress(number, len(plan.todo))
        together = 0
        for parts in shared.values():
            error = _joined(parts, keeper)
            together += not error
            failures += [error] if error else []
    tell(notes)
    facts: dict[str, Any] = {"secrets": plan.done + keeper.written}
    facts |= ({"of them before": plan.done} if plan.done else {}) | ({"of several parts": together} if shared else {})
    return finished(plan, facts | {"failed": len(failures)}, failures, started)


def _reveal(path: Path, phrase: str | None, options: Options) -> Found:
    """In a process of its own."""
    started, inputs = time.perf_counter(), record.stamp(path)
    secret = pipeline.opened(path, phrase, options)
    facts = {"seconds": time.perf_counter() - started, "inputs": inputs}
    if secret.part is not None:
        return Found("", b"", "", secret, facts)
    return Found(pipeline.own_name(secret), pipeline.file_of(secret), _size(secret), None, facts)


def _size(secret: Secret) -> str:
    return f"{len(secret.data or b'')} bytes" if secret.picture is None else f"{secret.picture.shape[1]} x {secret.picture.shape[0]}"


class _Keeper:
    """Writes secrets under their own names; the second of one name gets its stego image's in front."""

    def __init__(self, plan: Plan, force: bool):
        self.plan, self.force, self.written = plan, force, 0
        todo = {path.name for path in plan.todo}
        self.taken = {row["secret"].casefold() for name, row in plan.record.rows.items() if name not in todo}

    def keep(self, path: Path, found: Found | None) -> str:
        """Writes a secret and its row; returns what went wrong."""
        if found is None:
            return "nothing came back"
        try:
            name = self.write(self.free(found.name, path), found.data)
        except IsganError as error:
            return str(error)
        self.plan.record.end(path.name, secret=name, size=found.size, sha256=record.digest(self.plan.output / name), **found.facts)
        return ""

    def free(self, name: str, stego: Path) -> str:
        """The name, or if another secret has it, one made of the stego image's name and it, and of a number if need be."""
        if name.casefold() not in self.taken:
            return name
        own = Path(name)
        for number in count(1):
            other = shortened(f"{stego.stem}-{own.stem}", own.suffix if number == 1 else f"-{number}{own.suffix}")
            if other.casefold() not in self.taken:
                return other
        raise AssertionError("numbers do not end")

    def write(self, name: str, data: bytes) -> str:
        """Writes a file of the folder, unless it is there with just these bytes."""
        target = self.plan.output / name
        self.taken.add(name.casefold())
        with system_errors(f"read {quoted(target)}", "choose another folder"):
            there = target.is_file() and target.read_bytes() == data
        if not there:
            write_file(target, data, self.force)
        self.written += 1
        return name


def _joined(parts: dict[Path, Secret], keeper: _Keeper) -> str:
    """Puts the parts of one secret together and writes it; returns what is wrong."""
    known = [secret.part for secret in parts.values() if secret.part is not None]
    first = min(parts)
    lost = split.missing(known)
    if lost:
        which = f"part{'s' if lost[1:] else ''} {', '.join(map(str, lost))} of {known[0].total} of a secret {'are' if lost[1:] else 'is'}"
        return f"{which} missing: put all stego images into the folder; there is {quoted(first.name)}" + (
            f" and {len(parts) - 1} more" if len(parts) > 1 else ""
        )
    try:
        secret = payload.unpack(split.joined(parts.values()))
        if secret.part is not None:
            raise IsganError("a part of a secret has parts itself: it was not made by isgan; ask who sent it")
        name = pipeline.own_name(secret)
        keeper.write(keeper.free(name, first), pipeline.file_of(secret))
    except IsganError as error:
        return f"{first.name} and other parts: {error}"
    return ""
