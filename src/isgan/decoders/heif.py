"""HEIC and HEIF, what phones save: by pillow-heif, an extra."""

import io
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from isgan.decoders.depth import rounded
from isgan.errors import IsganError

if TYPE_CHECKING:
    from pillow_heif import HeifImageFile

HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
AVIF_BRANDS = (b"avif", b"avis")
OPEN_BRANDS = (b"mif1", b"msf1")  # the others that a file names tell


def kind_of(data: bytes) -> str | None:
    """ "HEIC" or "AVIF" by the brands that a file names, or None."""
    if data[4:8] != b"ftyp":
        return None
    major = data[8:12]
    rest = data[16 : min(int.from_bytes(data[:4], "big"), 256)]
    others = [rest[start : start + 4] for start in range(0, len(rest), 4)] if major in OPEN_BRANDS else []
    if major in AVIF_BRANDS or (any(brand in AVIF_BRANDS for brand in others) and not any(brand in HEIF_BRANDS for brand in others)):
        return "AVIF"
    return "HEIC" if major in (*HEIF_BRANDS, *OPEN_BRANDS) else None


def open_heif(data: bytes, name: str) -> "HeifImageFile":
    """A HEIC file with its header read, turned upright as it says, at its main picture. Pillow's own list of formats is left alone."""
    if find_spec("pillow_heif") is None:
        raise IsganError(f"{name} is HEIC: pip install 'isgan[heif]' to read it (a secret: --exact hides the file)")
    from pillow_heif import HeifImageFile

    return HeifImageFile(io.BytesIO(data))


def deep_heif(data: bytes, frame: int) -> Image.Image:
    """A picture of a HEIC file that has more than 8 bits for each sample, rounded to 8."""
    from pillow_heif import open_heif

    picture = open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)[frame]
    samples = np.asarray(picture)
    if samples.dtype == np.uint8:
        return Image.fromarray(samples)
    channels = (samples[..., channel] for channel in range(samples.shape[2]))  # one at a time, to take less memory
    return Image.merge(picture.mode.split(";")[0], [Image.fromarray(rounded(*_bytes(channel))) for channel in channels])


def _bytes(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (samples >> 8).astype(np.uint8), samples.astype(np.uint8)
