"""`qim`: a network writes the secret's Haar bands as a code of whole numbers, and Y carries the code. The default model.

Carrying is quantisation index modulation (Chen and Wornell 2001): each pixel's change is the smallest that makes its luma level
congruent to its symbol modulo `modulus`. The cover does not disturb what the receiver reads, saving as 8 bits loses nothing, and
the mean square of the changes is 1.5 for 4 levels, 46.4 dB, whatever the secret is. What is left to learn is the code.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isgan.distortions.quantize import round_straight_through
from isgan.errors import IsganError
from isgan.hiders import hiders
from isgan.hiders.base import Hider, Hiding, pad_to
from isgan.layers.haar import Haar

# Of a model with a dial, from faint to faithful: the stego image has 51.1, 49.9, 46.4, 45.1, 43.1, 40.7 and 38.1 dB.
MODULI = (2, 3, 4, 5, 6, 8, 11)
# A block of 4 x 4 pixels has 16 Haar coefficients, and carries 16 symbols.
BLOCK = 4
BANDS = BLOCK**2
# log of the magnification: what is wrong shrinks about threefold with each stage, to begin with; and its bounds.
SHRINKING = 1.2
LOG_GAINS = (-2.0, 5.0)
# Bands of [0, 1] images are small; this brings them to what a network starts well with.
BAND_SCALE = 2.0


class ResidualBlock(nn.Module):
    """x + two 3x3 convolutions of x, (N, C, h, w) -> the same; starts as the identity."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        for parameter in self.second.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.leaky_relu(self.first(x), 0.2))


class Writer(nn.Module):
    """What is still wrong with the estimate, (N, 16 [+ context], h, w) -> symbols (N, count, h, w), before rounding."""

    def __init__(self, context: int, count: int, hidden: int):
        super().__init__()
        self.linear = nn.Conv2d(BANDS, count, 1)
        self.network = nn.Sequential(
            nn.Conv2d(BANDS + context, hidden, 3, padding=1),
            ResidualBlock(hidden),
            nn.LeakyReLU(0.2),
            nn.Conv2d(hidden, count, 3, padding=1),
        )

    def forward(self, error: Tensor, context: Tensor | None) -> Tensor:
        seen = error if context is None else torch.cat([error, context], dim=1)
        return self.linear(error).float() + self.network(seen).float()


class Reader(nn.Module):
    """One stage of the receiver's half, which the sender runs too.

    Symbols (N, count, h, w) in [-1, 1] and the context of the stage before (N, hidden, h, w), if there is one -> context, the bands'
    correction (N, 16, h, w) and, but for the last stage, by how much the next one is to magnify what is still wrong (N, 16, h, w).
    With a dial, each modulus has its own bias where the symbols enter.
    """

    def __init__(self, count: int, hidden: int, blocks: int, stage: int, last: bool, dial: bool):
        super().__init__()
        self.enter = nn.Conv2d(count + hidden if stage else count, hidden, 3, padding=1)
        self.blocks = nn.Sequential(*[ResidualBlock(hidden) for _ in range(blocks)])
        self.correction = nn.Conv2d(hidden, BANDS, 3, padding=1)
        self.log_gain = None if last else nn.Conv2d(hidden, BANDS, 1)
        self.biases = nn.Parameter(torch.zeros(len(MODULI), hidden)) if dial else None
        if self.log_gain:
            for parameter, value in zip(self.log_gain.parameters(), (0.0, SHRINKING * (stage + 1)), strict=True):  # weight, bias
                nn.init.constant_(parameter, value)

    def forward(self, symbols: Tensor, context: Tensor | None, modulus: int) -> tuple[Tensor, Tensor, Tensor | None]:
        entered = self.enter(symbols) if context is None else context + self.enter(torch.cat([symbols, context], dim=1))
        if self.biases is not None:
            entered = entered + self.biases[MODULI.index(modulus)][:, None, None]
        context = self.blocks(entered)
        gain = self.log_gain(context).float().clamp(*LOG_GAINS).exp() if self.log_gain else None
        return context, self.correction(context).float(), gain


