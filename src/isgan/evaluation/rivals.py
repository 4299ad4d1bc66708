"""What a network has to be compared with: the secret as a file of an ordinary codec, its bits in the lowest levels of the cover.

`Webp` is a file as good as the network's secret, hidden by LSB matching. `Jpeg2000` has the carrier and the dial of `qim`: what is left
between the two is how well the secret is coded. Neither bears damage: one wrong bit, and the secret is gone.
"""

import io
import math
from abc import ABC, abstractmethod
from contextlib import suppress

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from isgan.datasets.pairs import gray
from isgan.errors import IsganError
from isgan.image import to_array, to_tensor
from isgan.layers.carrier import ColorCarrier
from isgan.steganographer import MARGIN, Strength, compare
from isgan.strength import as_pixels, read_strength, write_strength

LENGTH_BITS = 32
WORD_BITS = 62


class Rival(ABC):
    """Hides and reveals as a `Steganographer` does; pictures are uint8.

    Attributes:
        name: in the leaderboard.
        fingerprint: what tells its rows from those with other settings.
        strengths: how many settings its dial has, 0 without one.
    """

    name: str
    fingerprint: str
    strengths: int = 0

    @abstractmethod
    def hide(self, cover: np.ndarray, secret: np.ndarray, *, strength: Strength = "auto", polish: int = 0) -> np.ndarray:
        """cover (H, W, 3), secret (H, W) -> stego (H, W, 3)."""

    @abstractmethod
    def reveal(self, stego: np.ndarray) -> np.ndarray:
        """stego (H, W, 3) -> secret (H, W)."""

    def strength_of(self, stego: np.ndarray) -> int | None:
        """The setting of the dial; None without one."""
        return None

    def carry(self, cover: np.ndarray, secret: np.ndarray, _number: int) -> np.ndarray:
        """As a method of Table 6: the photographs of a pair, (H, W, 3) each."""
        return self.hide(cover, to_array(gray(to_tensor(secret))))


