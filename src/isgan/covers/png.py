"""A PNG as cover: its samples. Any picture that can be read becomes one."""

import hashlib
import struct
from typing import Self

import numpy as np
from PIL import Image

from isgan.covers import covers
from isgan.covers.base import Cover, Planes
from isgan.covers.past import past_of, remedy
from isgan.decoders import Decoded, decode, lossy_format
from isgan.decoders.limits import check_size
from isgan.errors import IsganError
from isgan.options import Options
from isgan.picture import check_array, png_bytes

PLACES = 128
"""Pixels whose samples make the salt, at most; of small pictures one pixel in `SPARSE`."""
SPARSE = 16
GOLDEN = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: multiples of it modulo 2^64 lie evenly


@covers.register("png")
class PngCover(Cover):
    """Samples of a picture, and what says how they are shown: alpha and colour profile.

    A picture whose three channels are equal has one plane and is written in gray: else a change of one channel would be
    its only colour.

    Args:
        samples: (H, W, 3) RGB or (H, W) gray uint8.
        alpha: (H, W) uint8; where it is 0, nothing may change.
        profile: an ICC profile.
        chunks: of a PNG, which say how the numbers are shown, see `isgan.decoders.png.COLOR_CHUNKS`.
        origin: the file with loss that the samples were decoded from ("a JPEG"), if that is known.
    """

    suffixes = (".png",)
    bounds = (0, 255)

    def __init__(
        self,
        samples: np.ndarray,
        alpha: np.ndarray | None = None,
        profile: bytes | None = None,
        chunks: tuple[tuple[bytes, bytes], ...] = (),
        origin: str | None = None,
    ):
        check_array(samples, (3,))
        if samples.ndim == 3 and profile is None and (samples == samples[..., :1]).all():
            samples = samples[..., 0]
        channels = [samples] if samples.ndim == 2 else [samples[..., channel] for channel in range(3)]
        self.planes = tuple(np.ascontiguousarray(channel, np.int16) for channel in channels)
        self.alpha, self.profile, self.chunks, self.origin = alpha, profile, chunks, origin
        still = np.zeros(samples.shape[:2], bool) if alpha is None else alpha == 0
        still.reshape(-1)[public_places(still.size)] = True
        self.frozen = (still,) * len(self.planes)

    @classmethod
    def prepared(cls, source: bytes | np.ndarray, name: str, options: Options) -> Self:
        """Any picture's samples, turned upright as its EXIF orientation says, and scaled by `options.scale`."""
        if isinstance(source, bytes):
            decoded = decode(source, name, options.frame)
            format = lossy_format(source)
            cover = cls._of(decoded._replace(image=decoded.upright()), format and f"{'an' if format == 'AVIF' else 'a'} {format} file")
        else:
            cover = cls(source)
        return cover if options.scale == 1 else cover.scaled(options.scale)

    @classmethod
    def read(cls, data: bytes, name: str) -> Self:
        """The samples in a picture file of any kind, as they are: an orientation that it got since is left aside."""
        return cls._of(decode(data, name))

    @classmethod
    def _of(cls, decoded: Decoded, origin: str | None = None) -> Self:
        image, alpha = decoded.image, None
        if image.mode in ("LA", "RGBA"):
            alpha = np.array(image.getchannel("A"))
            image = image.convert(image.mode[:-1])
        return cls(np.asarray(image), alpha, decoded.profile, decoded.chunks, origin)

    def pixels(self) -> np.ndarray:
        """The colours without alpha."""
        if len(self.planes) == 1:
            return self.planes[0].astype(np.uint8)
        return np.stack([plane.astype(np.uint8) for plane in self.planes], axis=-1)

    def changed(self, planes: Planes) -> Self:
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, planes=tuple(planes))
        return other

    def encode(self) -> bytes:
        return png_bytes(self._image(), self.profile, self.chunks)

    def salt(self) -> bytes:
        """SHA-256 of width and height (4 bytes each, little-endian), the number of planes (a byte) and, plane by plane,
        the samples at `public_places` (a byte each)."""
        height, width = self.planes[0].shape
        places = public_places(width * height)
        samples = np.concatenate([plane.reshape(-1)[places] for plane in self.planes])
        return hashlib.sha256(struct.pack("<IIB", width, height, len(self.planes)) + bytes(samples.tolist())).digest()

    def suspicion(self) -> str | None:
        past = f"was decoded from {self.origin}" if self.origin else past_of(self.planes)
        return past and f"the cover {past}, so that a single changed sample shows: {remedy(past)}"

    def avoided(self) -> tuple[np.ndarray | None, ...]:
        """Partly transparent pixels: programs that multiply colours by alpha leave only some values there. Of colour covers also
        pixels whose 3 x 3 neighbourhood is exactly gray: changed, they would be the only coloured ones."""
        clear = None if self.alpha is None else self.alpha < 255
        if len(self.planes) == 1:
            return (clear,)
        red, green, blue = self.planes
        gray = np.pad((red == green) & (green == blue), 1, mode="edge")
        gray = gray[:-2] & gray[1:-1] & gray[2:]
        gray = gray[:, :-2] & gray[:, 1:-1] & gray[:, 2:]
        mask = gray if clear is None else gray | clear
        return (mask if mask.any() else None,) * 3

    def scaled(self, factor: float) -> Self:
        """The picture scaled by `factor`, in (0, 1], by Lanczos's filter over all pixels that become one."""
        if not 0 < factor <= 1:
            raise IsganError(f"the cover can be scaled by more than 0 and at most 1, not by {factor:g}")
        height, width = self.planes[0].shape
        size = max(1, round(width * factor)), max(1, round(height * factor))
        check_size(*size, "the scaled cover")
        image = self._image().resize(size, Image.Resampling.LANCZOS)
        return self._of(Decoded(image, "PNG", 1, self.profile, self.chunks))

    def _image(self) -> Image.Image:
        image = Image.fromarray(self.pixels())
        if self.alpha is not None:
            image.putalpha(Image.fromarray(self.alpha))
        return image


def public_places(pixels: int) -> np.ndarray:
    """Places among so many pixels, row by row, whose samples make the salt: floor(frac(i / golden ratio) x pixels)."""
    count = max(1, min(PLACES, pixels // SPARSE))
    return np.array([(place * GOLDEN % 2**64) * pixels >> 64 for place in range(1, count + 1)])
