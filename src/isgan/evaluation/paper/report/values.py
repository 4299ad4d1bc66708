"""Numbers as the page shows them, and their columns in the tables."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from isgan.errors import IsganError
from isgan.evaluation.results import Results

ENDS = {"stego": "stego image", "secret": "secret"}


def ratio(value: float) -> str:
    """Four decimals: SSIM."""
    return f"{round(value, 4) + 0.0:.4f}"


def share(value: float) -> str:
    """Three decimals: accuracy, P_E, AUC."""
    return f"{value:.3f}"


class Estimate(NamedTuple):
    """A mean and half the width of its 95 % interval."""

    mean: float
    interval: float

    def __str__(self) -> str:
        return f"{share(self.mean)} ± {share(self.interval)}"


def _number(table: str, row: Mapping[str, str], column: str) -> float:
    try:
        return float(row[column])
    except (KeyError, ValueError) as error:
        raise IsganError(
            f"{table}.csv has no number in column '{column}' of a row: delete it, and run its command again"
        ) from error


def numbers(table: str, row: Mapping[str, str], columns: Iterable[str]) -> dict[str, float]:
    """Columns of a row of TABLE.csv; `IsganError` if one is missing or no number."""
    return {column: _number(table, row, column) for column in columns}


def text(table: str, row: Mapping[str, str], *columns: str) -> tuple[str, ...]:
    """The same for columns of words."""
    if missing := [column for column in columns if column not in row]:
        raise IsganError(f"{table}.csv has no column '{missing[0]}': delete it, and run its command again")
    return tuple(row[column] for column in columns)


def command(results: Results, name: str, rows: Sequence[Mapping[str, str]], options: Mapping[str, str]) -> str:
    """The command of a part; `options` are the columns whose values it repeats, by the option's name."""
    first = rows[0] if rows else {}
    known = [
        f" --{option} {first[column]}" for option, column in options.items() if first.get(column, "") not in ("", "0.0")
    ]
    return f"isgan {name} --data FOLDER... -o {shlex.quote(results.folder.name)}" + "".join(known)
