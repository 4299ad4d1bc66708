"""The contract of a steganalyzer."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

from isgan.covers.base import Cover
from isgan.errors import IsganError

COVER, STEGO = 0, 1


class Steganalyzer(nn.Module, ABC):
    """Says of an image whether it is a cover or a stego image.

    Constructor arguments are the steganalyzer's configuration, kept in `config` as a hider's are.

    Of colour: nearly all were published for gray images. `isgan`, `xunet` and `srnet` see R, G and B, their first layer takes three
    channels; `gncnn`, `yenet` and `zeng` see Y (`gray`), so that their numbers of parameters are the published ones.

    Attributes:
        least: smallest height and width of an image.
        covers, seconds, note: see `isgan.detectors.base.Detector`.
    """

    least: ClassVar[int] = 64
    covers: ClassVar[tuple[str, ...]] = ("png", "jpeg")
    seconds: ClassVar[float]
    note: ClassVar[str]
    config: dict[str, Any]

    def __init__(self, **config: Any):
        super().__init__()
        self.config = config

    @abstractmethod
    def answer(self, image: Tensor) -> Tensor:
        """Logits (N, 2) of images (N, 3, H, W), RGB, float in [0, 1], of at least `least` pixels a side."""

    def forward(self, image: Tensor) -> Tensor:
        """image (N, 3, H, W), RGB, float in [0, 1] -> logits (N, 2), of COVER and STEGO; `IsganError` if the image is
        too small.
        """
        height, width = image.shape[-2:]
        if min(height, width) < self.least:
            raise IsganError(
                f"the image is {width} x {height}: a steganalyzer needs at least {self.least} pixels a side, take larger ones"
            )
        return self.answer(image)

    @classmethod
    def view(cls, cover: Cover) -> np.ndarray:
        """What it looks at of a file, (H, W, 3), 0 ... 255: the pixels that a viewer shows; gray ones three times."""
        pixels = cover.pixels()
        return pixels if pixels.ndim == 3 else np.stack([pixels] * 3, axis=2)


def gray(image: Tensor) -> Tensor:
    """Y, 0 ... 255 and not rounded, of RGB in [0, 1]: (N, 3, H, W) -> (N, 1, H, W)."""
    return 255 * (0.299 * image[:, :1] + 0.587 * image[:, 1:2] + 0.114 * image[:, 2:])
