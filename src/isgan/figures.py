"""Pictures of what hiding does, as the paper arranges them (Fig. 4-7)."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn import functional as F

from isgan.image import to_array
from isgan.metrics.quality import psnr

GAIN = 10.0
MID_GRAY = 128 / 255  # one of the 8-bit levels: around .5, between two of them, a difference of one level would be lost in rounding


class Sample(NamedTuple):
    """One pair and what became of it: cover, stego (1, 3, H, W); secret, revealed (1, 1, H, W); all in [0, 1]."""

    cover: Tensor
    secret: Tensor
    stego: Tensor
    revealed: Tensor


def residual(changed: Tensor, original: Tensor, gain: float = GAIN) -> Tensor:
    """What was changed, x `gain`, around mid-gray: (N, C, H, W) twice, in [0, 1] -> the same shape, in [0, 1]."""
    return ((changed - original) * gain + MID_GRAY).clamp(0, 1)


def side_by_side(samples: list[Sample], gain: float = GAIN) -> Tensor:
    """One row per sample: cover, stego, residual x `gain` around mid-gray, secret, revealed; (1, 3, H, W) in [0, 1]."""
    rows = []
    for cover, secret, stego, revealed in samples:
        tiles = [cover, stego, residual(stego, cover, gain), secret.expand_as(cover), revealed.expand_as(cover)]
        rows.append(torch.cat([tile.cpu() for tile in tiles], dim=3))
    width = max(row.shape[3] for row in rows)
    return torch.cat([F.pad(row, (0, width - row.shape[3])) for row in rows], dim=2)


# ---------------------------------------------------------------------- sheets with headings


class Column(NamedTuple):
    """A heading and what stands below it: one picture per row, (1, 3, S, S) or (1, 1, S, S) in [0, 1], each with a caption or ""."""

    heading: str
    pictures: Sequence[Tensor]
    captions: Sequence[str]


def both_ends(models: Mapping[str, Sequence[Sample]]) -> np.ndarray:
    """Figures 4-6: cover and secret, then for every model stego image, its residual x1 and x10, and what is revealed.

    Args:
        models: what each model made of the same pairs, by the name that stands above it; pictures of one square size.

    Returns:
        (H, W, 3) uint8.
    """
    first = next(iter(models.values()))
    groups = {"": [_plain("cover", [s.cover for s in first]), _plain("secret", [s.secret for s in first])]}
    for name, samples in models.items():
        groups[name] = [
            Column("stego", [s.stego for s in samples], [decibels(s.stego, s.cover) for s in samples]),
            _plain("residual x1", [residual(s.stego, s.cover, 1) for s in samples]),
            _plain("residual x10", [residual(s.stego, s.cover) for s in samples]),
            Column("revealed", [s.revealed for s in samples], [decibels(s.revealed, s.secret) for s in samples]),
        ]
    return sheet(groups)


def secret_residuals(models: Mapping[str, Sequence[Sample]]) -> np.ndarray:
    """Figure 7: the secret, then for every model what is revealed and its residual x1 and x10; otherwise as `both_ends`."""
    first = next(iter(models.values()))
    groups = {"": [_plain("secret", [s.secret for s in first])]}
    for name, samples in models.items():
        groups[name] = [
            Column("revealed", [s.revealed for s in samples], [decibels(s.revealed, s.secret) for s in samples]),
            _plain("residual x1", [residual(s.revealed, s.secret, 1) for s in samples]),
            _plain("residual x10", [residual(s.revealed, s.secret) for s in samples]),
        ]
    return sheet(groups)


def decibels(changed: Tensor, original: Tensor) -> str:
    """PSNR for a caption; "exact" where nothing differs."""
    value = psnr(changed, original).item()
    return f"{value:.2f} dB" if math.isfinite(value) else "exact"


def sheet(groups: Mapping[str, Sequence[Column]]) -> np.ndarray:
    """Columns of pictures side by side on white, (H, W, 3) uint8: a group's name above its columns, their headings, captions below."""
    columns = [column for group in groups.values() for column in group]
    side, rows = columns[0].pictures[0].shape[-1], len(columns[0].pictures)
    size = max(11, side // 9)
    gap, line = max(2, side // 40), size * 3 // 2
    height, width = 2 * line + rows * (side + line), len(columns) * (side + gap) + (len(groups) + 1) * 2 * gap
    page = Image.new("RGB", (width, height), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(size=size)

    def write(text: str, center: float, top: int) -> None:
        pen.text((center, top + line / 2), text, fill="black", font=font, anchor="mm")

    left = 2 * gap
    for name, group in groups.items():
        across = len(group) * (side + gap) - gap
        write(name, left + across / 2, 0)
        if name:
            pen.line([(left, line - 1), (left + across, line - 1)], fill="gray")
        for column in group:
            write(column.heading, left + side / 2, line)
            for row, (picture, caption) in enumerate(zip(column.pictures, column.captions, strict=True)):
                top = 2 * line + row * (side + line)
                page.paste(Image.fromarray(to_array(picture)), (left, top))
                write(caption, left + side / 2, top + side)
            left += side + gap
        left += 2 * gap
    return np.array(page)


def _plain(heading: str, pictures: Sequence[Tensor]) -> Column:
    return Column(heading, pictures, [""] * len(pictures))
