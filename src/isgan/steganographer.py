"""From cover and secret to a stego image and back, at any size: tiles, the file pipeline, and what the receiver will get.

torch is imported when a model is loaded, so that refusals come at once.
"""

import functools
import math
import os
import warnings
from collections.abc import Callable
from itertools import product
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np
from PIL import Image, ImageOps

from isgan import models
from isgan.errors import IsganError, IsganWarning
from isgan.image import Source, check_array, check_output, format_of, read_gray, read_rgb, to_array, to_tensor, write_png

if TYPE_CHECKING:
    from torch import Tensor

    from isgan.hiders.base import Hider

Fit: TypeAlias = Literal["stretch", "crop", "pad"]
Strength: TypeAlias = int | Literal["auto"]
Engine: TypeAlias = Literal["torch", "openvino"]
Progress: TypeAlias = Callable[[int, int], None]

MIN_SIDE = 32
MIN_SECRET_PSNR = 20.0
MAX_POLISH = 1000
# "auto" is the strength at which the worse of both ends is best; the stego image, which strangers see, has to be this much better, in dB.
MARGIN = 2.0
SAMPLE = 28  # side of the nine windows that it is chosen on
COLOR = 8  # added to the strength that a stego image tells, if the secret is in colour
STRIP = 128  # rows compared at a time
ALL_PIXELS = 2_000_000
LOSSY = {"JPEG": "JPEG", "MPO": "JPEG", "WEBP": "WebP"}  # by Pillow's name; WebP may be lossless, but seldom is


