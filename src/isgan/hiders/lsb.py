"""`lsb332` and `lsb121`: plain substitution of low bits, the floor that any network is to be compared with.

No weights, no key, found by every detector: rows of comparison, not methods to use.
"""

from typing import ClassVar

import torch
from torch import Tensor

from isgan.hiders import hiders
from isgan.hiders.base import Hider


class LSBSubstitution(Hider):
    """Writes the secret's top bits over the lowest bits of R, G, B; `bits` says how many in each channel."""

    trainable = False
    bits: ClassVar[tuple[int, int, int]]

    def __init__(self) -> None:
        super().__init__()

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        code = (secret * 255).round().long().clamp(0, 255) >> (8 - sum(self.bits))
        channels = []
        remaining = sum(self.bits)
        for channel, count in enumerate(self.bits):
            remaining -= count
            payload = (code >> remaining) & (2**count - 1)
            low_cleared = (cover[:, channel : channel + 1] * 255).round().long().clamp(0, 255) >> count << count
            channels.append(low_cleared | payload)
        return torch.cat(channels, dim=1).to(cover.dtype) / 255

    def reveal(self, stego: Tensor) -> Tensor:
        sample = (stego * 255).round().long()
        code = torch.zeros_like(sample[:, :1])
        for channel, count in enumerate(self.bits):
            code = code << count | sample[:, channel : channel + 1] & (2**count - 1)
        known = sum(self.bits)
        # The middle of the interval of secrets that share these top bits: half the error of its lower end.
        middle = (2 ** (8 - known) - 1) / 2
        return ((code << (8 - known)).to(stego.dtype) + middle) / 255


@hiders.register("lsb332")
class LSB332(LSBSubstitution):
    """All 8 bits of the secret in the low 3, 3 and 2 bits of R, G and B: the secret comes back exactly."""

    bits = (3, 3, 2)


@hiders.register("lsb121")
class LSB121(LSBSubstitution):
    """The secret's top 4 bits in the low 1, 2 and 1 bits of R, G and B."""

    bits = (1, 2, 1)
