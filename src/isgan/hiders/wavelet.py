"""`wavelet`: an invertible network on the wavelet transforms of Y and secret.

The idea is HiNet's (Jing et al., ICCV 2021), with the paper's contract: gray secret, luminance only, one network that
runs forwards to hide and backwards to reveal.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isgan.errors import IsganError
from isgan.hiders import hiders
from isgan.hiders.base import LumaHider
from isgan.layers.haar import Haar

LEAK = 0.2
LEVELS = 2
BANDS = 4**LEVELS


class Dense(nn.Module):
    """(N, in, h, w) -> (N, out, h, w), 0 before it is trained; each convolution sees all that came before it, as in
    HiNet."""

    def __init__(self, in_channels: int, out_channels: int, hidden: int):
        super().__init__()
        self.first = nn.Conv2d(in_channels, hidden, 3, padding=1)
        self.second = nn.Conv2d(in_channels + hidden, hidden, 3, padding=1)
        self.last = nn.Conv2d(in_channels + 2 * hidden, out_channels, 3, padding=1)
        for parameter in self.last.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        a = F.leaky_relu(self.first(x), LEAK)
        b = F.leaky_relu(self.second(torch.cat([x, a], dim=1)), LEAK)
        return self.last(torch.cat([x, a, b], dim=1))


class CouplingBlock(nn.Module):
    """One affine coupling of the cover's bands and the secret's (N, channels, h, w), invertible for any weights.

        forwards    cover  <- cover + phi(secret)
                    secret <- secret * exp(clamp * tanh(rho(cover))) + eta(cover)

    rho and eta share all but their last convolution. With clamp = 0 the coupling is additive.
    """

    def __init__(self, channels: int, hidden: int, clamp: float):
        super().__init__()
        self.phi = Dense(channels, channels, hidden)
        self.rho_eta = Dense(channels, 2 * channels, hidden)
        self.clamp = clamp

    def couple(self, cover: Tensor, secret: Tensor) -> Tensor:
        """What the secret's bands become, forwards."""
        scale, shift = self._scale_and_shift(cover)
        return secret * scale.exp() + shift

    def uncouple(self, cover: Tensor, secret: Tensor) -> Tensor:
        """What the secret's bands were, backwards."""
        scale, shift = self._scale_and_shift(cover)
        return (secret - shift) * (-scale).exp()

    def _scale_and_shift(self, cover: Tensor) -> tuple[Tensor, Tensor]:
        rho, eta = self.rho_eta(cover).chunk(2, dim=1)
        return self.clamp * torch.tanh(rho), eta


@hiders.register("wavelet")
class Wavelet(LumaHider):
    """Coupling blocks on the sub-bands of Y and secret.

        Y      -- wavelets  --+-----------+-- ... --+-- its inverse --> Y of the stego image
                              | coupling  |         |
        secret -- wavelets  --+-----------+-- ... --+--> z, thrown away

    To reveal, the blocks run backwards from the stego image's bands and z = 0.

    Args:
        blocks: number of coupling blocks, 1 to 16.
        hidden: width of phi, rho and eta, 8 to 256.
        clamp: bound on the log of a coupling's scale, 0 to 4; 0 for additive coupling.
    """

    apart = True
    multiple = 2**LEVELS
    blocks: Sequence[CouplingBlock]

    def __init__(self, blocks: int = 4, hidden: int = 64, clamp: float = 1.0):
        if not (1 <= blocks <= 16 and 8 <= hidden <= 256 and 0 <= clamp <= 4):
            bounds = f"blocks={blocks} (1 to 16), hidden={hidden} (8 to 256), clamp={clamp} (0 to 4)"
            raise IsganError(f"wavelet with {bounds} is out of bounds")
        super().__init__(blocks=blocks, hidden=hidden, clamp=clamp)
        self.haar = Haar(LEVELS)
        couplings = (CouplingBlock(BANDS, hidden, clamp) for _ in range(blocks))
        self.blocks = nn.ModuleList(couplings)  # type: ignore[assignment]
        # Three 3x3 convolutions on blocks of pixels: two a coupling, but for the one whose result is thrown away.
        self.halo = self.multiple * 3 * (2 * blocks - 1) + self.haar.reach

    def encode(self, y: Tensor, secret: Tensor) -> Tensor:
        cover_bands, secret_bands = self.haar(y), self.haar(secret)
        for block in self.blocks:
            cover_bands = cover_bands + block.phi(secret_bands)
            if block is not self.blocks[-1]:  # what would become of the secret there is z, which nobody looks at
                secret_bands = block.couple(cover_bands, secret_bands)
        return self.haar.inverse(cover_bands)

    def decode(self, y: Tensor) -> Tensor:
        cover_bands = self.haar(y)
        secret_bands = torch.zeros_like(cover_bands)
        for block in reversed(self.blocks):
            secret_bands = block.uncouple(cover_bands, secret_bands)
            if block is not self.blocks[0]:
                cover_bands = cover_bands - block.phi(secret_bands)
        return self.haar.inverse(secret_bands)