def fit(secret: np.ndarray, height: int, width: int, how: Fit = "stretch") -> np.ndarray:
    """Brings a secret to the cover's size, (H, W [, 3]) uint8 -> (height, width [, 3]) uint8; one that has it stays untouched.

    Args:
        secret: the picture.
        height, width: of the cover.
        how: "stretch" changes the proportions; "crop" keeps them and the middle; "pad" keeps all of it, between black bars.
    """
    size, lanczos = (width, height), Image.Resampling.LANCZOS
    if secret.shape[:2] == (height, width):
        return secret
    picture = Image.fromarray(secret)
    match how:
        case "stretch":
            return np.array(picture.resize(size, lanczos))
        case "crop":
            return np.array(ImageOps.fit(picture, size, lanczos))
        case "pad":
            return np.array(ImageOps.pad(picture, size, lanczos))
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
        batch: how many tiles of one size go through the network together, if they are not polished; one in OpenVINO. On a CPU more than
            one gain nothing, on a GPU small tiles do.
        engine: "torch", or "openvino", which takes half a minute to start, is faster then, and hides and reveals the same pictures, to
            single levels.
    """

    def __init__(self, hider: "Hider", tile: int = 1024, engine: Engine = "torch", batch: int = 1):
        if engine not in ("torch", "openvino"):
            raise IsganError(f"engine is 'torch' or 'openvino', not '{engine}'")
        if batch < 1 or (batch > 1 and engine != "torch"):
            raise IsganError(f"a batch of {batch} tiles is out of bounds: at least 1, and in OpenVINO no more")
        if hider.secret_channels != 1:
            raise IsganError(f"{type(hider).__name__} hides colour secrets: take a model for gray ones")
        self.hider = hider.eval()
        self.tile = tile
        self.engine = engine
        self.batch = batch
        self._compiled: dict[tuple, Callable] = {}

    @property
    def strengths(self) -> int:
        """How many settings the hider's dial has, 0 if it has none."""
        return self.hider.strengths

    def hide(self, cover: np.ndarray, secret: np.ndarray, progress: Progress | None = None, strength: Strength = "auto",
             polish: int = 0) -> np.ndarray:  # fmt: skip
        """cover (H, W, 3) and secret (H, W), uint8 -> stego (H, W, 3) uint8.

        Args:
            cover: at least 32 pixels a side.
            secret: of the cover's size, see `fit`; (H, W, 3) for a hider with `color_strengths`.
            progress: called with the work done and all the work there is: tiles, and for each of them the steps of polishing.
            strength: for a hider with a dial, from 1, faint, to its `strengths`, faithful; "auto" chooses for this pair.
            polish: steps, 0 to `MAX_POLISH`, in which the result is made better for this pair, see `isgan.polish`.
        """
        check_rgb(cover, "the cover")
        check_array(secret, (3,))
        height, width = cover.shape[:2]
        color = secret.ndim == 3
        if min(height, width) < MIN_SIDE:
            raise IsganError(f"the cover is {width} x {height}: take one of at least {MIN_SIDE} pixels a side, or scale it up")
        if secret.shape[:2] != (height, width):
            raise IsganError(f"the secret is {secret.shape[1]} x {secret.shape[0]}, the cover {width} x {height}: fit one to the other")
        if not 0 <= polish <= MAX_POLISH:
            raise IsganError(f"{polish} steps of polishing: from 0 to {MAX_POLISH} are possible; most of the gain is in the first 50")
        if polish and not self.hider.trainable:
            raise IsganError(f"{type(self.hider).__name__.lower()} is no network, so there is nothing to polish: leave out --polish")
        if self.strengths or color or strength != "auto":
            strength = self.choose(cover, secret) if strength == "auto" else strength
            self.hider.set_strength(strength, color)
        stego = np.empty(cover.shape, np.uint8)
        if polish:
            self._polish(cover, secret, polish, stego, progress)
        else:
            self._map(self._work("hide", strength, color), (cover, secret), stego, self.hider.halo, progress, self.batch)
        if strength != "auto":
            from isgan.strength import write_strength

            write_strength(stego, strength + COLOR * color, self.hider.carrier)
        return stego

    def _polish(self, cover: np.ndarray, secret: np.ndarray, steps: int, stego: np.ndarray, progress: Progress | None) -> None:
        from isgan.polish import polish

        done = 0

        def on_step() -> None:
            nonlocal done
            done += 1
            if progress:
                progress(done, steps * len(self._tiles(stego, self.hider.halo)))

        def work(covers: "Tensor", secrets: "Tensor", free: "Tensor") -> "Tensor":
            return polish(self.hider, covers, secrets, free, steps, on_step)

        # Near a seam nothing changes, so that both tiles know what lies beyond it.
        free = np.zeros(stego.shape[:2], np.uint8)
        for tile in self._tiles(stego, self.hider.halo):
            rows, columns = (_shrunk(span, self.hider.halo, length) for span, length in zip(tile.kept, stego.shape[:2], strict=True))
            free[rows, columns] = 255
        self._map(work, (cover, secret, free), stego, self.hider.halo)

    def choose(self, cover: np.ndarray, secret: np.ndarray) -> int:
        """The strength at which the worse of both ends of this pair is best, by what they are in a few windows of it."""
        import torch

        color = secret.ndim == 3
        height, width = secret.shape[:2]
        corners = [sorted({round(share * max(0, length - SAMPLE)) for share in (0, 0.5, 1)}) for length in (height, width)]
        windows = [tuple(slice(start, start + SAMPLE) for start in corner) for corner in product(*corners)]
        covers, secrets = (torch.cat([self._tensor(picture[window]) for window in windows]) for picture in (cover, secret))

        @functools.cache
        def ends(strength: int) -> tuple[float, float]:
            self.hider.set_strength(strength, color)
            with torch.inference_mode():
                hiding = self.hider(covers, secrets)
            errors = hiding.stego - covers, hiding.revealed - secrets
            stego, revealed = (-10 * error.square().mean().log10().item() for error in errors)
            return stego - MARGIN, revealed

        # From the most faithful down: of most secrets it is the worse end at all strengths.
        most = self.hider.color_strengths if color else self.strengths
        below = most
        while below > 1 and ends(below)[1] >= ends(below)[0]:
            below -= 1
        return max({below, min(below + 1, most)}, key=lambda strength: min(ends(strength)))

    def strength_of(self, stego: np.ndarray) -> int | None:
        """The setting of the dial that a stego image (H, W, 3) uint8 tells of; None if there is no dial, or it tells of none."""
        told = self._told(stego)
        return told and told[0]

    def _told(self, stego: np.ndarray) -> tuple[int, bool] | None:
        """Strength, and whether the secret is in colour."""
        if not self.strengths:
            return None
        from isgan.strength import read_strength

        told = read_strength(stego, self.hider.carrier)
        if told is None:
            return None
        color = told > COLOR
        strength = told - COLOR * color
        return (strength, color) if 1 <= strength <= (self.hider.color_strengths if color else self.strengths) else None

    def reveal(self, stego: np.ndarray, progress: Progress | None = None) -> np.ndarray:
        """stego (H, W, 3) uint8 -> secret (H, W) uint8, or (H, W, 3) if it was hidden in colour.

        `IsganError` if the hider has a dial and the picture does not say its setting.
        """
        check_rgb(stego, "the stego image")
        strength, color = 0, False
        if self.strengths:
            told = self._told(stego)
            if told is None:
                raise IsganError("this model hid nothing in this picture: take the file as the sender saved it, and the sender's --model")
            strength, color = told
            self.hider.set_strength(strength, color)
        secret = np.empty(stego.shape if color else stego.shape[:2], np.uint8)
        return self._map(self._work("reveal", strength, color), (stego,), secret, self.hider.reveal_halo, progress, self.batch)

    def _work(self, half: Literal["hide", "reveal"], *setting: object) -> Callable:
        """That direction of the hider as it is set, on tensors."""
        if self.engine == "torch":
            return self.hider.hide_in_8_bits if half == "hide" else self.hider.reveal
        from isgan.engine import compiled

        key = half, *setting
        if key not in self._compiled:
            self._compiled[key] = compiled(self.hider, half)
        return self._compiled[key]

    def _tiles(self, picture: np.ndarray, halo: int) -> list[Tile]:
        height, width = picture.shape[:2]
        return tiles(height, width, self.tile, self.hider.multiple, halo)

    def _tensor(self, picture: np.ndarray) -> "Tensor":
        """See `to_tensor`; on the device of the hider's weights."""
        tensor = to_tensor(picture)
        return tensor.to(next(self.hider.parameters(), tensor).device)

    def _map(self, work: Callable, pictures: tuple, result: np.ndarray, halo: int, progress: Progress | None = None,
             batch: int = 1) -> np.ndarray:  # fmt: skip
        import torch

        parts = self._tiles(result, halo)
        alike: dict[tuple, list[Tile]] = {}
        for tile in parts:
            alike.setdefault(tuple(span.stop - span.start for span in tile.seen), []).append(tile)
        batches = [group[first : first + batch] for group in alike.values() for first in range(0, len(group), batch)]
        done, cudnn = 0, torch.backends.cudnn
        # On a GPU in full float32 too: the receiver may have another one, or none.
        with cudnn.flags(cudnn.enabled, cudnn.benchmark, cudnn.benchmark_limit, cudnn.deterministic, allow_tf32=False):
            for together in batches:
                seen = [torch.cat([self._tensor(picture[tile.seen]) for tile in together]) for picture in pictures]
                with torch.no_grad():
                    worked = work(*seen)
                for tile, image in zip(together, worked.split(1), strict=True):
                    result[tile.kept] = to_array(image)[tile.inside]
                done += len(together)
                if progress:
                    progress(done, len(parts))
        return result


