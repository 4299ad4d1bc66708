"""What a run over folders has done so far: its results as a CSV file, by which a run that was stopped goes on.

A row is added, and flushed to the disk, when work on a file starts and when it ends; of two rows for one file the later counts, and
one that a kill cut off does not. When the run ends, the file is written anew as a whole, a row for each file. Nothing in it comes
from the pass phrase. But it says which file hides which: it belongs to the sender alone, and only its owner can read it.
"""

import csv
import hashlib
import io
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from isgan.errors import IsganError
from isgan.files import check_output, quoted, read_file, system_errors, write_file

Row = dict[str, str]
OPEN = "not finished"  # in the column "error"
PATIENCE = 15.0  # seconds in which processes of a run that was killed end
OWN = ("error", "options", "inputs", "sha256")


class Record:
    """The rows of a run.

    Args:
        path: the CSV file; a record of the same kind that is there already is gone on with.
        columns: what users see; the first one names the file that a row is about.
        options: how the run is made, in words; one that began otherwise is refused.
        fresh: forget what is there.

    Raises:
        IsganError: the file is something else, or a record of a run with other options.
    """

    def __init__(self, path: Path, columns: Sequence[str], options: str, fresh: bool):
        self.path, self.options = path, options
        self.columns = (*columns, *OWN)
        self.rows: dict[str, Row] = {}
        self._writing = threading.Lock()
        self._file: int | None = None
        self._kept = b""
        self._seen = stamp(path) if os.path.lexists(path) else ""
        there = self._read() if os.path.lexists(path) else []
        if fresh:
            self._kept = b""
            return
        for row in there:
            if row["options"] != options:
                began, now = (words or "no options" for words in (row["options"], options))
                raise IsganError(f"this run began with {began}, not with {now}: take the same, another --results and folder, or --force")
            self.rows[row[self.columns[0]]] = row

    def _read(self) -> list[Row]:
        data = read_file(self.path)
        self._kept = data[: data.rfind(b"\n") + 1]
        lines = list(csv.reader(io.StringIO(self._kept.decode("utf-8", "surrogateescape"))))
        if not lines or tuple(lines[0]) != self.columns or any(len(line) != len(self.columns) for line in lines):
            raise IsganError(f"{quoted(self.path)} is no record of such a run: choose another file, --results FILE")
        return [dict(zip(self.columns, line, strict=True)) for line in lines[1:]]

    def start(self, name: str, **facts: Any) -> None:
        """Work on a file starts: should the run be killed, what lies there is its own."""
        self._add(name, {"error": OPEN, **facts})

    def end(self, name: str, **facts: Any) -> None:
        """Work on a file has ended, well unless there is an `error`."""
        self._add(name, facts)

    def _add(self, name: str, facts: dict[str, Any]) -> None:
        row = {column: _text(facts.get(column, "")) for column in self.columns}
        row |= {self.columns[0]: _text(name), "options": self.options}
        with self._writing, system_errors(f"write {quoted(self.path)}", "make room"):
            if self._file is None:
                self._file = self._open()
            self.rows[_text(name)] = row
            data = self._lines([row])
            if os.write(self._file, data) < len(data):
                raise IsganError(f"cannot write {quoted(self.path)}: the disk is full; make room")
            os.fsync(self._file)

    def _open(self) -> int:
        if self._seen != (stamp(self.path) if os.path.lexists(self.path) else ""):
            raise IsganError(f"another run has written {quoted(self.path)} meanwhile: start again")
        if not self._kept:
            self._write_all([])
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
        if self._kept:
            os.ftruncate(file, len(self._kept))  # a row that a kill cut off
        return file

    def row(self, name: str) -> Row | None:
        """What is known of a file, if anything."""
        return self.rows.get(_text(name))

    def close(self) -> None:
        """Writes the file anew, a row for each file in their order."""
        with self._writing:
            if self._file is not None:
                os.close(self._file)
                self._file = None
                self._write_all([self.rows[name] for name in sorted(self.rows)])

    def _write_all(self, rows: list[Row]) -> None:
        write_file(self.path, self._lines([dict(zip(self.columns, self.columns, strict=True)), *rows]), force=True, private=True)

    def _lines(self, rows: list[Row]) -> bytes:
        text = io.StringIO()
        csv.DictWriter(text, self.columns, lineterminator="\n").writerows(rows)
        return text.getvalue().encode("utf-8", "surrogateescape")


@contextmanager
def alone(folder: Path) -> Iterator[tuple[int, ...]]:
    """Keeps other runs out of a folder, and waits for processes of one that was killed; gives what its own processes keep open."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield ()
        return
    with system_errors(f"open {quoted(folder)}", "check its permissions"):
        descriptor = os.open(folder, os.O_RDONLY)
    try:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise IsganError(f"another run works in {quoted(folder)}: wait for it, or choose another folder") from None
                time.sleep(0.1)
            except OSError:  # some network disks cannot
                break
        yield (descriptor,)
    finally:
        os.close(descriptor)


def stamp(*paths: Path) -> str:
    """By what files are known again: sizes and times of change."""
    with system_errors("look at the files", "check that they are still there"):
        return " ".join(f"{facts.st_size}-{facts.st_mtime_ns}" for facts in map(os.stat, paths))


def digest(path: Path) -> str | None:
    """SHA-256 of a file, None if there is none."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
    return None


def where(results: Path | None, folder: Path) -> Path:
    """The record's path, checked: beside the folder, so that it is not sent along with what is in there."""
    path = folder.with_name(f"{folder.name}.csv") if results is None else results
    if path.suffix.lower() != ".csv":
        raise IsganError(f"{quoted(path)}: results are written as CSV: give --results a name that ends in .csv")
    if folder.resolve() in path.resolve().parents:
        raise IsganError(f"{quoted(path)} would lie among the files that it tells about: choose a place outside the folder")
    return check_output(path, force=True, suffixes=None)


def _text(value: Any) -> str:
    """For a row, which is one line."""
    return f"{value:.5g}" if isinstance(value, float) else str(value).replace("\n", " ").replace("\r", " ")
