"""The contract of a picture's entropy-coded data."""

from abc import ABC, abstractmethod
from functools import cached_property

import numpy as np

from isgan.jfif.segments import Header


class Coding(ABC):
    """What a JPEG file keeps its coefficients in, read, and how to write others in the same way.

    Attributes:
        header: of the file.
        buffer: all coefficients, (samples,) int16 in the places of `isgan.jfif.layout`.
        stop: where the data end in the file.
        chosen: an optimiser seems to have chosen the scans for this picture, and may choose others for another.
    """

    header: Header
    buffer: np.ndarray
    stop: int
    chosen: bool = False

    def __init__(self, data: bytes, header: Header, name: str):
        """Reads a file of this header. `name` is for messages; `IsganError` where it is damaged."""
        self._data, self.header = data, header

    @abstractmethod
    def written(self, buffer: np.ndarray, pad: int) -> tuple[Header, bytes]:
        """Other coefficients by the same kind of Huffman tables: a header, and all that follows up to the end of image.

        Args:
            buffer: like the attribute.
            pad: the bit that fills the last byte and those before restart markers.
        """

    @cached_property
    def pad(self) -> int | None:
        """The bit that fills bytes in the file, 1 but for odd encoders; None if no bit gives the very same file."""
        own = self._data[: self.stop]
        for pad in (1, 0):
            header, picture = self.written(self.buffer, pad)
            if header.raw + picture == own:
                return pad
        return None
