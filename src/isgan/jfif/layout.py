"""Where the blocks of a JPEG file lie in one flat buffer of coefficients."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from isgan.jfif import huffman
from isgan.jfif.segments import Component, Header


class Layout(NamedTuple):
    """Where the blocks of a scan lie in one flat buffer that holds all planes, each padded to whole MCUs.

    Attributes:
        blocks: (blocks in an MCU, 7) int64: component, row of its DC and of its AC table, place of the first MCU's
            block, samples from one row to the next, from one MCU to the next and from one row of MCUs to the next.
        across, down: MCUs.
        shapes: of the padded planes of all components.
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


def layout(header: Header, scan: Sequence[Component] | None = None) -> Layout:
    """The geometry of a file, and of one of its scans: of that of all components unless others are given."""
    parts = header.components
    alone = len(parts) == 1  # MCUs of a file of one component have one block, whatever the sampling factors say
    widest, tallest = (1, 1) if alone else (max(part.across for part in parts), max(part.down for part in parts))
    across, down = -(-header.width // (8 * widest)), -(-header.height // (8 * tallest))
    shapes, sizes, corners, place = [], [], {}, 0
    for part in parts:
        wide, tall = (1, 1) if alone else (part.across, part.down)
        shapes.append((8 * tall * down, 8 * wide * across))
        sizes.append((8 * _up(_up(header.height * tall, tallest), 8), 8 * _up(_up(header.width * wide, widest), 8)))
        corners[part.name] = place
        place += shapes[-1][0] * shapes[-1][1]
    scan = parts if scan is None else scan
    index = [part.name for part in parts].index
    if len(scan) == 1:  # a scan of one component has no blocks that only fill MCUs
        height, width = sizes[index(scan[0].name)]
        across, down = width // 8, height // 8
    rows = []
    for part in scan:
        wide, tall = (1, 1) if len(scan) == 1 else (part.across, part.down)
        number, width = index(part.name), shapes[index(part.name)][1]
        dc, ac = huffman.row(0, part.dc), huffman.row(1, part.ac)
        for row in range(tall):
            for column in range(wide):
                corner = corners[part.name] + 8 * (row * width + column)
                rows.append((number, dc, ac, corner, width, 8 * wide, 8 * tall * width))
    return Layout(np.array(rows, np.int64), across, down, tuple(shapes), tuple(sizes))


def _up(number: int, step: int) -> int:
    return -(-number // step)
