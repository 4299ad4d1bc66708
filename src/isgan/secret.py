"""What is hidden: a picture, or any file."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True)
class Secret:
    """A secret as it is given to a scheme, or comes out of one.

    Attributes:
        picture: (H, W) gray or (H, W, 3) RGB uint8; None for a file that is no picture.
        data: a file's bytes: its own, or of a revealed picture what the codec made of it; None where only the picture matters.
        name: the file's name without folders, or "".
        suffix: of `data` as a file of its own, with the dot, where it is a codec's.
        part: which share of a secret `data` is, if it was shared among several covers.
    """

    picture: np.ndarray | None = field(default=None, repr=False)
    data: bytes | None = field(default=None, repr=False)
    name: str = ""
    suffix: str = ""
    part: "Part | None" = None


class Part(NamedTuple):
    """A share of a secret that several covers carry together, see `isgan.split`.

    Attributes:
        id: 16 random bytes that all shares of a secret have.
        number, total: which one this is, from 1, and of how many.
        length: bytes of the whole payload.
        digest: its SHA-256.
    """

    id: bytes
    number: int
    total: int
    length: int
    digest: bytes

    def __str__(self) -> str:
        return f"part {self.number} of {self.total} of a secret"
