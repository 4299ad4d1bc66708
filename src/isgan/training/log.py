"""What a run writes for people: CSV, TensorBoard, and a picture of samples at every validation."""

import csv
import io
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from isgan.errors import IsganError
from isgan.figures import Sample, side_by_side
from isgan.files import write_file
from isgan.picture import png_bytes


class Log:
    """`validation.csv`, TensorBoard events and `samples.png` (the newest; every one is in TensorBoard) in the run's
    folder.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        try:
            self.board = SummaryWriter(folder / "tensorboard")
        except OSError as error:
            raise IsganError(
                f"cannot log to {folder / 'tensorboard'}: {error.strerror or error}; choose another --output"
            ) from error

    def close(self) -> None:
        """Ends TensorBoard's writing thread."""
        self.board.close()

    def validation(self, rows: list[dict[str, Any]], samples: list[Sample]) -> None:
        """One row per set, and what to show. Rows of this step or later ones, left by a run that was killed, are
        replaced.
        """
        path = self.folder / "validation.csv"
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        try:
            if path.exists():
                with path.open(newline="", encoding="utf-8") as file:
                    writer.writerows(row for row in csv.DictReader(file) if int(row["step"]) < rows[0]["step"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IsganError(f"cannot read {path}: {error}; move it away and go on with --resume") from error
        writer.writerows(
            {key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()} for row in rows
        )
        write_file(path, text.getvalue().encode(), force=True, remedy="make room and go on with --resume")
        for row in rows:
            for key in row.keys() - {"step", "set"}:
                self.board.add_scalar(f"{key}/{row['set']}", row[key], row["step"])
        picture = side_by_side(samples)
        self.board.add_image("samples", picture, rows[0]["step"], dataformats="HWC")
        self.board.flush()
        write_file(
            self.folder / "samples.png", png_bytes(picture), force=True, remedy="make room and go on with --resume"
        )
