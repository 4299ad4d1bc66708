"""Picture files of every kind, made here: as programs write them, put together by hand, and wrong."""

import io
import struct
import zlib
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageCms

from isgan.errors import IsganError


def photo() -> np.ndarray:
    """(30, 41, 3) uint8: smooth, with odd sides, and no two corners alike."""
    y, x = np.mgrid[0:30, 0:41]
    return np.stack([x * 6, y * 8, (x + y) * 3], axis=-1).astype(np.uint8)


PHOTO = photo()


def saved(image: np.ndarray | Image.Image, kind: str, **options) -> bytes:
    """A picture as a file."""
    file = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(file, kind, **options)
    return file.getvalue()


def cmyk(samples: np.ndarray) -> Image.Image:
    """(h, w, 4) uint8 as an image of inks."""
    return Image.merge("CMYK", [Image.fromarray(samples[..., ink]) for ink in range(4)])


def heic(*pictures: np.ndarray, orientation: int = 1, main: int = 0, quality: int = 90, exif: bytes | None = None) -> bytes:
    """A HEIC file: (h, w, 3) uint8 or uint16 pictures, to be turned by irot and imir as an EXIF orientation says."""
    pillow_heif = pytest.importorskip("pillow_heif")
    made = pillow_heif.HeifFile()
    for picture in pictures:
        mode = "RGB" if picture.dtype == np.uint8 else "RGB;16"
        made.add_frombytes(mode, picture.shape[1::-1], np.ascontiguousarray(picture).tobytes())
    for image in made:
        tags = Image.Exif()
        tags[0x0112] = orientation
        image.info["exif"] = tags.tobytes() if exif is None else exif
    file = io.BytesIO()
    made.save(file, quality=quality, primary_index=main)
    return file.getvalue()


def refused(call, *words: str) -> str:
    """The one-line message with which `call` is refused; it must hold every word."""
    with pytest.raises(IsganError) as caught:
        call()
    message = str(caught.value)
    assert message and "\n" not in message
    for word in words:
        assert word in message, message
    return message


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, bits: int, color: int, data: bytes, *extra: bytes) -> bytes:
    """A PNG put together by hand, with `data` as its (not yet compressed) scan lines."""
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    body = chunk(b"IHDR", header) + b"".join(extra) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def deep_png(samples: np.ndarray, *extra: bytes) -> bytes:
    """(h, w, 1 ... 4) uint16 samples as a PNG of 16 bits."""
    height, width, channels = samples.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    return png(width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], rows, *extra)


def with_chunk(data: bytes, kind: bytes, content: bytes) -> bytes:
    """A PNG with a chunk more after its header."""
    return data[:33] + chunk(kind, content) + data[33:]


def tiff(samples: np.ndarray, photometric: int, order: str = "<", extra: int | None = None, planar: int = 1, packed: bool = False) -> bytes:
    """A TIFF of one strip put together by hand.

    Args:
        samples: (h, w, channels) of any unsigned type.
        photometric: 0 white is 0, 1 gray, 2 RGB, 5 CMYK.
        order: "<" or ">".
        extra: meaning of a channel more: 0 none, 1 alpha by which the others were multiplied, 2 alpha.
        planar: 1 or, for each channel by itself, 2.
        packed: by deflate, so that libtiff decodes it.
    """
    height, width, channels = samples.shape
    ordered = samples if planar == 1 else np.moveaxis(samples, 2, 0)
    data = ordered.astype(samples.dtype.newbyteorder(order)).tobytes()
    data = zlib.compress(data) if packed else data
    depth = samples.dtype.itemsize * 8
    tags = {256: [width], 257: [height], 258: [depth] * channels, 259: [8 if packed else 1], 262: [photometric], 273: [0],
            277: [channels], 278: [height], 279: [len(data)], 284: [planar], 338: [] if extra is None else [extra]}  # fmt: skip
    tags = {tag: values for tag, values in tags.items() if values}
    long = (256, 257, 273, 278, 279)
    start = 8 + 2 + 12 * len(tags) + 4
    entries, beyond = b"", b""
    tags[273] = [start + sum(2 * len(values) for tag, values in tags.items() if tag not in long and len(values) > 2)]
    for tag, values in tags.items():
        packed_values = struct.pack(f"{order}{len(values)}{'I' if tag in long else 'H'}", *values)
        entries += struct.pack(f"{order}HHI", tag, 4 if tag in long else 3, len(values))
        if len(packed_values) > 4:
            entries += struct.pack(f"{order}I", start + len(beyond))
            beyond += packed_values
        else:
            entries += packed_values.ljust(4, b"\0")
    head = struct.pack(f"{order}2sHIH", b"II" if order == "<" else b"MM", 42, 8, len(tags))
    return head + entries + struct.pack(f"{order}I", 0) + beyond + data


@cache
def display_p3() -> bytes:
    """A profile with wider primaries than sRGB's, Display P3's, made of an sRGB one; the time of making it is written in it."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for tag, xyz in {
        b"rXYZ": (0.5151, 0.2412, -0.0011),
        b"gXYZ": (0.2919, 0.6922, 0.0419),
        b"bXYZ": (0.1572, 0.0666, 0.7841),
    }.items():
        (at,) = struct.unpack_from(">I", profile, profile.index(tag) + 4)
        struct.pack_into(">3i", profile, at + 8, *(round(value * 65536) for value in xyz))
    return bytes(profile)
