"""What a run writes for people: CSV, TensorBoard, and a picture of samples at every validation."""

import csv
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from isgan.figures import Sample, side_by_side
from isgan.image import to_array, write_png


class Log:
    """`validation.csv`, TensorBoard events and `samples.png` (the newest; every one is in TensorBoard) in the run's folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.board = SummaryWriter(folder / "tensorboard")

    def validation(self, rows: list[dict[str, Any]], samples: list[Sample]) -> None:
        """One row per set, and what to show. Rows of this step or later ones, left by a run that was killed, are replaced."""
        path = self.folder / "validation.csv"
        earlier = []
        if path.exists():
            with path.open(newline="") as file:
                earlier = [row for row in csv.DictReader(file) if int(row["step"]) < rows[0]["step"]]
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(earlier)
            writer.writerows({key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()} for row in rows)
        for row in rows:
            for key in row.keys() - {"step", "set"}:
                self.board.add_scalar(f"{key}/{row['set']}", row[key], row["step"])
        picture = side_by_side(samples)
        self.board.add_image("samples", picture[0], rows[0]["step"])
        self.board.flush()
        write_png(to_array(picture), self.folder / "samples.png", force=True)
