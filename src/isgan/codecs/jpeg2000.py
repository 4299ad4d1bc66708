"""JPEG 2000: no container, and steps of a tenth of a decibel."""

import io

import numpy as np
from PIL import Image

from isgan.codecs import codecs
from isgan.codecs.base import Codec, check_room, read_one

RESOLUTIONS = 6


@codecs.register("jpeg2000")
class Jpeg2000(Codec):
    """The 9/7 wavelet, one tile, one layer; colour as YCbCr. Levels are PSNR in dB times ten, roughly.

    Packed: the codestream without COM segments in its main header.
    """

    number = 3
    suffix = ".j2k"
    levels = range(150, 701)

    def pack(self, picture: np.ndarray, level: int) -> bytes:
        return codestream(picture, irreversible=True, quality_mode="dB", quality_layers=[level / 10])

    def decode(self, data: bytes) -> np.ndarray:
        return read_one(data, "JPEG2000")


def codestream(picture: np.ndarray, **options: object) -> bytes:
    """A picture by OpenJPEG with these options of Pillow's, without the comment that names the program."""
    check_room(picture, "JPEG2000")
    file = io.BytesIO()
    # Each resolution halves the sides, of which the last has to have a pixel.
    resolutions = min(RESOLUTIONS, min(picture.shape[:2]).bit_length())
    colour = {"mct": 1} if picture.ndim == 3 else {}
    Image.fromarray(picture).save(file, "JPEG2000", no_jp2=True, num_resolutions=resolutions, **colour, **options)
    return _without_comment(file.getvalue())


def _without_comment(data: bytes) -> bytes:
    """A codestream without the COM segments of its main header."""
    kept, at = [data[:2]], 2
    while (marker := data[at : at + 2]) != b"\xff\x90":  # SOT, where the first tile starts
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker != b"\xff\x64":
            kept.append(data[at:end])
        at = end
    return b"".join(kept) + data[at:]
