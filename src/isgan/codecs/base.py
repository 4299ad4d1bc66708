"""The contract of a codec: a secret as few bytes, and back; and the search for the level that is wanted."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Generic, NamedTuple, TypeVar

import numpy as np

from isgan.decoders import opened
from isgan.decoders.limits import MEMORY, check_size
from isgan.errors import IsganError
from isgan.metrics.pictures import psnr as psnr_of

DECADE = 25.0  # dB that ten times the bytes are worth
EXACT = 100.0  # dB that stand for no error at all
WIDE = 0.5  # dB that a level seldom is better than the one before
SPAN = 40.0  # dB between the first and the last level, roughly


class Encoded(NamedTuple):
    """A picture as bytes, and what a receiver gets of it: the picture, and its PSNR in dB, infinite if it is exact."""

    data: bytes
    picture: np.ndarray
    psnr: float


class Estimate(NamedTuple):
    """Bytes and PSNR in dB of a level; of an exact one `EXACT`, since infinite ones cannot be compared."""

    size: float
    psnr: float


Content = TypeVar("Content", np.ndarray, bytes)


class Codec(ABC, Generic[Content]):
    """Pictures, (H, W) gray or (H, W, 3) RGB uint8, to bytes and back; or files, which are bytes already.

    Attributes:
        number: 0 ... 255, one byte of the payload that says which codec made it; never given to another codec again.
        suffix: of its files, with the dot; "" for a codec that has none of its own.
        levels: settings from the smallest file to the best picture; one of them for codecs without loss.
    """

    number: ClassVar[int]
    suffix: ClassVar[str]
    levels: ClassVar[range]

    @abstractmethod
    def pack(self, picture: Content, level: int) -> bytes:
        """The picture at one of the `levels`."""

    def sketch(self, picture: Content, level: int) -> bytes | None:
        """What `pack` makes, a little worse in a fraction of the time, to search with; None where `pack` is fast."""
        return None

    def foreseen(self, level: int, sketch: Estimate) -> Estimate:
        """What `pack` will roughly make of a picture that was sketched so at this level."""
        return sketch

    @abstractmethod
    def decode(self, data: bytes) -> Content:
        """The picture of `pack`. Any bytes may come: `IsganError` for what is none, with memory and time bounded."""

    def file(self, data: bytes) -> bytes:
        """What `pack` made as a file that other programs read."""
        return data


def best(codec: Codec[np.ndarray], picture: np.ndarray, room: int, psnr: float | None) -> Encoded | None:
    """The best quality within so many bytes, but no better than needed, see `Search.best`."""
    return Search(codec, picture).best(room, psnr)


def fewest(codec: Codec[np.ndarray], picture: np.ndarray, psnr: float) -> Encoded:
    """The fewest bytes that reach `psnr` dB, or the best that the codec can."""
    return Search(codec, picture).fewest(psnr)


def read_one(data: bytes, kind: str) -> np.ndarray:
    """The one picture in a file, (H, W) or (H, W, 3) uint8, by one of Pillow's decoders; `IsganError` if it is none."""
    with opened(data, f"the secret, as {kind},", (kind,)) as image:
        if getattr(image, "n_frames", 1) != 1 or image.mode not in ("L", "RGB"):
            raise IsganError(f"the secret is no picture as this version packs them ({kind}): update isgan")
        return np.array(image)


def check_room(picture: np.ndarray, kind: str) -> None:
    """`IsganError` for a picture that the receiver's decoder of this kind would refuse, before it is encoded."""
    check_size(picture.shape[1], picture.shape[0], "the secret", MEMORY[kind])


def too_long(picture: np.ndarray, kind: str) -> IsganError:
    """What to do about a picture whose sides a kind of file has no room for."""
    size = f"{picture.shape[1]} x {picture.shape[0]}"
    return IsganError(f"{kind} has no room for a picture of {size} pixels: take --codec jpeg2000, or --exact for the file itself")


def _estimate(made: Encoded) -> Estimate:
    return Estimate(len(made.data), min(made.psnr, EXACT))


