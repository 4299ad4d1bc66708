"""How large a picture may be, before any decoder takes memory for it."""

import re

from isgan.errors import IsganError

MAX_PIXELS = 100_000_000
MAX_MEMORY = 512 * 2**20
"""What a decoder may take for one picture, in bytes."""
MEMORY = {"WEBP": 16, "AVIF": 11, "JPEG2000": 20, "HEIF": 9, "GIF": 6}
"""Bytes that a decoder takes for a pixel, as measured, where these are more than Pillow's own 4."""
PROGRESSIVE = 10  # of a progressive JPEG
DEEP = 22  # of colours with more than 8 bits for each sample, which are decoded twice
MAX_SCANS = 100
"""Of a JPEG. Encoders make a dozen; each takes time for all of the picture, and no more than 31 bytes."""
MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
START_OF_IMAGE, END_OF_IMAGE, START_OF_SCAN = 0xD8, 0xD9, 0xDA


def check_scans(data: bytes, name: str) -> None:
    """`IsganError` for a JPEG with more than `MAX_SCANS`; what stands after its end is not looked at."""
    at = count = 0
    while (marker := MARKER.search(data, at)) and (kind := marker[0][1]) != END_OF_IMAGE:
        at = marker.end() if kind == START_OF_IMAGE else marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
        count += kind == START_OF_SCAN
        if count > MAX_SCANS:
            raise IsganError(f"{name} is a JPEG of more than {MAX_SCANS} scans, which no camera or program writes: save it anew, as PNG")


def check_canvas(data: bytes, name: str) -> None:
    """`check_size` of a WebP file by its first chunk: its decoder takes the memory as soon as the file is opened."""
    kind, head = data[12:16], data[20:30]
    if kind == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (4, 7))
    elif kind == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:  # "VP8 "; of anything else the decoder says what it thinks
        width, height = (int.from_bytes(head[at : at + 2], "little") & 0x3FFF or 1 for at in (6, 8))
    check_size(width, height, name, MEMORY["WEBP"])


def check_size(width: int, height: int, name: str, memory: int = 4) -> None:
    """`IsganError` for a picture without pixels, or with more than `MAX_PIXELS` or than `MAX_MEMORY` has room for.

    Args:
        width, height: in pixels, from the header.
        name: for the message.
        memory: bytes that its decoder takes for a pixel.
    """
    if width < 1 or height < 1:
        raise IsganError(f"{name} has no pixels: give a picture")
    limit = min(MAX_PIXELS, MAX_MEMORY // memory)
    if width * height > limit:
        raise IsganError(f"{name} has too many pixels: at most {limit / 1e6:.0f} megapixels are read; scale it down")
