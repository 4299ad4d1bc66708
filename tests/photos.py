"""Photographs for tests of embedding: those of examples/, and made ones."""

from pathlib import Path

import numpy as np
from PIL import Image

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
