"""Quality of stego image and secret as a receiver sees them: every stego image is a PNG file that was read back."""

import functools
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from isgan.covers.base import Cover
from isgan.covers.png import PngCover
from isgan.datasets.base import in_turn, name_in
from isgan.errors import IsganError
from isgan.key import Key
from isgan.metrics import EXACT, MEASURES
from isgan.metrics.pictures import compare
from isgan.options import NO_PASS_PHRASE, Options
from isgan.picture import fit, read_gray, read_rgb
from isgan.schemes.base import Hidden, Scheme
from isgan.secret import Secret


class Received(NamedTuple):
    """What became of a pair.

    Attributes:
        cover: before anything was hidden in it.
        stego: the stego image as it was read from its file.
        secret: as the receiver gets it, uint8.
        facts: what the scheme says of it.
        hide_seconds, reveal_seconds: with the derivation of the key, without reading and writing files.
    """

    cover: PngCover
    stego: PngCover
    secret: np.ndarray
    facts: dict[str, Any]
    hide_seconds: float
    reveal_seconds: float


def pass_phrase(name: str) -> str:
    """A pass phrase of its own for each image, so that places and bits of one tell nothing of another's."""
    return f"evaluation of {name}"


def send(scheme: Scheme, cover: np.ndarray, secret: np.ndarray, name: str, options: Options) -> Received:
    """Hides a secret, (H, W) or (H, W, 3) uint8, in a cover, (H, W, 3) uint8, as PNG, and reveals it from the file.

    `name` is the cover's; where the scheme needs it, the secret is stretched to the cover's size. A secret that does
    not fit at the quality asked for is hidden as well as it fits, so that no pair is left out.
    """
    host = PngCover.prepared(cover, name, options)
    try:
        started = time.perf_counter()
        hidden = hide(scheme, host, secret, name, options)
        hide_seconds = time.perf_counter() - started
        stego = PngCover.read(hidden.stego.encode(), name)
        started = time.perf_counter()
        revealed = scheme.reveal(stego, key_of(scheme, name, stego)).picture
        reveal_seconds = time.perf_counter() - started
    except IsganError as error:
        raise IsganError(f"{options.model}, cover {name}: {error}") from error
    if revealed is None:
        raise IsganError(f"{options.model}, cover {name}: no picture came back")
    return Received(host, stego, revealed, hidden.facts, hide_seconds, reveal_seconds)


def hide(scheme: Scheme, cover: Cover, secret: np.ndarray, name: str, options: Options) -> Hidden:
    """The first half of `send`, for those who need the stego image alone: if hiding fails at the quality that is asked for, it is tried
    with the quality that fits."""
    guest = Secret(fit(secret, *cover.planes[0].shape) if scheme.resizes else secret)
    key = key_of(scheme, name, cover)
    try:
        return scheme.hide(cover, guest, key, options)
    except IsganError:
        if options.quality is None:
            raise
        return scheme.hide(cover, guest, key, replace(options, quality=None))


def key_of(scheme: Scheme, name: str, cover: Cover) -> Key:
    """The key of the picture of this name."""
    return _derived(pass_phrase(name), cover.salt()) if scheme.keyed else _derived(NO_PASS_PHRASE, bytes(32))


@functools.lru_cache(maxsize=1024)
def _derived(phrase: str, salt: bytes) -> Key:
    """Deriving a key takes a tenth of a second, and one picture is a cover of several models."""
    return Key(phrase, salt)


@dataclass(frozen=True)
class Row:
    """One cover with its secret. PSNR in dB, infinite for equal pictures; stego image against cover, revealed secret
    against secret.

    `cover` and `secret` are the paths of their files in their sets. `setting` says which options were chosen, and
    `strength` what a scheme with such a dial was set to. A secret that came back smaller is compared with the secret
    reduced to that size. `changed` is the share of the cover's samples that the stego image has other values of, `rate`
    the payload in bits for each sample, where the scheme says so.
    """

    set: str
    model: str
    setting: str
    cover: str
    secret: str
    width: int
    height: int
    secret_width: int
    secret_height: int
    strength: int | Literal[""]
    stego_psnr: float
    stego_ssim: float
    secret_psnr: float
    secret_ssim: float
    changed: float
    rate: float | Literal[""]
    hide_seconds: float
    reveal_seconds: float


def pair_up(
    photographs: Sequence[Path], limit: int | None = None, secrets: Sequence[Path] = ()
) -> list[tuple[Path, Path]]:
    """The pairs of a set that are measured, with these secrets or the set's own; `IsganError` if there is one
    photograph alone.
    """
    if secrets:
        return in_turn(photographs[:limit], secrets)
    if len(photographs) < 2:
        raise IsganError(
            "one test photograph is too few: a pair needs a cover and another photograph; of a plain folder a tenth is "
            "for the test: give 30 or more, or folders train, val and test"
        )
    return in_turn(photographs[:limit], photographs)


def measure(scheme: Scheme, options: Options, setting: str, set_name: str, pairs: Sequence[tuple[Path, Path]],
            homes: tuple[Path, Path], on_pair: Callable[[], Any] = lambda: None) -> Iterator[Row]:  # fmt: skip
    """Hides and reveals each (cover, secret) pair of files at the cover's own size; nothing is filtered out.

    `homes` are the folders of the sets that the covers and the secrets are of; their paths there name them. Secrets are
    gray with `options.gray` or without `options.color` where the scheme asks for that.
    """
    for cover_path, secret_path in pairs:
        names = name_in(homes[0], cover_path), name_in(homes[1], secret_path)
        colored = options.color if scheme.resizes else not options.gray
        secret = read_rgb(secret_path) if colored else read_gray(secret_path)
        received = send(scheme, read_rgb(cover_path), secret, names[0], options)
        stego, cover = received.stego.pixels(), received.cover.pixels()
        height, width = received.secret.shape[:2]
        scores = *compare(stego, cover), *compare(received.secret, fit(secret, height, width))
        changed = float((stego != cover).mean())
        facts = received.facts
        yield Row(
            set_name,
            options.model,
            setting,
            *names,
            cover.shape[1],
            cover.shape[0],
            width,
            height,
            facts.get("strength", ""),
            *scores,
            changed,
            facts.get("rate", ""),
            received.hide_seconds,
            received.reveal_seconds,
        )
        on_pair()


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Means over the rows of one model, setting and set, the worst PSNR of stego images and secrets, and the mean size
    of the secrets.

    A mean PSNR is infinite if all pairs are equal images; if some are, these count `EXACT`.
    """
    means: dict[str, Any] = {}
    for name in (*MEASURES, "changed", "rate", "hide_seconds", "reveal_seconds"):
        values = [value for row in rows if (value := getattr(row, name)) != ""]
        if values:
            means[name] = (
                math.inf if min(values) == math.inf else statistics.fmean(min(value, EXACT) for value in values)
            )
        else:
            means[name] = ""
    worst = {f"worst_{name}": min(getattr(row, name) for row in rows) for name in ("stego_psnr", "secret_psnr")}
    pixels = statistics.fmean(row.secret_width * row.secret_height for row in rows)
    return {
        "set": rows[0].set,
        "model": rows[0].model,
        "setting": rows[0].setting,
        "pairs": len(rows),
        **means,
        **worst,
        "secret_pixels": round(pixels),
    }
