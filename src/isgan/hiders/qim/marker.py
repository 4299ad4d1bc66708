"""Pixels that carry symbols, sealed with a key: what tells the receiver the setting, and what tells it that nothing was
changed.

Every symbol has a keystream added to it, modulo the alphabet, so that without the key all symbols are equally likely.
Pixels that must not change have no symbol of their own. Their symbols, and in front of them the marker - a nonce, the
number of the setting and a tag - ride along: each bit is the parity of the lowest bits of B in a group of pixels that
the key chooses. Where it is wrong, one pixel of the group takes another colour that carries the same symbol, the one
whose colour that costs least. `docs/format.md` specifies every byte.
"""

import hmac
from collections.abc import Sequence
from hashlib import sha256
from itertools import product

import numpy as np
import torch

from isgan.errors import IsganError, NothingFound
from isgan.hiders.qim.carrier import MOST, Carrier
from isgan.key import NONCE, TAG, Key

MARKER = NONCE + 1 + TAG
GROUP = 4  # pixels that a riding bit has, at most: of more the stego image has nothing
STEPS = np.array(sorted(product(range(-3, 4), range(-3, 4), range(-6, 7)), key=lambda step: np.square(step).sum()))
CHUNK = 1 << 12  # pixels whose colours are searched for at a time
STRIP = 1 << 20  # pixels read or written at a time


def seal(
    cover: np.ndarray, stego: np.ndarray, frozen: np.ndarray, setting: int, carrier: Carrier, key: Key
) -> np.ndarray:
    """The stego image that is sent.

    Args:
        cover: (H, W, 3) uint8.
        stego: (H, W, 3) uint8, which carries the symbols in clear.
        frozen: (H, W) bool, pixels that must stay as they are in the cover.
        setting: 0 ... 255, what `unseal` gives.
        carrier: of this setting.
        key: made for this cover.

    Returns:
        (H, W, 3) uint8.

    Raises:
        IsganError: too many pixels are frozen.
    """
    still = np.flatnonzero(frozen)
    groups = _groups(key, frozen)[: 8 * MARKER + len(still) * _width(carrier)]
    if len(groups) < 8 * MARKER + len(still) * _width(carrier):
        raise IsganError("too much of the cover must not change: take one that is larger, or that is not transparent")
    nonce = key.nonce()
    symbols = _read(stego, carrier)
    riding = _bits(symbols[still], _width(carrier)) ^ _keystream_bits(key, nonce, len(still) * _width(carrier))
    sealed = (symbols + _keystream(key, nonce, carrier.modulus, symbols.size)) % carrier.modulus
    sealed[still] = 0
    hidden = bytes([setting ^ key.stream("setting", 1, nonce)[0]])
    head = nonce + hidden + _tag(key, nonce, setting, cover.shape, sealed, riding)
    bits = np.concatenate([np.unpackbits(np.frombuffer(head, np.uint8), bitorder="little"), riding])
    sent = _carried(cover, sealed, carrier)
    sent.reshape(-1, 3)[still] = cover.reshape(-1, 3)[still]
    _ride(sent.reshape(-1, 3), cover.reshape(-1, 3), groups[_parities(sent, groups) != bits], sealed, carrier)
    return sent


def unseal(stego: np.ndarray, frozen: np.ndarray, carriers: Sequence[Carrier], key: Key) -> tuple[int, np.ndarray]:
    """The setting, and the symbols in clear as a picture that carries them, (H, W, 3) uint8.

    Args:
        stego: (H, W, 3) uint8, what `seal` made.
        frozen: as for `seal`.
        carriers: of all settings, by their numbers.
        key: made for this picture.

    Raises:
        NothingFound: it was sealed with another key, not at all, or was changed.
    """
    still = np.flatnonzero(frozen)
    groups = _groups(key, frozen)
    if len(groups) < 8 * MARKER:
        raise NothingFound
    bits = _parities(stego, groups)
    head = np.packbits(bits[: 8 * MARKER], bitorder="little").tobytes()
    nonce, tag = head[:NONCE], head[NONCE + 1 :]
    setting = head[NONCE] ^ key.stream("setting", 1, nonce)[0]
    # A setting that there is not fails at its tag as all else does, in the same time.
    carrier = carriers[setting % len(carriers)]
    width = _width(carrier)
    riding = bits[8 * MARKER : 8 * MARKER + len(still) * width]
    sealed = _read(stego, carrier)
    sealed[still] = 0
    genuine = hmac.compare_digest(tag, _tag(key, nonce, setting, stego.shape, sealed, riding))
    if not genuine or setting >= len(carriers) or len(riding) < len(still) * width:
        raise NothingFound
    symbols = (sealed + (carrier.modulus - _keystream(key, nonce, carrier.modulus, sealed.size))) % carrier.modulus
    symbols[still] = _numbers(riding ^ _keystream_bits(key, nonce, len(riding)), width)
    return setting, _carried(stego, symbols, carrier)


def _width(carrier: Carrier) -> int:
    """How many bits a symbol takes where it rides along."""
    return (carrier.modulus - 1).bit_length()


