"""The scans of a progressive JPEG file: coefficients that come band by band and bit by bit, read, and written again by
the file's own script of scans (ITU T.81 Annex G)."""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from isgan.jfif import huffman
from isgan.jfif.bits import ENDS_EARLY, FAULTS
from isgan.jfif.coding import Coding
from isgan.jfif.layout import layout
from isgan.jfif.passes import decode, encode
from isgan.jfif.scripts import Step, chosen
from isgan.jfif.segments import (  # fmt: skip
    DHT,
    DRI,
    EOI,
    SOS,
    ZIGZAG,
    Component,
    Header,
    Segment,
    Table,
    damaged,
    huffman_tables,
    in_scan,
    segment_at,
    with_tables,
)

MOST = 64  # scans of a file; encoders make about ten

Key = tuple[int, int]
"""Class, 0 for DC and 1 for AC, and number of a Huffman table."""


class Pass(NamedTuple):
    """One scan.

    Attributes:
        segments: what stands before its data and after those of the scan before; its start of scan is the last one.
        components: with the numbers of their tables.
        band: the first and the last coefficient that it has, in zigzag order.
        bits: the successive approximation: the bit above those that it has, or 0, and the lowest that it has.
        tables: in which scan the Huffman tables that hold here were defined.
        interval: MCUs between restart markers, 0 for none.
    """

    segments: tuple[Segment, ...]
    components: tuple[Component, ...]
    band: tuple[int, int]
    bits: tuple[int, int]
    tables: dict[Key, int]
    interval: int


