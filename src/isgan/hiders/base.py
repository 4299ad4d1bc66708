"""The contract of a hiding method, and the paper's idea of hiding in the luminance, written once."""

from abc import ABC, abstractmethod
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isgan.color import luma
from isgan.errors import IsganError
from isgan.layers.quantize import quantize, quantize_luma

if TYPE_CHECKING:
    from isgan.hiders.qim.carrier import Carrier


class Hiding(NamedTuple):
    """What one pass of a hider makes: the 8-bit stego image (N, 3, H, W) and the secret revealed from it (N, 1, H, W),
    or (N, 3, H, W)."""

    stego: Tensor
    revealed: Tensor


class Hider(nn.Module, ABC):
    """A way to hide a gray secret in a colour cover of the same size.

    All images are float in [0, 1], RGB or gray, (N, C, H, W). Constructor arguments are the hider's configuration:
    plain numbers, strings and booleans, kept in `config`, so that a weights file can say how to build it.

    Attributes:
        multiple: the grid the method works on. Any size is accepted, but tiles of a larger image have to start at
            multiples of it.
        halo: how far, in pixels, the input reaches that one output pixel of `hide` or `reveal` depends on. Tiles that
            overlap by it give the same result as the whole image.
        reveal_halo: the same of `reveal` alone, where that sees less; large images are then revealed sooner.
        secret_channels: 1, but 3 for a network that was built for colour secrets, which no command hides yet.
        trainable: False for methods without weights.
        rounding: how much of the rounding there is in training mode, 0 to 1; in evaluation mode there is always all of
            it. The trainer sets it before each step. Not part of the configuration.
    """

    multiple = 1
    halo = 0
    secret_channels: int = 1
    trainable: ClassVar[bool] = True
    rounding: float = 1.0
    config: dict[str, Any]

    def __init__(self, **config: Any):
        super().__init__()
        self.config = config

    @property
    def reveal_halo(self) -> int:
        return self.halo

    @abstractmethod
    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        """cover (N, 3, H, W), secret (N, 1, H, W) -> stego (N, 3, H, W), float, not yet rounded to 8 bits."""

    @abstractmethod
    def reveal(self, stego: Tensor) -> Tensor:
        """stego (N, 3, H, W) -> secret (N, 1, H, W), not yet rounded; values may leave [0, 1] slightly."""

    def draft(self, cover: Tensor, secret: Tensor) -> Tensor:
        """What `isgan.schemes.polish` makes better for a pair, a float tensor of the cover's height and width; here
        what `hide` makes."""
        return self.hide(cover, secret)

    def finish(self, cover: Tensor, draft: Tensor) -> Hiding:
        """A `draft` saved as 8 bits and revealed; the gradient goes to the draft."""
        stego = self.round(draft.clamp(0, 1))
        return Hiding(stego, self.reveal(stego))

    def forward(self, cover: Tensor, secret: Tensor) -> Hiding:
        """Hide, save as 8 bits (straight-through), reveal: one call, so that a data-parallel wrapper synchronises
        it."""
        stego = self.hide_in_8_bits(cover, secret)
        return Hiding(stego, self.reveal(stego))

    def hide_in_8_bits(self, cover: Tensor, secret: Tensor) -> Tensor:
        """What `hide` makes, as it is saved; the gradient passes straight through the rounding."""
        stego = self.hide(cover, secret)
        rounded = self.round(stego)
        return self.rounded_in_part(stego.clamp(0, 1), rounded) if self.training else rounded

    def rounded_in_part(self, exact: Tensor, rounded: Tensor) -> Tensor:
        """`rounded`, or in training mode what is the share `rounding` of the way there from `exact`; its gradient is
        that of `rounded`."""
        if not self.training or self.rounding == 1:
            return rounded
        return rounded + (1 - self.rounding) * (exact - rounded).detach()

    def round(self, stego: Tensor) -> Tensor:
        """What `hide` made (N, 3, H, W) -> the same in 8 bits, as it is saved; the gradient passes straight through."""
        return quantize(stego)


