"""`hcf-com`: Ker, "Steganalysis of LSB matching in grayscale images", IEEE Signal Processing Letters 12(6), 2005."""

import numpy as np

from isgan.detectors import detectors
from isgan.detectors.classic.base import Attack


@detectors.register("hcf-com")
class HcfCom(Attack):
    """Noise that is added to samples smooths the histogram of neighbouring pairs: the centre of mass of its Fourier transform moves
    towards 0. How far, the same picture at half the size tells, in which averages have little of the noise left.

    The score is ln(centre of mass at half the size / that of the picture), of the adjacency histogram: Ker's calibration and his
    second improvement of Harmsen and Pearlman's attack of 2003 together.
    """

    seconds = 0.04
    usual = 0.21
    note = "sees much LSB matching in pictures with little noise of their own, such as decoded JPEGs; weak elsewhere"

    @staticmethod
    def of_plane(samples: np.ndarray) -> float:
        height, width = (length // 2 * 2 for length in samples.shape)
        halved = samples[:height, :width].reshape(height // 2, 2, width // 2, 2).sum(axis=(1, 3)) // 4
        return float(np.log(center_of_mass(halved) / center_of_mass(samples)))


def center_of_mass(samples: np.ndarray) -> float:
    """Of |DFT| of the histogram of pairs of neighbours in a row, by the sum of both frequencies, over the quarter of lower ones."""
    pairs = np.bincount((samples[:, :-1] * 256 + samples[:, 1:]).ravel(), minlength=1 << 16).reshape(256, 256)
    spectrum = np.abs(np.fft.fft2(pairs))[:128, :128]
    spectrum[0, 0] = 0  # the number of pairs, which says nothing
    frequency = np.arange(128)
    return float(((frequency[:, None] + frequency) * spectrum).sum() / max(float(spectrum.sum()), 1e-12)) or 1e-12
