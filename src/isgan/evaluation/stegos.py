"""What hides, as the evaluation sees it, and its stego images as files.

Covers and stego images are written and read by one piece of code, so that nothing but the hiding tells them apart. Two
controls stand beside the models: LSB matching, which a detector has to find, and other covers in place of stego images,
which it must not.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isgan import models
from isgan.covers import covers
from isgan.covers.base import Cover
from isgan.covers.png import PngCover
from isgan.datasets.photographs import Photo
from isgan.detectors.base import Pairs
from isgan.errors import IsganError
from isgan.evaluation import quality
from isgan.evaluation.results import LSB_MATCHING, OTHER_COVER, Counting
from isgan.files import write_file
from isgan.jit import side_by_side
from isgan.options import Options
from isgan.picture import read_gray
from isgan.schemes.base import Scheme

AT_ONCE = 8  # stego images
BITS_PER_SAMPLE = 0.4

Hide = Callable[[Photo, Photo, int], Cover]
"""The photographs of a pair and its number -> the stego image."""


class Method(NamedTuple):
    """What tells a method's results from those of another version of it, and how it hides."""

    fingerprint: str
    hide: Hide


def cover_of(photo: Photo) -> Cover:
    """A photograph as a cover: the JPEG that it is, or its samples for a PNG."""
    return PngCover(photo.pixels) if photo.file is None else covers["jpeg"].read(photo.file, photo.name)


def lsb_matching(photo: Photo, _secret: Photo, number: int) -> Cover:
    """LSB matching at 0.4 random bits per sample: half the samples that carry a bit change, by +1 or -1, inwards at
    black and white.

    In a JPEG the samples are the AC coefficients of Y that are not 0; they change away from 0.
    """
    cover = cover_of(photo)
    rng = np.random.default_rng((7, number))
    samples = np.stack(cover.planes, axis=-1)
    change = np.where(rng.random(samples.shape) < 0.5, 1, -1) * (rng.random(samples.shape) < BITS_PER_SAMPLE / 2)
    lowest, highest = cover.bounds
    change = np.where((samples <= lowest) | (samples >= highest), np.abs(change) * np.where(samples <= lowest, 1, -1), change)
    if photo.file is not None:
        constant = np.arange(samples.shape[0])[:, None, None] % 8 + np.arange(samples.shape[1])[:, None] % 8 == 0
        change = np.abs(change) * np.sign(samples) * (~constant & (np.abs(samples) < highest))
    return cover.changed(tuple((samples + change)[..., plane].astype(np.int16) for plane in range(len(cover.planes))))


def other_cover(_cover: Photo, secret: Photo, _number: int) -> Cover:
    """Another photograph, in which nothing is hidden: what a detector finds here lies in the test and not in the
    images.
    """
    return cover_of(secret)


CONTROLS = {LSB_MATCHING: Method(LSB_MATCHING, lsb_matching), OTHER_COVER: Method(OTHER_COVER, other_cover)}


def print_of(*parts: str) -> str:
    """Eight characters that tell a way to hide from others."""
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:8]


def hiding(options: Options) -> Method:
    """A model with these options, as `isgan hide` uses it; it is loaded when it is first used."""
    loaded: Scheme | None = None

    def hide(cover: Photo, secret: Photo, _number: int) -> Cover:
        nonlocal loaded
        loaded = loaded or models.load(options.model, options.engine)
        return quality.hide(loaded, cover_of(cover), read_gray(secret.pixels), cover.name, options).stego

    return Method(print_of(models.fingerprint(options.model), str(replace(options, model=""))), hide)


def digest(*groups: Sequence[tuple[Photo, Photo]]) -> str:
    """Eight characters that tell pairs of photographs from others."""
    found = hashlib.sha256()
    for group in groups:
        for photo in (photo for pair in group for photo in pair):
            found.update(photo.file or photo.pixels.tobytes())
        found.update(str(len(group)).encode())
    return found.hexdigest()[:8]


class Refused(IsganError):
    """What hides refuses some pairs, because a secret does not fit its cover; the message is that of the first.

    Attributes:
        places: which.
    """

    def __init__(self, message: str, places: Sequence[int]):
        super().__init__(message)
        self.places = places


class Stegos:
    """Covers and stego images of pairs of photographs as files in a folder, made when they are first asked for."""

    def __init__(
        self, folder: Path, photos: Sequence[tuple[Photo, Photo]], methods: Mapping[str, Method], counting: Counting
    ):
        self.folder, self.photos, self.methods, self.counting = folder, photos, methods, counting

    def pairs(self, name: str, places: Sequence[int] | None = None) -> Pairs:
        """Covers and stego images of a method; each file is read when it is looked at. With `places`, those alone are made that are
        missing. `Refused` if there can be none of some pairs, once all others are made."""
        method = self.methods[name]
        return Pairs(self._files("cover", lambda cover, *_: cover_of(cover), places),
                     self._files(f"{Path(name).name}-{method.fingerprint}", method.hide, places))  # fmt: skip

    def _files(self, name: str, hide: Hide, places: Sequence[int] | None) -> "Files":
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        kinds = [".png" if cover.file is None else ".jpg" for cover, _ in self.photos]
        paths = [folder / f"{number:05}-{Path(cover.name).stem}{kind}"
                 for number, ((cover, _), kind) in enumerate(zip(self.photos, kinds, strict=True))]  # fmt: skip
        missing = [number for number in (range(len(paths)) if places is None else places) if not paths[number].exists()]
        refused: dict[int, str] = {}
        with self.counting(f"{name}: stego images", len(missing)) as done:

            def make(number: int) -> None:
                try:
                    made = hide(*self.photos[number], number)
                except IsganError as error:
                    refused[number] = str(error)
                else:
                    write_file(paths[number], made.encode(), force=True)
                done()

            for first in range(0, len(missing), AT_ONCE):  # so that a run that is stopped does not wait for all of them
                side_by_side(make, missing[first : first + AT_ONCE])
        if refused:
            raise Refused(refused[min(refused)], sorted(refused))
        return Files(paths)


class Files(Sequence[Cover]):
    """Files as covers, each read when it is asked for, so that memory does not grow with their number."""

    def __init__(self, paths: Sequence[Path]):
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return Files(self.paths[place])
        path = self.paths[place]
        return covers["png" if path.suffix == ".png" else "jpeg"].read(path.read_bytes(), path.name)
