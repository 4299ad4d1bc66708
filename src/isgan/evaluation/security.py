"""How surely a detector finds the stego images of a method: detectors are trained for it, and judged on pairs they have
not seen.

Covers and stego images are written and read by one piece of code, so that nothing but the hiding tells them apart. Two
controls stand beside the methods: LSB matching, which a detector has to find, and other covers in place of stego
images, which it must not.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isgan import models
from isgan.covers import covers
from isgan.covers.base import Cover
from isgan.covers.png import PngCover
from isgan.datasets.base import Source
from isgan.datasets.photographs import Photo, in_share, squares
from isgan.detectors import detectors
from isgan.detectors.base import Budget, Detector, Pairs
from isgan.detectors.network import NetworkDetector
from isgan.errors import IsganError
from isgan.evaluation import quality
from isgan.evaluation.results import (
    LSB_MATCHING,
    OTHER_COVER,
    Counting,
    Following,
    Results,
    plain,
    uncounted,
    unfollowed,
)
from isgan.files import write_file
from isgan.jit import side_by_side
from isgan.metrics.security import accuracy, auc, interval, p_e, share_interval
from isgan.options import Options
from isgan.picture import read_gray

RUNS, FEATURES = "table6-runs", "features"
RETRAINED, CONTROL = "retrained", "control"
SHARES = (0.6, 0.15)  # of the pairs, for training and validation; the rest is the test
LEAST = 20  # pairs
AT_ONCE = 8  # stego images
MEASURES = ("accuracy", "p_e", "auc")
BITS_PER_SAMPLE = 0.4

Hide = Callable[[Photo, Photo, int], Cover]
"""The photographs of a pair and its number -> the stego image."""


class Method(NamedTuple):
    """What tells a method's results from those of another version of it, and how it hides."""

    fingerprint: str
    hide: Hide


class Case(NamedTuple):
    """A detector of one method's stego images is tested on those of another one.

    Attributes:
        kind: its name in tables.
        trained_on, tested_on: methods.
        seen: whether the detector learns from the photographs that models were trained on.
    """

    kind: str
    trained_on: str
    tested_on: str
    seen: bool = False


@dataclass(frozen=True)
class Plan:
    """How methods are tested.

    Attributes:
        steganalyzer: name of the detector: a network, or features that an ensemble learns from.
        minutes, steps: training of each detector, if it is a network.
        splits: divisions of the pairs, at least 2; the intervals are over them.
        limit: at most so many pairs.
        side: of all images; the paper's 256.
        share: of the training photographs that the models were trained on (`photos.share` of their recipes).
    """

    steganalyzer: str = "xunet"
    minutes: float = 0.0
    steps: int = 0
    splits: int = 3
    limit: int | None = None
    side: int = 256
    share: float = 0.5

    @property
    def detector(self) -> type[Detector]:
        """That of this name; `IsganError` if there is none."""
        return detectors[self.steganalyzer]

    @property
    def budget(self) -> Budget:
        """What a detector has to learn: no other than networks look at it."""
        return Budget(float(self.minutes), self.steps) if issubclass(self.detector, NetworkDetector) else Budget()


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


def hiding(options: Options) -> Method:
    """A model with these options; it is loaded when it is first used."""
    loaded = None

    def hide(cover: Photo, secret: Photo, _number: int) -> Cover:
        nonlocal loaded
        loaded = loaded or models.load(options.model, options.engine)
        return quality.hide(loaded, cover_of(cover), read_gray(secret.pixels), cover.name, options).stego

    return Method(models.fingerprint(options.model), hide)


def unseen_photographs(source: Source, plan: Plan) -> list[Path]:
    """The photographs that no model was trained on."""
    return [path for path in source.images("train") if not in_share(path, plan.share)] + source.images("test")


