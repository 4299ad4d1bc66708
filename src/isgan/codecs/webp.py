"""WebP: where Pillow has no AVIF."""

import io

import numpy as np
from PIL import Image

from isgan.codecs import codecs
from isgan.codecs.base import Codec, check_room, read_one, too_long
from isgan.errors import IsganError

COLOR, LOSSLESS = 1, 2


@codecs.register("webp")
class WebP(Codec):
    """Lossy WebP at its slowest method.

    Packed: a byte, 1 for colour plus 2 for no loss, then the content of the file's VP8 or VP8L chunk.
    """

    number = 2
    suffix = ".webp"
    levels = range(101)

    def pack(self, picture: np.ndarray, level: int) -> bytes:
        return webp(picture, quality=level, method=6)

    def decode(self, data: bytes) -> np.ndarray:
        picture = read_one(self.file(data), "WEBP")
        return picture if data[0] & COLOR else np.ascontiguousarray(picture[..., 1])

    def file(self, data: bytes) -> bytes:
        if len(data) < 2 or data[0] > COLOR | LOSSLESS:
            raise IsganError("the secret is no WebP picture that this version knows: update isgan")
        frame = data[1:]
        kind = b"VP8L" if data[0] & LOSSLESS else b"VP8 "
        chunk = kind + len(frame).to_bytes(4, "little") + frame + bytes(len(frame) % 2)
        return b"RIFF" + (4 + len(chunk)).to_bytes(4, "little") + b"WEBP" + chunk


def webp(picture: np.ndarray, **options: object) -> bytes:
    """A picture packed as `WebP` says, with these options of Pillow's."""
    check_room(picture, "WEBP")
    file = io.BytesIO()
    try:
        Image.fromarray(picture).save(file, "WEBP", **options)
    except ValueError as error:
        raise too_long(picture, "WebP") from error
    data = file.getvalue()
    size = int.from_bytes(data[16:20], "little")
    return bytes([COLOR * (picture.ndim == 3) + LOSSLESS * (data[12:16] == b"VP8L")]) + data[20 : 20 + size]