class Scores(NamedTuple):
    """PSNR in dB, infinite for equal pictures, and SSIM."""

    psnr: float
    ssim: float


def compare(picture: np.ndarray, original: np.ndarray) -> Scores:
    """Two uint8 pictures of one size, in strips, so that memory does not grow with them.

    SSIM of pictures of more than `ALL_PIXELS` is that of evenly spaced strips, about as many pixels.
    """
    from isgan.metrics.quality import WINDOW, ssim

    height = len(original)
    error, similarity = 0, 0.0
    for top in range(0, height, STRIP):
        rows = slice(top, top + STRIP)
        error += int(np.square(picture[rows].astype(np.int32) - original[rows]).sum())
    windows, seen = height - WINDOW + 1, 0
    for top in range(0, windows, STRIP * math.ceil(picture.shape[0] * picture.shape[1] / ALL_PIXELS)):
        bottom = min(top + STRIP, windows)
        rows = slice(top, bottom + WINDOW - 1)
        similarity += (bottom - top) * ssim(to_tensor(picture[rows]), to_tensor(original[rows])).item()
        seen += bottom - top
    psnr = 10 * math.log10(255**2 * original.size / error) if error else math.inf
    return Scores(psnr, similarity / seen)


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
    model: models.Model = models.DEFAULT,
    how: Fit = "stretch",
    strength: Strength = "auto",
    color: bool = False,
    polish: int = 0,
    engine: Engine = "torch",
    min_secret_psnr: float = MIN_SECRET_PSNR,
    force: bool = False,
    progress: Progress = lambda done, total: None,
) -> Hidden:
    """Hides `secret` in `cover` and saves the result as a PNG, once the secret was revealed from that very file.

    Args:
        cover, secret: files, Pillow images or uint8 arrays.
        output: where to; ends in `.png`.
        model: see `isgan.models`.
        how: see `fit`.
        strength, polish: see `Steganographer.hide`.
        color: hide the secret in colour, not as gray.
        engine: see `Steganographer`.
        min_secret_psnr: no file is left if the secret that the receiver will see is worse, in dB.
        force: overwrite an existing `output`.
        progress: called with work done and all work.
    """
    if not min_secret_psnr < math.inf:
        raise IsganError(f"a minimum of {min_secret_psnr} dB is no bound: give --min-secret-psnr a number")
    check_output(output, force, inputs=(cover, secret))
    models.find(model)
    picture = read_rgb(cover)
    height, width = picture.shape[:2]
    fitted = fit(read_rgb(secret) if color else read_gray(secret), height, width, how)
    steganographer = Steganographer(models.hider(model), engine=engine)
    stego = steganographer.hide(picture, fitted, lambda done, total: progress(done, 2 * total), strength, polish)
    scores: list[Scores] = []

    def check(saved: np.ndarray) -> None:
        revealed = steganographer.reveal(saved, lambda done, total: progress(total + done, 2 * total))
        scores.append(compare(revealed, fitted))
        if not scores[0].psnr >= min_secret_psnr:
            raise IsganError(
                f"nothing was saved: the secret would come back at {scores[0].psnr:.1f} dB, under the minimum of "
                f"{min_secret_psnr:g} dB; take a simpler secret, without noise or dither, another cover, without large areas of one "
                "pure colour, or a lower --min-secret-psnr"
            )

    write_png(stego, output, force, verify=check)
    return Hidden(stego, compare(stego, picture), scores[0], steganographer.strength_of(stego))


