"""`wavelet`: an invertible network on the wavelet transforms of Y and secret.

The idea is HiNet's (Jing et al., ICCV 2021), with the paper's contract: gray secret, luminance only, one network that runs
forwards to hide and backwards to reveal.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from isgan.errors import IsganError
from isgan.hiders import hiders
from isgan.hiders.base import LumaHider
from isgan.layers.subnets import SUBNETS
from isgan.layers.wavelets import TRANSFORMS
from isgan.registry import unknown


class CouplingBlock(nn.Module):
    """One affine coupling of the cover's bands and the secret's (N, channels, h, w), invertible for any weights.

        forwards    cover  <- cover + phi(secret)
                    secret <- secret * exp(clamp * tanh(rho(cover))) + eta(cover)

    rho and eta share all but their last convolution. With clamp = 0 the coupling is additive.
    """

    def __init__(self, channels: int, hidden: int, clamp: float, subnet: str):
        super().__init__()
        self.phi = SUBNETS[subnet](channels, channels, hidden)
        self.rho_eta = SUBNETS[subnet](channels, 2 * channels, hidden)
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

        Y      -- transform --+-----------+-- ... --+-- its inverse --> Y of the stego image
                              | coupling  |         |
        secret -- transform --+-----------+-- ... --+--> z, thrown away

    To reveal, the blocks run backwards from the stego image's bands and z = 0.

    Args:
        blocks: number of coupling blocks, 1 to 16.
        hidden: width of the subnets, 8 to 256.
        clamp: bound on the log of a coupling's scale, 0 to 4; 0 for additive coupling.
        apart: clip and round R, G and B each for itself, see `LumaHider`.
        gamut: with `apart`, near black and white other channels make up for those that are clipped, see there.
        levels: of the transform, 1 to 3.
        subnet: what phi, rho and eta are, a name in `isgan.layers.subnets`.
        transform: a name in `isgan.layers.wavelets`.
        enhance: one more subnet after the inverse pass adds to the secret's bands what it can tell of what z = 0 lost.
    """

    blocks: Sequence[CouplingBlock]

    def __init__(self, blocks: int = 4, hidden: int = 64, clamp: float = 1.0, apart: bool = False, levels: int = 2, subnet: str = "dense",
                 transform: str = "haar", enhance: bool = False, gamut: bool = False):  # fmt: skip
        if not (1 <= blocks <= 16 and 8 <= hidden <= 256 and 0 <= clamp <= 4 and 1 <= levels <= 3):
            bounds = f"blocks={blocks} (1 to 16), hidden={hidden} (8 to 256), clamp={clamp} (0 to 4), levels={levels} (1 to 3)"
            raise IsganError(f"wavelet with {bounds} is out of bounds")
        if gamut and not apart:
            raise IsganError("wavelet with gamut and not apart is out of bounds: nothing is clipped there")
        if subnet not in SUBNETS:
            raise unknown("subnet", subnet, list(SUBNETS))
        if transform not in TRANSFORMS:
            raise unknown("transform", transform, list(TRANSFORMS))
        super().__init__(blocks=blocks, hidden=hidden, clamp=clamp, apart=apart, levels=levels, subnet=subnet, transform=transform,
                         enhance=enhance, gamut=gamut)  # fmt: skip
        self.apart, self.gamut = apart, gamut
        self.multiple = 2**levels
        self.transform = TRANSFORMS[transform](levels)
        couplings = (CouplingBlock(4**levels, hidden, clamp, subnet) for _ in range(blocks))
        self.blocks = nn.ModuleList(couplings)  # type: ignore[assignment]
        self.enhancement = SUBNETS[subnet](2 * 4**levels, 4**levels, hidden) if enhance else None
        # Subnets of three 3x3 convolutions on blocks of pixels: two a coupling, but for the one whose result is thrown away.
        self.halo = self.multiple * 3 * (2 * blocks - 1 + enhance) + self.transform.reach

    def encode(self, y: Tensor, secret: Tensor) -> Tensor:
        cover_bands, secret_bands = self.transform(y), self.transform(secret)
        for block in self.blocks:
            cover_bands = cover_bands + block.phi(secret_bands)
            if block is not self.blocks[-1]:  # what would become of the secret there is z, which nobody looks at
                secret_bands = block.couple(cover_bands, secret_bands)
        return self.transform.inverse(cover_bands)

    def decode(self, y: Tensor) -> Tensor:
        stego_bands = cover_bands = self.transform(y)
        secret_bands = torch.zeros_like(cover_bands)
        for block in reversed(self.blocks):
            secret_bands = block.uncouple(cover_bands, secret_bands)
            if block is not self.blocks[0]:
                cover_bands = cover_bands - block.phi(secret_bands)
        if self.enhancement:
            secret_bands = secret_bands + self.enhancement(torch.cat([secret_bands, stego_bands], dim=1))
        return self.transform.inverse(secret_bands)
