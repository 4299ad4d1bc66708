"""From cover and secret to a stego image and back, at any size: tiles, the file pipeline, and what the receiver will get.

torch is imported when a model is loaded, so that refusals come at once.
"""

import functools
import math
import os
import warnings
from bisect import bisect_left
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np
from PIL import Image, ImageOps

from isgan import weights
from isgan.errors import IsganError, IsganWarning
from isgan.image import Source, check_output, format_of, read_gray, read_rgb, to_array, to_tensor, write_png
from isgan.strength import read_strength, write_strength

if TYPE_CHECKING:
    from isgan.hiders.base import Hider

Fit: TypeAlias = Literal["stretch", "crop", "pad"]
Strength: TypeAlias = int | Literal["auto"]
Progress: TypeAlias = Callable[[int, int], None]

MIN_SIDE = 32
MIN_SECRET_PSNR = 20.0
# "auto" is the strength at which the worse of both ends is best; the stego image, which strangers see, has to be this much better, in dB.
MARGIN = 2.0
SAMPLE = 64  # side of the windows that it is chosen on
# Share of the pixels that a stronger setting may lose (see `Hider.lost`): windows may not have seen them.
MOST_LOST = 0.001
STRIP = 128  # rows compared at a time
LOSSY = {"JPEG": "JPEG", "MPO": "JPEG", "WEBP": "WebP"}  # by Pillow's name; WebP may be lossless, but seldom is


def fit(secret: np.ndarray, height: int, width: int, how: Fit = "stretch") -> np.ndarray:
    """Brings a gray secret to the cover's size, (H, W) uint8 -> (height, width) uint8; one that has it stays untouched.

    Args:
        secret: the picture.
        height, width: of the cover.
        how: "stretch" changes the proportions; "crop" keeps them and the middle; "pad" keeps all of it, between black bars.
    """
    size, lanczos = (width, height), Image.Resampling.LANCZOS
    if secret.shape == (height, width):
        return secret
    picture = Image.fromarray(secret)
    match how:
        case "stretch":
            return np.array(picture.resize(size, lanczos))
        case "crop":
            return np.array(ImageOps.fit(picture, size, lanczos))
        case "pad":
            return np.array(ImageOps.pad(picture, size, lanczos, color=0))
    raise IsganError(f"fit is 'stretch', 'crop' or 'pad', not '{how}'")


class Tile(NamedTuple):
    """A part of an image, as (rows, columns): what the network sees, which part of the image is kept, where it is in `seen`."""

    seen: tuple[slice, ...]
    kept: tuple[slice, ...]
    inside: tuple[slice, ...]


def tiles(height: int, width: int, side: int, multiple: int, halo: int) -> list[Tile]:
    """Covers an image with tiles of nearly equal size, about `side` and at most 1.2 `side`, plus `halo` on inner edges.

    They start at multiples of `multiple`, so that a tile lies on the network's grid as the whole image does.
    """
    halo = _round_up(halo, multiple)
    spans = []
    for length in (height, width):
        count = max(1, math.ceil(length / side - 0.2))
        step = _round_up(math.ceil(length / count), multiple)
        spans.append([(start, min(start + step, length), length) for start in range(0, length, step)])
    parts = []
    for pair in product(*spans):
        kept = [slice(start, stop) for start, stop, _ in pair]
        seen = [slice(max(0, start - halo), min(length, stop + halo)) for start, stop, length in pair]
        inside = [slice(k.start - s.start, k.stop - s.start) for k, s in zip(kept, seen, strict=True)]
        parts.append(Tile(tuple(seen), tuple(kept), tuple(inside)))
    return parts


