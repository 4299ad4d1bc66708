"""`jrm`: the JPEG rich model. Kodovsky and Fridrich, "Steganalysis of JPEG images using rich models", SPIE 8303, 2012."""

import numpy as np

from isgan.covers.base import Cover
from isgan.detectors import detectors
from isgan.detectors.features.base import Arrays, FeatureDetector, coefficients
from isgan.detectors.features.sealwatch import flat, sealwatch


@detectors.register("jrm")
class Jrm(FeatureDetector):
    """11,255 shares of pairs of coefficients of Y and of their differences, within blocks and between them."""

    covers = ("jpeg",)
    seconds = 0.3
    note = "pairs of neighbouring coefficients of a JPEG file's brightness"

    @staticmethod
    def inputs(cover: Cover) -> Arrays:
        return coefficients(cover)[:1]

    @staticmethod
    def extract(plane: np.ndarray) -> np.ndarray:  # type: ignore[override]
        height, width = plane.shape
        blocks = plane.reshape(height // 8, 8, width // 8, 8).transpose(0, 2, 1, 3)
        return flat(sealwatch().jrm.extract(blocks.astype(np.int64)))
