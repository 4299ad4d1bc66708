"""`spam`: subtractive pixel adjacency. Pevny, Bas and Fridrich, IEEE TIFS 5(2), 2010."""

import numpy as np

from isgan.covers.base import Cover
from isgan.detectors import detectors
from isgan.detectors.features.base import Arrays, FeatureDetector, colors
from isgan.detectors.features.sealwatch import flat, sealwatch
from isgan.jfif.dct import luma


@detectors.register("spam")
class Spam(FeatureDetector):
    """How often which three neighbouring differences, cut off at +-3, occur: 686 shares of each plane.

    Published for gray images; here of R, of G, of B and of Y, rounded as JPEG does: 2,744 in all.
    """

    covers = ("png", "jpeg")
    seconds = 0.03
    note = "differences of neighbouring samples in each colour and in brightness; the quickest"

    @staticmethod
    def inputs(cover: Cover) -> Arrays:
        (pixels,) = colors(cover)
        return (np.dstack([pixels, luma(pixels).astype(np.uint8)]),)

    @staticmethod
    def extract(planes: np.ndarray) -> np.ndarray:  # type: ignore[override]
        watch = sealwatch()
        with watch.BACKEND_RUST:
            return np.concatenate([flat(watch.spam.extract(np.ascontiguousarray(planes[..., place]))) for place in range(4)])
