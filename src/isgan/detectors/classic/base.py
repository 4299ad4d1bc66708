"""What several files share: an attack on each plane of samples by itself."""

from abc import abstractmethod

import numpy as np

from isgan.covers.base import Cover
from isgan.detectors.base import Untrained

REPLACEMENT = "sees LSB replacement only"


class Attack(Untrained):
    """The mean of what it says of each plane. What a JPEG file decodes to never had an LSB replaced: only PNG files suit."""

    covers = ("png",)

    @staticmethod
    @abstractmethod
    def of_plane(samples: np.ndarray) -> float:
        """The score of (h, w) int64, 0 ... 255."""

    def score(self, cover: Cover) -> float:
        return float(np.mean([self.of_plane(plane.astype(np.int64)) for plane in cover.planes]))
