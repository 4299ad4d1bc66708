"""The chunks of a PNG: which ones a picture depends on, and which are better never seen by a decoder."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress

from isgan.errors import IsganError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOR_CHUNKS = {b"cHRM": 32, b"cICP": 4, b"gAMA": 4, b"sRGB": 1}
"""Chunks of a PNG that say how its numbers are shown, beside an ICC profile, and how many bytes they have."""
MAX_CHUNKS = 1_000_000
MAX_PROFILE = 4 * 2**20


def walk(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The chunks of a PNG up to its end: kind, start and end of the content; `IndexError` if one is cut off."""
    start = len(PNG_SIGNATURE)
    while True:
        if start + 12 > len(data):
            raise IndexError
        length, kind = struct.unpack_from(">I4s", data, start)
        end = start + 8 + length
        if end + 4 > len(data):
            raise IndexError
        yield kind, start + 8, end
        if kind == b"IEND":
            return
        start = end + 4


def color_chunks(data: bytes, name: str) -> dict[bytes, bytes]:
    """The chunks of a PNG that say how its numbers are shown, after the checksums of all that they depend on."""
    found: dict[bytes, bytes] = {}
    try:
        for count, (kind, start, end) in enumerate(walk(data)):
            if count == MAX_CHUNKS:
                raise IndexError
            critical, wanted = not kind[0] & 32, kind == b"iCCP" or COLOR_CHUNKS.get(kind) == end - start
            if not (critical or wanted):
                continue
            right = zlib.crc32(memoryview(data)[start - 4 : end]) == int.from_bytes(data[end : end + 4], "big")
            if critical and not right:
                raise IsganError(f"{name} is damaged (a checksum is wrong): get it again or save it as PNG")
            if wanted and right and kind not in found:
                found[kind] = data[start:end]
    except IndexError:
        raise IsganError(f"{name} is damaged or incomplete (it has no end): get it again or save it as PNG") from None
    return found


def bare(data: bytes) -> bytes:
    """A PNG without what its picture does not depend on: texts are never unpacked, odd metadata never parsed."""
    needed = (b"tRNS", b"eXIf", b"acTL", b"fcTL", b"fdAT")
    spans = [(start - 8, end + 4) for kind, start, end in walk(data) if not kind[0] & 32 or kind in needed]
    return PNG_SIGNATURE + b"".join(memoryview(data)[start:end] for start, end in spans)


def profile(chunk: bytes | None) -> bytes | None:
    """The ICC profile in an iCCP chunk, or None if it is none."""
    if not chunk or b"\0" not in chunk[:80]:
        return None
    unpacker = zlib.decompressobj()
    with suppress(zlib.error):
        found = unpacker.decompress(chunk[chunk.index(b"\0") + 2 :], MAX_PROFILE)
        return found if unpacker.eof else None
    return None
