"""What stands beside the picture in a JPEG file: taken out on request; and the table of further pictures (MPO) kept
right."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from isgan.jfif.file import read
from isgan.jfif.segments import APP0, APP1, APP2, APP11, APP14, COM, Header, Segment

END = b"\xff\xd9"
EXIF, PROFILE, PICTURES = b"Exif\0\0", b"ICC_PROFILE\0", b"MPF\0"
ORIENTATION = 0x0112
ENTRIES = 0xB002
ALIGNED = 512
"""Bytes to a multiple of which some cameras fill up, before a further picture."""


class Field(NamedTuple):
    """A field of a TIFF directory: its kind and number of values, and where in the bytes they, or the pointer to
    them, are."""

    tag: int
    kind: int
    values: int
    place: int


def stripped(data: bytes, name: str) -> bytes:
    """A file without EXIF, comments, makers' data and further pictures. What says how it is shown stays."""
    coding = read(data, name)
    header, stop = coding.header, coding.stop
    turned = orientation(header)
    tiff = struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, ORIENTATION, 3, 1, turned, 0, 0)
    raw = b""
    for segment in header.segments:
        if _is_exif(segment) and turned != 1:
            raw += Segment.of(APP1, EXIF + tiff).raw
        elif _says_how_to_show(segment):
            raw += segment.raw
    return raw + data[len(header.raw) : stop] + END


def _is_exif(segment: Segment) -> bool:
    return segment.marker == APP1 and segment.payload.startswith(EXIF)


def _says_how_to_show(segment: Segment) -> bool:
    """Whether a viewer needs a segment: everything but comments and applications' data, of which a few matter."""
    if not APP0 <= segment.marker <= COM:
        return True
    needed = {APP0: b"JFIF\0", APP2: PROFILE, APP14: b"Adobe"}.get(segment.marker)
    return needed is not None and segment.payload.startswith(needed)


def has_thumbnail(header: Header) -> bool:
    """Whether EXIF holds a small JPEG picture."""
    return any(_is_exif(segment) and b"\xff\xd8\xff" in segment.payload for segment in header.segments)


def has_credentials(header: Header) -> bool:
    """Whether there is a C2PA manifest store (C2PA specification, A.3.1), which holds a signed hash of the rest of the file."""
    return any(segment.marker == APP11 and segment.payload.startswith(b"JP") and b"c2pa" in segment.payload for segment in header.segments)


def orientation(header: Header) -> int:
    """How EXIF says that the picture is turned, 1 ... 8; 1 if it does not, or makes no sense."""
    for segment in header.segments:
        if _is_exif(segment):
            tiff = segment.payload[len(EXIF) :]
            for order, field in _fields(tiff):
                if field.tag == ORIENTATION and field.place + 2 <= len(tiff):
                    turned = struct.unpack_from(order + "H", tiff, field.place)[0]
                    return turned if 1 <= turned <= 8 else 1
    return 1


def moved(header: Header, picture: bytes, tail: bytes, before: Header, stop: int) -> bytes:
    """A file of a header, its scan and what follows.

    The sizes and places in a table of further pictures (CIPA DC-007) are corrected. Where a camera filled up to a whole
    number of blocks before the next picture, so is it done here.

    Args:
        header: the new header.
        picture: its scan.
        tail: what follows, from the end of image on.
        before: the cover's header.
        stop: where `tail` began in the cover's file.
    """
    index = next((i for i, part in enumerate(before.segments) if part.marker == APP2 and PICTURES in part.raw), None)
    if index is None:
        return header.raw + picture + tail
    old, new = (_base(segments, index) for segments in (before.segments, header.segments))
    start = len(header.raw) + len(picture)
    entries = list(_entries(before.segments[index].raw.partition(PICTURES)[2]))
    following = min((old + entry.offset for entry in entries if entry.offset), default=0)
    fill = following - stop - len(END)
    filled = fill
    if 0 < fill < ALIGNED and following % ALIGNED == 0 and not tail[len(END) : len(END) + fill].strip(b"\xff"):
        filled = -(start + len(END)) % ALIGNED
        tail = END + b"\xff" * filled + tail[len(END) + fill :]
    table = bytearray(header.segments[index].raw)
    own = table.index(PICTURES) + len(PICTURES)
    for entry in entries:
        size, offset = entry.size, entry.offset
        if offset:
            offset += start - stop + filled - fill - (new - old)
        else:
            size += start - stop
        if 0 <= size < 1 << 32 and 0 <= offset < 1 << 32:  # otherwise the table makes no sense anyway
            struct.pack_into(entry.order + "II", table, own + entry.place, size, offset)
    raws = [segment.raw for segment in header.segments]
    raws[index] = bytes(table)
    return b"".join(raws) + picture + tail


class Entry(NamedTuple):
    """A picture in a table: byte order, where its size stands, its size, its offset (0: the first one)."""

    order: str
    place: int
    size: int
    offset: int


def _base(segments: tuple[Segment, ...], index: int) -> int:
    """The place in a file from which the offsets in a table of pictures count."""
    raw = segments[index].raw
    return sum(len(segment.raw) for segment in segments[:index]) + raw.index(PICTURES) + len(PICTURES)


def _entries(tiff: bytes) -> Iterator[Entry]:
    for order, field in _fields(tiff):
        if field.tag == ENTRIES and field.values % 16 == 0 and field.place + 4 <= len(tiff):
            start = struct.unpack_from(order + "I", tiff, field.place)[0]
            for place in range(start, min(start + field.values, len(tiff) - 15), 16):
                yield Entry(order, place + 4, *struct.unpack_from(order + "II", tiff, place + 4))


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
        tag, kind, values = struct.unpack_from(order + "HHI", tiff, start)
        yield order, Field(tag, kind, values, start + 8)
