"""The contract of a cover: a file as whole numbers that may change."""

from abc import ABC, abstractmethod
from typing import ClassVar, Self, TypeAlias

import numpy as np

from isgan.options import Options

Planes: TypeAlias = tuple[np.ndarray, ...]
"""Each (h, w) int16: the samples R, G, B or one gray plane, 0 ... 255; or the quantised coefficients of Y, Cb, Cr."""


class Cover(ABC):
    """A picture file as planes of whole numbers. Never mutated: `changed` makes another one.

    Attributes:
        suffixes: of the files that it writes, lower case with the dot, the usual one first.
        planes: what an embedding may change.
        bounds: the lowest and the highest value that a sample may take.
        frozen: for each plane (h, w) bool, True where a sample must never change, or None where all may. The samples that `salt`
            hashes are among them.
    """

    suffixes: ClassVar[tuple[str, ...]]
    planes: Planes
    bounds: tuple[int, int]
    frozen: tuple[np.ndarray | None, ...]

    @classmethod
    @abstractmethod
    def prepared(cls, source: bytes | np.ndarray, name: str, options: Options) -> Self:
        """A cover to hide in, made of any picture file's bytes or a uint8 array (H, W, 3) or (H, W), as the options for covers ask."""

    @classmethod
    @abstractmethod
    def read(cls, data: bytes, name: str) -> Self:
        """A file's bytes as they are, to reveal from; `name` is for messages. `IsganError` where it is damaged, or no file of this kind."""

    @abstractmethod
    def pixels(self) -> np.ndarray:
        """What a viewer shows, without the orientation applied: (H, W, 3) or, of gray files, (H, W) uint8."""

    @abstractmethod
    def changed(self, planes: Planes) -> Self:
        """The same file with other samples."""

    @abstractmethod
    def encode(self) -> bytes:
        """The file, deterministic; reading it gives the very same planes."""

    @abstractmethod
    def salt(self) -> bytes:
        """32 bytes that cover and stego image have in common and other pictures have not: a hash of samples that are `frozen`."""

    @abstractmethod
    def suspicion(self) -> str | None:
        """Why a single change would show in this cover, whatever the method, and the remedy, in one line; None if nothing is known."""

    def avoided(self) -> tuple[np.ndarray | None, ...]:
        """As `frozen`, samples that a sender leaves alone because a change would show; a receiver need not know them."""
        return (None,) * len(self.planes)

    @property
    def samples(self) -> int:
        """How many samples the planes have together."""
        return sum(plane.size for plane in self.planes)

    @property
    def weight(self) -> int:
        """How many samples can hide a change: what rates and the square-root rule count. Never of use to a receiver, since embedding
        may change it."""
        return self.samples
