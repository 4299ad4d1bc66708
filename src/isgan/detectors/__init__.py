"""What tells stego images from covers; the contract is in `base`.

`classic/` holds attacks that need no training, `features/` features for an ensemble of linear discriminants, `networks/` the networks
that are trained for it. Nothing here imports torch or sealwatch before a detector is made that needs them.
"""

from typing import TYPE_CHECKING

from isgan.registry import Registry

if TYPE_CHECKING:
    from isgan.detectors.base import Detector

detectors: "Registry[type[Detector]]" = Registry("detector", "isgan.detectors", "classic", "features")