class Search:
    """A picture at the levels that were asked for so far.

    Args:
        codec: one for pictures.
        picture: (H, W) or (H, W, 3) uint8.
        like: of a picture that resembles it, such as the same one larger: it starts at its level, and by how much that was foreseen
            wrongly is expected here too.
    """

    def __init__(self, codec: Codec[np.ndarray], picture: np.ndarray, like: "Search | None" = None):
        self.codec, self.picture = codec, picture
        self.made: dict[int, Encoded] = {}
        self.sketches: dict[int, Estimate] = {}
        self.near: int | None = like.near if like else None  # the level that was found last
        self.off: Estimate = like.off if like else Estimate(1.0, 0.0)  # by which what was made is larger, and better, than foreseen

    def best(self, room: int, psnr: float | None) -> Encoded | None:
        """The best quality within so many bytes, but no better than needed.

        Args:
            room: bytes that there are.
            psnr: dB that are enough; None if nothing is.

        Returns:
            The first level that reaches `psnr`, if it fits, else the last that fits, or None if none does.
        """
        while True:
            level = self._best_level(room, psnr)
            if level in self.made:
                made = self.made[level]
                return made if len(made.data) <= room else None
            self.make(level)

    def fewest(self, psnr: float) -> Encoded:
        """The fewest bytes that reach `psnr` dB, or the best that the codec can."""
        while True:
            level = self._level_of(psnr)
            if level in self.made:
                break
            self.make(level)
        low, high = self.codec.levels.start - 1, level
        below = level - 1
        # Of a smooth picture many levels are much the same, and a sketch that is a little off misleads by several.
        while self.made[high].psnr > psnr + WIDE and high - low > 1:
            if below not in self.made:
                self.make(below)
            low, high = (low, below) if self.made[below].psnr >= psnr else (below, high)
            below = (low + high) // 2
        return self.made[high]

    def foreseen(self, room: int, psnr: float | None) -> "Estimate":
        """What `best` will roughly come to, in a fraction of the time; that of the smallest file if none fits."""
        return self.at(self._best_level(room, psnr))

    def bytes_for(self, psnr: float) -> float:
        """What so many dB roughly take, by the two levels next to it that are known; none is encoded for it."""
        known = sorted(map(self.at, self.made.keys() | self.sketches.keys()), key=lambda made: abs(made.psnr - psnr))
        near, next_to_it = known[0], known[min(1, len(known) - 1)]
        gained = near.psnr - next_to_it.psnr
        decades = math.log10(near.size / next_to_it.size) / gained if gained else 1 / DECADE
        return near.size * 10 ** ((psnr - near.psnr) * max(decades, 0.0))

    def _best_level(self, room: int, psnr: float | None) -> int:
        enough = math.inf if psnr is None else psnr

        def surplus(made: Estimate) -> float:
            excess = DECADE * math.log10((made.size + 1) / (max(room, 0) + 1.5))  # positive if it does not fit
            return max(made.psnr - enough, excess)

        level = self.first(surplus)
        if level == self.codec.levels.stop or self.at(level).size > room:
            level = max(level - 1, self.codec.levels.start)
        return level

    def _level_of(self, psnr: float) -> int:
        return min(self.first(lambda made: made.psnr - psnr), self.codec.levels[-1])

    def make(self, level: int) -> None:
        """A level as it will be used; estimates of others follow by how much it was foreseen wrongly."""
        made = self.made[level] = self._encoded(self.codec.pack(self.picture, level))
        if level in self.sketches:
            foreseen, real = self.codec.foreseen(level, self.sketches[level]), _estimate(made)
            self.off = Estimate(real.size / foreseen.size, real.psnr - foreseen.psnr)

    def at(self, level: int) -> Estimate:
        """What is known, or estimated by a sketch."""
        if level not in self.made and level not in self.sketches:
            data = self.codec.sketch(self.picture, level)
            if data is None:
                self.make(level)
            else:
                self.sketches[level] = _estimate(self._encoded(data))
        if level in self.made:
            return _estimate(self.made[level])
        foreseen = self.codec.foreseen(level, self.sketches[level])
        return Estimate(foreseen.size * self.off.size, foreseen.psnr + self.off.psnr)

    def first(self, surplus: Callable[[Estimate], float]) -> int:
        """The first level with a surplus of at least 0 dB, one past the last if there is none; it grows with the level.

        By interpolation, which takes some four encodings where bisection takes six.
        """
        levels = self.codec.levels
        known = {level: surplus(self.at(level)) for level in self.made.keys() | self.sketches.keys()}
        low = max((level for level in known if known[level] < 0), default=levels.start - 1)
        high = min((level for level in known if known[level] >= 0 and level > low), default=levels.stop)
        slope, halve = SPAN / len(levels), False
        while high - low > 1:
            width = high - low
            if self.near is not None and not known:
                level = self.near
            else:
                level = (low + high) // 2 if halve else _between(low, high, known.get(low), known.get(high), slope)
            known[level] = surplus(self.at(level))
            low, high = (low, level) if known[level] >= 0 else (level, high)
            halve = low in known and high in known and high - low > width / 2  # interpolation may creep
        self.near = min(high, levels[-1])
        return high

    def _encoded(self, data: bytes) -> Encoded:
        decoded = self.codec.decode(data)
        return Encoded(data, decoded, psnr_of(decoded, self.picture))


def _between(low: int, high: int, below: float | None, above: float | None, slope: float) -> int:
    """The level to try next between two, given their surplus where known, and roughly what a level is worth in dB."""
    if above is not None and math.isinf(above):
        above = None
    if below is not None and above is not None:
        guess = low + (high - low) * below / (below - above)
        # On the far side of the nearer end, so that both close in.
        guess += 0.5 if -below < above else -0.5
    elif below is not None:
        guess = low + 0.5 - below / slope
    elif above is not None:
        guess = high - 0.5 - above / slope
    else:
        guess = (low + high) / 2
    return min(max(round(guess), low + 1), high - 1)
