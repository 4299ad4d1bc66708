"""What commands show while they work: progress on stderr, gone when done; nothing where stderr is not a terminal but notes."""

import shutil
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from isgan.training.watcher import Watcher

ROOM = 100  # columns, where the width of a terminal is not known
LONG = 32  # letters of a cell that may stand below its row

quiet = False
"""No progress and no notes; `--quiet` sets it."""


def text(result: Any) -> str:
    """What a command returned, for people: facts by name, a line each; rows as a Markdown table; or lines as they are."""
    if isinstance(result, list) and result:
        return table(result)
    if not isinstance(result, dict):
        return str(result)
    width = max(map(len, result), default=0)
    return "\n".join(f"{name:<{width}}  {value_text(value)}" for name, value in result.items())


def table(rows: list[dict[str, Any]]) -> str:
    """Rows with the same columns as a Markdown table; where it would be wider than the terminal, sentences stand below their rows."""
    cells = [[name.replace("_", " ") for name in rows[0]], *([_cell(name, value) for name, value in row.items()] for row in rows)]
    room = shutil.get_terminal_size((ROOM, 0)).columns
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    below = [sum(widths) + 3 * len(widths) + 1 > room and width > LONG and any(" " in cell for cell in column)
             for width, column in zip(widths, zip(*cells[1:], strict=True), strict=True)]  # fmt: skip
    lines = []
    for number, row in enumerate(cells):
        beside = [cell.ljust(width) for cell, width, under in zip(row, widths, below, strict=True) if not under]
        lines.append("| " + " | ".join(beside) + " |")
        if number == 0:
            lines.append("|" + "|".join("-" * (len(cell) + 2) for cell in beside) + "|")
        elif any(below):
            sentences = "; ".join(cell for cell, under in zip(row, below, strict=True) if under and cell)
            lines += textwrap.wrap(sentences, room, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


def _cell(name: str, value: Any) -> str:
    """A value for a table: one decimal of megabytes, two of decibels and seconds, four of shares."""
    if isinstance(value, bool):
        return "yes" if value else ""
    if not isinstance(value, float):
        return "" if value is None else str(value)
    return f"{value:.{1 if name.endswith('MB') else 2 if name.endswith(('psnr', 'minutes', 'seconds')) else 4}f}"


def value_text(value: Any) -> str:
    """A fact for people: two decimals, or four digits of what is smaller than one."""
    if isinstance(value, dict):
        return "; ".join(f"{name} {value_text(content)}" for name, content in value.items())
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1 else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


@contextmanager
def counting(what: str, total: int | None = None, visible: bool = True) -> Iterator[Callable[..., None]]:
    """A progress bar for counted work: yields a function to call after each unit, or with (done, total)."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not visible or not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)

        def advance(done: int | None = None, total: int | None = None) -> None:
            if done is None:
                bar.advance(task)
            else:
                bar.update(task, completed=done, total=total)

        yield advance


@contextmanager
def fraction_done(what: str) -> Iterator[Callable[[float], None]]:
    """A progress bar for work bounded by time: yields a function to call with how much is done, 0 to 1."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda done: bar.update(task, completed=done)


class TrainingProgress(Watcher):
    """A bar with time left, loss and the newest PSNR of stego image and secret; validations as lines above it."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, quiet=quiet)
        columns = (TextColumn("{task.description} {task.fields[step]}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"),
                   TimeElapsedColumn(), TextColumn("left {task.fields[left]}"),
                   TextColumn("loss {task.fields[loss]:.4f}  {task.fields[psnr]}"))  # fmt: skip
        self.bar = Progress(*columns, console=self.console, disable=not self.console.is_terminal)
        self.task = self.bar.add_task("reading photographs", total=1.0, step=0, loss=0.0, psnr="", left="?")
        self.started: tuple[float, float] | None = None

    def __enter__(self) -> "TrainingProgress":
        return self

    def __exit__(self, *_: Any) -> None:
        self.bar.stop()

    def reading(self, done: int, total: int) -> None:
        self.bar.start()  # not before: of several processes one alone is told
        self.bar.update(self.task, completed=done / total, step=done)

    def step(self, step: int, progress: float, loss: float) -> None:
        now = time.monotonic()
        if self.started is None:
            self.started = (now, progress)
        since, done = now - self.started[0], progress - self.started[1]
        left = time.strftime("%H:%M:%S", time.gmtime(since / done * (1 - progress))) if done > 0 else "?"
        self.bar.update(self.task, description="step", completed=progress, step=step, loss=loss, left=left)

    def validation(self, rows: list[dict[str, Any]]) -> None:
        text = " | ".join(f"{row['set']} {row['stego_psnr']:.2f}/{row['stego_ssim']:.4f} {row['secret_psnr']:.2f}/{row['secret_ssim']:.4f}"
                          for row in rows)  # fmt: skip
        if "accuracy_cover" in rows[0]:
            text += f" | steganalyzer right on covers {rows[0]['accuracy_cover']:.0%}, on stego images {rows[0]['accuracy_stego']:.0%}"
        self.note(f"step {rows[0]['step']}, {rows[0]['minutes']:.1f} min, stego/secret PSNR/SSIM: {text}")
        means = [sum(row[key] for row in rows) / len(rows) for key in ("stego_psnr", "secret_psnr")]
        self.bar.update(self.task, psnr=f"stego {means[0]:.2f} dB  secret {means[1]:.2f} dB")

    def note(self, text: str) -> None:
        self.console.print(text, soft_wrap=True, highlight=False, markup=False)
