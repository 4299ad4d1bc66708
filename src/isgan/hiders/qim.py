"""`qim`: a network writes the secret's Haar bands as a code of whole numbers, and the pixels' colours carry it. The default model.

The receiver reads the numbers without error, whatever the cover is, and what they change is small and known beforehand (see
`isgan.layers.carrier`). What is left to learn is the code.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isgan.color import rgb_to_ycbcr, ycbcr_to_rgb
from isgan.errors import IsganError
from isgan.hiders import hiders
from isgan.hiders.base import Hider, Hiding, pad_to
from isgan.layers.carrier import ColorCarrier, LumaCarrier
from isgan.layers.dial import CONDITIONINGS, DialConv
from isgan.layers.haar import Haar
from isgan.layers.quantize import round_straight_through
from isgan.registry import unknown

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

    def __init__(self, channels: int, strengths: int, conditioning: str):
        super().__init__()
        self.first = DialConv(channels, channels, 3, strengths, conditioning)
        self.second = DialConv(channels, channels, 3, strengths, conditioning).blank()

    def forward(self, x: Tensor, strength: int) -> Tensor:
        return self.second(F.leaky_relu(self.first(x, strength), 0.2, inplace=True), strength).to(x.dtype).add_(x)


class Writer(nn.Module):
    """What is still wrong with the estimate, (N, 16 [+ context], h, w) -> symbols (N, count, h, w), before rounding; only the sender's."""

    def __init__(self, context: int, count: int, hidden: int, strengths: int, conditioning: str):
        super().__init__()
        self.linear = DialConv(BANDS, count, 1, strengths, conditioning)
        enter = DialConv(BANDS + context, hidden, 3, strengths, conditioning)
        leave = DialConv(hidden, count, 3, strengths, conditioning)
        self.network = nn.ModuleList([enter, ResidualBlock(hidden, strengths, conditioning), nn.LeakyReLU(0.2, inplace=True), leave])

    def forward(self, error: Tensor, context: Tensor | None, strength: int) -> Tensor:
        seen = error if context is None else _beside(error, context)
        enter, block, activate, leave = self.network
        return self.linear(error, strength).float() + leave(activate(block(enter(seen, strength), strength)), strength).float()


class Reader(nn.Module):
    """One stage of the receiver's half, which the sender runs too.

    Symbols (N, count, h, w) in [-1, 1] and the context of the stage before (N, hidden, h, w), if there is one -> context, the bands'
    correction (N, 16, h, w) and, but for the last stage, by how much the next one is to magnify what is still wrong (N, 16, h, w).
    With a dial, each of its strengths has something of its own, see `isgan.layers.dial`.
    """

    def __init__(self, count: int, hidden: int, blocks: int, stage: int, last: bool, strengths: int, conditioning: str):
        super().__init__()
        self.enter = DialConv(count + hidden if stage else count, hidden, 3, strengths, conditioning)
        self.blocks = nn.ModuleList([ResidualBlock(hidden, strengths, conditioning) for _ in range(blocks)])
        self.correction = DialConv(hidden, BANDS, 3, strengths, conditioning)
        self.log_gain = None if last else DialConv(hidden, BANDS, 1, strengths, conditioning).blank(SHRINKING * (stage + 1))
        self.biases = nn.Parameter(torch.zeros(strengths, hidden)) if strengths and conditioning == "bias" else None

    def forward(self, symbols: Tensor, context: Tensor | None, strength: int) -> tuple[Tensor, Tensor, Tensor | None]:
        entered = self.enter(symbols if context is None else _beside(symbols, context), strength)
        if context is not None:
            entered = entered + context
        if self.biases is not None:
            entered = entered + self.biases[strength - 1][:, None, None]
        context = entered
        for block in self.blocks:
            context = block(context, strength)
        gain = self.log_gain(context, strength).float().clamp(*LOG_GAINS).exp() if self.log_gain else None
        return context, self.correction(context, strength).float(), gain


