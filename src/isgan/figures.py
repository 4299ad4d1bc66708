"""Pictures of what hiding does, as the paper arranges them (Fig. 4-7). All pictures are uint8: (H, W, 3) RGB or (H, W)
gray.
"""

import io
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from isgan.metrics.pictures import psnr

GAIN = 10.0
MID_GRAY = 128


class Sample(NamedTuple):
    """One pair and what became of it; all of one height and width."""

    cover: np.ndarray
    secret: np.ndarray
    stego: np.ndarray
    revealed: np.ndarray


class Column(NamedTuple):
    """A heading and what stands below it: one picture per row, of one square size, each with a caption or ""."""

    heading: str
    pictures: Sequence[np.ndarray]
    captions: Sequence[str]


def residual(changed: np.ndarray, original: np.ndarray, gain: float = GAIN) -> np.ndarray:
    """What was changed, x `gain`, around mid-gray; two pictures of one shape -> the same shape."""
    difference = changed.astype(np.float32) - original
    return (difference * gain + MID_GRAY).round().clip(0, 255).astype(np.uint8)


def side_by_side(samples: Sequence[Sample], gain: float = GAIN) -> np.ndarray:
    """One row per sample: cover, stego image, residual x `gain`, secret, revealed; (H, W, 3)."""
    rows = [
        np.concatenate(
            [rgb(picture) for picture in (cover, stego, residual(stego, cover, gain), secret, revealed)], axis=1
        )
        for cover, secret, stego, revealed in samples
    ]
    width = max(row.shape[1] for row in rows)
    return np.concatenate([np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows])


def rgb(picture: np.ndarray) -> np.ndarray:
    """A picture with three channels."""
    return picture if picture.ndim == 3 else np.stack([picture] * 3, axis=2)


def stego_and_secret(models: Mapping[str, Sequence[Sample]]) -> np.ndarray:
    """Figures 4-6: cover and secret, then for every model stego image, its residual x1 and x10, and what is revealed.

    Args:
        models: what each model made of the same pairs, by the name that stands above it; pictures of one square size.

    Returns:
        (H, W, 3).
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
    """Figure 7: the secret, then for every model what is revealed and its residual x1 and x10; otherwise as
    `stego_and_secret`.
    """
    first = next(iter(models.values()))
    groups = {"": [_plain("secret", [s.secret for s in first])]}
    for name, samples in models.items():
        groups[name] = [
            Column("revealed", [s.revealed for s in samples], [decibels(s.revealed, s.secret) for s in samples]),
            _plain("residual x1", [residual(s.revealed, s.secret, 1) for s in samples]),
            _plain("residual x10", [residual(s.revealed, s.secret) for s in samples]),
        ]
    return sheet(groups)


def decibels(changed: np.ndarray, original: np.ndarray) -> str:
    """PSNR for a caption; "exact" where nothing differs."""
    value = psnr(changed, original)
    return f"{value:.2f} dB" if math.isfinite(value) else "exact"


def sheet(groups: Mapping[str, Sequence[Column]]) -> np.ndarray:
    """Columns of pictures side by side on white, (H, W, 3): a group's name above its columns, their headings, captions
    below.
    """
    columns = [column for group in groups.values() for column in group]
    side, rows = columns[0].pictures[0].shape[1], len(columns[0].pictures)
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
                page.paste(Image.fromarray(picture), (left, top))
                write(caption, left + side / 2, top + side)
            left += side + gap
        left += 2 * gap
    return np.array(page)


def small_png(picture: np.ndarray, most: int | None = None) -> bytes:
    """A picture, (H, W, 3), as PNG of at most `most` bytes: in 256 colours if that is needed, and then at a smaller
    size.
    """
    image = Image.fromarray(picture)
    data = _png(image)
    while most is not None and len(data) > most:
        data = _png(image.quantize(256, dither=Image.Dither.FLOYDSTEINBERG))
        image = image.resize((image.width * 4 // 5, image.height * 4 // 5), Image.Resampling.LANCZOS)
    return data


def small_jpeg(picture: np.ndarray, quality: int = 88) -> bytes:
    """A picture, (H, W, 3), as JPEG, for looking at."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return file.getvalue()


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def _plain(heading: str, pictures: Sequence[np.ndarray]) -> Column:
    return Column(heading, pictures, [""] * len(pictures))
