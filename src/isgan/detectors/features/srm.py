"""`srm`: the spatial rich model. Fridrich and Kodovsky, IEEE TIFS 7(3), 2012."""

import numpy as np

from isgan.detectors import detectors
from isgan.detectors.features.base import FeatureDetector, brightness
from isgan.detectors.features.sealwatch import flat, sealwatch


@detectors.register("srm")
class Srm(FeatureDetector):
    """34,671 shares of four neighbouring residuals, of 39 kinds of residuals, quantised by up to three steps each.

    Published for gray images; here of Y, rounded as JPEG does.
    """

    covers = ("png", "jpeg")
    seconds = 4.0
    note = "residuals of many filters, of brightness alone; the strongest of the features for gray images, and slow"
    inputs = staticmethod(brightness)

    @staticmethod
    def extract(samples: np.ndarray) -> np.ndarray:  # type: ignore[override]
        return flat(sealwatch().srm.extract(samples))