def reveal_file(
    stego: Source,
    output: str | os.PathLike,
    *,
    model: models.Model = models.DEFAULT,
    engine: Engine = "torch",
    force: bool = False,
    progress: Progress | None = None,
) -> np.ndarray:
    """Reveals the secret of a stego image, saves it as a PNG and returns it, (H, W) or (H, W, 3) uint8; see `hide_file`."""
    check_output(output, force, inputs=(stego,))
    models.find(model)
    picture = read_stego(stego)
    secret = Steganographer(models.hider(model), engine=engine).reveal(picture, progress)
    write_png(secret, output, force)
    return secret


def read_stego(source: Source) -> np.ndarray:
    """A picture that may hide another, (H, W, 3) uint8; an `IsganWarning` if it was saved in a way that changes pixels.

    An EXIF orientation that it got since is left aside: the pixels are where they were.
    """
    picture = read_rgb(source, upright=False)
    kind = format_of(source) if isinstance(source, str | os.PathLike) else getattr(source, "format", None)
    if kind in LOSSY:
        message = f"this is {LOSSY[kind]}, which changes pixels: what was hidden is probably gone; ask for the PNG that was saved first"
        warnings.warn(message, IsganWarning, stacklevel=3)
    return picture


def check_rgb(picture: np.ndarray, name: str) -> None:
    """`IsganError` if it is not (H, W, 3) uint8."""
    check_array(picture, (3,))
    if picture.ndim != 3:
        raise IsganError(f"{name} is gray: give (H, W, 3), np.stack([gray] * 3, axis=2)")


def _shrunk(span: slice, by: int, length: int) -> slice:
    """A part of 0 ... length without `by` at each end that is not the whole's."""
    start, stop = span.start + by * (span.start > 0), span.stop - by * (span.stop < length)
    return slice(start, max(start, stop))


def _round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
