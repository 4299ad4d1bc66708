"""The scan of a baseline JPEG file: Huffman-coded coefficients to planes, and back (ITU T.81 Annex F)."""

from functools import cached_property

import numpy as np

from isgan.jfif import huffman
from isgan.jfif.bits import (
    BAD_BLOCK,
    BAD_CODE,
    ENDS_EARLY,
    FAULTS,
    behind_restart,
    fill,
    give_back,
    put,
    put_last,
    put_restart,
    restarts,
)
from isgan.jfif.coding import Coding
from isgan.jfif.layout import layout
from isgan.jfif.segments import ZIGZAG, Header, damaged
from isgan.jit import jit


class Baseline(Coding):
    """One scan of all coefficients."""

    def __init__(self, data: bytes, header: Header, name: str):
        super().__init__(data, header, name)
        places = layout(header)
        # A block takes at least two codes: a claim of more blocks than that is not worth its memory.
        if len(places.blocks) * places.across * places.down > 4 * (len(data) - len(header.raw)) + 8:
            raise damaged(name, FAULTS[ENDS_EARLY])
        self.buffer = np.zeros(places.samples, np.int16)
        known, start = huffman.lookup(header.tables), len(header.raw)
        bytes_ = np.frombuffer(data, np.uint8)
        self.stop = _decode(bytes_, start, known, *places[:3], header.interval, ZIGZAG, self.buffer)
        if self.stop < 0:
            raise damaged(name, FAULTS[self.stop])

    @cached_property
    def _counts(self) -> np.ndarray:
        return frequencies(self.buffer, self.header)

    def written(self, buffer: np.ndarray, pad: int) -> tuple[Header, bytes]:
        counts = frequencies(buffer, self.header)
        tables = {
            key: huffman.fitted(table, self._counts[huffman.row(*key)], counts[huffman.row(*key)])
            for key, table in self.header.tables.items()
        }
        header = self.header.with_tables(tables) if tables != self.header.tables else self.header
        return header, write(buffer, header, counts, pad)


def frequencies(buffer: np.ndarray, header: Header) -> np.ndarray:
    """How often each symbol of each table is needed, (8, 256) int64."""
    counts = np.zeros((8, 256), np.int64)
    words, lengths = np.zeros((8, 256), np.uint32), np.ones((8, 256), np.uint8)
    _run(buffer, header, words, lengths, 1, counts, np.empty(0, np.uint8))
    return counts