def pairs(source: Source, paths: Sequence[Path], what: str, plan: Plan) -> list[tuple[Photo, Photo]]:
    """Covers and secrets, all different photographs, in a random order that stays the same; `IsganError` if they are
    too few.

    `what` they are, "unseen" or "used", is for the message.
    """
    order = np.random.default_rng(0).permutation(len(paths))
    photos = list(
        squares(source, [paths[place] for place in order], plan.side, None if plan.limit is None else 2 * plan.limit)
    )
    half = len(photos) // 2
    if half < LEAST:
        raise IsganError(
            f"{source.root} has {len(photos)} {what} photographs, the test needs {2 * LEAST}: give more, or another share "
            "of those that models were trained on"
        )
    return list(zip(photos[: 2 * half : 2], photos[1 : 2 * half : 2], strict=True))


def digest(*groups: Sequence[tuple[Photo, Photo]]) -> str:
    """Eight characters that tell pairs of photographs from others."""
    found = hashlib.sha256()
    for group in groups:
        for photo in (photo for pair in group for photo in pair):
            found.update(photo.file or photo.pixels.tobytes())
        found.update(str(len(group)).encode())
    return found.hexdigest()[:8]


def divide(count: int, split: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The places of the training, validation and test pairs of a split: a random division that depends on its number
    alone.
    """
    order = np.random.default_rng((11, split)).permutation(count)
    first, second = int(SHARES[0] * count), int(sum(SHARES) * count)
    return order[:first], order[first:second], order[second:]


class Trained(NamedTuple):
    """A detector that has learnt: in how many steps, if it is a network, and in how many seconds."""

    detector: Detector
    steps: int
    seconds: float


@dataclass(frozen=True)
class Trial:
    """The tests of a set's photographs.

    Args:
        results: where `table6-runs.csv` grows, a row for each split of a test; stego images are kept in images/.
        set_name: of the photographs.
        plan: see `Plan`.
        methods: by name, controls included.
        unseen, seen: pairs of photographs that no model was trained on, and of others, which may be none.
        counting, following: show how far it is.
    """

    results: Results
    set_name: str
    plan: Plan
    methods: Mapping[str, Method]
    unseen: Sequence[tuple[Photo, Photo]]
    seen: Sequence[tuple[Photo, Photo]] = ()
    counting: Counting = uncounted
    following: Following = unfollowed

    @property
    def settings(self) -> dict[str, Any]:
        """What rows of the same conditions have in common."""
        return {
            "set": self.set_name,
            "steganalyzer": self.plan.steganalyzer,
            "minutes": self.plan.budget.minutes,
            "side": self.plan.side,
            "photographs": digest(self.seen, self.unseen),
        }

    def runs(self, tests: Sequence[Case]) -> Iterator[Mapping[str, Any]]:
        """Trains and tests the detectors that are missing in the results; yields each new row."""
        folder = self.results.folder / "images" / f"{self.set_name}-{self.settings['photographs']}"
        fresh = Stegos(folder / "unseen", self.unseen, self.methods, self.counting)
        again = Stegos(folder / "seen", self.seen, self.methods, self.counting)
        for split in range(self.plan.splits):
            _, _, test_places = divide(len(self.unseen), split)
            trained: dict[tuple[str, bool], Trained] = {}
            for test in tests:
                keys = {"test": test.kind, **self.settings, "trained_on": test.trained_on,
                        "trained_print": self.methods[test.trained_on].fingerprint, "tested_on": test.tested_on,
                        "print": self.methods[test.tested_on].fingerprint, "split": split}  # fmt: skip
                if self.results.has(RUNS, **keys):
                    continue
                source = again if test.seen else fresh
                learn, check, _ = divide(len(source.photos), split)
                which = test.trained_on, test.seen
                detector, steps, seconds = trained[which] = trained.get(which) or self._trained(source, test.trained_on, split)
                judged = fresh.pairs(test.tested_on).take(test_places)
                covers, stegos = detector.scores(judged.covers), detector.scores(judged.stegos)
                row = {
                    **keys,
                    "accuracy": accuracy(covers, stegos, 0.0),
                    "p_e": p_e(covers, stegos, detector.threshold),
                    "auc": auc(covers, stegos),
                    "threshold": detector.threshold,
                    "train_pairs": len(learn),
                    "val_pairs": len(check),
                    "test_pairs": len(test_places),
                    "steps": steps,
                    "seconds": seconds,
                }
                self.results.add(RUNS, row)
                yield row

    def summary(self, tests: Sequence[Case]) -> list[dict[str, Any]]:
        """One row for each test: mean of each measure over the splits, and half the width of its 95 % interval.

        That of accuracy and P_E is at least what the few images of a test leave open, also where all splits agree.
        """
        rows = [
            row
            for row in self.results.rows(RUNS)
            if all(row[key] == str(plain(value)) for key, value in self.settings.items())
        ]
        table = []
        for test in tests:
            prints = self.methods[test.tested_on].fingerprint, self.methods[test.trained_on].fingerprint
            group = [
                row
                for row in rows
                if (row["test"], row["tested_on"], row["print"]) == (test.kind, test.tested_on, prints[0])
            ]
            group = [row for row in group if row["trained_print"] == prints[1] and int(row["split"]) < self.plan.splits]
            if not group:
                continue
            scores: dict[str, float] = {}
            for measure in MEASURES:
                scores[measure], width = interval([float(row[measure]) for row in group])
                if measure != "auc":
                    width = max(width, share_interval(scores[measure], 2 * int(group[0]["test_pairs"])))
                scores[f"{measure}_interval"] = width
            table.append(
                {
                    "test": test.kind,
                    **self.settings,
                    "trained_on": test.trained_on,
                    "tested_on": test.tested_on,
                    "status": "measured",
                    "splits": len(group),
                    "train_pairs": group[0]["train_pairs"],
                    "test_pairs": group[0]["test_pairs"],
                    **scores,
                    "steps": group[0]["steps"],
                }
            )
        return table

    def _trained(self, source: "Stegos", name: str, split: int) -> Trained:
        """Trained, or a network read: these are kept, so that a model that is added later meets the same one as the others.
        Of other detectors the features are kept.
        """
        plan = self.plan
        network = plan.detector if issubclass(plan.detector, NetworkDetector) else None
        kept = (
            source.folder
            / f"{self.methods[name].fingerprint}-{plan.steganalyzer}-{plan.minutes:g}-{plan.steps}-{split}.safetensors"
        )
        if network and kept.exists():
            found = network.load(kept)
            return Trained(found, found.steps, found.training_seconds)
        learn, check, _ = divide(len(source.photos), split)
        all_pairs = source.pairs(name)
        detector = plan.detector(split, self.results.folder / FEATURES)
        started = time.monotonic()
        with self.following(f"{self.set_name}: detector of {name}, split {split + 1}") as progress:
            detector.fit(all_pairs.take(learn), all_pairs.take(check), plan.budget, progress)
        if isinstance(detector, NetworkDetector):
            detector.save(kept)
            return Trained(detector, detector.steps, detector.training_seconds)
        return Trained(detector, 0, time.monotonic() - started)


class Stegos:
    """Covers and stego images of pairs of photographs as files in a folder, made when they are first asked for."""

    def __init__(
        self, folder: Path, photos: Sequence[tuple[Photo, Photo]], methods: Mapping[str, Method], counting: Counting
    ):
        self.folder, self.photos, self.methods, self.counting = folder, photos, methods, counting

    def pairs(self, name: str, places: Sequence[int] | None = None) -> Pairs:
        """Covers and stego images of a method; each file is read when it is looked at. With `places`, those alone are made that are
        missing."""
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
        with self.counting(f"{name}: stego images", len(missing)) as done:

            def make(number: int) -> None:
                write_file(paths[number], hide(*self.photos[number], number).encode(), force=True)
                done()

            for first in range(0, len(missing), AT_ONCE):  # so that a run that is stopped does not wait for all of them
                side_by_side(make, missing[first : first + AT_ONCE])
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