class Steganographer:
    """Hides and reveals pictures of any size with one hider.

    Whole pictures stay uint8; only tiles become float tensors, so memory hardly grows with the picture. Tiles overlap by
    what the hider sees around a pixel, and so give what the whole picture would give.

    Args:
        hider: put into evaluation mode; `IsganError` if it is not one for gray secrets.
        tile: side of a tile without the overlap. 1024 takes about 300 MB for `qim`; larger tiles save little time.
    """

    def __init__(self, hider: "Hider", tile: int = 1024):
        if hider.secret_channels != 1:
            raise IsganError(f"{type(hider).__name__} hides colour secrets: take a model for gray ones")
        self.hider = hider.eval()
        self.tile = tile

    @property
    def strengths(self) -> int:
        """How many settings the hider's dial has, 0 if it has none."""
        return self.hider.strengths

    def hide(self, cover: np.ndarray, secret: np.ndarray, progress: Progress | None = None, strength: Strength = "auto") -> np.ndarray:
        """cover (H, W, 3) and secret (H, W), uint8 -> stego (H, W, 3) uint8.

        Args:
            cover: at least 32 pixels a side.
            secret: of the cover's size, see `fit`.
            progress: called with the number of tiles done and the number there are.
            strength: for a hider with a dial, from 1, faint, to its `strengths`, faithful; "auto" chooses for this pair.
        """
        height, width = cover.shape[:2]
        if min(height, width) < MIN_SIDE:
            raise IsganError(f"the cover is {width} x {height}: take one of at least {MIN_SIDE} pixels a side, or scale it up")
        if secret.shape != (height, width):
            raise IsganError(f"the secret is {secret.shape[1]} x {secret.shape[0]}, the cover {width} x {height}: fit one to the other")
        if strength == "auto" and self.strengths:
            strength = self.choose(cover, secret)
        if strength != "auto":
            self.hider.set_strength(strength)
        stego = self._map(self.hider.hide_in_8_bits, (cover, secret), np.empty_like(cover), progress)
        if strength != "auto":
            write_strength(stego, strength)
        return stego

    def choose(self, cover: np.ndarray, secret: np.ndarray) -> int:
        """The strength for this pair, tried on a few windows of it; only for a hider with a dial."""
        import torch

        height, width = secret.shape
        corners = [sorted({round(share * max(0, length - SAMPLE)) for share in (0, 0.5, 1)}) for length in (height, width)]
        windows = [tuple(slice(start, start + SAMPLE) for start in corner) for corner in product(*corners)]
        covers, secrets = (torch.cat([to_tensor(picture[window]) for window in windows]) for picture in (cover, secret))

        @functools.cache
        def ends(strength: int) -> tuple[float, float]:
            self.hider.set_strength(strength)
            with torch.inference_mode():
                hiding = self.hider(covers, secrets)
            return tuple(-10 * (a - b).square().mean().log10().item() for a, b in ((hiding.stego, covers), (hiding.revealed, secrets)))

        def lost(strength: int) -> float:
            self.hider.set_strength(strength)
            return self.hider.lost(sample)

        step = math.ceil(max(height, width) / 512)
        sample = to_tensor(cover[::step, ::step])
        settings = [strength for strength in range(1, self.strengths + 1) if lost(strength) <= lost(1) + MOST_LOST]
        enough = bisect_left(settings, True, key=lambda strength: ends(strength)[1] >= ends(strength)[0] - MARGIN)
        near = settings[max(0, enough - 1) : enough + 1]
        return max(near, key=lambda strength: min(ends(strength)[0] - MARGIN, ends(strength)[1]))

    def reveal(self, stego: np.ndarray, progress: Progress | None = None) -> np.ndarray:
        """stego (H, W, 3) uint8 -> secret (H, W) uint8; `IsganError` if the hider has a dial and the picture does not say its setting."""
        if self.strengths:
            strength = read_strength(stego)
            if strength is None or strength > self.strengths:
                raise IsganError("this model hid nothing in this picture: take the file as the sender saved it, and the sender's --model")
            self.hider.set_strength(strength)
        return self._map(self.hider.reveal, (stego,), np.empty_like(stego, shape=stego.shape[:2]), progress)

    def _map(self, work: Callable, pictures: tuple, result: np.ndarray, progress: Progress | None) -> np.ndarray:
        import torch

        device = next(self.hider.parameters(), torch.empty(0)).device
        height, width = result.shape[:2]
        parts = tiles(height, width, self.tile, self.hider.multiple, self.hider.halo)
        for done, tile in enumerate(parts, 1):
            with torch.inference_mode():
                worked = work(*(to_tensor(picture[tile.seen]).to(device) for picture in pictures))
            result[tile.kept] = to_array(worked)[tile.inside]
            if progress:
                progress(done, len(parts))
        return result


class Scores(NamedTuple):
    """PSNR in dB, infinite for equal pictures, and SSIM."""

    psnr: float
    ssim: float


