"""What is hidden: a picture, or any file."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Secret:
    """A secret as it is given to a scheme, or comes out of one.

    Attributes:
        picture: (H, W) gray or (H, W, 3) RGB uint8; None for a file that is no picture.
        data: the file's own bytes; None where only the picture matters.
        name: the file's name without folders, or "".
    """

    picture: np.ndarray | None = None
    data: bytes | None = None
    name: str = ""
