"""Photographs for tests of embedding: those of examples/, also as JPEG files, and made ones."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from isgan.covers.jpeg import JpegCover

EXAMPLES = Path(__file__).parent.parent / "examples"


def photograph(side: int = 128, number: int = 0, gray: bool = False) -> np.ndarray:
    """The middle of one of the covers of examples/, (side, side [, 3]) uint8."""
    image = Image.open(sorted((EXAMPLES / "covers").iterdir())[number]).convert("L" if gray else "RGB")
    left, top = ((length - side) // 2 for length in image.size)
    return np.array(image.crop((left, top, left + side, top + side)))


def secret(width: int = 96, height: int = 72, gray: bool = True) -> np.ndarray:
    """One of the secrets of examples/, made small."""
    image = Image.open(sorted((EXAMPLES / "secrets").iterdir())[0]).convert("L" if gray else "RGB")
    return np.array(image.resize((width, height), Image.Resampling.LANCZOS))


def file_of(pixels: np.ndarray, **options: object) -> bytes:
    """Pixels as a JPEG file; `options` are Pillow's."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", **{"quality": 88} | options)
    return file.getvalue()


def stirred(cover: JpegCover, share: float = 0.02, seed: int = 0) -> JpegCover:
    """Some coefficients changed by one."""
    rng = np.random.default_rng(seed)
    (plane,), (frozen,) = cover.planes, cover.frozen
    change = rng.choice(np.array([-1, 0, 1], np.int16), plane.shape, p=[share / 2, 1 - share, share / 2])
    return cover.changed((np.clip(plane + change * ~frozen, *cover.bounds).astype(np.int16),))
