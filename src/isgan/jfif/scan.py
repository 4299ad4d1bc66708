"""The scan of a baseline JPEG file: Huffman-coded coefficients to planes, and back (ITU T.81 Annex F)."""

from typing import NamedTuple

import numpy as np

from isgan.jfif import huffman
from isgan.jfif.segments import ZIGZAG, Header, Table, damaged
from isgan.jit import jit

BAD_CODE, ENDS_EARLY, BAD_RESTART, BAD_BLOCK = -1, -2, -3, -4
FAULTS = {
    BAD_CODE: "a code that is in no table",
    ENDS_EARLY: "the data end early",
    BAD_RESTART: "a restart marker is missing",
    BAD_BLOCK: "a block with more than 64 coefficients",
}


class Layout(NamedTuple):
    """Where the blocks of a scan lie in one flat buffer that holds all planes, each padded to whole MCUs.

    Attributes:
        blocks: (blocks in an MCU, 7) int64: component, row of its DC and of its AC table, place of the first MCU's
            block, samples from one row to the next, from one MCU to the next and from one row of MCUs to the next.
        across, down: MCUs.
        shapes: of the padded planes.
        sizes: of the planes without the blocks that only fill the last MCUs.
    """

    blocks: np.ndarray
    across: int
    down: int
    shapes: tuple[tuple[int, int], ...]
    sizes: tuple[tuple[int, int], ...]

    def planes(self, buffer: np.ndarray) -> tuple[np.ndarray, ...]:
        """Views (h, w) of a buffer, of the sizes without padding."""
        views, place = [], 0
        for (height, width), (rows, columns) in zip(self.shapes, self.sizes, strict=True):
            views.append(buffer[place : place + height * width].reshape(height, width)[:rows, :columns])
            place += height * width
        return tuple(views)

    @property
    def samples(self) -> int:
        return sum(height * width for height, width in self.shapes)


