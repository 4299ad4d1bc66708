"""The covers of an audit, kinds apart, and the secrets that go into them."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from isgan.covers.past import past_of
from isgan.covers.png import PngCover
from isgan.datasets import datasets
from isgan.datasets.base import Source, name_in, open_sets
from isgan.datasets.photographs import Photo
from isgan.errors import IsganError
from isgan.evaluation.security import LEAST
from isgan.evaluation.stegos import cover_of
from isgan.files import read_file
from isgan.options import Options

PNG, PAST, SCALED, JPEG = "png", "png with a past", "scaled", "jpeg"
KINDS = {
    PNG: "PNG files that show no past",
    PAST: "PNG files that were decoded from a JPEG, or show another past: a single changed sample betrays them",
    SCALED: "photographs that were scaled down first",
    JPEG: "JPEG files",
}
JPEG_START = b"\xff\xd8\xff"
MULTIPLE = 8  # squares begin at a corner of JPEG's blocks, so that a past stays where it can be seen


def format_of(kind: str) -> str:
    """The format of a kind's covers: "png" or "jpeg"."""
    return "jpeg" if kind == JPEG else "png"


class Found(NamedTuple):
    """A photograph as a cover, of which set, and of which kind."""

    photo: Photo
    source: str
    kind: str


@dataclass(frozen=True)
class Material:
    """Pairs of a cover and a secret, all different photographs, in a random order that stays the same.

    Attributes:
        kind: one of `KINDS`, of all covers.
        pairs: (cover, secret).
        sources: the set of each cover.
        notes: what was left out or found in all photographs, of whatever kind, in words.
    """

    kind: str
    pairs: Sequence[tuple[Photo, Photo]]
    sources: Sequence[str]
    notes: Sequence[str] = ()

    @property
    def format(self) -> str:
        """Of all covers: "png" or "jpeg"."""
        return format_of(self.kind)

    def taken(self, places: Sequence[int]) -> "Material":
        """The pairs at these places."""
        return replace(self, pairs=[self.pairs[place] for place in places], sources=[self.sources[place] for place in places])


def gather(data: Sequence[Path], secrets: Sequence[Path], side: int, limit: int | None, scale: float = 1.0) -> list[Material]:
    """The covers of these folders, a `Material` for each kind that there is enough of.

    Args:
        data: folders of photographs. Of a set that is divided, train photographs are left out: models were trained on them.
        secrets: folders of the photographs to hide; without any, half of those of `data`.
        side: PNG covers are centre squares of so many pixels, cut out and never resized.
        limit: at most so many pairs of each kind.
        scale: factor by which all covers are scaled down first.
    """
    found: dict[str, list[Found]] = {}
    notes: list[str] = []
    sets = open_sets(data)
    for name, source in sets.items():
        for one in _opened(name, source, side, scale, notes):
            found.setdefault(one.kind, []).append(one)
    if JPEG in found:
        found[JPEG] = _of_one_size(found[JPEG], notes)
    guests = [photo for name, source in (open_sets(secrets) if secrets else {}).items() for photo in _secrets(name, source)]
    made = [_paired(kind, found[kind], guests, limit, notes) for kind in KINDS if kind in found]
    enough = [one for one in made if len(one.pairs) >= LEAST]
    few = ", ".join(f"{len(one.pairs)} of {KINDS[one.kind]}" for one in made if len(one.pairs) < LEAST)
    if not enough:
        folders = ", ".join(map(str, data))
        raise IsganError(f"{folders}: {few or 'no photograph of use'}; an audit needs {LEAST} pairs: give more photographs, or "
                         f"{'more of the ' if guests else ''}--secrets" + (f" ({'; '.join(notes)})" if notes else ""))  # fmt: skip
    if few:
        notes.append(f"too few pairs for an audit, {LEAST} are needed: {few}")
    return [replace(one, notes=notes) for one in enough]


def _paths(source: Source) -> list[Path]:
    """The photographs that no model was trained on."""
    splits = ("train", "val", "test") if type(source) is datasets["folder"] else ("val", "test")
    paths = []
    for split in splits:
        try:
            paths += source.images(split)
        except IsganError:  # a small folder has none of some split
            continue
    return paths