class Webp(Rival):
    """Changes no more samples than the quality needs.

    Args:
        psnr: that the secret is to have, in dB.
    """

    name = "webp"

    def __init__(self, psnr: float):
        self.psnr = psnr
        self.fingerprint = f"{psnr:g}"

    def hide(self, cover: np.ndarray, secret: np.ndarray, *, strength: Strength = "auto", polish: int = 0) -> np.ndarray:
        return embed(cover, webp(secret, self.psnr, (cover.size - LENGTH_BITS) // 8))

    def reveal(self, stego: np.ndarray) -> np.ndarray:
        return _decoded(extract(stego))


class Jpeg2000(Rival):
    """The best file that the carrier has room for at each strength; pixels that it does not need stay as they are."""

    name, fingerprint, strengths = "jpeg2000", "irreversible", len(ColorCarrier.moduli)

    def hide(self, cover: np.ndarray, secret: np.ndarray, *, strength: Strength = "auto", polish: int = 0) -> np.ndarray:
        if strength == "auto":
            stegos = [self.hide(cover, secret, strength=self.strengths)]
            for fainter in range(self.strengths - 1, 0, -1):
                with suppress(IsganError):  # no room
                    stegos.append(self.hide(cover, secret, strength=fainter))
            return max(stegos, key=lambda stego: min(compare(stego, cover).psnr - MARGIN, compare(self.reveal(stego), secret).psnr))
        carrier = ColorCarrier(ColorCarrier.moduli[strength - 1])
        data = jpeg2000(secret, bits_in(cover.size // 3, carrier.modulus) // 8 - LENGTH_BITS // 8)
        symbols = to_symbols(_with_length(data), carrier.modulus)
        pixels, places = cover.reshape(-1, 3).copy(), _order(cover.size // 3)[: len(symbols)]
        carried = carrier.carry(as_pixels(pixels[places]), torch.from_numpy(symbols)[None, None, None].float())
        pixels[places] = carried[0, :, 0].T.numpy()
        stego = pixels.reshape(cover.shape)
        write_strength(stego, strength, carrier)
        return stego

    def reveal(self, stego: np.ndarray) -> np.ndarray:
        carrier = ColorCarrier(ColorCarrier.moduli[(self.strength_of(stego) or 1) - 1])
        pixels = stego.reshape(-1, 3)[_order(stego.size // 3)]
        bits = to_bits(carrier.read(as_pixels(pixels)).flatten().long().numpy(), carrier.modulus)
        return _decoded(_without_length(bits))

    def strength_of(self, stego: np.ndarray) -> int | None:
        return read_strength(stego, ColorCarrier(2))


def webp(secret: np.ndarray, psnr: float, room: int) -> bytes:
    """The smallest WebP file of a gray picture, (H, W) uint8, with this PSNR in dB; the best of at most `room` bytes if there is none."""

    def encoded(quality: int) -> bytes:
        return _file(secret, format="WEBP", quality=quality)

    low, high = 0, 100
    while low < high:
        middle = (low + high) // 2
        data = encoded(middle)
        enough = len(data) > room or compare(_decoded(data), secret).psnr >= psnr
        low, high = (low, middle) if enough else (middle + 1, high)
    data = encoded(low)
    return data if len(data) <= room else encoded(max(0, low - 1))


def jpeg2000(secret: np.ndarray, room: int) -> bytes:
    """The best JPEG 2000 codestream of a gray picture, (H, W) uint8, of at most `room` bytes; `IsganError` if there is none."""
    for share in np.arange(1, 0, -0.02):  # the encoder takes its size as a wish
        ratio = secret.size / (share * room)
        data = _file(secret, format="JPEG2000", no_jp2=True, irreversible=True, quality_mode="rates", quality_layers=[ratio])
        if len(data) <= room:
            return data
    raise IsganError(f"{room} bytes are too few for a picture of {secret.shape[1]} x {secret.shape[0]}")


def embed(cover: np.ndarray, data: bytes) -> np.ndarray:
    """LSB matching: `data`, after its length, bit by bit in samples of the cover (H, W, 3) uint8 in a random order; +1 or -1 at random."""
    bits = _with_length(data)
    if len(bits) > cover.size:
        raise IsganError(f"{len(bits)} bits do not fit into {cover.size} samples")
    stego = cover.astype(np.int16).reshape(-1)
    places = _order(cover.size)[: len(bits)]
    steps = np.where(np.random.default_rng(cover.size + 1).random(len(bits)) < 0.5, 1, -1)
    steps = np.where(stego[places] == 0, 1, np.where(stego[places] == 255, -1, steps))
    stego[places] += steps * ((stego[places] & 1) != bits)
    return stego.astype(np.uint8).reshape(cover.shape)


def extract(stego: np.ndarray) -> bytes:
    """What `embed` put in."""
    return _without_length((stego.reshape(-1) & 1)[_order(stego.size)])


def to_symbols(bits: np.ndarray, modulus: int) -> np.ndarray:
    """Bits (n,) -> whole numbers in 0 ... modulus - 1: words of bits in another base, the last one filled up with zeros."""
    length, digits = _word(modulus)
    words = np.pad(bits, (0, -len(bits) % length)).reshape(-1, length) @ (1 << np.arange(length, dtype=np.int64))
    return (words[:, None] // modulus ** np.arange(digits, dtype=np.int64) % modulus).ravel()


def to_bits(symbols: np.ndarray, modulus: int) -> np.ndarray:
    """What `to_symbols` made -> the bits and the zeros after them; symbols that fill no word are left out."""
    length, digits = _word(modulus)
    words = symbols[: len(symbols) // digits * digits].reshape(-1, digits) @ (modulus ** np.arange(digits, dtype=np.int64))
    return (words[:, None] >> np.arange(length) & 1).astype(np.uint8).ravel()


def bits_in(pixels: int, modulus: int) -> int:
    """How many bits so many symbols hold."""
    length, digits = _word(modulus)
    return pixels // digits * length


def _word(modulus: int) -> tuple[int, int]:
    """How many bits go into how many digits of that base."""
    digits = int(WORD_BITS / math.log2(modulus))
    return int(digits * math.log2(modulus)), digits


def _with_length(data: bytes) -> np.ndarray:
    return np.unpackbits(np.frombuffer(len(data).to_bytes(LENGTH_BITS // 8, "big") + data, np.uint8))


def _without_length(bits: np.ndarray) -> bytes:
    length = int.from_bytes(np.packbits(bits[:LENGTH_BITS]).tobytes(), "big")
    return np.packbits(bits[LENGTH_BITS : LENGTH_BITS + 8 * length]).tobytes()


def _order(count: int) -> np.ndarray:
    return np.random.default_rng(count).permutation(count)


def _file(picture: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, **options)  # type: ignore[arg-type]
    return file.getvalue()


def _decoded(data: bytes) -> np.ndarray:
    try:
        return np.array(Image.open(io.BytesIO(data), formats=("WEBP", "JPEG2000")).convert("L"))
    except UnidentifiedImageError:
        raise IsganError("nothing is hidden in this picture") from None