def compare(picture: np.ndarray, original: np.ndarray) -> Scores:
    """Two uint8 pictures of one size, in strips, so that memory does not grow with them."""
    from isgan.metrics.quality import WINDOW, ssim

    height = len(original)
    error, similarity = 0, 0.0
    for top in range(0, height, STRIP):
        rows = slice(top, top + STRIP)
        error += int(np.square(picture[rows].astype(np.int32) - original[rows]).sum())
    windows = height - WINDOW + 1
    for top in range(0, windows, STRIP):
        bottom = min(top + STRIP, windows)
        rows = slice(top, bottom + WINDOW - 1)
        similarity += (bottom - top) * ssim(to_tensor(picture[rows]), to_tensor(original[rows])).item()
    psnr = 10 * math.log10(255**2 * original.size / error) if error else math.inf
    return Scores(psnr, similarity / windows)


class Hidden(NamedTuple):
    """What `hide_file` made: the stego image, how close both ends are to what was put in, and the strength, if there is one to choose."""

    stego: np.ndarray
    stego_scores: Scores
    secret_scores: Scores
    strength: int | None


def hide_file(
    cover: Source,
    secret: Source,
    output: str | os.PathLike,
    *,
    model: weights.Model = weights.DEFAULT,
    how: Fit = "stretch",
    strength: Strength = "auto",
    min_secret_psnr: float = MIN_SECRET_PSNR,
    force: bool = False,
    progress: Progress = lambda done, total: None,
) -> Hidden:
    """Hides `secret` in `cover` and saves the result as a PNG, once the secret was revealed from that very file.

    Args:
        cover, secret: files, Pillow images or uint8 arrays.
        output: where to; ends in `.png`.
        model: see `isgan.weights`.
        how: see `fit`.
        strength: see `Steganographer.hide`.
        min_secret_psnr: no file is left if the secret that the receiver will see is worse, in dB.
        force: overwrite an existing `output`.
        progress: called with work done and all work.
    """
    check_output(output, force, inputs=(cover, secret))
    weights.find(model)
    picture = read_rgb(cover)
    height, width = picture.shape[:2]
    fitted = fit(read_gray(secret), height, width, how)
    steganographer = Steganographer(weights.load(model))
    stego = steganographer.hide(picture, fitted, lambda done, total: progress(done, 2 * total), strength)
    scores: list[Scores] = []

    def check(file: Path) -> None:
        revealed = steganographer.reveal(read_rgb(file), lambda done, total: progress(total + done, 2 * total))
        scores.append(compare(revealed, fitted))
        if not scores[0].psnr >= min_secret_psnr:
            raise IsganError(
                f"nothing was saved: the secret would come back at {scores[0].psnr:.1f} dB, under the minimum of "
                f"{min_secret_psnr:g} dB; take another cover, without large areas of one pure colour, a simpler secret, or a lower "
                "--min-secret-psnr"
            )

    write_png(stego, output, force, verify=check)
    chosen = read_strength(stego) if steganographer.strengths else None
    return Hidden(stego, compare(stego, picture), scores[0], chosen)


def reveal_file(
    stego: Source,
    output: str | os.PathLike,
    *,
    model: weights.Model = weights.DEFAULT,
    force: bool = False,
    progress: Progress | None = None,
) -> np.ndarray:
    """Reveals the secret of a stego image, saves it as a PNG and returns it, (H, W) uint8; see `hide_file`."""
    check_output(output, force, inputs=(stego,))
    weights.find(model)
    picture = read_stego(stego)
    secret = Steganographer(weights.load(model)).reveal(picture, progress)
    write_png(secret, output, force)
    return secret


def read_stego(source: Source) -> np.ndarray:
    """A picture that may hide another, (H, W, 3) uint8; an `IsganWarning` if it was saved in a way that changes pixels."""
    picture = read_rgb(source)
    kind = format_of(source) if isinstance(source, str | os.PathLike) else getattr(source, "format", None)
    if kind in LOSSY:
        message = f"this is {LOSSY[kind]}, which changes pixels: what was hidden is probably gone; ask for the PNG that was saved first"
        warnings.warn(message, IsganWarning, stacklevel=3)
    return picture


def _round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
