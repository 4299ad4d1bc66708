"""What several files share: a set of features of a file, kept on disk, and the ensemble that learns from them."""

import functools
import hashlib
import io
from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Self, TypeAlias

import numpy as np

from isgan.covers.base import Cover
from isgan.covers.jpeg import JpegCover
from isgan.detectors import detectors, ensemble
from isgan.detectors.base import Budget, Detector, Pairs, once
from isgan.detectors.ensemble import Ensemble
from isgan.detectors.features.sealwatch import check
from isgan.errors import IsganError
from isgan.files import system_errors, write_file
from isgan.jfif.dct import luma
from isgan.jit import cores
from isgan.jobs import each

Arrays: TypeAlias = tuple[np.ndarray, ...]

WORTH = 16  # files: for fewer, processes are not started


class FeatureDetector(Detector):
    """Features of a file, and the ensemble that is trained on those of the pairs. Its budget is not looked at: it takes seconds.

    Features are computed once for each file that is seen, and kept in `cache` if that is given: `NAME-VERSION/HASH.npy`.

    Attributes:
        version: of the features; to be counted up whenever their numbers change, so that kept ones are not mixed with others.
        ensemble: what was learned.
    """

    trained = True
    version: ClassVar[int] = 1
    ensemble: Ensemble

    def __init__(self, seed: int = 0, cache: Path | None = None):
        check()
        super().__init__(seed, cache)

    @staticmethod
    @abstractmethod
    def inputs(cover: Cover) -> Arrays:
        """All that the features depend on."""

    @staticmethod
    @abstractmethod
    def extract(*inputs: np.ndarray) -> np.ndarray:
        """The features (D,) float32 of what `inputs` gave."""

    def prepare(self, covers: Sequence[Cover], progress: Callable[[float], None] = lambda _: None) -> None:
        """Computes the features of files that `cache` lacks, side by side in processes of their own. Without a cache, nothing."""
        jobs = cores()
        if self.cache is None or jobs < 2:
            return
        missing = {path: inputs for inputs in map(self.inputs, covers) if not (path := self._path(inputs)).exists()}
        if len(missing) < WORTH:
            return
        found = each(functools.partial(_computed, detectors.name_of(type(self)), self.cache), missing.values(), jobs)
        for number, outcome in enumerate(found):
            if outcome.error:
                raise IsganError(outcome.error)
            progress((number + 1) / len(missing))

    def features(self, covers: Sequence[Cover], progress: Callable[[float], None] = lambda _: None) -> np.ndarray:
        """(N, D) float32."""
        found = []
        for number, cover in enumerate(covers):
            found.append(once(cover, type(self), self._features))
            progress((number + 1) / len(covers))
        return np.stack(found)

    def learn(self, train: Pairs, val: Pairs, budget: Budget, progress: Callable[[float], None]) -> None:
        covers = self.features(train.covers, lambda done: progress(0.45 * done))
        stegos = self.features(train.stegos, lambda done: progress(0.45 + 0.45 * done))
        self.ensemble = ensemble.trained(covers, stegos, self.seed, lambda done: progress(0.9 + 0.1 * done))

    def scores(self, covers: Sequence[Cover]) -> np.ndarray:
        return self.ensemble.scores(self.features(covers))

    def parts_scores(self, cover: Cover, side: int, most: int) -> np.ndarray:
        """Scores of squares of a file, spread evenly, at most `most`; of a file that is no larger, its own alone.

        Features are shares: of a larger picture they are steadier than those of the files that were learned from, and a score would
        say something else. The squares begin at whole blocks of 8 x 8.
        """
        first, *rest = self.inputs(cover)
        spans = []
        for length in first.shape[:2]:
            count = min(int(most**0.5), -(-length // side))
            spans.append([round((length - side) * place / max(count - 1, 1)) // 8 * 8 if length > side else 0 for place in range(count)])
        squares = [(first[top : top + side, left : left + side], *rest) for top in spans[0] for left in spans[1]]
        return self.ensemble.scores(np.stack([self._kept(square) for square in squares]))

    def save(self, path: Path) -> None:
        """Writes what was learned, about 20 to 200 KB, to a .npz file, for `load`: weights as 16-bit floats, each learner scaled."""
        file = io.BytesIO()
        arrays: dict[str, np.ndarray] = {"threshold": np.array(self.threshold), "version": np.array(self.version)}
        np.savez(file, allow_pickle=False, **arrays, **self.ensemble.packed())
        write_file(path, file.getvalue(), force=True)

    @classmethod
    def load(cls, path: Path, cache: Path | None = None) -> Self:
        """What `save` of a detector of the same name wrote."""
        detector = cls(cache=cache)
        try:
            with np.load(path, allow_pickle=False) as found:
                if found["version"] != cls.version:
                    raise ValueError("other features")
                detector.threshold = float(found["threshold"])
                detector.ensemble = Ensemble.unpacked(found)
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise IsganError(f"{path} is not a detector of this version: train it again") from error
        return detector

    def _features(self, cover: Cover) -> np.ndarray:
        return self._kept(self.inputs(cover))

    def _kept(self, inputs: Arrays) -> np.ndarray:
        if self.cache is None:
            return self.extract(*inputs)
        path = self._path(inputs)
        with suppress(OSError, EOFError, ValueError):  # none yet, or a damaged one
            return np.load(path, allow_pickle=False)
        features, file = self.extract(*inputs), io.BytesIO()
        np.save(file, features)
        with system_errors(f"write to {self.cache}", "choose another folder"):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, file.getvalue(), force=True)
        return features

    def _path(self, inputs: Arrays) -> Path:
        """Where the features are kept."""
        assert self.cache is not None
        hashed = hashlib.sha256()
        for array in inputs:
            hashed.update(f"{array.dtype} {array.shape} ".encode())
            hashed.update(np.ascontiguousarray(array).tobytes())
        return self.cache / f"{detectors.name_of(type(self))}-{self.version}" / f"{hashed.hexdigest()}.npy"


def _computed(name: str, cache: Path, inputs: Arrays) -> None:
    """Features of one file, into the cache."""
    detector = detectors[name](cache=cache)
    assert isinstance(detector, FeatureDetector)
    detector._kept(inputs)


def colors(cover: Cover) -> Arrays:
    """Pixels as (H, W, 3) uint8; gray ones three times."""
    pixels = cover.pixels()
    return (pixels if pixels.ndim == 3 else np.stack([pixels] * 3, axis=2),)


def brightness(cover: Cover) -> Arrays:
    """Y as (H, W) uint8, rounded as JPEG does."""
    return (luma(cover.pixels()).astype(np.uint8),)


def coefficients(cover: Cover) -> Arrays:
    """Quantised coefficients of Y, (h, w) int16, whole blocks side by side, and their quantiser, (8, 8)."""
    if not isinstance(cover, JpegCover):
        raise IsganError("these features are of JPEG files: choose a detector for PNG files")
    return cover.planes[0], cover.quantiser
