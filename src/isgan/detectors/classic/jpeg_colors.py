"""`jpeg-colors`: Fridrich, Goljan and Du, "Steganalysis based on JPEG compatibility", SPIE 4518, 2001, of the colours."""

import numpy as np

from isgan.covers.base import Cover
from isgan.covers.past import jpeg_reachable
from isgan.detectors import detectors
from isgan.detectors.base import Untrained

FEWEST = 300  # different colours without which nothing is said
MOST = 0.7
"""Of the different colours, how many may be off the lattice for the picture to have been a JPEG; of 335 photographs that never were
one at least .73 are."""


@detectors.register("jpeg-colors")
class JpegColors(Untrained):
    """A JPEG decoder gives a quarter of all colours. One pixel of another colour in a picture that was a JPEG was changed afterwards.

    The score is the share of such pixels among those that are neither gray nor clipped; 0 for pictures in gray and for those that
    never were a JPEG, of which this says nothing. Changes of R, G and B by the same number escape it, and changes of more than about
    a fifth of all samples hide the past altogether.
    """

    covers = ("png",)
    seconds = 0.05
    usual = 0.0
    note = "sees any single change in a PNG file that was made from a JPEG in colour, and nothing elsewhere"

    def score(self, cover: Cover) -> float:
        off = foreign(cover)
        return 0.0 if off is None else float(off.mean())


def foreign(cover: Cover) -> np.ndarray | None:
    """Which pixels have a colour that no JPEG decoder gives, (h, w) bool; gray and clipped ones are not among them.

    None for a picture that never was a JPEG as far as its colours tell.
    """
    if len(cover.planes) < 3:
        return None
    red, green, blue = (plane.astype(np.int64) for plane in cover.planes)
    telling = np.minimum(np.minimum(red, green), blue) > 0
    telling &= np.maximum(np.maximum(red, green), blue) < 255
    telling &= (red != green) | (blue != green)
    # Whether a colour is reached depends on R - G and B - G alone.
    differences = ((red - green) * 512 + blue - green)[telling]
    colors = np.stack([plane[telling] for plane in (red, green, blue)], axis=1)
    _, first, which = np.unique(differences, return_index=True, return_inverse=True)
    off = ~jpeg_reachable(colors[first])
    if len(off) < FEWEST or off.mean() > MOST:
        return None
    found = np.zeros(telling.shape, bool)
    found[telling] = off[which]
    return found
