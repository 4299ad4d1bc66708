"""A folder of results: CSV files that grow by whole rows, so that an interrupted run goes on where it stopped."""

import csv
import io
import math
import os
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from isgan.errors import IsganError
from isgan.files import write_file
from isgan.metrics import EXACT
from isgan.picture import png_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VERSION = "3"
MARK = "VERSION"
FIGURES = "figures"
"""The folder of pictures among results."""
# What stands among the models for one that hides nothing but noise, and for one that does nothing.
LSB_MATCHING, OTHER_COVER = "lsb-matching", "cover"
# The paper's network without a steganalyzer, and the same from another seed, which whoever tests gives: a detector that misses it does
# not know the design.
BASIC, AGAIN = "basic", "basic-2"
Counting: TypeAlias = Callable[[str, int], AbstractContextManager[Callable[..., None]]]
"""Shows counted work: given what it is and how much, a context that yields what is called after each unit."""


Following: TypeAlias = Callable[[str], AbstractContextManager[Callable[[float], None]]]
"""Shows work bounded by time: given what it is, a context that yields what is called with how much is done, 0 to 1."""


@contextmanager
def unfollowed(_what: str) -> Iterator[Callable[[float], None]]:
    """Shows nothing."""
    yield lambda _: None


@contextmanager
def uncounted(_what: str, _total: int) -> Iterator[Callable[..., None]]:
    """Shows nothing."""
    yield lambda *_: None