@hiders.register("qim")
class Qim(Hider):
    """Successive refinement: each stage writes what the receiver still has wrong, magnified to the scale it expects.

        secret -- Haar --(-)-- x gain -- writer -- round --> symbols = luma level modulo `modulus` --> the receiver
                          |                                     |
                          +--- estimate <-- + correction/gain <-- reader (the receiver's half; the sender runs it too)

    Only the luminance is changed: R, G and B of a pixel by the same whole number. Where they leave no room for every residue
    (saturated colours: max - min > 256 - modulus), and beyond the image's edge, there is no symbol. max - min is the same in the
    stego image, so the receiver knows these pixels too, and the sender's later stages see and mend the damage.

    Args:
        modulus: what the luma level is taken modulo, 2 to 16. More give a better secret and a worse stego image.
        stages: number of refinements, 1 to 4.
        hidden: width of the readers, 8 to 256; writers have three quarters of it.
        blocks: residual blocks of a reader, 0 to 8.
        dial: one set of weights for all of `MODULI`: `strength` chooses, `modulus` is what it starts with, training draws one for
            each batch.
    """

    multiple = BLOCK

    def __init__(self, modulus: int = 4, stages: int = 3, hidden: int = 64, blocks: int = 2, dial: bool = False):
        if not (2 <= modulus <= 16 and 1 <= stages <= 4 and 8 <= hidden <= 256 and 0 <= blocks <= 8):
            bounds = f"modulus={modulus} (2 to 16), stages={stages} (1 to 4), hidden={hidden} (8 to 256), blocks={blocks} (0 to 8)"
            raise IsganError(f"qim with {bounds} is out of bounds")
        if dial and modulus not in MODULI:
            raise IsganError(f"qim with a dial and modulus={modulus} is out of bounds: it is one of {MODULI}")
        super().__init__(modulus=modulus, stages=stages, hidden=hidden, blocks=blocks, dial=dial)
        self.strengths = len(MODULI) if dial else 0
        self.modulus = modulus
        self.haar = Haar(levels=2)
        # 16 symbols a block, shared out; the first stages get what is left over: 6, 5, 5.
        self.counts = [BANDS // stages + (stage < BANDS % stages) for stage in range(stages)]
        self.writers = nn.ModuleList(Writer(hidden if stage else 0, count, hidden * 3 // 4) for stage, count in enumerate(self.counts))
        self.readers = nn.ModuleList(
            Reader(count, hidden, blocks, stage, stage == stages - 1, dial) for stage, count in enumerate(self.counts)
        )
        # 3x3 convolutions in a row at a quarter of the resolution: 4 in a writer; 1, 2 a block, and 1 for the correction in a reader.
        writing = 4 * stages + (2 + 2 * blocks) * (stages - 1)
        reading = (1 + 2 * blocks) * stages + 1
        self.halo = BLOCK * max(writing, reading) + BLOCK - 1

    def set_strength(self, strength: int) -> None:
        super().set_strength(strength)
        self.modulus = MODULI[strength - 1]

    def lost(self, cover: Tensor) -> float:
        return 1 - _room((cover * 255).round(), self.modulus).mean().item()

    def hide(self, cover: Tensor, secret: Tensor) -> Tensor:
        pixels = (cover * 255).round()
        symbols, _ = self._write(secret, _usable(pixels, self.modulus), look_back=False)
        return self._carry(pixels, symbols)

    def reveal(self, stego: Tensor) -> Tensor:
        pixels = (stego * 255).round()
        symbols = pad_to(_level(pixels) % self.modulus, BLOCK)
        height, width = stego.shape[-2:]
        return self._read(F.pixel_unshuffle(symbols, BLOCK), _usable(pixels, self.modulus))[..., :height, :width]

    def forward(self, cover: Tensor, secret: Tensor) -> Hiding:
        """As in the contract, but the gradient goes from the secret to the symbols, not by way of the pixels, whose changes are noise."""
        pixels = (cover * 255).round()
        chosen = self.modulus
        if self.training and self.strengths:
            self.modulus = MODULI[int(pixels.double().sum()) % self.strengths]  # no random state: a resumed run draws the same
        symbols, revealed = self._write(secret, _usable(pixels, self.modulus))
        stego = self._carry(pixels, symbols.detach())
        self.modulus = chosen
        return Hiding(stego, revealed)

    def _write(self, secret: Tensor, usable: Tensor, look_back: bool = True) -> tuple[Tensor, Tensor]:
        """secret (N, 1, H, W), usable (N, 16, h, w) -> symbols (N, 16, h, w) in 0 ... modulus - 1, and what they reveal (N, 1, H, W).

        Without `look_back` the last reader is spared, which the symbols do not need; the second result is then of no use.
        """
        height, width = secret.shape[-2:]
        bands = BAND_SCALE * self.haar(pad_to(secret, BLOCK) - 0.5)
        estimate, context, gain, written = torch.zeros_like(bands), None, 1.0, []
        for writer, reader, mask in zip(self.writers, self.readers, usable.split(self.counts, dim=1), strict=True):
            drive = writer((bands - estimate) * gain, context)
            symbols = round_straight_through((self.modulus - 1) * torch.sigmoid(2 * drive))
            written.append(symbols)
            if writer is self.writers[-1] and not look_back:
                break
            context, correction, next_gain = reader(self._centred(symbols) * mask, context, self.modulus)
            estimate = estimate + correction / gain
            gain = next_gain
        return torch.cat(written, dim=1), (self.haar.inverse(estimate) / BAND_SCALE + 0.5)[..., :height, :width]

    def _read(self, symbols: Tensor, usable: Tensor) -> Tensor:
        """symbols, usable (N, 16, h, w) -> secret (N, 1, 4 h, 4 w); the readers of `_write` without the writers."""
        estimate, context, gain = torch.zeros_like(symbols), None, 1.0
        centred = (self._centred(symbols) * usable).split(self.counts, dim=1)
        for reader, part in zip(self.readers, centred, strict=True):
            context, correction, next_gain = reader(part, context, self.modulus)
            estimate = estimate + correction / gain
            gain = next_gain
        return self.haar.inverse(estimate) / BAND_SCALE + 0.5

    def _centred(self, symbols: Tensor) -> Tensor:
        """0 ... modulus - 1 -> about [-1, 1]; 0 stands for no symbol."""
        return (symbols - (self.modulus - 1) / 2) * (2 / self.modulus)

    def _carry(self, pixels: Tensor, symbols: Tensor) -> Tensor:
        """pixels (N, 3, H, W) in 0 ... 255, symbols (N, 16, h, w) -> stego (N, 3, H, W) in [0, 1], on the 8-bit grid."""
        height, width = pixels.shape[-2:]
        wanted = F.pixel_shuffle(symbols, BLOCK)[..., :height, :width]
        least = (self.modulus - 1) // 2
        change = (wanted - _level(pixels) + least) % self.modulus - least
        # One step further round leads to the same residue on the other side, where a dark or bright pixel has room.
        change = change + self.modulus * (change < -pixels.amin(dim=1, keepdim=True)).float()
        change = change - self.modulus * (change > 255 - pixels.amax(dim=1, keepdim=True)).float()
        return (pixels + change * _room(pixels, self.modulus)) / 255


def _level(pixels: Tensor) -> Tensor:
    """The whole part of the luma of RGB pixels (N, 3, H, W) in 0 ... 255; exact, since all sums are whole numbers under 2^24."""
    return torch.div(299 * pixels[:, 0:1] + 587 * pixels[:, 1:2] + 114 * pixels[:, 2:3], 1000, rounding_mode="floor")


def _room(pixels: Tensor, modulus: int) -> Tensor:
    """1 where R, G and B can take every residue by one common change, else 0; (N, 1, H, W). The change leaves it as it is."""
    return (pixels.amax(dim=1, keepdim=True) - pixels.amin(dim=1, keepdim=True) <= 256 - modulus).float()


def _usable(pixels: Tensor, modulus: int) -> Tensor:
    """Which symbols there are: `_room`, and 0 beyond the edge, in blocks (N, 16, h, w)."""
    room = _room(pixels, modulus)
    below, right = (-side % BLOCK for side in room.shape[-2:])
    return F.pixel_unshuffle(F.pad(room, (0, right, 0, below)), BLOCK)
