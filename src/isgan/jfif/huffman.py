"""Huffman tables of JPEG: for reading, for writing, and the shortest ones (ITU T.81 Annex C and K.2)."""

import numpy as np

from isgan.jfif.segments import Table

Tables = dict[tuple[int, int], Table]


def row(kind: int, number: int) -> int:
    """Where a table stands in the arrays of this module: DC 0 ... 3, then AC 0 ... 3."""
    return 4 * kind + number


def codes(tables: Tables) -> tuple[np.ndarray, np.ndarray]:
    """Codes and their lengths by symbol, (8, 256) uint32 and uint8; length 0: the table has no such symbol."""
    words, lengths = np.zeros((8, 256), np.uint32), np.zeros((8, 256), np.uint8)
    for (kind, number), table in tables.items():
        code, place = 0, 0
        for bits, count in enumerate(table.counts, 1):
            for symbol in table.symbols[place : place + count]:
                words[row(kind, number), symbol], lengths[row(kind, number), symbol] = code, bits
                code += 1
            place += count
            code <<= 1
    return words, lengths


def lookup(tables: Tables) -> np.ndarray:
    """(8, 65536) uint16: length << 8 | symbol of the code that the next 16 bits begin with; 0 if there is none."""
    found = np.zeros((8, 1 << 16), np.uint16)
    words, lengths = codes(tables)
    for index, symbol in zip(*np.nonzero(lengths), strict=True):
        bits, word = int(lengths[index, symbol]), int(words[index, symbol])
        found[index, word << (16 - bits) : (word + 1) << (16 - bits)] = bits << 8 | symbol
    return found


def shortest(frequencies: np.ndarray) -> Table:
    """The table that makes a scan shortest, with codes of at most 16 bits, none of them all ones.

    Args:
        frequencies: (256,), how often each symbol occurs.
    """
    weights = [int(weight) for weight in frequencies] + [1]  # the last one takes the code of all ones
    lengths = [0] * 257
    groups = {symbol: [symbol] for symbol, weight in enumerate(weights) if weight}
    while len(groups) > 1:
        first, second = sorted(groups, key=lambda symbol: (weights[symbol], -symbol))[:2]
        weights[first] += weights[second]
        groups[first] += groups.pop(second)
        for symbol in groups[first]:
            lengths[symbol] += 1
    counts = [lengths.count(bits) for bits in range(max(max(lengths), 16) + 1)]
    for bits in range(len(counts) - 1, 16, -1):
        while counts[bits]:  # two leaves move up: one to their parent's place, the other beside a shorter code
            shorter = max(length for length in range(1, bits - 1) if counts[length])
            counts[bits] -= 2
            counts[bits - 1] += 1
            counts[shorter + 1] += 2
            counts[shorter] -= 1
    longest = max(bits for bits in range(1, 17) if counts[bits])
    counts[longest] -= 1
    symbols = sorted((symbol for symbol in range(256) if lengths[symbol]), key=lambda symbol: (lengths[symbol], symbol))
    return Table(tuple(counts[1:17]), bytes(symbols))


def fitted(table: Table, before: np.ndarray, after: np.ndarray) -> Table:
    """The table that an encoder would write for other coefficients.

    A table stays as long as it has every symbol, unless it is a shortest one: then it is made anew. Where the file's
    encoder orders codes of the same length in another way than libjpeg, symbols keep the order that they had.

    Args:
        table: of the file.
        before: (256,), how often it was needed there.
        after: (256,), how often it is now.
    """
    former = shortest(before) if before.any() else table
    made_for = before.any() and _bits(former) == _bits(table)
    if not after.any() or (not made_for and set(np.flatnonzero(after)) <= set(table.symbols)):
        return table
    best = shortest(after)
    return Table(best.counts, _in_order_of(table, best)) if made_for and former != table else best


def _in_order_of(table: Table, best: Table) -> bytes:
    """The symbols of a table, those with codes of the same length in the order of another table, new ones last."""
    bits, rank = _bits(best), {symbol: place for place, symbol in enumerate(table.symbols)}
    places = sorted((length, rank.get(symbol, symbol + 256), symbol) for symbol, length in bits.items())
    return bytes(symbol for _, _, symbol in places)


def _bits(table: Table) -> dict[int, int]:
    """How many bits each symbol's code has."""
    lengths = [length for length, count in enumerate(table.counts, 1) for _ in range(count)]
    return dict(zip(table.symbols, lengths, strict=True))
