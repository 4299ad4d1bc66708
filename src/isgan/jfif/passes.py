"""One scan of a progressive JPEG file, in compiled code (ITU T.81 Annex G).

A scan has DC coefficients of one or several components, or a band of AC coefficients of one; the upper bits of them,
or one further bit. Of AC coefficients, runs of blocks that have nothing more in the band are said together.
"""

import numpy as np

from isgan.jfif.bits import BAD_BLOCK, BAD_CODE, ENDS_EARLY, behind_restart, fill, give_back, put, put_last, put_restart, restarts
from isgan.jit import jit

LONGEST = 0x7FFF  # run of blocks
CORRECTIONS = 937
"""Bits of known coefficients that may wait for the end of a run: beyond that, libjpeg ends it."""


@jit
def decode(data, place, lookup, blocks, across, down, interval, zigzag, first, last, high, low, buffer):
    """Adds a scan to the buffer; returns the place behind the last byte of data that was used, or a fault."""
    window, have, borrowed = np.uint64(0), 0, 0  # as in a baseline scan
    before = np.zeros(4, np.int64)
    run = 0  # blocks that have nothing new
    bit = 1 << low
    for mcu in range(across * down):
        if restarts(mcu, interval):
            place = behind_restart(data, place, have - borrowed, mcu, interval)
            if place < 0:
                return place
            window, have, borrowed, run = np.uint64(0), 0, 0, 0
            before[:] = 0
        down_by, across_by = mcu // across, mcu % across
        for index in range(blocks.shape[0]):
            component, stride = blocks[index, 0], blocks[index, 4]
            corner = blocks[index, 3] + across_by * blocks[index, 5] + down_by * blocks[index, 6]
            if first == 0 and high:
                place, window, have, borrowed = fill(data, place, window, have, borrowed)
                have -= 1
                if (window >> np.uint64(have)) & np.uint64(1):
                    buffer[corner] |= bit
            k = first
            while k <= last and not (first == 0 and high):
                value, zeros, size = 0, 64, 0  # so many zeros are never met: a block of a run is only corrected
                if run == 0:
                    place, window, have, borrowed = fill(data, place, window, have, borrowed)
                    table = blocks[index, 1] if first == 0 else blocks[index, 2]
                    entry = np.int64(lookup[table, (window >> np.uint64(have - 16)) & np.uint64(0xFFFF)])
                    if entry == 0:
                        return ENDS_EARLY if have <= borrowed + 16 else BAD_CODE
                    have -= entry >> 8
                    zeros, size = (entry & 255) >> 4, entry & 15
                    count = zeros if first and size == 0 and zeros < 15 else size
                    tail = np.int64((window >> np.uint64(have - count)) & np.uint64((1 << count) - 1))
                    have -= count
                    if first == 0:
                        if zeros or size > 11:
                            return BAD_CODE
                        before[component] += tail if size == 0 or tail >> (size - 1) else tail - (1 << size) + 1
                        if abs(before[component]) << low > 32767:
                            return BAD_BLOCK
                        buffer[corner] = before[component] << low
                        break
                    if size == 0 and zeros < 15:
                        run, zeros = (1 << zeros) + tail, 64
                    elif high:
                        if size > 1:
                            return BAD_CODE
                        value = bit if tail else -bit
                    elif size:
                        value = tail if tail >> (size - 1) else tail - (1 << size) + 1
                        if abs(value) << low > 32767:
                            return BAD_BLOCK
                        value = value << low
                if high == 0:
                    if run:
                        break
                    k += zeros
                else:
                    while k <= last:  # over as many zeros; coefficients on the way get their further bit
                        spot = corner + (zigzag[k] >> 3) * stride + (zigzag[k] & 7)
                        if buffer[spot]:
                            place, window, have, borrowed = fill(data, place, window, have, borrowed)
                            have -= 1
                            if (window >> np.uint64(have)) & np.uint64(1) and not abs(buffer[spot]) & bit:
                                buffer[spot] += bit if buffer[spot] > 0 else -bit
                        elif zeros == 0:
                            break
                        else:
                            zeros -= 1
                        k += 1
                if size:
                    if k > last:
                        return BAD_BLOCK
                    buffer[corner + (zigzag[k] >> 3) * stride + (zigzag[k] & 7)] = value
                k += 1
            if run:
                run -= 1
            if have < borrowed:
                return ENDS_EARLY
    return give_back(data, place, (have - borrowed) >> 3)


@jit
def _say(window, have, out, place, word, count):
    """Appends the lowest `count` bits of a word, and writes whole bytes, if `out` is not empty."""
    if out.size == 0:
        return window, have, place
    window = (window << np.uint64(count)) | (np.uint64(word) & np.uint64((1 << count) - 1))
    place, have = put(window, have + count, out, place)
    return window, have, place


