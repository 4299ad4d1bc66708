"""A JPEG file as its segments, ITU T.81 Annex B: everything before the first scan, byte for byte, and what it says."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from isgan.errors import IsganError

SOI, EOI, SOS, DQT, DHT, DRI, COM = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xFE
APP0, APP1, APP2, APP11, APP14 = 0xE0, 0xE1, 0xE2, 0xEB, 0xEE
BASELINE, EXTENDED, PROGRESSIVE = 0xC0, 0xC1, 0xC2
FRAMES = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0))
MAX_PIXELS = 100_000_000

ZIGZAG = np.array(
    [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14,
     21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60,
     61, 54, 47, 55, 62, 63]
)  # fmt: skip
"""(64,): place in a row-wise 8 x 8 block of the i-th coefficient of the scan."""


class Damaged(IsganError):
    """A file that is not as any program writes it."""


def damaged(name: str, reason: str) -> Damaged:
    return Damaged(f"{name} is damaged or incomplete ({reason}): get it again")


class Segment(NamedTuple):
    """A marker and all its bytes, fill bytes and length included."""

    marker: int
    raw: bytes

    @property
    def payload(self) -> bytes:
        return self.raw[self.raw.index(self.marker) + 3 :]

    @classmethod
    def of(cls, marker: int, payload: bytes) -> "Segment":
        return cls(marker, bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload)


class Component(NamedTuple):
    """One colour component of a frame, and its Huffman tables in the scan."""

    name: int
    across: int  # sampling factors
    down: int
    quantiser: int
    dc: int
    ac: int


class Table(NamedTuple):
    """A Huffman table: (16,) how many codes have 1 ... 16 bits, and their symbols in that order."""

    counts: tuple[int, ...]
    symbols: bytes


@dataclass(frozen=True)
class Header:
    """What stands before the scan of a file, or the first of its scans.

    Attributes:
        segments: from the start of image to the start of scan, which are among them.
        quantisers: by number, (8, 8) int32.
        tables: Huffman tables by class, 0 for DC and 1 for AC, and number.
        interval: MCUs between restart markers, 0 for none.
        progressive: the coefficients come in several scans, each of which names its own Huffman tables.
    """

    segments: tuple[Segment, ...]
    width: int
    height: int
    components: tuple[Component, ...]
    quantisers: dict[int, np.ndarray]
    tables: dict[tuple[int, int], Table]
    interval: int
    progressive: bool = False

    @property
    def raw(self) -> bytes:
        """All bytes before the scan's data."""
        return b"".join(segment.raw for segment in self.segments)

    def with_tables(self, tables: dict[tuple[int, int], Table]) -> "Header":
        """The same header with other Huffman tables, each in the segment in which it stood."""
        return replace(self, segments=with_tables(self.segments, tables), tables=tables)


def with_tables(segments: tuple[Segment, ...], tables: dict[tuple[int, int], Table]) -> tuple[Segment, ...]:
    """The same segments with other Huffman tables."""
    return tuple(_with_tables(segment, tables) if segment.marker == DHT else segment for segment in segments)


def _with_tables(segment: Segment, tables: dict[tuple[int, int], Table]) -> Segment:
    parts = (((kind, number), tables[kind, number]) for kind, number, _ in huffman_tables(segment.payload))
    return Segment.of(DHT, b"".join(bytes([k << 4 | n, *table.counts]) + table.symbols for (k, n), table in parts))


def read_header(data: bytes, name: str) -> Header:
    """The header of a JPEG file; what follows `Header.raw` is the scan. `name` is for messages.

    Raises:
        IsganError: no JPEG, damaged, or a kind of JPEG that is not written as it was.
    """
    try:
        return _header(data, name)
    except (IndexError, ValueError, KeyError) as error:
        raise damaged(name, "its header ends early or contradicts itself") from error


def _header(data: bytes, name: str) -> Header:
    if data[:2] != b"\xff\xd8":
        raise IsganError(f"{name} is not a JPEG file, whatever its name says: give it the suffix of what it is")
    segments, place = [Segment(SOI, data[:2])], 2
    quantisers: dict[int, np.ndarray] = {}
    tables: dict[tuple[int, int], Table] = {}
    interval, frame, progressive = 0, None, False
    while segments[-1].marker != SOS:
        segment = segment_at(data, place)
        place += len(segment.raw)
        segments.append(segment)
        marker, payload = segment
        payload = segment.payload
        if marker == DQT:
            quantisers |= _quantisers(payload)
        elif marker == DHT:
            tables |= {(kind, number): table for kind, number, table in huffman_tables(payload)}
        elif marker == DRI:
            interval = int.from_bytes(payload[:2], "big")
        elif marker in FRAMES:
            if frame is not None:
                raise ValueError("two frames")
            _check_kind(marker, payload, name)
            frame, progressive = payload, marker == PROGRESSIVE
    if frame is None:
        raise ValueError("no frame")
    height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    if not height or not width:
        raise ValueError("no size")
    if height * width > MAX_PIXELS:
        raise IsganError(f"{name} has too many pixels: at most {MAX_PIXELS / 1e6:.0f} megapixels are read; scale it down")
    components = _components(frame)
    if not progressive:
        components = _with_all(components, segments[-1].payload, name)
        for component in components:  # KeyError where one is missing
            tables[0, component.dc], tables[1, component.ac]
    for component in components:
        quantisers[component.quantiser]
    _check_colors(segments, components, name)
    return Header(tuple(segments), width, height, components, quantisers, tables, interval, progressive)


