"""`srmq1`: the spatial rich model with one quantisation step. Fridrich and Kodovsky, IEEE TIFS 7(3), 2012."""

import numpy as np

from isgan.detectors import detectors
from isgan.detectors.features.base import FeatureDetector, brightness
from isgan.detectors.features.sealwatch import flat, sealwatch


@detectors.register("srmq1")
class SrmQ1(FeatureDetector):
    """12,753 shares of four neighbouring residuals, of 39 kinds of residuals.

    Published for gray images; here of Y, rounded as JPEG does.
    """

    covers = ("png", "jpeg")
    seconds = 1.5
    note = "residuals of many filters, of brightness alone"
    inputs = staticmethod(brightness)

    @staticmethod
    def extract(samples: np.ndarray) -> np.ndarray:  # type: ignore[override]
        return flat(sealwatch().srmq1.extract(samples))
