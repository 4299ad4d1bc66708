"""A picture without loss: the smallest of what Pillow has."""

import io
from contextlib import suppress

import numpy as np
from PIL import Image, features

from isgan.codecs import codecs
from isgan.codecs.avif import Avif
from isgan.codecs.base import Codec, read_one
from isgan.codecs.jpeg2000 import codestream
from isgan.codecs.webp import WebP, webp
from isgan.decoders.png import PNG_SIGNATURE
from isgan.errors import IsganError

CODESTREAM = b"\xff\x4f"
SMALL = 1_000_000  # pixels up to which every way is tried, at its slowest


@codecs.register("lossless")
class Lossless(Codec):
    """Lossless WebP, JPEG 2000's reversible wavelet, PNG, or for gray AVIF.

    Packed: as `WebP` if the first byte is 2 or 3, a whole PNG if it is 137, as `Jpeg2000` if it is 255, else as `Avif`.
    """

    number = 4
    suffix = ""
    levels = range(1)

    def pack(self, picture: np.ndarray, level: int) -> bytes:
        small = picture.shape[0] * picture.shape[1] <= SMALL
        made = [codestream(picture, irreversible=False)]
        with suppress(IsganError):  # too long for it
            made.append(webp(picture, lossless=True, method=4, quality=80 if small else 30))
        if small:
            png = io.BytesIO()
            Image.fromarray(picture).save(png, "PNG", optimize=True)
            made.append(png.getvalue())
            if picture.ndim == 2 and features.check("avif"):
                with suppress(IsganError):
                    made.append(Avif().pack(picture, Avif.levels[-1]))
        for data in sorted(made, key=len):
            if np.array_equal(self.decode(data), picture):
                return data
        raise IsganError("this Pillow has no format that keeps the secret exactly: update Pillow")

    def decode(self, data: bytes) -> np.ndarray:
        if data.startswith(PNG_SIGNATURE):
            return read_one(data, "PNG")
        if data.startswith(CODESTREAM):
            return read_one(data, "JPEG2000")
        return (WebP if data[:1] in (b"\2", b"\3") else Avif)().decode(data)
