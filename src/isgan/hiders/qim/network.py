"""`qim`: a network writes the secret's Haar bands as a code of whole numbers, and the pixels' colours carry it.

The receiver reads the numbers without error, whatever the cover is, and what they change is small and known beforehand
(see `isgan.hiders.qim.carrier`). What is left to learn is the code.
"""

import copy
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isgan.color import rgb_to_ycbcr, ycbcr_to_rgb
from isgan.errors import IsganError
from isgan.hiders import hiders
from isgan.hiders.base import Dialled, Hiding, pad_to
from isgan.hiders.qim.carrier import MODULI, MOST, Carrier
from isgan.hiders.qim.dial import DialConv
from isgan.layers.haar import Haar
from isgan.layers.quantize import round_straight_through

# A block of 4 x 4 pixels has 16 Haar coefficients, and carries 16 symbols.
BLOCK = 4
BANDS = BLOCK**2
# log of the magnification: what is wrong shrinks about threefold with each stage, to begin with; and its bounds.
SHRINKING = 1.2
LOG_GAINS = (-2.0, 5.0)
# Of Cb and Cr: four symbols.
CHROMA_STRENGTH = 3
# Bands of [0, 1] images are small; this brings them to what a network starts well with.
BAND_SCALE = 2.0


class ResidualBlock(nn.Module):
    """x + two 3x3 convolutions of x, (N, C, h, w) -> the same; starts as the identity."""

    def __init__(self, channels: int, strengths: int):
        super().__init__()
        self.first = DialConv(channels, channels, 3, strengths)
        self.second = DialConv(channels, channels, 3, strengths).blank()

    def forward(self, x: Tensor, strength: int) -> Tensor:
        return self.second(F.leaky_relu(self.first(x, strength), 0.2, inplace=True), strength).to(x.dtype).add_(x)


class Writer(nn.Module):
    """What is still wrong with the estimate, (N, 16 [+ context], h, w) -> symbols (N, count, h, w), before rounding;
    only the sender's."""

    def __init__(self, context: int, count: int, hidden: int, strengths: int):
        super().__init__()
        self.linear = DialConv(BANDS, count, 1, strengths)
        enter = DialConv(BANDS + context, hidden, 3, strengths)
        leave = DialConv(hidden, count, 3, strengths)
        self.network = nn.ModuleList([enter, ResidualBlock(hidden, strengths), nn.LeakyReLU(0.2, inplace=True), leave])

    def forward(self, error: Tensor, context: Tensor | None, strength: int) -> Tensor:
        seen = error if context is None else _beside(error, context)
        enter, block, activate, leave = self.network
        return (
            self.linear(error, strength).float()
            + leave(activate(block(enter(seen, strength), strength)), strength).float()
        )


class Reader(nn.Module):
    """One stage of the receiver's half, which the sender runs too.

    Symbols (N, count, h, w) in [-1, 1] and the context of the stage before (N, hidden, h, w), if there is one ->
    context, the bands' correction (N, 16, h, w) and, but for the last stage, by how much the next one is to magnify
    what is still wrong (N, 16, h, w). Each strength has something of its own, see `isgan.hiders.qim.dial`.
    """

    def __init__(self, count: int, hidden: int, blocks: int, stage: int, last: bool, strengths: int):
        super().__init__()
        self.enter = DialConv(count + hidden if stage else count, hidden, 3, strengths)
        self.blocks = nn.ModuleList([ResidualBlock(hidden, strengths) for _ in range(blocks)])
        self.correction = DialConv(hidden, BANDS, 3, strengths)
        self.log_gain = None if last else DialConv(hidden, BANDS, 1, strengths).blank(SHRINKING * (stage + 1))

    def forward(self, symbols: Tensor, context: Tensor | None, strength: int) -> tuple[Tensor, Tensor, Tensor | None]:
        entered = self.enter(symbols if context is None else _beside(symbols, context), strength)
        if context is not None:
            entered = entered + context
        context = entered
        for block in self.blocks:
            context = block(context, strength)
        gain = self.log_gain(context, strength).float().clamp(*LOG_GAINS).exp() if self.log_gain else None
        return context, self.correction(context, strength).float(), gain