def _opened(name: str, source: Source, side: int, scale: float, notes: list[str]) -> Iterator[Found]:
    """Each photograph that can be a cover; the others are counted in `notes`."""
    left: Counter[str] = Counter()
    files: list[Found] = []
    for path in _paths(source):
        label = f"{name}/{name_in(source.home, path)}"
        try:
            data = read_file(path)
            if data.startswith(JPEG_START) and scale == 1:
                one = Photo(label, np.empty(0, np.uint8), data)
                cover_of(one)
                files.append(Found(one._replace(pixels=PngCover.read(data, label).pixels()), name, JPEG))
                continue
            picture = PngCover.prepared(data, label, Options(scale=scale))
        except IsganError:
            left["no picture that isgan takes as a cover"] += 1
            continue
        if len(picture.planes) == 1 or picture.alpha is not None:
            left["gray or partly transparent"] += 1
            continue
        if min(picture.planes[0].shape) < side:
            left[f"smaller than {side} pixels"] += 1
            continue
        square = _middle(picture.pixels(), side)
        seen = past_of(PngCover(square).planes) or (scale == 1 and picture.origin)  # scaling undoes what a file says of its origin
        kind = PAST if seen else SCALED if scale < 1 else PNG
        files.append(Found(Photo(label, square), name, kind))
    notes += [f"{name}: {count} left out, {why}" for why, count in left.items()]
    suspect = sum(one.kind == PAST for one in files)
    if suspect:
        notes.append(f"{name}: {suspect} of {len(files)} covers show a past as JPEG or the like and are audited apart; "
                     "scale them down, --scale 0.5, or hide in the JPEG files themselves")  # fmt: skip
    yield from files


def _of_one_size(files: Sequence[Found], notes: list[str]) -> list[Found]:
    """Those of the size that most have: JPEG files cannot be cut as PNG ones are, and detectors want one size."""
    sizes = Counter(one.photo.pixels.shape for one in files)
    (usual, count), *_ = sizes.most_common(1)
    if count < len(files):
        notes.append(f"{len(files) - count} JPEG files left out, of another size than {usual[1]} x {usual[0]}: they cannot be cut")
    return [one for one in files if one.photo.pixels.shape == usual]


def _middle(pixels: np.ndarray, side: int) -> np.ndarray:
    """The square in the middle, its corner on the grid of JPEG's blocks."""
    row, column = ((length - side) // 2 // MULTIPLE * MULTIPLE for length in pixels.shape[:2])
    return np.ascontiguousarray(pixels[row : row + side, column : column + side])


def _secrets(name: str, source: Source) -> Iterator[Photo]:
    for path in _paths(source):
        try:
            yield Photo(f"{name}/{name_in(source.home, path)}", PngCover.read(read_file(path), path.name).pixels())
        except IsganError:
            continue


def _first_time(photo: Photo, taken: set[bytes]) -> bool:
    """Whether a picture is in none of those that were asked for before, which it joins."""
    mark = hashlib.sha256(photo.pixels.tobytes()).digest()
    new = mark not in taken
    taken.add(mark)
    return new


def _paired(kind: str, found: Sequence[Found], guests: Sequence[Photo], limit: int | None, notes: list[str]) -> Material:
    """Covers with secrets that are none of them; no picture is used twice, be it in several folders."""
    rng = np.random.default_rng(0)
    taken: set[bytes] = set()
    hosts = [one for place in rng.permutation(len(found)) if _first_time((one := found[place]).photo, taken)]
    if len(hosts) < len(found):
        notes.append(f"{len(found) - len(hosts)} covers ({kind}) left out: each is the same picture as another one")
    if guests:
        secrets = [photo for place in rng.permutation(len(guests)) if _first_time(photo := guests[place], taken)]
    else:
        half = len(hosts) // 2
        hosts, secrets = hosts[:half], [one.photo for one in hosts[half:]]
    count = min(len(hosts), len(secrets), limit or len(hosts))
    if guests and len(secrets) < min(len(hosts), limit or len(hosts)):
        notes.append(f"{len(secrets)} secrets for {len(hosts)} covers ({kind}): each is used once, so that {count} pairs are left")
    return Material(kind, [(one.photo, secret) for one, secret in zip(hosts[:count], secrets, strict=False)],
                    [one.source for one in hosts[:count]])  # fmt: skip