def _groups(key: Key, frozen: np.ndarray) -> np.ndarray:
    """The pixels that riding bits have, (bits, up to `GROUP`), of those that are not frozen, in the key's order.

    As many bits as the carrier of the most symbols may need, a pixel each if there are not more; fewer where there are
    not even those.
    """
    free = np.flatnonzero(~frozen)
    most = 8 * MARKER + (frozen.size - len(free)) * (MOST - 1).bit_length()
    size = min(GROUP, max(1, len(free) // most))
    places = free[key.order("marker", len(free))[: most * size]]
    return places.reshape(-1, size)


def _parities(picture: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The riding bits of a picture (H, W, 3) uint8, (n,) uint8."""
    return np.bitwise_xor.reduce(picture.reshape(-1, 3)[:, 2][groups] & 1, axis=1)


def _ride(sent: np.ndarray, cover: np.ndarray, groups: np.ndarray, symbols: np.ndarray, carrier: Carrier) -> None:
    """Flips the parity of each group (n, size), in place: its best pixel moves on to a colour of the same symbol with
    the other bit.

    sent, cover: (H W, 3) uint8; symbols: (H W,) uint8.
    """
    places = groups.ravel()
    other = _nearest(cover[places], symbols[places], 1 - (sent[places, 2] & 1), carrier)
    before, after = (
        np.square(colours.astype(np.int32) - cover[places]).sum(axis=1) for colours in (sent[places], other)
    )
    best = (after - before).reshape(groups.shape).argmin(axis=1) + np.arange(len(groups)) * groups.shape[1]
    sent[places[best]] = other[best]


def _keystream(key: Key, nonce: bytes, modulus: int, count: int) -> np.ndarray:
    """(count,) uint8, uniform in 0 ... modulus - 1: the keystream's bytes modulo it, but for those where that would not
    be fair."""
    fair = 256 - 256 % modulus
    wanted = count * 256 // fair + 64
    while True:
        stream = np.frombuffer(key.stream("symbols", wanted, nonce), np.uint8)
        taken = stream if fair == 256 else stream[stream < fair]
        if len(taken) >= count:
            return taken[:count] % modulus
        wanted += wanted // 8 + 64


def _keystream_bits(key: Key, nonce: bytes, count: int) -> np.ndarray:
    stream = np.frombuffer(key.stream("riding", -(-count // 8), nonce), np.uint8)
    return np.unpackbits(stream, bitorder="little")[:count]


def _tag(
    key: Key, nonce: bytes, setting: int, shape: tuple[int, ...], symbols: np.ndarray, riding: np.ndarray
) -> bytes:
    """HMAC-SHA-256 over all that the receiver reads but the nonce, which the key of this purpose comes from."""
    height, width = shape[:2]
    head = bytes([setting]) + width.to_bytes(4, "little") + height.to_bytes(4, "little")
    code = hmac.new(key.subkey("tag", nonce), head, sha256)
    code.update(symbols.data)
    code.update(riding.data)
    return code.digest()[:TAG]


def _bits(numbers: np.ndarray, width: int) -> np.ndarray:
    """(n,) uint8 -> (n * width,) uint8 of 0 and 1, the lowest bit of each first."""
    return (numbers[:, None] >> np.arange(width, dtype=np.uint8) & 1).ravel()


def _numbers(bits: np.ndarray, width: int) -> np.ndarray:
    return (bits.reshape(-1, width) << np.arange(width, dtype=np.uint8)).sum(axis=1, dtype=np.uint8)


def _read(picture: np.ndarray, carrier: Carrier) -> np.ndarray:
    """(H, W, 3) uint8 -> what each pixel carries, (H W,) uint8."""
    pixels = picture.reshape(-1, 3)
    return np.concatenate([_symbols(pixels[start : start + STRIP], carrier) for start in range(0, len(pixels), STRIP)])


def _carried(picture: np.ndarray, symbols: np.ndarray, carrier: Carrier) -> np.ndarray:
    """(H, W, 3) uint8 and (H W,) uint8 -> the picture that carries them."""
    result = np.empty_like(picture)
    pixels, carried = picture.reshape(-1, 3), result.reshape(-1, 3)
    for start in range(0, len(pixels), STRIP):
        part = slice(start, start + STRIP)
        wanted = torch.from_numpy(symbols[part].astype(np.float32))[None, None, None]
        carried[part] = carrier.carry(_as_pixels(pixels[part]), wanted)[0, :, 0].T.numpy()
    return result


def _nearest(colours: np.ndarray, symbols: np.ndarray, bits: np.ndarray, carrier: Carrier) -> np.ndarray:
    """Of all colours that carry these symbols and have these lowest bits of B those nearest to `colours`, (n, 3)
    uint8."""
    found = np.empty_like(colours)
    for start in range(0, len(colours), CHUNK):
        part = slice(start, start + CHUNK)
        choices = colours[part, None].astype(np.int16) + STEPS
        right = ((choices >= 0) & (choices <= 255)).all(axis=2) & (choices[..., 2] & 1 == bits[part, None])
        carried = _symbols(choices.clip(0, 255).reshape(-1, 3), carrier).reshape(right.shape)
        right &= carried == symbols[part, None]
        found[part] = choices[np.arange(len(right)), right.argmax(axis=1)]
    return found


def _symbols(colours: np.ndarray, carrier: Carrier) -> np.ndarray:
    """(n, 3) -> (n,) uint8."""
    return carrier.read(_as_pixels(colours))[0, 0, 0].numpy().astype(np.uint8)


def _as_pixels(colours: np.ndarray) -> torch.Tensor:
    """(n, 3) -> (1, 3, 1, n), as carriers take pixels."""
    return torch.from_numpy(np.ascontiguousarray(colours.T, np.float32))[None, :, None]