class Results:
    """CSV tables in one folder, each `NAME.csv`.

    Args:
        folder: made if it is not there; `IsganError` if it holds something else, or results of another version.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        mark = folder / MARK
        try:
            if folder.exists() and not mark.exists() and any(folder.iterdir()):
                raise IsganError(
                    f"{folder} is not a folder of results: choose another --output, one that does not exist yet"
                )
            folder.mkdir(parents=True, exist_ok=True)
            if not mark.exists():
                mark.write_text(VERSION + "\n")
            found = mark.read_text().strip()
        except OSError as error:
            raise IsganError(
                f"cannot use the folder {folder}: {error.strerror or error}; choose another --output"
            ) from error
        if found != VERSION:
            raise IsganError(
                f"{folder} holds results of version {found}, this is version {VERSION}: choose another --output"
            )

    def subfolder(self, name: str) -> Path:
        """A folder of them, made if it is not there."""
        folder = self.folder / name
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise IsganError(f"cannot make the folder {folder}: {error.strerror or error}; choose another --output") from error
        return folder

    def save_figure(self, figure: "Figure", name: str) -> Path:
        """Draws a figure of matplotlib to figures/NAME, a PNG file without alpha; its path."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        path = self.subfolder(FIGURES) / name
        write_file(path, png_bytes(np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])), force=True)
        return path

    def rows(self, table: str) -> list[dict[str, str]]:
        """All rows of a table, as text; none if there is no such table. A last line that was cut off is left out."""
        try:
            text = (self.folder / f"{table}.csv").read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise IsganError(f"cannot read {self.folder / table}.csv: {error}; delete it to measure again") from error
        lines = text[: text.rfind("\n") + 1].splitlines()
        return [row for row in csv.DictReader(lines) if None not in row.values() and None not in row]

    def add(self, table: str, row: Mapping[str, Any]) -> None:
        """Appends a row. The columns are those of the first one."""
        path = self.folder / f"{table}.csv"
        try:
            whole = path.exists() and path.stat().st_size > 0
            if whole:
                mend(path)
                self._check_columns(path, row)
            with path.open("a", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(row), lineterminator="\n")
                if not whole:
                    writer.writeheader()
                writer.writerow({key: plain(value) for key, value in row.items()})
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise IsganError(
                f"cannot write {path}: {error.strerror or error}; make room and run the same command again"
            ) from error

    @staticmethod
    def _check_columns(path: Path, columns: Iterable[str]) -> None:
        with path.open(newline="", encoding="utf-8") as file:
            if next(csv.reader(file), []) != list(columns):
                raise IsganError(f"{path} has other columns than this version writes: delete it, or choose another --output")

    def completed(
        self,
        table: str,
        keys: Mapping[str, Any],
        pairs: Sequence[tuple[str, str]],
        measure: Callable[[int], Mapping[str, Any]],
        counting: Counting = uncounted,
    ) -> list[dict[str, str]]:
        """The rows of pairs of cover and secret, by their names, in a table; those that are missing are measured and
        added.

        Args:
            table: the table.
            keys: what the rows have in common, their first columns.
            pairs: the names, which follow as columns `cover` and `secret`.
            measure: the place of a pair -> the other columns of its row.
            counting: shows how far it is.
        """
        wanted = {key: str(plain(value)) for key, value in keys.items()}
        known = {(row["cover"], row["secret"]): row for row in self.rows(table)
                 if all(row.get(key) == value for key, value in wanted.items())}  # fmt: skip
        missing = [place for place, names in enumerate(pairs) if names not in known]
        with counting(" ".join(wanted.values()), len(missing)) as done:
            for place in missing:
                cover, secret = pairs[place]
                row = {**keys, "cover": cover, "secret": secret, **measure(place)}
                self.add(table, row)
                known[cover, secret] = {key: str(plain(value)) for key, value in row.items()}
                done()
        return [known[names] for names in pairs]

    def write(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Replaces a whole table; the columns are those of all rows, and what a row lacks stays empty."""
        text = io.StringIO()
        writer = csv.DictWriter(text, list(dict.fromkeys(key for row in rows for key in row)), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: plain(value) for key, value in row.items()} for row in rows)
        write_file(
            self.folder / f"{table}.csv",
            text.getvalue().encode(),
            force=True,
            remedy="make room and run the same command again",
        )

    def merge(self, table: str, rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> None:
        """Writes rows over those of the same keys and leaves the others; rows that share all keys but the last stay
        together.
        """
        there = self.rows(table)
        if there and not set(keys) <= there[0].keys():
            raise IsganError(
                f"{self.folder / table}.csv has other columns than this version writes: delete it, or choose another --output"
            )
        known = {tuple(str(row[key]) for key in keys): row for row in (*there, *rows)}
        groups = list(dict.fromkeys(names[:-1] for names in known))
        self.write(table, [known[names] for names in sorted(known, key=lambda names: groups.index(names[:-1]))])

    def has(self, table: str, **keys: Any) -> bool:
        """Is there a row with these values?"""
        wanted = {key: str(plain(value)) for key, value in keys.items()}
        return any(all(row.get(key) == value for key, value in wanted.items()) for row in self.rows(table))


def mend(path: Path) -> None:
    """Cuts off a last line that was not finished when the run that wrote it was killed."""
    with path.open("rb+") as file:
        data = file.read()
        file.truncate(data.rfind(b"\n") + 1)


def plain(value: Any) -> Any:
    """A value as CSV holds it: five decimals."""
    return round(value, 5) if isinstance(value, float) and math.isfinite(value) else value


def decibels(value: float) -> str:
    """A PSNR in words: two decimals, and no negative zero; "exact" from 80 dB on."""
    return "exact" if value >= EXACT else f"{round(value, 2) + 0.0:.2f}"


def spread(rows: Sequence[Mapping[str, Any]], measures: Sequence[str]) -> dict[str, float]:
    """Mean, standard deviation and worst of each measure over the rows (higher is better), as MEASURE, MEASURE_sd,
    MEASURE_worst.
    """
    result: dict[str, float] = {}
    for measure in measures:
        values = [float(row[measure]) for row in rows]
        finite = [value for value in values if math.isfinite(value)]
        result[measure] = statistics.fmean(values)
        result[f"{measure}_sd"] = statistics.pstdev(finite) if finite else 0.0
        result[f"{measure}_worst"] = min(values)
    return result