@hiders.register("qim")
class Qim(Hider):
    """Successive refinement: each stage writes what the receiver still has wrong, magnified to the scale it expects.

        secret -- Haar --(-)-- x gain -- writer -- round --> symbols, carried by the pixels --> the receiver
                          |                                     |
                          +--- estimate <-- + correction/gain <-- reader (the receiver's half; the sender runs it too)

    Beyond the image's edge there is no symbol, nor where the carrier has no room. The receiver knows these pixels too, and the sender's
    later stages see and mend the damage.

    Args:
        modulus: number of different symbols, 2 to 27; 16 if not `apart`. More give a better secret and a worse stego image.
        stages: number of refinements, 1 to 4.
        hidden: width of the readers, 8 to 256; writers have three quarters of it.
        blocks: residual blocks of a reader, 0 to 8.
        dial: one model for all `moduli` of the carrier: `strength` chooses, `modulus` is what it starts with, training draws
            one for each batch.
        conditioning: what each strength of a dial has of its own: a "bias" where the symbols enter; scales and shifts of all channels
            ("film"), or for two kernels a channel that are mixed ("mixture"); or all "weights", seven times as many. Without a dial "bias".
        apart: R, G and B move each for itself (`ColorCarrier`); otherwise together, and only luma changes (`LumaCarrier`).
    """

    def __init__(
        self,
        modulus: int = 4,
        stages: int = 3,
        hidden: int = 64,
        blocks: int = 2,
        dial: bool = False,
        apart: bool = False,
        conditioning: str = "bias",
    ):
        carrier = ColorCarrier if apart else LumaCarrier
        if not (2 <= modulus <= carrier.most and 1 <= stages <= 4 and 8 <= hidden <= 256 and 0 <= blocks <= 8):
            bounds = f"modulus={modulus} (2 to {carrier.most}), stages={stages} (1 to 4), hidden={hidden} (8 to 256)"
            raise IsganError(f"qim with {bounds}, blocks={blocks} (0 to 8) is out of bounds")
        if dial and modulus not in carrier.moduli:
            raise IsganError(f"qim with a dial and modulus={modulus} is out of bounds: it is one of {carrier.moduli}")
        if conditioning not in CONDITIONINGS:
            raise unknown("conditioning", conditioning, list(CONDITIONINGS))
        if conditioning != "bias" and not dial:
            raise IsganError(f"qim with conditioning='{conditioning}' and no dial is out of bounds: set dial, or leave it out")
        super().__init__(modulus=modulus, stages=stages, hidden=hidden, blocks=blocks, dial=dial, apart=apart, conditioning=conditioning)
        self.strengths = len(carrier.moduli) if dial else 0
        self.strength = carrier.moduli.index(modulus) + 1 if dial else 0
        self.carrier = carrier(modulus)
        # Colours are told by a factor of two in what the pixels carry.
        self.color_strengths = sum(2 * modulus <= carrier.most for modulus in carrier.moduli) if dial and apart else 0
        self.haar = Haar(levels=2)
        # 16 symbols a block, shared out; the first stages get what is left over: 6, 5, 5.
        self.counts = [BANDS // stages + (stage < BANDS % stages) for stage in range(stages)]
        dialled = self.strengths, conditioning
        self.writers = nn.ModuleList(Writer(hidden if s else 0, count, hidden * 3 // 4, *dialled) for s, count in enumerate(self.counts))
        self.readers = nn.ModuleList(Reader(count, hidden, blocks, s, s == stages - 1, *dialled) for s, count in enumerate(self.counts))
        # 3x3 convolutions in a row at a quarter of the resolution: 4 in a writer; 1, 2 a block, and 1 for the correction in a reader.
        writing = 4 * stages + (2 + 2 * blocks) * (stages - 1)
        reading = (1 + 2 * blocks) * stages + 1
        self._reaches = [BLOCK * convolutions + BLOCK - 1 for convolutions in (max(writing, reading), reading)]
        self._set_reach()

    @property
    def reveal_halo(self) -> int:
        return self._halos[1]

    def _set_reach(self) -> None:
        self.multiple = 2 * BLOCK if self.color else BLOCK
        # Chroma is at half the resolution, and enlarged from there: bicubic, from two more on each side.
        self._halos = [2 * (reach + 2) if self.color else reach for reach in self._reaches]
        self.halo = self._halos[0]

    def set_strength(self, strength: int, color: bool = False) -> None:
        super().set_strength(strength, color)
        self.strength, self.color = strength, color
        self._set_reach()
        modulus = self.carrier.moduli[strength - 1]
        self.carrier = type(self.carrier)(2 * modulus if color else modulus)

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        return self._carry(cover, self.draft(cover, secret))

    def reveal(self, stego: Tensor) -> Tensor:
        pixels = (stego * 255).round()
        symbols, room = self.carrier.read(pixels), self.carrier.room(pixels)
        if not self.color:
            return self._read(symbols, room, self.strength)
        bits = torch.div(symbols, self.carrier.modulus // 2, rounding_mode="floor")
        return self._read_color(symbols - self.carrier.modulus // 2 * bits, bits, room)

    def draft(self, cover: Tensor, secret: Tensor) -> Tensor:
        """The symbols (N, 1, H, W) before they are rounded; of a colour secret (N, 2, H, W), then the bits of chroma."""
        return self._code(secret, self.carrier.room((cover * 255).round()), look_back=False)[0]

    def finish(self, cover: Tensor, draft: Tensor) -> Hiding:
        room = self.carrier.room((cover * 255).round())
        symbols = self._rounded(draft)
        # The bits of chroma stay what they are: moved a little by a gradient, they would be no bits.
        revealed = self._read_color(symbols, draft[:, 1:].detach(), room) if self.color else self._read(symbols, room, self.strength)
        return Hiding(self._carry(cover, draft), revealed)

    def forward(self, cover: Tensor, secret: Tensor) -> Hiding:
        """As in the contract, but the gradient goes from the secret to the symbols, not by way of the pixels, whose changes are noise."""
        pixels = (cover * 255).round()
        chosen = self.strength
        if self.training and self.strengths:
            self.set_strength(int(pixels.double().sum()) % self.strengths + 1)  # no random state: a resumed run draws the same
        draft, revealed = self._code(secret, self.carrier.room(pixels))
        stego = self._carry(cover, draft)
        if self.training and self.strengths:
            self.set_strength(chosen)
        return Hiding(stego, revealed)

    def _carry(self, cover: Tensor, draft: Tensor) -> Tensor:
        """What is saved: cover (N, 3, H, W) in [0, 1] with the symbols of a `draft`, on the 8-bit grid; without a gradient."""
        symbols = self._rounded(draft).detach()
        if self.color:
            symbols = symbols + self.carrier.modulus // 2 * draft[:, 1:]
        return self.carrier.carry((cover * 255).round(), symbols) / 255

    def _rounded(self, draft: Tensor) -> Tensor:
        return round_straight_through(draft[:, :1].clamp(0, self._modulus(self.strength) - 1))

    def _code(self, secret: Tensor, room: Tensor, look_back: bool = True) -> tuple[Tensor, Tensor]:
        """The `draft` of what the pixels are to carry, and what that reveals; see `_write`.

        Colour is Y, coded as a gray secret, and Cb and Cr at half the resolution, coded as gray secrets of their own with 4 symbols: two
        bits for each of the two in 2 x 2 pixels, a bit for each pixel.
        """
        if not self.color:
            return self._write(secret, room, self.strength, look_back)
        ycbcr = rgb_to_ycbcr(secret)
        levels, y = self._write(ycbcr[:, :1], room, self.strength, look_back)
        planes = F.avg_pool2d(pad_to(ycbcr[:, 1:], 2), 2).flatten(0, 1)[:, None]
        _, half_room = _chroma_symbols(room, room)
        chroma, planes = self._write(planes, half_room, CHROMA_STRENGTH, look_back)
        bits = _chroma_bits(chroma.round())[..., : room.shape[-2], : room.shape[-1]]
        return torch.cat([levels, bits], dim=1), _with_chroma(y, planes)

    def _read_color(self, symbols: Tensor, bits: Tensor, room: Tensor) -> Tensor:
        """Symbols of Y, bits of chroma and room (N, 1, H, W) -> RGB secret (N, 3, H, W)."""
        planes = self._read(*_chroma_symbols(bits, room), CHROMA_STRENGTH)
        return _with_chroma(self._read(symbols, room, self.strength), planes)

    def _write(self, secret: Tensor, room: Tensor, strength: int, look_back: bool = True) -> tuple[Tensor, Tensor]:
        """secret, room (N, 1, H, W) -> symbols (N, 1, H, W) in [0, modulus - 1], not yet rounded; what they reveal (N, 1, H, W).

        Without `look_back` the last reader is spared, which the symbols do not need; the second result is then of no use.
        """
        height, width = secret.shape[-2:]
        modulus = self._modulus(strength)
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
        centred = _centred(symbols, self._modulus(strength)) * room
        estimate, context, gain = torch.zeros(()), None, 1.0
        for reader, part in zip(self.readers, self._parts(centred), strict=True):
            context, correction, next_gain = reader(part, context, strength)
            estimate = estimate + correction / gain
            gain = next_gain
        return self._secret(estimate)[..., :height, :width]

    def _modulus(self, strength: int) -> int:
        return self.carrier.moduli[strength - 1] if strength else self.carrier.modulus

    def _parts(self, image: Tensor) -> tuple[Tensor, ...]:
        """(N, 1, H, W), with 0 beyond the edge, in blocks, a part for each stage (N, count, h, w)."""
        below, right = (-side % BLOCK for side in image.shape[-2:])
        return F.pixel_unshuffle(F.pad(image, (0, right, 0, below)), BLOCK).split(self.counts, dim=1)

    def _secret(self, bands: Tensor) -> Tensor:
        return self.haar.inverse(bands) / BAND_SCALE + 0.5


def _beside(few: Tensor, context: Tensor) -> Tensor:
    """(N, few, h, w), (N, many, h, w) -> (N, few + many, h, w), in the layout that convolutions want: they would copy all of it first,
    which takes a tenth of hiding."""
    return torch.cat([few.contiguous(memory_format=torch.channels_last), context], dim=1)


def _centred(symbols: Tensor, modulus: int) -> Tensor:
    """0 ... modulus - 1 -> about [-1, 1]; 0 stands for no symbol."""
    return (symbols - (modulus - 1) / 2) * (2 / modulus)


def _chroma_symbols(bits: Tensor, room: Tensor) -> tuple[Tensor, Tensor]:
    """bits, room (N, 1, H, W) -> symbols of Cb and Cr in 0 ... 3, and which of them are whole, (2 N, 1, H/2, W/2) rounded up.

    Of 2 x 2 pixels the upper two have the bits of Cb, the higher one first, and the lower two those of Cr.
    """
    below, right = (-side % 2 for side in bits.shape[-2:])
    bits, room = (F.pixel_unshuffle(F.pad(image, (0, right, 0, below)), 2).unflatten(1, (2, 2)).flatten(0, 1) for image in (bits, room))
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