def write(buffer: np.ndarray, header: Header, counts: np.ndarray, pad: int) -> bytes:
    """The scan's data by the header's tables, which have every symbol.

    Args:
        counts: of `frequencies`.
        pad: the bit that fills the last byte and those before restart markers, 1 but for odd encoders.
    """
    words, lengths = huffman.codes(header.tables)
    bits = int((counts * (lengths + (np.arange(256) & 15))).sum())
    places = layout(header)
    markers = places.across * places.down // header.interval if header.interval else 0
    out = np.empty(bits // 4 + 4 * markers + 16, np.uint8)  # each byte may need another one behind it
    size = _run(buffer, header, words, lengths, pad, np.zeros_like(counts), out)
    return out[:size].tobytes()


def _run(
    buffer: np.ndarray,
    header: Header,
    words: np.ndarray,
    lengths: np.ndarray,
    pad: int,
    counts: np.ndarray,
    out: np.ndarray,
) -> int:
    places = layout(header)
    return _encode(buffer, places.blocks, places.across, places.down, header.interval, ZIGZAG, words, lengths, pad, counts, out)


@jit
def _decode(data, place, lookup, blocks, across, down, interval, zigzag, buffer):
    """Fills the buffer; returns the place behind the last byte of data that was used, or a fault."""
    window, have = np.uint64(0), 0  # the next bits, in the lowest `have` bits
    borrowed = 0  # bits behind the end of the data
    before = np.zeros(4, np.int64)
    for mcu in range(across * down):
        if restarts(mcu, interval):
            place = behind_restart(data, place, have - borrowed, mcu, interval)
            if place < 0:
                return place
            window, have, borrowed = np.uint64(0), 0, 0
            before[:] = 0
        down_by, across_by = mcu // across, mcu % across
        for index in range(blocks.shape[0]):
            component, stride = blocks[index, 0], blocks[index, 4]
            corner = blocks[index, 3] + across_by * blocks[index, 5] + down_by * blocks[index, 6]
            k = 0
            while k < 64:
                place, window, have, borrowed = fill(data, place, window, have, borrowed)
                table = blocks[index, 1] if k == 0 else blocks[index, 2]
                entry = np.int64(lookup[table, (window >> np.uint64(have - 16)) & np.uint64(0xFFFF)])
                if entry == 0:
                    return ENDS_EARLY if have <= borrowed + 16 else BAD_CODE
                have -= entry >> 8
                symbol = entry & 255
                bits = symbol & 15
                value = 0
                if bits:
                    have -= bits
                    value = np.int64((window >> np.uint64(have)) & np.uint64((1 << bits) - 1))
                    if value < 1 << (bits - 1):
                        value -= (1 << bits) - 1
                if have < borrowed:
                    return ENDS_EARLY
                if k == 0:
                    if symbol > 11:
                        return BAD_CODE
                    before[component] += value
                    if not -32768 <= before[component] <= 32767:
                        return BAD_BLOCK
                    buffer[corner] = before[component]
                    k = 1
                    continue
                if bits == 0:
                    if symbol == 0:
                        break
                    if symbol != 0xF0:
                        return BAD_CODE
                    k += 16
                    continue
                k += symbol >> 4
                if k > 63:
                    return BAD_BLOCK
                buffer[corner + (zigzag[k] >> 3) * stride + (zigzag[k] & 7)] = value
                k += 1
            if k > 64:
                return BAD_BLOCK
    return give_back(data, place, (have - borrowed) >> 3)


@jit
def _encode(buffer, blocks, across, down, interval, zigzag, words, lengths, pad, counts, out):
    """Counts symbols, and writes their codes if `out` is not empty; returns the number of bytes."""
    writing = out.size > 0
    window, have, place = np.uint64(0), 0, 0
    before = np.zeros(4, np.int64)
    mcus = across * down
    for mcu in range(mcus + 1):
        if mcu == mcus or restarts(mcu, interval):
            if writing:
                place, have = put_last(window, have, out, place, pad), 0
            if mcu == mcus:
                break
            if writing:
                place = put_restart(out, place, mcu, interval)
            before[:] = 0
        down_by, across_by = mcu // across, mcu % across
        for index in range(blocks.shape[0]):
            component, stride = blocks[index, 0], blocks[index, 4]
            corner = blocks[index, 3] + across_by * blocks[index, 5] + down_by * blocks[index, 6]
            zeros, k = 0, 0
            while k < 64:
                table = blocks[index, 1] if k == 0 else blocks[index, 2]
                if k == 0:
                    value = np.int64(buffer[corner]) - before[component]
                    before[component] += value
                else:
                    value = np.int64(buffer[corner + (zigzag[k] >> 3) * stride + (zigzag[k] & 7)])
                    if value == 0:
                        zeros += 1
                        if k < 63:
                            k += 1
                            continue
                size, rest = 0, abs(value)
                while rest:
                    size += 1
                    rest >>= 1
                ended = k == 63 and value == 0
                if zeros >= 16 and not ended:
                    symbol, size, step = 0xF0, 0, 0  # 16 zeros; this coefficient is not written yet
                    zeros -= 16
                elif ended:
                    symbol, step = 0, 1
                else:
                    symbol, step = zeros << 4 | size, 1
                    zeros = 0
                counts[table, symbol] += 1
                if writing:
                    tail = np.uint64((value if value > 0 else value + (1 << size) - 1) if size else 0)
                    window = (window << np.uint64(lengths[table, symbol])) | np.uint64(words[table, symbol])
                    window = (window << np.uint64(size)) | tail
                    have += lengths[table, symbol] + size
                    place, have = put(window, have, out, place)
                k += step
    return place
