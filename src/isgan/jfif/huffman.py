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
