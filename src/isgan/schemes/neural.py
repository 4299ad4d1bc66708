"""Neural schemes: a network hides a picture in a cover of the same size, tile by tile.

    secret -> tiles -> hider -> [sealed with the key] -> stego image

torch is imported when there is work for it, so that refusals come at once.
"""

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from isgan.covers.base import Cover
from isgan.errors import IsganError, NothingFound
from isgan.key import Key
from isgan.options import Engine, Options
from isgan.schemes.base import Hidden, Progress, Scheme, silent
from isgan.schemes.tiles import Tile, tiles
from isgan.secret import Secret

if TYPE_CHECKING:
    from torch import Tensor

    from isgan.hiders.base import Dialled, Hider

MIN_SIDE = 32
MAX_POLISH = 1000
# "auto" is the strength at which the worse of both ends is best; the stego image, which strangers see, has to be this
# much better, in dB.
MARGIN = 2.0
SAMPLE = 28  # side of the nine windows that it is chosen on
ON_GPU = threading.RLock()


class Neural(Scheme):
    """One hider, for covers of three planes of 8 bits, of any size.

    Whole pictures stay uint8; only tiles become float tensors, so memory hardly grows with the picture. Tiles overlap
    by what the hider sees around a pixel, and so give what the whole picture would give. Only hiders with a dial have a
    key: their pixels carry whole numbers, which can be sealed; of the others the key is of no use. Threads may share
    one scheme.

    Args:
        hider: put into evaluation mode; `IsganError` if it is not one for gray secrets.
        tile: side of a tile without the overlap. 1024 takes about 300 MB for `qim`; larger tiles save little time.
        batch: how many tiles of one size go through the network together, if they are not polished; one in OpenVINO. On
            a CPU more than one gain nothing, on a GPU small tiles do.
        engine: "torch", or "openvino", which takes half a minute to start, is faster then, and hides and reveals the
            same pictures, to single levels.
    """

    resizes = True

    def __init__(self, hider: "Hider", tile: int = 1024, batch: int = 1, engine: Engine = "torch"):
        from isgan.hiders.base import Dialled

        if engine not in ("torch", "openvino"):
            raise IsganError(f"engine is 'torch' or 'openvino', not '{engine}'")
        if batch < 1 or (batch > 1 and engine != "torch"):
            raise IsganError(f"a batch of {batch} tiles is out of bounds: at least 1, and in OpenVINO no more")
        if hider.secret_channels != 1:
            raise IsganError(f"{type(hider).__name__} hides colour secrets: take a model for gray ones")
        self.hider = hider.eval()
        self.dial: Dialled | None = hider if isinstance(hider, Dialled) else None
        self.keyed = self.dial is not None  # type: ignore[misc]
        self.tile, self.batch, self.engine = tile, batch, engine
        self._compiled: dict[tuple[str, int], Callable] = {}
        self._compiling = threading.Lock()

    @property
    def strengths(self) -> int:
        """How many settings the hider's dial has, 0 if it has none."""
        return self.dial.strengths if self.dial else 0

    @functools.cached_property
    def views(self) -> list["Dialled"]:
        """The hider at each setting of its dial, those for colour secrets last; empty without a dial."""
        if not self.dial:
            return []
        gray = [self.dial.at(strength) for strength in range(1, self.dial.strengths + 1)]
        return gray + [self.dial.at(strength, color=True) for strength in range(1, self.dial.color_strengths + 1)]

    @property
    def settings(self) -> Sequence["Hider"]:
        """What `views` has, or the hider itself where it has no dial."""
        return self.views or [self.hider]

    def hide(self, cover: Cover, secret: Secret, key: Key, options: Options, progress: Progress = silent) -> Hidden:
        """Hides a picture of the cover's size; colour is lost unless `options.color`.

        Of the options `strength`, `color` and `polish` matter. The facts say the `strength` of a hider with a dial.
        """
        picture = _pixels(cover)
        image = _as_wanted(secret, options.color)
        self._check(picture, image, options)
        setting = self._setting(picture, image, options)
        hider = self.settings[setting]

        def hiding(done: int, total: int) -> None:
            progress(2 * done, 3 * total)

        if options.polish:
            stego = self._polished(hider, picture, image, options.polish, hiding)
        else:
            stego = self._map(
                self._work("hide", setting), (picture, image), self._tiles(picture, hider, hider.halo), hiding
            )
        delivered = self._revealed(stego, setting, lambda done, total: progress(2 * total + done, 3 * total))
        if self.dial:
            from isgan.hiders.qim.marker import seal

            stego = seal(picture, stego, _frozen(cover), setting, self.views[setting].carrier, key)
        planes = tuple(np.ascontiguousarray(stego[..., channel], np.int16) for channel in range(3))
        facts = {"strength": self.views[setting].strength} if self.dial else {}
        return Hidden(cover.changed(planes), Secret(delivered), facts)

    def reveal(self, stego: Cover, key: Key, progress: Progress = silent) -> Secret:
        if self.dial and (len(stego.planes) != 3 or stego.bounds != (0, 255)):
            raise NothingFound
        picture, setting = _pixels(stego), 0
        if self.dial:
            from isgan.hiders.qim.marker import unseal

            setting, picture = unseal(picture, _frozen(stego), [view.carrier for view in self.views], key)
        return Secret(self._revealed(picture, setting, progress))

    def choose(self, cover: np.ndarray, secret: np.ndarray) -> int:
        """The strength at which the worse of both ends of this pair is best, by what they are in a few windows of it.

        cover (H, W, 3) and secret (H, W), or (H, W, 3) in colour, uint8.
        """
        import torch

        if not self.dial:
            raise IsganError("this model has no strength to choose: leave out --strength, or take --model qim")
        color = secret.ndim == 3
        height, width = secret.shape[:2]
        corners = [
            sorted({round(share * max(0, length - SAMPLE)) for share in (0, 0.5, 1)}) for length in (height, width)
        ]
        windows = [tuple(slice(start, start + SAMPLE) for start in corner) for corner in product(*corners)]
        covers, secrets = (
            torch.cat([self._tensor(picture[window]) for window in windows]) for picture in (cover, secret)
        )

        @functools.cache
        def ends(strength: int) -> tuple[float, float]:
            with torch.inference_mode():
                hiding = self.settings[self._number(strength, color)](covers, secrets)
            errors = hiding.stego - covers, hiding.revealed - secrets
            stego, revealed = (-10 * error.square().mean().log10().item() for error in errors)
            return stego - MARGIN, revealed

        # From the most faithful down: of most secrets it is the worse end at all strengths.
        most = self.dial.color_strengths if color else self.dial.strengths
        below = most
        while below > 1 and ends(below)[1] >= ends(below)[0]:
            below -= 1
        return max({below, min(below + 1, most)}, key=lambda strength: min(ends(strength)))

    def _check(self, picture: np.ndarray, image: np.ndarray, options: Options) -> None:
        height, width = picture.shape[:2]
        if min(height, width) < MIN_SIDE:
            raise IsganError(
                f"the cover is {width} x {height}: take one of at least {MIN_SIDE} pixels a side, or scale it up"
            )
        if image.shape[:2] != (height, width):
            raise IsganError(
                f"the secret is {image.shape[1]} x {image.shape[0]}, the cover {width} x {height}: fit one to the other"
            )
        if not 0 <= options.polish <= MAX_POLISH:
            raise IsganError(
                f"{options.polish} steps of polishing: from 0 to {MAX_POLISH}; most of the gain is in the first 100"
            )
        if options.polish and not self.hider.trainable:
            raise IsganError(
                f"{type(self.hider).__name__.lower()} is no network, so there is nothing to polish: leave out --polish"
            )

    def _setting(self, picture: np.ndarray, image: np.ndarray, options: Options) -> int:
        """Which of `settings` is asked for."""
        if not self.dial:
            if options.color:
                raise IsganError("this model hides gray secrets only: leave out --color, or take --model qim")
            if options.strength != "auto":
                raise IsganError("this model has no strength to choose: leave out --strength, or take --model qim")
            return 0
        strength = self.choose(picture, image) if options.strength == "auto" else options.strength
        self.dial.check(strength, options.color)
        return self._number(strength, options.color)

    def _number(self, strength: int, color: bool) -> int:
        return strength - 1 + color * self.strengths

    def _revealed(self, picture: np.ndarray, setting: int, progress: Progress) -> np.ndarray:
        """The secret, (H, W) or (H, W, 3) uint8, of a picture (H, W, 3) uint8 that carries it in clear."""
        hider = self.settings[setting]
        return self._map(
            self._work("reveal", setting), (picture,), self._tiles(picture, hider, hider.reveal_halo), progress
        )

    def _polished(
        self, hider: "Hider", cover: np.ndarray, secret: np.ndarray, steps: int, progress: Progress
    ) -> np.ndarray:
        """The stego image, made better for this very pair, see `isgan.schemes.polish`."""
        import torch

        from isgan.schemes.polish import polish

        parts = self._tiles(cover, hider, hider.halo)
        done = 0

        def on_step() -> None:
            nonlocal done
            done += 1
            progress(done, steps * len(parts))

        def work(covers: "Tensor", secrets: "Tensor", free: "Tensor") -> "Tensor":
            made = [
                polish(hider, *pair, steps, on_step)
                for pair in zip(covers.split(1), secrets.split(1), free.split(1), strict=True)
            ]
            return torch.cat(made)

        # Near a seam nothing changes, so that both tiles know what lies beyond it.
        free = np.zeros(cover.shape[:2], np.uint8)
        for tile in parts:
            rows, columns = (
                _shrunk(span, hider.halo, length) for span, length in zip(tile.kept, cover.shape[:2], strict=True)
            )
            free[rows, columns] = 255
        return self._map(work, (cover, secret, free), parts)

    def _work(self, half: str, setting: int) -> Callable[..., "Tensor"]:
        """One direction of the hider at a setting, on tensors."""
        hider = self.settings[setting]
        if self.engine == "torch":
            return hider.hide_in_8_bits if half == "hide" else hider.reveal
        from isgan.schemes.engine import compiled

        with self._compiling:
            if (half, setting) not in self._compiled:
                self._compiled[half, setting] = compiled(hider, half)  # type: ignore[arg-type]
            return self._compiled[half, setting]

    def _tiles(self, picture: np.ndarray, hider: "Hider", halo: int) -> list[Tile]:
        height, width = picture.shape[:2]
        return tiles(height, width, self.tile, hider.multiple, halo)

    def _tensor(self, picture: np.ndarray) -> "Tensor":
        """See `to_tensor`; on the device of the hider's weights."""
        from isgan.tensors import to_tensor

        tensor = to_tensor(picture)
        return tensor.to(next(self.hider.parameters(), tensor).device)

    def _map(self, work: Callable[..., "Tensor"], pictures: tuple[np.ndarray, ...], parts: list[Tile],
             progress: Progress = silent) -> np.ndarray:  # fmt: skip
        """What `work` makes of pictures, (H, W, 3) or (H, W) uint8, tile by tile, a few of one size together."""
        import torch

        from isgan.tensors import to_array

        alike: dict[tuple[int, ...], list[Tile]] = {}
        for tile in parts:
            alike.setdefault(tile.shape, []).append(tile)
        batches = [
            group[first : first + self.batch] for group in alike.values() for first in range(0, len(group), self.batch)
        ]
        result, done = None, 0
        with self._exact():
            for together in batches:
                seen = [torch.cat([self._tensor(picture[tile.seen]) for tile in together]) for picture in pictures]
                with torch.no_grad():
                    worked = work(*seen)
                for tile, image in zip(together, worked.split(1), strict=True):
                    made = to_array(image)
                    if result is None:
                        result = np.empty((*pictures[0].shape[:2], *made.shape[2:]), np.uint8)
                    result[tile.kept] = made[tile.inside]
                done += len(together)
                progress(done, len(parts))
        return result  # type: ignore[return-value]

    @contextmanager
    def _exact(self) -> Iterator[None]:
        """On a GPU in full float32 too: the receiver may have another one, or none. The switch is one for all
        threads."""
        import torch

        if not any(parameter.is_cuda for parameter in self.hider.parameters()):
            yield
            return
        cudnn = torch.backends.cudnn
        with (
            ON_GPU,
            cudnn.flags(cudnn.enabled, cudnn.benchmark, cudnn.benchmark_limit, cudnn.deterministic, allow_tf32=False),
        ):
            yield


