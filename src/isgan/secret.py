"""What is hidden: a picture, or any file."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Secret:
    """A secret as it is given to a scheme, or comes out of one.

    Attributes:
        picture: (H, W) gray or (H, W, 3) RGB uint8; None for a file that is no picture.
        data: a file's bytes: its own, or of a revealed picture what the codec made of it; None where only the picture matters.
        name: the file's name without folders, or "".
        suffix: of `data` as a file of its own, with the dot, where it is a codec's.
    """

    picture: np.ndarray | None = None
    data: bytes | None = None
    name: str = ""
    suffix: str = ""
