"""Bits of entropy-coded data, the highest first, where a zero follows each byte of 255 (ITU T.81, F.1.2.3)."""

import numpy as np

from isgan.jit import jit

BAD_CODE, ENDS_EARLY, BAD_RESTART, BAD_BLOCK = -1, -2, -3, -4
FAULTS = {
    BAD_CODE: "a code that is in no table",
    ENDS_EARLY: "the data end early",
    BAD_RESTART: "a restart marker is missing",
    BAD_BLOCK: "a block with more than 64 coefficients, or with impossible ones",
}


@jit
def fill(data, place, window, have, borrowed):
    """Takes bytes in until there are 49 bits or more, zeros behind the end of the data; returns the last four."""
    while have <= 48:
        if place < data.size and not (data[place] == 0xFF and (place + 1 >= data.size or data[place + 1] != 0)):
            window = (window << np.uint64(8)) | np.uint64(data[place])
            place += 2 if data[place] == 0xFF else 1
        else:
            window = window << np.uint64(8)
            borrowed += 8
        have += 8
    return place, window, have, borrowed


@jit
def give_back(data, place, spare):
    """The place before so many whole bytes that were taken in but not used."""
    while spare > 0:
        place -= 1
        if data[place] == 0 and place > 0 and data[place - 1] == 0xFF:
            place -= 1
        spare -= 1
    return place


@jit
def restarts(mcu, interval):
    """Whether a restart marker stands before an MCU."""
    return interval > 0 and mcu > 0 and mcu % interval == 0


@jit
def behind_restart(data, place, spare, mcu, interval):
    """The place behind the restart marker that has to stand there, before an MCU; `BAD_RESTART` if another byte does, or if
    whole bytes of the `spare` bits before it were not used."""
    if spare >= 8 or place + 1 >= data.size or data[place] != 0xFF or data[place + 1] != 0xD0 + (mcu // interval - 1) % 8:
        return BAD_RESTART
    return place + 2


@jit
def put_restart(out, place, mcu, interval):
    """Writes the restart marker before an MCU; returns the next place."""
    out[place], out[place + 1] = 0xFF, 0xD0 + (mcu // interval - 1) % 8
    return place + 2


@jit
def put(window, have, out, place):
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
def put_last(window, have, out, place, pad):
    """Writes all bits, filled up to a whole byte; returns the next place."""
    spare = (8 - have % 8) % 8
    window = (window << np.uint64(spare)) | np.uint64((1 << spare) - 1 if pad else 0)
    return put(window, have + spare, out, place)[0]