@jit
def _end(run, waiting, held, table, words, lengths, counts, window, have, out, place):
    """Says that so many blocks had nothing more, and the bits that waited for that; returns how many bits are no
    code."""
    size = 0
    while run >> (size + 1):
        size += 1
    if run:
        symbol = size << 4
        counts[table, symbol] += 1
        window, have, place = _say(window, have, out, place, words[table, symbol], lengths[table, symbol])
        window, have, place = _say(window, have, out, place, run, size)
    for i in range(held):
        window, have, place = _say(window, have, out, place, waiting[i], 1)
    return window, have, place, size + held


@jit
def encode(buffer, blocks, across, down, interval, zigzag, first, last, high, low, words, lengths, pad, counts, out):
    """Counts symbols, and writes their codes if `out` is not empty; returns how many bytes, and how many bits that are
    no code."""
    window, have, place, bits = np.uint64(0), 0, 0, 0
    before = np.zeros(4, np.int64)
    run, held = 0, 0
    waiting, fresh = np.zeros(CORRECTIONS + 64, np.uint8), np.zeros(64, np.uint8)
    table = blocks[0, 2]
    mcus = across * down
    for mcu in range(mcus + 1):
        if mcu == mcus or restarts(mcu, interval):
            window, have, place, more = _end(run, waiting, held, table, words, lengths, counts, window, have, out, place)
            bits, run, held = bits + more, 0, 0
            if out.size:
                place, have = put_last(window, have, out, place, pad), 0
            if mcu == mcus:
                break
            if out.size:
                place = put_restart(out, place, mcu, interval)
            before[:] = 0
        down_by, across_by = mcu // across, mcu % across
        for index in range(blocks.shape[0]):
            component, stride = blocks[index, 0], blocks[index, 4]
            corner = blocks[index, 3] + across_by * blocks[index, 5] + down_by * blocks[index, 6]
            if first == 0:
                value = np.int64(buffer[corner]) >> low
                if high:
                    window, have, place = _say(window, have, out, place, value & 1, 1)
                    bits += 1
                    continue
                step = value - before[component]
                before[component] = value
                size = 0
                while abs(step) >> size:
                    size += 1
                own = blocks[index, 1]
                counts[own, size] += 1
                bits += size
                window, have, place = _say(window, have, out, place, words[own, size], lengths[own, size])
                window, have, place = _say(window, have, out, place, step if step > 0 else step - 1, size)
                continue
            newest = -1  # the last coefficient that was nothing before
            if high:
                for k in range(first, last + 1):
                    if abs(np.int64(buffer[corner + (zigzag[k] >> 3) * stride + (zigzag[k] & 7)])) >> low == 1:
                        newest = k
            zeros, known = 0, 0
            for k in range(first, last + 1):
                value = np.int64(buffer[corner + (zigzag[k] >> 3) * stride + (zigzag[k] & 7)])
                most = abs(value) >> low
                if most == 0:
                    zeros += 1
                    continue
                while zeros > 15 and (high == 0 or k <= newest):
                    window, have, place, more = _end(run, waiting, held, table, words, lengths, counts, window, have, out, place)
                    counts[table, 0xF0] += 1
                    window, have, place = _say(window, have, out, place, words[table, 0xF0], lengths[table, 0xF0])
                    for i in range(known):
                        window, have, place = _say(window, have, out, place, fresh[i], 1)
                    bits, run, held = bits + more + known, 0, 0
                    zeros, known = zeros - 16, 0
                if high and most > 1:
                    fresh[known] = most & 1
                    known += 1
                    continue
                window, have, place, more = _end(run, waiting, held, table, words, lengths, counts, window, have, out, place)
                size = 0
                while most >> size:
                    size += 1
                symbol = zeros << 4 | size
                counts[table, symbol] += 1
                window, have, place = _say(window, have, out, place, words[table, symbol], lengths[table, symbol])
                tail = most if value > 0 else ~most if high == 0 else 0
                window, have, place = _say(window, have, out, place, tail, size)
                for i in range(known):
                    window, have, place = _say(window, have, out, place, fresh[i], 1)
                bits, run, held = bits + more + size + known, 0, 0
                zeros, known = 0, 0
            if zeros or known:
                run += 1
                waiting[held : held + known] = fresh[:known]
                held += known
                if run == LONGEST or held > CORRECTIONS:
                    window, have, place, more = _end(run, waiting, held, table, words, lengths, counts, window, have, out, place)
                    bits, run, held = bits + more, 0, 0
    return place, bits
