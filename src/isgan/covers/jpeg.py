"""A JPEG as cover: the quantised coefficients of its brightness. Everything else stays as the camera wrote it."""

import hashlib
import io
import warnings
from functools import cached_property
from typing import Self

import numpy as np
from PIL import Image

from isgan.covers import covers
from isgan.covers.base import Cover, Planes
from isgan.covers.png import PngCover
from isgan.decoders import opened
from isgan.errors import IsganError, IsganWarning
from isgan.jfif.coding import Coding
from isgan.jfif.dct import coefficients, luma
from isgan.jfif.file import read
from isgan.jfif.layout import layout
from isgan.jfif.metadata import has_credentials, has_thumbnail, moved, stripped
from isgan.jfif.quality import quality_of
from isgan.jfif.segments import EOI, Header, damaged
from isgan.options import Options

LIMIT = 1023  # of an AC coefficient of 8-bit samples
QUALITY = 95
"""Of a fresh JPEG, unless the options say another."""
QUALITIES = range(50, 99)
LONGEST = 65_500  # pixels of a side that libjpeg writes


@covers.register("jpeg")
class JpegCover(Cover):
    """The coefficients of Y of a baseline or progressive JPEG file, gray or colour.

    A changed cover is written with the same header, scans, restart markers and kind of Huffman tables, and with what follows
    the picture (further pictures of a phone, a maker's data) byte for byte; only where further pictures lie is
    corrected.

    Attributes:
        planes: Y alone, (h, w) int16, 8 x 8 blocks side by side, each row-wise from DC on; h and w are whole blocks.
        header: of the file.
        rounding: of a fresh JPEG, (h, w) float32: what quantisation took from each coefficient, in steps, -0.5 ... 0.5;
            else None.
    """

    suffixes = (".jpg", ".jpeg")
    bounds = (-LIMIT, LIMIT)

    def __init__(self, data: bytes, coding: Coding, planes: Planes | None = None):
        self._data, self._coding = data, coding
        self.planes = planes or (np.ascontiguousarray(layout(self.header).planes(coding.buffer)[0]),)
        self.rounding: np.ndarray | None = None
        self._past: str | None = None
        (plane,) = self.planes
        frozen = np.abs(plane) > LIMIT
        frozen[::8, ::8] = True
        self.frozen = (frozen,)

    @classmethod
    def prepared(cls, source: bytes | np.ndarray, name: str, options: Options) -> Self:
        """A JPEG file as it is; or a fresh one of a picture that never was a JPEG, or is scaled down first."""
        if isinstance(source, bytes) and source.startswith(b"\xff\xd8") and options.scale == 1 and options.frame in (None, 1):
            if options.jpeg_quality is not None:
                raise IsganError(f"{name} is a JPEG already and keeps its quality: leave --jpeg-quality out")
            cover = cls.read(stripped(source, name) if options.strip_metadata else source, name)
            if has_thumbnail(cover.header):
                note = f"{name}: its EXIF data stay, and a thumbnail of the original with them, unless --strip-metadata"
                warnings.warn(note, IsganWarning, stacklevel=2)
            return cover
        picture = PngCover.prepared(source, name, options)
        if picture.alpha is not None and picture.alpha.min() < 255:
            raise IsganError(f"{name} is partly transparent, which no JPEG is: save the stego image as .png")
        cover = cls.compressed(picture.pixels(), options.jpeg_quality or QUALITY, picture.profile)
        cover._past = picture.suspicion()
        return cover

    @classmethod
    def compressed(cls, pixels: np.ndarray, quality: int, profile: bytes | None = None) -> Self:
        """A fresh JPEG, with what its rounding took as side information.

        Args:
            pixels: (H, W, 3) or (H, W) uint8, never compressed before.
            quality: of the usual tables, one of `QUALITIES`; colour is 4:2:0.
            profile: an ICC profile.
        """
        if quality not in QUALITIES:
            raise IsganError(f"a JPEG quality of {quality} is out of bounds: from {QUALITIES[0]} to {QUALITIES[-1]}, best 93 to 97")
        if max(pixels.shape) > LONGEST:
            size = f"{pixels.shape[1]} x {pixels.shape[0]}"
            raise IsganError(f"a JPEG has no room for a picture of {size} pixels: save the stego image as .png, or take another cover")
        file = io.BytesIO()
        colors = {"subsampling": "4:2:0"} if pixels.ndim == 3 else {}  # of gray Pillow would write factors that nobody else does
        Image.fromarray(pixels).save(file, "JPEG", quality=quality, icc_profile=profile, **colors)
        cover = cls.read(file.getvalue(), "the fresh JPEG")
        (plane,) = cover.planes
        cover.rounding = coefficients(luma(pixels), cover.quantiser, plane.shape) - plane
        return cover

    @classmethod
    def read(cls, data: bytes, name: str) -> Self:
        coding = read(data, name)
        if data[coding.stop :].lstrip(b"\xff")[:1] != bytes([EOI]) or data[coding.stop] != 0xFF:
            raise damaged(name, "its end is missing or in the wrong place")
        return cls(data, coding)

    def pixels(self) -> np.ndarray:
        with opened(self.encode(), "the JPEG file", ("JPEG",)) as image:
            return np.array(image)

    def changed(self, planes: Planes) -> Self:
        other = type(self)(self._data, self._coding, planes)
        other._past = self._past
        return other

    def encode(self) -> bytes:
        return self._file

    def salt(self) -> bytes:
        """SHA-256 of width, height (4 bytes each, little-endian), the 64 steps of Y's quantisation (2 bytes each, row
        by row), and Y's DC coefficients (2 bytes each, row by row)."""
        size = self.header.width.to_bytes(4, "little") + self.header.height.to_bytes(4, "little")
        steps, constants = self.quantiser.astype("<u2").tobytes(), self.planes[0][::8, ::8].astype("<i2").tobytes()
        return hashlib.sha256(size + steps + constants).digest()

    def suspicion(self) -> str | None:
        if self._past:
            return self._past
        if has_credentials(self.header):
            return "it has content credentials (C2PA), a signed hash that any change breaks: --strip-metadata takes them out"
        if np.count_nonzero(self.quantiser == 1) > 32:
            return (
                f"its JPEG quality is {quality_of(self.quantiser)}, where rounding betrays "
                "every change: take a file of quality 98 or less, or scale it down (--scale 0.5 --jpeg-quality 95)"
            )
        if self._coding.pad is None:
            return "it was written by an unusual encoder, whose way cannot be kept: take the camera's own file"
        if self._coding.chosen:
            return (
                "an optimiser such as mozjpeg chose its scans, and whoever runs it on the stego image may see other ones: "
                "`jpegtran -progressive -copy all` writes the usual ones, without loss"
            )
        return None

    @property
    def header(self) -> Header:
        return self._coding.header

    @property
    def quantiser(self) -> np.ndarray:
        """Quantisation steps of Y, (8, 8) int32."""
        return self.header.quantisers[self.header.components[0].quantiser]

    @property
    def weight(self) -> int:
        """Non-zero AC coefficients of Y."""
        (plane,) = self.planes
        return int(np.count_nonzero(plane) - np.count_nonzero(plane[::8, ::8]))

    @cached_property
    def _file(self) -> bytes:
        coding = self._coding
        buffer = coding.buffer.copy()
        own = layout(self.header).planes(buffer)[0]
        if np.array_equal(own, self.planes[0]):
            return self._data
        own[...] = self.planes[0]
        header, picture = coding.written(buffer, 1 if coding.pad is None else coding.pad)
        file = moved(header, picture, self._data[coding.stop :], self.header, coding.stop)
        if not np.array_equal(read(file, "the stego image").buffer, buffer):
            raise IsganError("the JPEG file that was made is not what it should be: please report this")
        return file