def _pixels(cover: Cover) -> np.ndarray:
    """The planes as a picture, (H, W, 3) uint8."""
    if cover.bounds != (0, 255):
        raise IsganError("this model hides in pixels, not in a JPEG: take a name that ends in .png")
    if len(cover.planes) != 3:
        raise IsganError(
            "this model hides in colour pictures, and this one is gray: take a colour photograph, or the default model"
        )
    return np.stack([plane.astype(np.uint8) for plane in cover.planes], axis=2)


def _frozen(cover: Cover) -> np.ndarray:
    """(H, W) bool, the pixels of which a sample must not change."""
    frozen = np.zeros(cover.planes[0].shape, bool)
    for still in cover.frozen:
        if still is not None:
            frozen |= still
    return frozen


def _as_wanted(secret: Secret, color: bool) -> np.ndarray:
    """The secret as gray (H, W), or in colour (H, W, 3), uint8."""
    if secret.picture is None:
        raise IsganError("this model hides pictures alone: take the default model for other files")
    if (secret.picture.ndim == 3) == color:
        return secret.picture
    return np.array(Image.fromarray(secret.picture).convert("RGB" if color else "L"))


def _shrunk(span: slice, by: int, length: int) -> slice:
    """A part of 0 ... length without `by` at each end that is not the whole's."""
    start, stop = span.start + by * (span.start > 0), span.stop - by * (span.stop < length)
    return slice(start, max(start, stop))
