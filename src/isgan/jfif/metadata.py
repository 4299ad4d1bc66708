"""What stands beside the picture in a JPEG file: taken out on request; and the table of further pictures (MPO) kept right."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from isgan.jfif import scan
from isgan.jfif.segments import APP0, APP1, APP2, APP14, COM, Header, Segment, read_header

END = b"\xff\xd9"
EXIF, PROFILE, PICTURES = b"Exif\0\0", b"ICC_PROFILE\0", b"MPF\0"
ORIENTATION = 0x0112
ENTRIES = 0xB002
ALIGNED = 512
"""Bytes to a multiple of which some cameras fill up, before a further picture."""


class Field(NamedTuple):
    """A field of a TIFF directory: its kind and number of values, and where in the bytes they, or the pointer to them, are."""

    tag: int
    kind: int
    count: int
    place: int


def stripped(data: bytes, name: str) -> bytes:
    """A file without EXIF, comments, makers' data and further pictures. What says how it is shown stays: colours, orientation."""
    header = read_header(data, name)
    _, stop = scan.read(data, header, name)
    segments = []
    for segment in header.segments:
        payload = segment.payload if segment.marker >= APP0 else b""
        if segment.marker == APP1 and payload.startswith(EXIF) and orientation(header) != 1:
            segments.append(
                Segment.of(
                    APP1,
                    EXIF + struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, ORIENTATION, 3, 1, orientation(header), 0, 0),
                )
            )
        elif (
            not APP0 < segment.marker <= COM
            or segment.marker == APP14
            or (segment.marker == APP2 and payload.startswith(PROFILE))
        ):
            segments.append(segment)
    return b"".join(segment.raw for segment in segments) + data[len(header.raw) : stop] + END


def orientation(header: Header) -> int:
    """How EXIF says that the picture is turned, 1 ... 8; 1 if it does not, or makes no sense."""
    for segment in header.segments:
        if segment.marker == APP1 and segment.payload.startswith(EXIF):
            tiff = segment.payload[len(EXIF) :]
            for order, field in _fields(tiff):
                if field.tag == ORIENTATION and field.place + 2 <= len(tiff):
                    turned = struct.unpack_from(order + "H", tiff, field.place)[0]
                    return turned if 1 <= turned <= 8 else 1
    return 1


def moved(header: Header, picture: bytes, tail: bytes, stop: int) -> bytes:
    """A file of a header, its scan and what follows, `tail`, which began at `stop` in the cover's file.

    The sizes and places in a table of further pictures are corrected. Where a camera filled up to a whole number of blocks before
    the next picture, so is it done here.
    """
    raw, place = b"", 0
    start = len(header.raw) + len(picture)
    for segment in header.segments:
        base = (
            place + segment.raw.index(PICTURES) + len(PICTURES)
            if segment.marker == APP2 and PICTURES in segment.raw
            else None
        )
        place += len(segment.raw)
        if base is None:
            raw += segment.raw
            continue
        table = bytearray(segment.raw)
        index = table.index(PICTURES) + len(PICTURES)
        entries = list(_entries(bytes(table[index:])))
        shift = start - stop
        following = [base + offset for _, _, _, offset in entries if offset]
        if following:
            fill = min(following) - stop - len(END)
            if (
                0 < fill < ALIGNED
                and min(following) % ALIGNED == 0
                and not tail[len(END) : len(END) + fill].strip(b"\xff")
            ):
                filled = -(start + len(END)) % ALIGNED
                tail = END + b"\xff" * filled + tail[len(END) + fill :]
                moved_by = shift + filled - fill
            else:
                moved_by = shift
            for order, where, size, offset in entries:
                struct.pack_into(
                    order + "II",
                    table,
                    index + where,
                    size + (0 if offset else shift),
                    offset + (moved_by if offset else 0),
                )
        raw += bytes(table)
    return raw + picture + tail


def _entries(tiff: bytes) -> Iterator[tuple[str, int, int, int]]:
    """Of each picture of a table (CIPA DC-007): byte order, place of the size in the bytes, size, offset (0: the first)."""
    for order, field in _fields(tiff):
        if field.tag == ENTRIES and field.count % 16 == 0 and field.place + 4 <= len(tiff):
            start = struct.unpack_from(order + "I", tiff, field.place)[0]
            for entry in range(start, start + field.count, 16):
                if entry + 16 <= len(tiff):
                    yield order, entry + 4, *struct.unpack_from(order + "II", tiff, entry + 4)


def _fields(tiff: bytes) -> Iterator[tuple[str, Field]]:
    """The first directory's fields, with struct's sign for the byte order; nothing where it makes no sense."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return
    place = struct.unpack_from(order + "I", tiff, 4)[0]
    if place + 2 > len(tiff):
        return
    for index in range(struct.unpack_from(order + "H", tiff, place)[0]):
        start = place + 2 + 12 * index
        if start + 12 > len(tiff):
            return
        yield order, Field(*struct.unpack_from(order + "HHI", tiff, start), start + 8)
