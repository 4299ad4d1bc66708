"""Who is told how a run goes."""

from typing import Any


class Watcher:
    """Told how a run goes. This one keeps it to itself; `isgan.console.TrainingProgress` shows it."""

    def reading(self, done: int, total: int) -> None:
        """So many of the photographs are read."""

    def step(self, step: int, progress: float, loss: float) -> None:
        """After each step: its number, how much of the run is done (0 to 1), the loss."""

    def validation(self, rows: list[dict[str, Any]]) -> None:
        """After a validation: one row for each set."""

    def note(self, text: str) -> None:
        """One line worth keeping."""