class Progressive(Coding):
    """A script of scans, and the Huffman tables that each of them defines."""

    def __init__(self, data: bytes, header: Header, name: str):
        super().__init__(data, header, name)
        places = layout(header)
        # Each block takes at least a bit of the first scan.
        if len(places.blocks) * places.across * places.down > 8 * (len(data) - len(header.raw)) + 8:
            raise damaged(name, FAULTS[ENDS_EARLY])
        self.buffer = np.zeros(places.samples, np.int16)
        self._passes: list[Pass] = []
        self._tables: list[dict[Key, Table]] = []  # those that each scan defines
        self._known = np.full((len(header.components), 64), -1)  # the lowest bit of each coefficient so far
        try:
            self.stop = self._read(name)
        except (IndexError, ValueError, KeyError) as error:
            raise damaged(name, "its scans end early or contradict each other") from error
        if self._known[0].any():
            raise damaged(name, "its brightness is not complete")
        self.chosen = chosen([Step(tuple(map(self._number, scan.components)), scan.band, scan.bits) for scan in self._passes])

    def _read(self, name: str) -> int:
        """Reads all scans; returns where the last one ends."""
        place, segments = len(self.header.raw), self.header.segments
        while True:
            scan = self._next(segments)
            place = self._decoded(scan, place)
            if place < 0:
                raise damaged(name, FAULTS[place])
            segments, stop = (), place
            while not segments or segments[-1].marker != SOS:
                if self._data[place:].lstrip(b"\xff")[:1] == bytes([EOI]):
                    return stop
                segments += (segment_at(self._data, place),)
                place += len(segments[-1].raw)

    def _next(self, segments: tuple[Segment, ...]) -> Pass:
        """The scan that these segments begin. `ValueError` where it does not follow from those before."""
        own: dict[Key, Table] = {}
        interval = self._passes[-1].interval if self._passes else self.header.interval
        for segment in segments:
            if segment.marker == DHT:
                own |= {(kind, number): table for kind, number, table in huffman_tables(segment.payload)}
            elif segment.marker == DRI:
                interval = int.from_bytes(segment.payload[:2], "big")
        script = segments[-1].payload
        components = in_scan(self.header.components, script)
        first, last, high, low = script[-3], script[-2], script[-1] >> 4, script[-1] & 15
        for part in components:
            band = self._known[self._number(part), first : last + 1]
            if (band != (high or -1)).any() or (high and low != high - 1):
                raise ValueError("a scan that does not follow from those before")
            band[...] = low
        if len(self._passes) == MOST:
            raise ValueError("too many scans")
        if not first <= last <= 63 or low > 13 or (first == 0) != (last == 0) or (first and len(components) > 1):
            raise ValueError("a band of coefficients")
        tables = self._passes[-1].tables if self._passes else {}
        scan = Pass(segments, components, (first, last), (high, low), tables | dict.fromkeys(own, len(self._passes)), interval)
        for key in _needed(scan):
            scan.tables[key]  # KeyError where one is missing
        self._passes.append(scan)
        self._tables.append(own)
        return scan

    def _number(self, part: Component) -> int:
        """Which of the components one is."""
        return [known.name for known in self.header.components].index(part.name)

    def _decoded(self, scan: Pass, place: int) -> int:
        known = huffman.lookup(self._in_force(scan, self._tables))
        places = layout(self.header, scan.components)
        data = np.frombuffer(self._data, np.uint8)
        return decode(data, place, known, *places[:3], scan.interval, ZIGZAG, *scan.band, *scan.bits, self.buffer)

    def _in_force(self, scan: Pass, tables: list[dict[Key, Table]]) -> huffman.Tables:
        return {key: tables[scan.tables[key]][key] for key in _needed(scan)}

    @cached_property
    def _own(self) -> list[tuple[np.ndarray, int]]:
        return self._counted(self.buffer)

    def _counted(self, buffer: np.ndarray) -> list[tuple[np.ndarray, int]]:
        """Of each scan the frequencies of its symbols, (8, 256), and the number of its bits that are no code."""
        return [self._encoded(buffer, scan, {}, 1)[:2] for scan in self._passes]

    def _usage(self, counted: list[tuple[np.ndarray, int]]) -> list[dict[Key, np.ndarray]]:
        """How often each symbol, (256,), of each table that a scan defines is needed, by it or a later one."""
        found = [{key: np.zeros(256, np.int64) for key in own} for own in self._tables]
        for scan, (counts, _) in zip(self._passes, counted, strict=True):
            for key in _needed(scan):
                found[scan.tables[key]][key] += counts[huffman.row(*key)]
        return found

    def _encoded(self, buffer: np.ndarray, scan: Pass, tables: huffman.Tables, pad: int, room: int = 0) -> tuple[np.ndarray, int, bytes]:
        """A scan's frequencies, bits that are no code, and, in at most `room` bytes, its data."""
        counts, out = np.zeros((8, 256), np.int64), np.empty(room, np.uint8)
        places = layout(self.header, scan.components)
        ways = (*places[:3], scan.interval, ZIGZAG, *scan.band, *scan.bits)
        size, bits = encode(buffer, *ways, *huffman.codes(tables), pad, counts, out)
        return counts, bits, out[:size].tobytes()

    def written(self, buffer: np.ndarray, pad: int) -> tuple[Header, bytes]:
        counted = self._own if buffer is self.buffer else self._counted(buffer)
        made = [
            {key: huffman.fitted(table, before[key], after[key]) for key, table in own.items()}
            for own, before, after in zip(self._tables, self._usage(self._own), self._usage(counted), strict=True)
        ]
        parts = []
        for number, (scan, (counts, bits)) in enumerate(zip(self._passes, counted, strict=True)):
            if number:
                parts += [segment.raw for segment in with_tables(scan.segments, made[number])]
            tables, places = self._in_force(scan, made), layout(self.header, scan.components)
            restarts = places.across * places.down // scan.interval if scan.interval else 0
            bits += int((counts * huffman.codes(tables)[1]).sum())
            room = bits // 4 + 4 * restarts + 16  # each byte may need another one behind it
            parts.append(self._encoded(buffer, scan, tables, pad, room)[2])
        return self.header.with_tables(made[0]), b"".join(parts)


def _needed(scan: Pass) -> set[Key]:
    """The Huffman tables that a scan uses: of bits after the first, DC coefficients use none."""
    if scan.band[0] > 0:
        return {(1, scan.components[0].ac)}
    return set() if scan.bits[0] else {(0, part.dc) for part in scan.components}
