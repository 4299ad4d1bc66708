"""The contract of a codec: a secret as few bytes, and back."""

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np


class Encoded(NamedTuple):
    """A picture as bytes, and what a receiver gets of it: the picture itself, and its PSNR in dB, infinite if it is exact."""

    data: bytes
    picture: np.ndarray
    psnr: float


class Codec(ABC):
    """Pictures, (H, W) gray or (H, W, 3) RGB uint8, to bytes and back.

    Attributes:
        number: 0 ... 255, one byte in a sealed head that says which codec made the body; never given to another codec again.
        suffix: of its files, with the dot; "" for a codec that has none of its own.
        levels: settings from the smallest file to the best picture; one of them for codecs without loss.
    """

    number: ClassVar[int]
    suffix: ClassVar[str]
    levels: ClassVar[range]

    @abstractmethod
    def pack(self, picture: np.ndarray, level: int) -> bytes:
        """The picture at one of the `levels`."""

    @abstractmethod
    def decode(self, data: bytes) -> np.ndarray:
        """The picture of `pack`. Any bytes may come: `IsganError` for what is none, with memory and time bounded."""

    def file(self, data: bytes) -> bytes:
        """What `pack` made as a file that other programs read."""
        return data
