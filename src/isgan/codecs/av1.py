"""As much of AV1 and AVIF as it takes to leave the boxes of an AVIF file out and to make them anew.

AV1 Bitstream & Decoding Process Specification, sections 5.3 to 5.5; AV1 Image File Format (AVIF) 1.1; ISO/IEC 23008-12.
"""

import struct
from typing import NamedTuple

from isgan.errors import IsganError

SEQUENCE, DELIMITER, FRAMES = 1, 2, {3, 4, 6}  # types of the units that a stream consists of


class Sequence(NamedTuple):
    """A sequence header: size in pixels, profile, level, and how chroma is sampled."""

    width: int
    height: int
    profile: int
    level: int
    mono: int
    subsampled: tuple[int, int]


def stream_of(file: bytes) -> bytes:
    """The AV1 stream of an AVIF file with one picture, which comes last in it, without its temporal delimiter."""
    stream = file[file.index(b"mdat") + 4 :]
    return stream.removeprefix(bytes([DELIMITER << 3 | 2, 0]))


def boxed(stream: bytes) -> bytes:
    """The AVIF file of a stream as `stream_of` gives it, byte for byte as libavif writes it.

    Raises:
        IsganError: it is no such stream.
    """
    header = sequence(stream)
    depths = b"\x08" if header.mono else b"\x08\x08\x08"
    across, down = header.subsampled
    sampling = header.mono << 4 | across << 3 | down << 2
    properties = _box(
        b"ipco",
        _box(b"ispe", bytes(4), struct.pack(">II", header.width, header.height)),
        _box(b"pixi", bytes(4), bytes([len(depths)]), depths),
        _box(b"av1C", bytes([0x81, header.profile << 5 | header.level, sampling, 0])),
        _box(b"colr", b"nclx", struct.pack(">HHHB", 1, 13, 6, 0x80)),  # as sRGB, matrix of BT.601, full range
    )
    item = _box(b"infe", bytes.fromhex("02000000 0001 0000"), b"av01", b"Color\0")
    data = bytes([DELIMITER << 3 | 2, 0]) + stream
    brands = b"avif\0\0\0\0avifmif1miaf" + {0: b"MA1B", 1: b"MA1A"}.get(header.profile, b"") * (not header.mono)
    kind = _box(b"ftyp", brands)

    def meta(start: int) -> bytes:
        return _box(
            b"meta",
            bytes(4),
            _box(b"hdlr", bytes(8), b"pict", bytes(13)),
            _box(b"pitm", bytes(4), b"\0\1"),
            _box(b"iloc", bytes(4), bytes.fromhex("4400 0001 0001 0000 0001"), struct.pack(">II", start, len(data))),
            _box(b"iinf", bytes(4), b"\0\1", item),
            _box(b"iprp", properties, _box(b"ipma", bytes(4), bytes.fromhex("00000001 0001 04 01 02 83 04"))),
        )

    return kind + meta(len(kind) + len(meta(0)) + 8) + _box(b"mdat", data)


def sequence(stream: bytes) -> Sequence:
    """The sequence header that a stream of one still picture starts with.

    The header has to be reduced (`reduced_still_picture_header`) and the only one: no frame is larger than it says.
    """
    units = _units(stream)
    kinds = [kind for kind, _ in units]
    if len(kinds) < 2 or kinds[0] != SEQUENCE or not set(kinds[1:]) <= FRAMES:
        raise _unknown()
    bits = _Bits(units[0][1])
    profile, still, reduced, level = bits.take(3), bits.take(1), bits.take(1), bits.take(5)
    sizes = bits.take(4) + 1, bits.take(4) + 1
    width, height = bits.take(sizes[0]) + 1, bits.take(sizes[1]) + 1
    bits.take(6)  # super blocks, intra filters, super-resolution, CDEF, restoration
    if not (still and reduced and profile < 2) or bits.take(1):  # more than 8 bits
        raise _unknown()
    mono = bits.take(1) if profile == 0 else 0
    return Sequence(width, height, profile, level, mono, (1, 1) if profile == 0 else (0, 0))


class _Bits:
    """Bits of bytes, the highest first."""

    def __init__(self, data: bytes):
        self.value, self.left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count: int) -> int:
        self.left -= count
        if self.left < 0:
            raise _unknown()
        return self.value >> self.left & (1 << count) - 1


def _units(stream: bytes) -> list[tuple[int, bytes]]:
    """Type and content of each unit. Each has to tell its size and have no extension."""
    units, at = [], 0
    while at < len(stream):
        head = stream[at]
        if head & 0x87 != 2:
            raise _unknown()
        at += 1
        size = shift = 0
        while True:
            if at >= len(stream) or shift > 28:
                raise _unknown()
            byte = stream[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        if at + size > len(stream):
            raise _unknown()
        units.append((head >> 3, stream[at : at + size]))
        at += size
    return units


def _box(kind: bytes, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return struct.pack(">I", 8 + len(content)) + kind + content


def _unknown() -> IsganError:
    return IsganError("the secret is no AVIF picture that this version knows: update isgan")
