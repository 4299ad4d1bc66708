"""The contract of a coder: bits into changes of samples, and back."""

from abc import ABC, abstractmethod

import numpy as np


class Infeasible(Exception):
    """These bits do not fit these samples: too many must not change. Other bits, of the same number, may."""


class Coder(ABC):
    """Writes bits into whole numbers by small changes; the receiver needs the numbers and the count of bits alone.

    Elements come in the key's order, so that neighbours here are anywhere in the picture.
    """

    @abstractmethod
    def capacity(self, count: int) -> int:
        """How many bits so many elements take at most."""

    @abstractmethod
    def embed(self, elements: np.ndarray, down: np.ndarray, up: np.ndarray, bits: np.ndarray) -> np.ndarray:
        """The elements with the bits in them.

        Args:
            elements: (n,) int16.
            down: (n,) float32, what -1 costs; infinite: must not be done.
            up: (n,) float32, what +1 costs.
            bits: (m,) uint8 of 0 and 1, m at most `capacity(n)`; m may be 0.

        Returns:
            (n,) int16, of the same length.

        Raises:
            Infeasible: wet samples leave no way.
        """

    @abstractmethod
    def extract(self, elements: np.ndarray, count: int) -> np.ndarray:
        """(n,) int16 -> (count,) uint8, the bits of `embed`."""