def layout(header: Header) -> Layout:
    """The geometry of a file."""
    parts = header.components
    alone = len(parts) == 1  # a scan of one component has MCUs of one block, whatever the sampling factors say
    widest, tallest = (1, 1) if alone else (max(part.across for part in parts), max(part.down for part in parts))
    across, down = -(-header.width // (8 * widest)), -(-header.height // (8 * tallest))
    rows, shapes, sizes, place = [], [], [], 0
    for index, part in enumerate(parts):
        wide, tall = (1, 1) if alone else (part.across, part.down)
        height, width = 8 * tall * down, 8 * wide * across
        shapes.append((height, width))
        sizes.append((8 * _up(_up(header.height * tall, tallest), 8), 8 * _up(_up(header.width * wide, widest), 8)))
        dc, ac = huffman.row(0, part.dc), huffman.row(1, part.ac)
        for row in range(tall):
            for column in range(wide):
                rows.append((index, dc, ac, place + 8 * (row * width + column), width, 8 * wide, 8 * tall * width))
        place += height * width
    return Layout(np.array(rows, np.int64), across, down, tuple(shapes), tuple(sizes))


def read(data: bytes, header: Header, name: str) -> tuple[np.ndarray, int]:
    """All coefficients, (samples,) int16 in the places of `layout`, and where the scan's data end. `IsganError` if
    damaged."""
    places = layout(header)
    # A block takes at least two codes: a claim of more blocks than that is not worth its memory.
    if len(places.blocks) * places.across * places.down > 4 * (len(data) - len(header.raw)) + 8:
        raise damaged(name, FAULTS[ENDS_EARLY])
    buffer = np.zeros(places.samples, np.int16)
    known, start = huffman.lookup(header.tables), len(header.raw)
    stop = _decode(np.frombuffer(data, np.uint8), start, known, *places[:3], header.interval, ZIGZAG, buffer)
    if stop < 0:
        raise damaged(name, FAULTS[stop])
    return buffer, stop


def frequencies(buffer: np.ndarray, header: Header) -> np.ndarray:
    """How often each symbol of each table is needed, (8, 256) int64."""
    counts = np.zeros((8, 256), np.int64)
    words, lengths = np.zeros((8, 256), np.uint32), np.ones((8, 256), np.uint8)
    _run(buffer, header, words, lengths, 1, counts, np.empty(0, np.uint8))
    return counts


def is_shortest(tables: huffman.Tables, counts: np.ndarray) -> bool:
    """Whether the tables were made for a scan with these frequencies; among codes of the same length their order is
    free."""
    return all(_bits(tables[key]) == _bits(best) for key, best in _best(counts, tables).items())


def shortest(counts: np.ndarray, tables: huffman.Tables, before: np.ndarray) -> huffman.Tables:
    """Tables as short as can be for a scan with other frequencies; those that are not used stay.

    Args:
        counts: the frequencies.
        tables: of the file.
        before: the frequencies that they were made for. Where the file's encoder orders codes of the same length in
            another way than libjpeg, symbols keep the order that they had.
    """
    found, former = _best(counts, tables), _best(before, tables)
    for key, best in found.items():
        if key in former and _bits(former[key]) == _bits(tables[key]) and former[key] != tables[key]:
            found[key] = Table(best.counts, _in_order_of(tables[key], best))
    return tables | found


def covers(tables: huffman.Tables, counts: np.ndarray) -> bool:
    """Whether the tables have all the symbols that are needed."""
    return not (counts.astype(bool) & (huffman.codes(tables)[1] == 0)).any()


def write(buffer: np.ndarray, header: Header, counts: np.ndarray, pad: int) -> bytes:
    """The scan's data by the header's tables, which have every symbol.

    Args:
        counts: of `frequencies`.
        pad: the bit that fills the last byte and those before restart markers, 1 but for odd encoders.
    """
    words, lengths = huffman.codes(header.tables)
    bits = int((counts * (lengths + (np.arange(256) & 15))).sum())
    places = layout(header)
    restarts = places.across * places.down // header.interval if header.interval else 0
    out = np.empty(bits // 4 + 4 * restarts + 16, np.uint8)  # each byte may need another one behind it
    size = _run(buffer, header, words, lengths, pad, np.zeros_like(counts), out)
    return out[:size].tobytes()


def _best(counts: np.ndarray, tables: huffman.Tables) -> huffman.Tables:
    """The shortest table in place of each that is used."""
    return {key: huffman.shortest(counts[huffman.row(*key)]) for key in tables if counts[huffman.row(*key)].any()}


def _in_order_of(table: Table, best: Table) -> bytes:
    """The symbols of a table, those with codes of the same length in the order of another table, new ones last."""
    bits, rank = _bits(best), {symbol: place for place, symbol in enumerate(table.symbols)}
    places = sorted((length, rank.get(symbol, symbol + 256), symbol) for symbol, length in bits.items())
    return bytes(symbol for _, _, symbol in places)


def _bits(table: Table) -> dict[int, int]:
    """How many bits each symbol's code has."""
    lengths = [length for length, count in enumerate(table.counts, 1) for _ in range(count)]
    return dict(zip(table.symbols, lengths, strict=True))


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
    return _encode(
        buffer, places.blocks, places.across, places.down, header.interval, ZIGZAG, words, lengths, pad, counts, out
    )


def _up(number: int, step: int) -> int:
    return -(-number // step)


@jit
def _decode(data, place, lookup, blocks, across, down, interval, zigzag, buffer):
    """Fills the buffer; returns the place behind the last byte of data that was used, or a fault."""
    window, have = np.uint64(0), 0  # the next bits, in the lowest `have` bits
    borrowed = 0  # bits behind the end of the data
    before = np.zeros(4, np.int64)
    left, restart = interval, 0
    size = data.size
    for mcu in range(across * down):
        if interval and left == 0:
            # Whole bytes are left over only where data are damaged.
            if have - borrowed >= 8 or place + 1 >= size or data[place] != 0xFF or data[place + 1] != 0xD0 + restart:
                return BAD_RESTART
            place += 2
            restart = (restart + 1) & 7
            window, have, borrowed, left = np.uint64(0), 0, 0, interval
            before[:] = 0
        left -= 1
        down_by, across_by = mcu // across, mcu % across
        for index in range(blocks.shape[0]):
            component, stride = blocks[index, 0], blocks[index, 4]
            corner = blocks[index, 3] + across_by * blocks[index, 5] + down_by * blocks[index, 6]
            k = 0
            while k < 64:
                while have <= 48:
                    if place < size and not (data[place] == 0xFF and (place + 1 >= size or data[place + 1] != 0)):
                        window = (window << np.uint64(8)) | np.uint64(data[place])
                        place += 2 if data[place] == 0xFF else 1
                    else:
                        window = window << np.uint64(8)
                        borrowed += 8
                    have += 8
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
    # Bytes that were taken in but not used are given back.
    spare = (have - borrowed) >> 3
    while spare > 0:
        place -= 1
        if data[place] == 0 and place > 0 and data[place - 1] == 0xFF:
            place -= 1
        spare -= 1
    return place


@jit
def _put(window, have, out, place):
    """Writes the whole bytes among the lowest `have` bits, a zero after each 255; returns the next place, bits left."""
    while have >= 8:
        have -= 8
        byte = np.uint8((window >> np.uint64(have)) & np.uint64(255))
        out[place] = byte
        place += 1
        if byte == 255:
            out[place] = 0
            place += 1
    return place, have


@jit
def _encode(buffer, blocks, across, down, interval, zigzag, words, lengths, pad, counts, out):
    """Counts symbols, and writes their codes if `out` is not empty; returns the number of bytes."""
    writing = out.size > 0
    window, have, place = np.uint64(0), 0, 0
    before = np.zeros(4, np.int64)
    left, restart = interval, 0
    mcus = across * down
    for mcu in range(mcus + 1):
        if writing and (mcu == mcus or (interval and left == 0)):
            spare = (8 - have % 8) % 8
            window = (window << np.uint64(spare)) | np.uint64((1 << spare) - 1 if pad else 0)
            have += spare
            place, have = _put(window, have, out, place)
        if mcu == mcus:
            break
        if interval and left == 0:
            if writing:
                out[place], out[place + 1] = 0xFF, 0xD0 + restart
                place += 2
            restart = (restart + 1) & 7
            left = interval
            before[:] = 0
        left -= 1
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
                    place, have = _put(window, have, out, place)
                k += step
    return place