@hiders.register("qim")
class Qim(Dialled):
    """Successive refinement: each stage writes what the receiver still has wrong, magnified to the scale it expects.

        secret -- Haar --(-)-- x gain -- writer -- round --> symbols, carried by the pixels --> the receiver
                          |                                     |
                          +--- estimate <-- + correction/gain <-- reader (the receiver's half; the sender runs it too)

    Beyond the image's edge there is no symbol. The receiver knows these pixels too, and the sender's later stages see
    and mend the damage. More symbols give a better secret and a worse stego image. One network serves all of the
    carrier's `MODULI`, a strength each; training draws one for each batch.

    Args:
        stages: number of refinements, 1 to 4.
        hidden: width of the readers, 8 to 256; writers have three quarters of it.
        blocks: residual blocks of a reader, 0 to 8.
    """

    strengths = len(MODULI)
    # A bit of chroma beside each symbol doubles what a pixel carries.
    color_strengths = sum(2 * modulus <= MOST for modulus in MODULI)

    def __init__(self, stages: int = 3, hidden: int = 64, blocks: int = 2):
        if not (1 <= stages <= 4 and 8 <= hidden <= 256 and 0 <= blocks <= 8):
            bounds = f"stages={stages} (1 to 4), hidden={hidden} (8 to 256), blocks={blocks} (0 to 8)"
            raise IsganError(f"qim with {bounds} is out of bounds")
        super().__init__(stages=stages, hidden=hidden, blocks=blocks)
        self.haar = Haar(levels=2)
        # 16 symbols a block, shared out; the first stages get what is left over: 6, 5, 5.
        self.counts = [BANDS // stages + (stage < BANDS % stages) for stage in range(stages)]
        widths = hidden * 3 // 4, self.strengths
        self.writers = nn.ModuleList(
            Writer(hidden if stage else 0, count, *widths) for stage, count in enumerate(self.counts)
        )
        self.readers = nn.ModuleList(
            Reader(count, hidden, blocks, stage, stage == stages - 1, self.strengths)
            for stage, count in enumerate(self.counts)
        )
        # 3x3 convolutions in a row at a quarter of the resolution: 4 in a writer; 1, 2 a block, and 1 for the
        # correction in a reader.
        writing = 4 * stages + (2 + 2 * blocks) * (stages - 1)
        reading = (1 + 2 * blocks) * stages + 1
        self._reaches = [BLOCK * convolutions + BLOCK - 1 for convolutions in (max(writing, reading), reading)]
        self._set((self.strengths + 1) // 2, False)

    def _set(self, strength: int, color: bool) -> None:
        self.strength, self.color = strength, color
        self.carrier = Carrier(MODULI[strength - 1] * (2 if color else 1))
        self.multiple = 2 * BLOCK if color else BLOCK
        # Chroma is at half the resolution, and enlarged from there: bicubic, from two more on each side.
        self.halo, self._reveal_halo = (2 * (reach + 2) if color else reach for reach in self._reaches)

    @property
    def reveal_halo(self) -> int:
        return self._reveal_halo

    def at(self, strength: int, color: bool = False) -> Self:
        self.check(strength, color)
        view = copy.copy(self)
        view._set(strength, color)
        return view

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        return self._carry(cover, self.draft(cover, secret))

    def reveal(self, stego: Tensor) -> Tensor:
        symbols = self.carrier.read((stego * 255).round())
        if not self.color:
            return self._read(symbols, torch.ones_like(symbols), self.strength)
        bits = torch.div(symbols, self.carrier.modulus // 2, rounding_mode="floor")
        return self._read_color(symbols - self.carrier.modulus // 2 * bits, bits)

    def draft(self, cover: Tensor, secret: Tensor) -> Tensor:
        """The symbols (N, 1, H, W) before they are rounded; of a colour secret (N, 2, H, W), then the bits of
        chroma."""
        return self._code(secret, look_back=False)[0]

    def finish(self, cover: Tensor, draft: Tensor) -> Hiding:
        symbols = self._rounded(draft)
        if not self.color:
            return Hiding(self._carry(cover, draft), self._read(symbols, torch.ones_like(symbols), self.strength))
        # The bits of chroma stay what they are: moved a little by a gradient, they would be no bits.
        return Hiding(self._carry(cover, draft), self._read_color(symbols, draft[:, 1:].detach()))

    def forward(self, cover: Tensor, secret: Tensor) -> Hiding:
        """As in the contract, but the gradient goes from the secret to the symbols, not by way of the pixels, whose
        changes are noise."""
        if self.training:  # no random state: a resumed run draws the same strengths
            drawn = int((cover * 255).round().double().sum()) % self.strengths + 1
            return self.at(drawn)._hidden(cover, secret)
        return self._hidden(cover, secret)

    def _hidden(self, cover: Tensor, secret: Tensor) -> Hiding:
        draft, revealed = self._code(secret)
        return Hiding(self._carry(cover, draft), revealed)

    def _carry(self, cover: Tensor, draft: Tensor) -> Tensor:
        """What is saved: cover (N, 3, H, W) in [0, 1] with the symbols of a `draft`, on the 8-bit grid; without a
        gradient."""
        symbols = self._rounded(draft).detach()
        if self.color:
            symbols = symbols + self.carrier.modulus // 2 * draft[:, 1:]
        return self.carrier.carry((cover * 255).round(), symbols) / 255

    def _rounded(self, draft: Tensor) -> Tensor:
        return round_straight_through(draft[:, :1].clamp(0, MODULI[self.strength - 1] - 1))

    def _code(self, secret: Tensor, look_back: bool = True) -> tuple[Tensor, Tensor]:
        """The `draft` of what the pixels are to carry, and what that reveals; see `_write`.

        Colour is Y, coded as a gray secret, and Cb and Cr at half the resolution, coded as gray secrets of their own
        with 4 symbols: two bits for each of the two in 2 x 2 pixels, a bit for each pixel.
        """
        room = torch.ones_like(secret[:, :1])
        if not self.color:
            return self._write(secret, room, self.strength, look_back)
        ycbcr = rgb_to_ycbcr(secret)
        levels, y = self._write(ycbcr[:, :1], room, self.strength, look_back)
        planes = F.avg_pool2d(pad_to(ycbcr[:, 1:], 2), 2).flatten(0, 1)[:, None]
        _, whole = _chroma_symbols(room, room)
        chroma, planes = self._write(planes, whole, CHROMA_STRENGTH, look_back)
        bits = _chroma_bits(chroma.round())[..., : room.shape[-2], : room.shape[-1]]
        return torch.cat([levels, bits], dim=1), _with_chroma(y, planes)

    def _read_color(self, symbols: Tensor, bits: Tensor) -> Tensor:
        """Symbols of Y and bits of chroma (N, 1, H, W) -> RGB secret (N, 3, H, W)."""
        room = torch.ones_like(bits)
        planes = self._read(*_chroma_symbols(bits, room), CHROMA_STRENGTH)
        return _with_chroma(self._read(symbols, room, self.strength), planes)

    def _write(self, secret: Tensor, room: Tensor, strength: int, look_back: bool = True) -> tuple[Tensor, Tensor]:
        """secret (N, 1, H, W) -> symbols (N, 1, H, W) in [0, modulus - 1], not yet rounded; what they reveal (N, 1, H,
        W).

        `room` (N, 1, H, W) is 1 where there is a symbol, else 0.

        Without `look_back` the last reader is spared, which the symbols do not need; the second result is then of no
        use.
        """
        height, width = secret.shape[-2:]
        modulus = MODULI[strength - 1]
        bands = BAND_SCALE * self.haar(pad_to(secret, BLOCK) - 0.5)
        estimate, context, gain, written = torch.zeros_like(bands), None, 1.0, []
        for writer, reader, mask in zip(self.writers, self.readers, self._parts(room), strict=True):
            drive = writer((bands - estimate) * gain, context, strength)
            written.append((modulus - 1) * torch.sigmoid(2 * drive))
            if writer is self.writers[-1] and not look_back:
                break
            read = self.rounded_in_part(written[-1], round_straight_through(written[-1]))
            symbols = _centred(read, modulus) * mask
            context, correction, next_gain = reader(symbols, context, strength)
            estimate = estimate + correction / gain
            gain = next_gain
        levels = F.pixel_shuffle(torch.cat(written, dim=1), BLOCK)[..., :height, :width]
        return levels, self._secret(estimate)[..., :height, :width]

    def _read(self, symbols: Tensor, room: Tensor, strength: int) -> Tensor:
        """symbols, room (N, 1, H, W) -> secret (N, 1, H, W); the readers of `_write` without the writers."""
        height, width = symbols.shape[-2:]
        centred = _centred(symbols, MODULI[strength - 1]) * room
        estimate, context, gain = torch.zeros(()), None, 1.0
        for reader, part in zip(self.readers, self._parts(centred), strict=True):
            context, correction, next_gain = reader(part, context, strength)
            estimate = estimate + correction / gain
            gain = next_gain
        return self._secret(estimate)[..., :height, :width]

    def _parts(self, image: Tensor) -> tuple[Tensor, ...]:
        """(N, 1, H, W), with 0 beyond the edge, in blocks, a part for each stage (N, count, h, w)."""
        below, right = (-side % BLOCK for side in image.shape[-2:])
        return F.pixel_unshuffle(F.pad(image, (0, right, 0, below)), BLOCK).split(self.counts, dim=1)

    def _secret(self, bands: Tensor) -> Tensor:
        return self.haar.inverse(bands) / BAND_SCALE + 0.5


def _beside(few: Tensor, context: Tensor) -> Tensor:
    """(N, few, h, w), (N, many, h, w) -> (N, few + many, h, w), in the layout that convolutions want: they would copy
    all of it first, which takes a tenth of hiding."""
    return torch.cat([few.contiguous(memory_format=torch.channels_last), context], dim=1)


def _centred(symbols: Tensor, modulus: int) -> Tensor:
    """0 ... modulus - 1 -> about [-1, 1]; 0 stands for no symbol."""
    return (symbols - (modulus - 1) / 2) * (2 / modulus)


def _chroma_symbols(bits: Tensor, room: Tensor) -> tuple[Tensor, Tensor]:
    """bits, room (N, 1, H, W) -> symbols of Cb and Cr in 0 ... 3, and which of them are whole, (2 N, 1, H/2, W/2)
    rounded up.

    Of 2 x 2 pixels the upper two have the bits of Cb, the higher one first, and the lower two those of Cr.
    """
    below, right = (-side % 2 for side in bits.shape[-2:])
    bits, room = (
        F.pixel_unshuffle(F.pad(image, (0, right, 0, below)), 2).unflatten(1, (2, 2)).flatten(0, 1)
        for image in (bits, room)
    )
    return 2 * bits[:, :1] + bits[:, 1:], room[:, :1] * room[:, 1:]


def _chroma_bits(symbols: Tensor) -> Tensor:
    """The inverse: symbols (2 N, 1, h, w) -> bits (N, 1, 2 h, 2 w)."""
    planes = symbols.unflatten(0, (-1, 2))[:, :, 0]
    high = torch.div(planes, 2, rounding_mode="floor")
    return F.pixel_shuffle(torch.stack([high, planes - 2 * high], dim=2).flatten(1, 2), 2)


def _with_chroma(y: Tensor, planes: Tensor) -> Tensor:
    """Y (N, 1, H, W), Cb and Cr (2 N, 1, H/2, W/2) -> RGB (N, 3, H, W)."""
    height, width = y.shape[-2:]
    chroma = F.interpolate(planes[:, 0].unflatten(0, (-1, 2)), scale_factor=2, mode="bicubic")[..., :height, :width]
    return ycbcr_to_rgb(torch.cat([y, chroma], dim=1))
