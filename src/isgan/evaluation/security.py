"""How surely a detector finds the stego images of a method: detectors are trained for it, and judged on pairs they have
not seen.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isgan.datasets.base import Source
from isgan.datasets.photographs import Photo, in_share, squares
from isgan.detectors import detectors
from isgan.detectors.base import Budget, Detector
from isgan.detectors.network import NetworkDetector
from isgan.errors import IsganError
from isgan.evaluation.results import Counting, Following, Results, plain, uncounted, unfollowed
from isgan.evaluation.stegos import Method, Stegos, digest
from isgan.metrics.security import accuracy, auc, interval, p_e, share_interval

RUNS, FEATURES = "table6-runs", "features"
RETRAINED, CONTROL = "retrained", "control"
SHARES = (0.6, 0.15)  # of the pairs, for training and validation; the rest is the test
LEAST = 20  # pairs
MEASURES = ("accuracy", "p_e", "auc")


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

    def _trained(self, source: Stegos, name: str, split: int) -> Trained:
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
