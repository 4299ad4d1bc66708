"""AVIF of which only the AV1 stream is kept: the boxes around it are the same for every picture, and are made anew."""

import io
import math

import numpy as np
from PIL import Image

from isgan.codecs import codecs
from isgan.codecs.av1 import boxed, sequence, stream_of
from isgan.codecs.base import EXACT, Codec, Estimate, check_room, read_one, too_long
from isgan.errors import IsganError

SPEEDS = ((300_000, 4), (3_000_000, 6), (math.inf, 8))  # libaom's, 0 to 10, for pictures of so many pixels at most
SKETCH = 8  # takes a tenth of speed 4's time, and 7 % more bytes for the same PSNR
SPARED = ("enable-filter-intra", "enable-ab-partitions", "enable-1to4-partitions")
"""Tools of AV1 that are left out, and blocks of more than 32 pixels: a seventh of the time, for .2 to .3 % more bytes of photographs."""
ADVANCED = {"tune": "psnr", "max-partition-size": "32", **dict.fromkeys(SPARED, "0")}
COARSE = 1 << 15
"""Pictures of more pixels are not divided into blocks under 8 pixels a side: a third of the time, for .9 % more bytes of gray photographs
of 256 x 256 and 1.6 % of colour ones; of 128 x 128 it would be 1.4 and 2.7 %."""
LAST = 63  # of AV1's quantizers as libaom numbers them, the coarsest


@codecs.register("avif")
class Avif(Codec):
    """AV1 intra coding tuned for PSNR: gray as 4:0:0, colour as 4:4:4 of full range (BT.601).

    Packed: the stream of the still picture (AV1 specification, 5.3 to 5.9) without its temporal delimiter.
    """

    number = 1
    suffix = ".avif"
    levels = range(LAST + 1)

    def pack(self, picture: np.ndarray, level: int) -> bytes:
        return self._pack(picture, level, _speed(picture))

    def sketch(self, picture: np.ndarray, level: int) -> bytes | None:
        return self._pack(picture, level, SKETCH) if _speed(picture) < SKETCH else None

    def foreseen(self, level: int, sketch: Estimate) -> Estimate:
        """Fitted to 60 photographs, gray and in colour, of 128 to 256 pixels a side near 2 to 6 KB: bytes within 3.7 % (standard
        deviation), PSNR within .17 dB; the simpler a picture is for its level, the more speed 4 gains."""
        if sketch.psnr >= EXACT:
            return sketch
        ratio = math.exp(0.218 - 0.0005 * level - 0.0051 * sketch.psnr)
        gain = -0.69 - 0.0408 * level + 0.0801 * sketch.psnr
        return Estimate(sketch.size * min(max(ratio, 0.9), 1.15), sketch.psnr + min(max(gain, 0.3), 1.5))

    def _pack(self, picture: np.ndarray, level: int, speed: int) -> bytes:
        check_room(picture, "AVIF")
        file = io.BytesIO()
        subsampling = "4:0:0" if picture.ndim == 2 else "4:4:4"  # 4:2:0 takes 18 % more for the same PSNR of R, G, B
        quality = 100 - round((LAST - level) * 100 / LAST)
        smallest = "8" if picture.shape[0] * picture.shape[1] > COARSE else "4"
        options = {"quality": quality, "speed": speed, "subsampling": subsampling}
        try:
            Image.fromarray(picture).save(file, "AVIF", codec="aom", advanced=ADVANCED | {"min-partition-size": smallest}, **options)
        except (KeyError, OSError, ValueError) as error:
            raise IsganError("this Pillow cannot write AVIF: take another codec, --codec webp") from error
        except RuntimeError as error:
            raise too_long(picture, "AVIF") from error
        whole = file.getvalue()
        stream = stream_of(whole)
        if boxed(stream) != whole and not np.array_equal(_decoded(whole, picture.ndim == 2), self.decode(stream)):
            raise IsganError("this Pillow writes AVIF in a way unknown to isgan: take another codec, --codec webp")
        return stream

    def decode(self, data: bytes) -> np.ndarray:
        return _decoded(boxed(data), bool(sequence(data).mono))

    def file(self, data: bytes) -> bytes:
        return boxed(data)


def _speed(picture: np.ndarray) -> int:
    height, width = picture.shape[:2]
    return next(speed for most, speed in SPEEDS if height * width <= most)


def _decoded(file: bytes, gray: bool) -> np.ndarray:
    picture = read_one(file, "AVIF")
    return np.ascontiguousarray(picture[..., 0]) if gray and picture.ndim == 3 else picture
