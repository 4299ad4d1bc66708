"""The columns of the syndrome-trellis code's small matrices: pseudo-random, each set drawn with the best of 32 numbers.

`python benchmarks/coders.py search HEIGHT` finds these numbers; `docs/format-coders.md` specifies the columns.
"""

import functools
import hashlib

import numpy as np

SEEDS = {
    7: "B07J9VL2OODC8TT1Q037LP0BG5HUQIDA6C7D65RL421333N5",
    8: "0GBEDBQVM9J6FQJ6M94TM845L2H5I686GQKLISDAJGPKQS2B",
    9: "BMUF36Q0GFDADBNR1DULK56MGIPJRSRSQ13PAQN9L27NFI3K",
    10: "0M8J308GD1038JPH0DMVR284P85BHO9HQFER25S8SNUIK8A3",
    11: "DLSIATC39H5Q1AG1U05GN398TUFKS7965FTTV9MTCJDA2P7B",
    12: "0JRU80GIS6DT2677F088TVQIFPODF9QLISNKHVU78FCI4C59",
}
"""By height, the numbers for the widths 1, 2, 3, ..., each a digit to the base of 32. Wider sets are drawn with 0."""


@functools.lru_cache(maxsize=256)
def columns(height: int, width: int) -> np.ndarray:
    """`width` columns of `height` bits, the lowest bit being the first row; (width,) int64."""
    return drawn(height, width, int(SEEDS[height][width - 1], 32) if width <= len(SEEDS[height]) else 0)


def drawn(height: int, width: int, seed: int) -> np.ndarray:
    """The columns that a number gives: the first and the last bit set, no two the same as long as there are others."""
    found: list[int] = []
    number = 0
    while len(found) < width:
        digest = hashlib.sha256(f"isgan stc {height} {width} {seed} {number}".encode()).digest()
        for word in np.frombuffer(digest, "<u2"):
            column = int(word) % (1 << height) | 1 | 1 << (height - 1)
            if column not in found or len(found) >= 1 << (height - 2):
                found.append(column)
        number += 1
    return np.array(found[:width], dtype=np.int64)
