"""`crm`: the colour rich model. Goljan, Fridrich and Cogranne, "Rich model for steganalysis of color images", WIFS 2014."""

import numpy as np

from isgan.detectors import detectors
from isgan.detectors.features.base import FeatureDetector, colors
from isgan.detectors.features.sealwatch import flat, sealwatch


@detectors.register("crm")
class Crm(FeatureDetector):
    """5,404 shares of the residuals of R, G and B at one pixel, of the spatial rich model's kinds, cut off at +-3.

    Only this part of the paper's model, which looks across colours; its other part is the spatial rich model (`srmq1`).
    """

    covers = ("png", "jpeg")
    seconds = 1.3
    note = "residuals of R, G and B at the same pixel; the strongest of the features for PNG in colour"
    inputs = staticmethod(colors)

    @staticmethod
    def extract(pixels: np.ndarray) -> np.ndarray:  # type: ignore[override]
        watch = sealwatch()
        return flat(watch.crm.extract(pixels, Tc=3, implementation=watch.CRM_ORIGINAL))
