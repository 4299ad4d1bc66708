"""`dctr`: residuals of the undecimated DCT. Holub and Fridrich, "Low-complexity features for JPEG steganalysis", IEEE TIFS 10(2), 2015."""

import numpy as np

from isgan.detectors import detectors
from isgan.detectors.features.base import FeatureDetector, coefficients
from isgan.detectors.features.quick import dctr
from isgan.detectors.features.sealwatch import flat, sealwatch
from isgan.jfif.dct import unrounded
from isgan.jfif.quality import quality_of


@detectors.register("dctr")
class Dctr(FeatureDetector):
    """8,000 shares: the decoded brightness filtered by the 64 patterns of the DCT, quantised, by place in the block of 8 x 8."""

    covers = ("jpeg",)
    seconds = 0.2
    note = "the decoded brightness of a JPEG file, by place in the 8 x 8 blocks"
    inputs = staticmethod(coefficients)

    @staticmethod
    def extract(plane: np.ndarray, quantiser: np.ndarray) -> np.ndarray:  # type: ignore[override]
        quality = quality_of(quantiser)
        step = min(400 / quality, 100.0) if quality < 50 else max(8 * (2 - quality / 50), 0.2)  # the paper's equation 10
        return flat(dctr(sealwatch(), unrounded(plane, quantiser) - 128, step))
