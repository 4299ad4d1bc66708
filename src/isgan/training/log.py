"""What a run writes for people: CSV, TensorBoard, and a picture of samples at every validation."""

import csv
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from isgan.datasets.pairs import Pair
from isgan.image import to_array, write_png


class Log:
    """`validation.csv`, TensorBoard events and `samples.png` (the newest; every one is in TensorBoard) in the run's folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.board = SummaryWriter(folder / "tensorboard")

    def validation(self, rows: list[dict[str, Any]], samples: list[tuple[Pair, Pair]]) -> None:
        """One row per set; `samples` are (cover, secret) with (stego, revealed)."""
        path = self.folder / "validation.csv"
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            if new:
                writer.writeheader()
            writer.writerows({key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()} for row in rows)
        for row in rows:
            for key in ("stego_psnr", "secret_psnr", "stego_ssim", "secret_ssim"):
                self.board.add_scalar(f"{key}/{row['set']}", row[key], row["step"])
        picture = contact_sheet(samples)
        self.board.add_image("samples", picture[0], rows[0]["step"])
        self.board.flush()
        write_png(to_array(picture), self.folder / "samples.png", force=True)


def contact_sheet(samples: list[tuple[Pair, Pair]], gain: float = 10.0) -> Tensor:
    """One row per sample: cover, stego, residual x `gain` around gray, secret, revealed; (1, 3, H, W) in [0, 1]."""
    rows = []
    for (cover, secret), (stego, revealed) in samples:
        residual = ((stego - cover) * gain + 0.5).clamp(0, 1)
        tiles = [cover, stego, residual, secret.expand_as(cover), revealed.expand_as(cover)]
        rows.append(torch.cat([tile.cpu() for tile in tiles], dim=3))
    width = max(row.shape[3] for row in rows)
    return torch.cat([torch.nn.functional.pad(row, (0, width - row.shape[3])) for row in rows], dim=2)