def segment_at(data: bytes, place: int) -> Segment:
    start = place
    if data[place] != 0xFF:
        raise ValueError(f"no marker at byte {place}")
    while data[place] == 0xFF:  # fill bytes
        place += 1
    marker = data[place]
    if marker in (0x00, 0x01, SOI, EOI) or 0xD0 <= marker <= 0xD7:
        raise ValueError(f"marker {marker:02X} at byte {place}")
    length = int.from_bytes(data[place + 1 : place + 3], "big")
    stop = place + 1 + length
    if length < 2 or stop > len(data):
        raise ValueError(f"length {length} at byte {place}")
    return Segment(marker, data[start:stop])


def _quantisers(payload: bytes) -> dict[int, np.ndarray]:
    tables, place = {}, 0
    while place < len(payload):
        wide, number = payload[place] >> 4, payload[place] & 15
        steps = np.frombuffer(payload, ">u2" if wide else "u1", 64, place + 1)
        if wide > 1 or number > 3 or not steps.all():
            raise ValueError("quantisation table")
        table = np.empty(64, np.int32)
        table[ZIGZAG] = steps
        tables[number] = table.reshape(8, 8)
        place += 1 + 64 * (1 + wide)
    return tables


def huffman_tables(payload: bytes) -> list[tuple[int, int, Table]]:
    tables, place = [], 0
    while place < len(payload):
        kind, number = payload[place] >> 4, payload[place] & 15
        counts = tuple(payload[place + 1 : place + 17])
        symbols = payload[place + 17 : place + 17 + sum(counts)]
        full = sum(count << (16 - bits) for bits, count in enumerate(counts, 1))
        if kind > 1 or number > 3 or len(counts) < 16 or len(symbols) < sum(counts) or full > 1 << 16 or len(set(symbols)) < len(symbols):
            raise ValueError("Huffman table")
        tables.append((kind, number, Table(counts, symbols)))
        place += 17 + len(symbols)
    return tables


def _components(frame: bytes) -> tuple[Component, ...]:
    count = frame[5]
    if len(frame) != 6 + 3 * count or not count:
        raise ValueError("frame")
    components = []
    for index in range(count):
        label, factors, quantiser = frame[6 + 3 * index : 9 + 3 * index]
        if not 1 <= factors >> 4 <= 4 or not 1 <= factors & 15 <= 4:
            raise ValueError("components")
        components.append(Component(label, factors >> 4, factors & 15, quantiser, 0, 0))
    if len({part.name for part in components}) < count:
        raise ValueError("two components of one name")
    if count > 1 and sum(part.across * part.down for part in components) > 10:
        raise ValueError("sampling factors")
    return tuple(components)


def in_scan(components: tuple[Component, ...], scan: bytes) -> tuple[Component, ...]:
    """The components that a scan has, with their Huffman tables."""
    count, known = scan[0], {part.name: part for part in components}
    if len(scan) != 4 + 2 * count or not 1 <= count <= len(components):
        raise ValueError("scan")
    chosen = [(known[scan[place]], scan[place + 1]) for place in range(1, 1 + 2 * count, 2)]
    places = [components.index(part) for part, _ in chosen]
    if places != sorted(set(places)):
        raise ValueError("components of a scan")
    return tuple(part._replace(dc=tables >> 4, ac=tables & 15) for part, tables in chosen)


def _with_all(components: tuple[Component, ...], scan: bytes, name: str) -> tuple[Component, ...]:
    """The components of a baseline file, which has to have all of them in one scan."""
    if scan[0] != len(components):
        raise IsganError(f"{name} has its colours in several scans: `jpegtran` makes an ordinary one without loss")
    if scan[-3:] != bytes([0, 63, 0]):
        raise ValueError("scan")
    return in_scan(components, scan)


def _check_kind(marker: int, frame: bytes, name: str) -> None:
    """Refuses what is not written as it was, each with its remedy."""
    if marker not in (BASELINE, EXTENDED, PROGRESSIVE):
        kind = {0xC3: "a lossless", 0xC9: "an arithmetically coded", 0xCA: "an arithmetically coded"}.get(marker, "a rare kind of")
        remedy = f"`jpegtran -copy all -outfile baseline.jpg {name}` makes an ordinary one without loss"
        raise IsganError(f"{name} is {kind} JPEG, which cannot be written as it was: {remedy}")
    if frame[0] != 8:
        raise IsganError(f"{name} has {frame[0]} bits per sample: save it with 8")


def _check_colors(segments: list[Segment], components: tuple[Component, ...], name: str) -> None:
    adobe = [segment.payload for segment in segments if segment.marker == APP14 and segment.payload[:5] == b"Adobe"]
    transform = adobe[0][11] if adobe and len(adobe[0]) > 11 else None
    names = bytes(part.name for part in components)
    if len(components) not in (1, 3):
        raise IsganError(f"{name} is CMYK, or has {len(components)} colour components: convert it to RGB first")
    if len(components) == 3 and (transform == 0 or (transform is None and names == b"RGB")):
        raise IsganError(f"{name} keeps red, green and blue instead of brightness and colour: save it as an ordinary JPEG")
    if len(components) == 3 and any(part.across > components[0].across or part.down > components[0].down for part in components):
        raise IsganError(f"{name} has finer colour than brightness: save it as an ordinary JPEG")
