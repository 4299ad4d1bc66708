"""`gfr`: Gabor filters' residuals. Song, Liu, Yang, Luo and Zhang, "Steganalysis of adaptive JPEG steganography using 2D Gabor
filters", IH&MMSec 2015."""

import numpy as np

from isgan.detectors import detectors
from isgan.detectors.features.base import FeatureDetector, coefficients
from isgan.detectors.features.sealwatch import sealwatch
from isgan.jfif.dct import unrounded
from isgan.jfif.quality import quality_of

STEPS = {75: (2.0, 4.0, 6.0, 8.0), 95: (0.1, 1.0, 1.5, 2.0)}
"""The published quantisation steps of the four scales, by JPEG quality; in between ours lie in between, beyond they are the nearest."""


@detectors.register("gfr")
class Gfr(FeatureDetector):
    """17,000 shares: the decoded brightness filtered by 256 Gabor filters, quantised, by place in the block of 8 x 8."""

    covers = ("jpeg",)
    seconds = 1.8
    note = "the decoded brightness of a JPEG file in many directions, by place in the 8 x 8 blocks"
    inputs = staticmethod(coefficients)

    @staticmethod
    def extract(plane: np.ndarray, quantiser: np.ndarray) -> np.ndarray:  # type: ignore[override]
        coarse, fine = STEPS[75], STEPS[95]
        share = float(np.clip((quality_of(quantiser) - 75) / 20, 0, 1))
        steps = [low + share * (high - low) for low, high in zip(coarse, fine, strict=True)]
        return sealwatch().gfr.extract(unrounded(plane, quantiser), quantization_steps=steps).ravel().astype(np.float32)