class Dialled(Hider):
    """A hider with a dial, from a faint change and a blurred secret to a faithful one.

    Its pixels carry whole numbers, and so can be sealed with a key; the receiver is told the setting beside them, see
    `isgan.hiders.qim.marker`.

    Attributes:
        strengths: how many settings there are.
        color_strengths: how many of them, the faintest, take a colour secret as well.
        strength, color: how it is set.
        carrier: how the pixels of `hide` carry symbols.
    """

    strengths: ClassVar[int]
    color_strengths: ClassVar[int]
    strength: int
    color: bool
    carrier: "Carrier"

    @abstractmethod
    def at(self, strength: int, color: bool = False) -> Self:
        """This hider at one setting, 1 to `strengths`: a view with the same parameters, so that threads with different
        settings can share one model. With `color`, `hide` takes and `reveal` gives an RGB secret (N, 3, H, W), to
        `color_strengths`.

        `IsganError` for a setting that it does not have.
        """

    def check(self, strength: int, color: bool) -> None:
        """`IsganError` for a setting that there is not."""
        settings = self.color_strengths if color else self.strengths
        if not isinstance(strength, Integral) or not 1 <= strength <= settings:
            colored = " for secrets in colour" if color else ""
            raise IsganError(
                f"this model has the strengths 1 to {settings}{colored}, not {strength}: take one of them, or 'auto'"
            )


class LumaHider(Hider):
    """Hides in Y and passes Cb and Cr through (paper, section 3.1).

    A change of Y alone adds one and the same value to R, G and B. That value is limited to what every channel has room
    for inside [0, 1], so nothing is lost to clipping and the chroma stays exact. With `apart`, R, G and B are clipped
    and rounded each for itself instead: the chroma of a pixel moves a little, and Y is nearer to what the network made.

    Subclasses see heights and widths that are multiples of `multiple`: the last row and column are repeated up to
    there, for the sender and for the receiver alike.
    """

    apart: ClassVar[bool] = False

    @abstractmethod
    def encode(self, y: Tensor, secret: Tensor) -> Tensor:
        """Y of the cover (N, 1, H, W) and the secret (N, 1, H, W) -> Y of the stego image (N, 1, H, W)."""

    @abstractmethod
    def decode(self, y: Tensor) -> Tensor:
        """Y of the stego image (N, 1, H, W) -> the secret (N, 1, H, W)."""

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        return self._changed(cover, self.draft(cover, secret))

    def draft(self, cover: Tensor, secret: Tensor) -> Tensor:
        """The change of Y, (N, 1, H, W)."""
        y = luma(cover)
        height, width = y.shape[-2:]
        return self.encode(pad_to(y, self.multiple), pad_to(secret, self.multiple)).float()[..., :height, :width] - y

    def finish(self, cover: Tensor, draft: Tensor) -> Hiding:
        return super().finish(cover, self._changed(cover, draft))

    def _changed(self, cover: Tensor, change: Tensor) -> Tensor:
        if self.apart:
            return (cover + change).clamp(0, 1)
        room_below = -cover.amin(dim=1, keepdim=True)
        room_above = 1 - cover.amax(dim=1, keepdim=True)
        return cover + torch.minimum(torch.maximum(change, room_below), room_above)

    def round(self, stego: Tensor) -> Tensor:
        return quantize_luma(stego) if self.apart else quantize(stego)

    def reveal(self, stego: Tensor) -> Tensor:
        height, width = stego.shape[-2:]
        return self.decode(pad_to(luma(stego), self.multiple)).float()[..., :height, :width]


def pad_to(image: Tensor, multiple: int) -> Tensor:
    """(N, C, H, W) with the last row and column repeated until height and width are multiples of `multiple`."""
    below, right = (-side % multiple for side in image.shape[-2:])
    return F.pad(image, (0, right, 0, below), mode="replicate") if below or right else image
