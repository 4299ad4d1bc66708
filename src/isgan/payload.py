"""A secret as the bytes that are sealed, fitted into what a cover takes, and back.

    codec's number, 1 byte | length of the name, 1 byte | name, UTF-8 | what the codec packed
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from PIL import Image

from isgan import split
from isgan.codecs import codecs
from isgan.codecs.base import DECADE, Codec, Encoded, Search, fewest
from isgan.errors import IsganError, NothingFound
from isgan.options import Options
from isgan.secret import Secret

FILE = "file"  # the codec of bytes that have to come back unchanged
HIGHEST, LOWEST = 40.0, 30.0  # dB between which a picture is fitted before it is made smaller
DOUBT = 0.2  # dB by which what is foreseen may be wrong
SMALLEST = 64  # pixels of the shorter side
NAME_BYTES = 255

Larger: TypeAlias = Callable[[int], float]
"""How many times as many samples a cover has to have for so many bytes."""


class Payload(NamedTuple):
    """Bytes to seal, the secret as the receiver will get it, and facts worth printing."""

    data: bytes
    delivered: Secret
    facts: dict[str, Any]


def pack(secret: Secret, room: int, options: Options, codec: str, larger: Larger) -> Payload:
    """The best of a secret that fits.

    Args:
        secret: a picture, or a file with its `data`.
        room: bytes that there are.
        options: `exact`, `quality`, `gray` and `risk` matter.
        codec: name of the codec for pictures.
        larger: for messages.

    Raises:
        IsganError: it does not fit; the message says what would help.
    """
    if secret.part is not None:
        data = split.pack(secret)
        _check(len(data), room, options, larger, "more covers share it")
        return Payload(data, secret, {"part": f"{secret.part.number} of {secret.part.total}"})
    if options.exact or secret.picture is None or codec == FILE:
        if secret.data is None:
            raise IsganError("a picture in memory has no bytes of its own: give a file, or leave out exact")
        before = _before(FILE, secret.name)
        data = before + codecs[FILE]().pack(secret.data, 0)
        _check(len(data), room, options, larger, "--exact is left out" if secret.picture is not None else "a smaller file is taken")
        return Payload(data, Secret(data=secret.data, name=secret.name), {"codec": FILE, "secret bytes": len(secret.data)})
    picture = secret.picture
    if options.gray and picture.ndim == 3:
        picture = np.array(Image.fromarray(picture).convert("L"))
    elif picture.ndim == 3 and (picture[..., :1] == picture).all():
        picture = np.ascontiguousarray(picture[..., 0])  # gray in all but name
    before = _before(codec, secret.name)
    made = _fitted(codecs[codec](), picture, room - len(before), options, larger)
    height, width = made.picture.shape[:2]
    facts = {"codec": codec, "secret dB": made.psnr, "secret size": f"{width} x {height}"}
    if made.picture.shape[:2] != picture.shape[:2]:
        facts["reduced from"] = f"{picture.shape[1]} x {picture.shape[0]}"
    if options.quality is None and (made.psnr < HIGHEST - 1 or "reduced from" in facts):
        missing = max(HIGHEST - made.psnr, 0.0)  # of a codec without loss no decibels are missing, but pixels
        wanted = len(made.data) * picture.size / made.picture.size * 10 ** (missing / DECADE)
        how = f"at {HIGHEST:g} dB" if math.isfinite(made.psnr) else "as it is"
        facts["for more"] = f"{_remedies(int(wanted), options, larger)} would let all of it come back {how}"
    return Payload(before + made.data, Secret(made.picture, name=secret.name), facts)


def unpack(data: bytes) -> Secret:
    """The secret of authenticated bytes; `NothingFound` or `IsganError` if they are none all the same."""
    if len(data) < 2 or len(data) < 2 + data[1]:
        raise NothingFound
    if data[0] == split.NUMBER:
        return split.unpack(data)
    # The sender may be hostile: no folders, and nothing that a terminal would obey.
    text = data[2 : 2 + data[1]].decode("utf-8", "replace")
    name = "".join(letter if letter.isprintable() and letter not in "/\\" else "_" for letter in text)
    kinds = [kind for kind in map(codecs.__getitem__, codecs.names()) if kind.number == data[0]]
    if not kinds:
        raise IsganError(f"the secret is packed in a way that this version does not know ({data[0]}): update isgan")
    codec, packed = kinds[0](), data[2 + data[1] :]
    found = codec.decode(packed)
    return Secret(data=found, name=name) if isinstance(found, bytes) else Secret(found, codec.file(packed), name, codec.suffix)


def _before(codec: str, name: str) -> bytes:
    text = name.encode("utf-8", "replace")[:NAME_BYTES].decode("utf-8", "ignore").encode()
    return bytes([codecs[codec].number, len(text)]) + text


def _check(size: int, room: int, options: Options, larger: Larger, otherwise: str) -> None:
    if size <= room:
        return
    remedies = _remedies(size, options, larger) if room else "a larger cover"
    raise IsganError(f"the secret takes {size:,} bytes, and the cover has room for {room:,} at --risk {options.risk}: "
                     f"it may fit with {remedies}, or if {otherwise}")  # fmt: skip


def _remedies(size: int, options: Options, larger: Larger) -> str:
    """What would make room for so many bytes."""
    times = larger(size)
    pixels = f"about {math.ceil(10 * times) / 10:.1f} times as many pixels in the cover" if times < 100 else "a far larger cover"
    return pixels if options.risk == "high" or times >= 100 else f"{pixels} or --risk {'medium' if options.risk == 'low' else 'high'}"


def _fitted(codec: Codec, picture: np.ndarray, room: int, options: Options, larger: Larger) -> Encoded:
    if options.quality is not None:
        made = fewest(codec, picture, options.quality)
        if made.psnr < options.quality:
            raise IsganError(f"the secret comes to at most {made.psnr:.1f} dB in this codec: lower --quality, or take --exact")
        _check(len(made.data), room, options, larger, "--quality is lower")
        return made
    smallest = min(1.0, SMALLEST / min(picture.shape[:2]))
    scale, search = 1.0, None
    while True:
        search = Search(codec, _scaled(picture, scale), search)
        if scale == smallest or search.foreseen(room, HIGHEST).psnr >= LOWEST - DOUBT:
            found = search.best(room, HIGHEST)
            if found is not None and found.psnr >= LOWEST:
                return found
        if scale == smallest:
            break
        # Bytes grow as sides to a power of 1.53 (docs/results/codecs.csv); from above this comes near in a few steps.
        scale = max(smallest, scale * min(0.98, (room / search.bytes_for(LOWEST)) ** 0.65))
    least = search.fewest(LOWEST)
    _check(len(least.data), room, options, larger, "--gray is given" if picture.ndim == 3 else "the secret is simpler")
    return least


def _scaled(picture: np.ndarray, scale: float) -> np.ndarray:
    if scale == 1.0:
        return picture
    size = tuple(max(1, round(scale * side)) for side in picture.shape[1::-1])
    return np.array(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))
