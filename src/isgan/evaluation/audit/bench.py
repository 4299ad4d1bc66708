"""Detectors are fitted and tested: a row for each of them, each test and each split, in `audit-runs.csv`."""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from isgan.covers.base import Cover
from isgan.detectors import detectors
from isgan.detectors.base import LEAST_PAIRS, Budget, Detector, Pairs
from isgan.detectors.network import NetworkDetector, device
from isgan.evaluation.audit.photographs import Material
from isgan.evaluation.results import LSB_MATCHING, Counting, Following, Results, plain, uncounted, unfollowed
from isgan.evaluation.stegos import CONTROLS, Method, Stegos, digest
from isgan.metrics.security import accuracy, auc, missed, p_e, weighted_auc

RUNS = "audit-runs"
VERSION = 3
"""Of the protocol: rows of another one are set apart."""
LEARN = 0.8  # of the leaked pairs; the others choose the threshold
LEAST_LEAKED = 10
FROM_SCRATCH = "S1"
"""The level whose networks begin with random weights, as in the paper; all others first learn to find LSB matching, which is easy, on the
same photographs (a curriculum, as Ye, Ni and Yi 2017 go from high payloads to low ones)."""
MEASURES = ("p_e", "auc", "wauc", "md5", "accuracy")


class Attack(NamedTuple):
    """What an attacker learns from, and is tested on.

    Attributes:
        level: its name, "S3" say.
        subject: whose stego images are tested.
        trained_on: whose he has.
        leaked: how many pairs he has; 0 for all that are not tested.
        source: a set whose covers alone are tested, while he has those of the other sets; "" for none.
        within: he has pairs among the first so many alone, and is tested on others of these; 0 for no bound.
    """

    level: str
    subject: str
    trained_on: str
    leaked: int = 0
    source: str = ""
    within: int = 0


class Division(NamedTuple):
    """Places of pairs: no pair is in two of them."""

    learn: np.ndarray
    check: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class Plan:
    """How an audit is done.

    Attributes:
        splits: divisions of the pairs into those that leaked and those that are tested, so that each pair is tested once.
        budget: minutes of training of each network.
        steps: of training, instead.
        deadline: `time.monotonic()` after which nothing new is begun.
    """

    splits: int = 5
    budget: float = 2.0
    steps: int = 0
    deadline: float = float("inf")


def divide(sources: Sequence[str], test: Attack, split: int, splits: int) -> Division:
    """The places of a split, by a random order that depends on the number of pairs alone: of `splits` parts one is tested."""
    count = len(sources)
    order = np.random.default_rng((11, count)).permutation(count)
    tested = np.arange(count) * splits // count == split
    judged, had = order[tested], order[~tested]
    if test.source:
        of_source = np.array([source == test.source for source in sources])
        judged, had = np.flatnonzero(of_source), had[~of_source[had]]
    if test.within:
        judged, had = judged[judged < test.within], had[had < test.within]
    had = np.random.default_rng((13, split)).permutation(had)
    had = had[: test.leaked or len(had)]
    learn = min(round(LEARN * len(had)), len(had) - LEAST_PAIRS)
    return Division(had[:learn], had[learn:], judged)


@dataclass
class Bench:
    """The tests of one kind of covers.

    Args:
        results: where `audit-runs.csv` grows; stego images and features are kept in folders beside it.
        material: covers and secrets.
        methods: what hides, by name; the controls are always there.
        plan: see `Plan`.
        counting, following: show how far it is.
    """

    results: Results
    material: Material
    methods: Mapping[str, Method]
    plan: Plan
    counting: Counting = uncounted
    following: Following = unfollowed
    _covers: "Kept | None" = None
    _held: dict[str, "Kept"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.methods = {**CONTROLS, **self.methods}
        self.print = digest(self.material.pairs)
        folder = self.results.folder / "images" / f"{self.material.kind.replace(' ', '-')}-{self.print}"
        self.stegos = Stegos(folder, self.material.pairs, self.methods, self.counting)

    def keys(self, test: Attack, detector: str, split: int) -> dict[str, Any]:
        """What tells a row from all others."""
        return {"protocol": VERSION, "kind": self.material.kind, "photographs": self.print, **test._asdict(),
                "print": self.methods[test.subject].fingerprint, "trained_print": self.methods[test.trained_on].fingerprint,
                "detector": detector, "budget": self._budget(detector), "split": split, "splits": self.plan.splits}  # fmt: skip

    def runs(self, tests: Sequence[Attack], names: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Fits and tests what is missing in the results; yields each new row. Ends early at the deadline."""
        for test, name, split in self.missing(tests, names):
            if time.monotonic() > self.plan.deadline:
                return
            row = self._row(test, name, split)
            self.results.add(RUNS, row)
            yield row

    def missing(self, tests: Sequence[Attack], names: Sequence[str]) -> list[tuple[Attack, str, int]]:
        """What is not in the results: tests, detectors and splits. Tests for which too few pairs leak are left out."""
        known = {_key(row) for row in self.results.rows(RUNS)}
        wanted = [(test, name, split) for test in tests if not test.leaked or self._enough(test)
                  for name in names for split in range(self.plan.splits)]  # fmt: skip
        return [(test, name, split) for test, name, split in wanted if _key(self.keys(test, name, split)) not in known]

    def _enough(self, test: Attack) -> bool:
        """Whether as many pairs could leak as the test asks for."""
        division = divide(self.material.sources, test, 0, self.plan.splits)
        return len(division.learn) + len(division.check) == test.leaked

    def _row(self, test: Attack, name: str, split: int) -> dict[str, Any]:
        division = divide(self.material.sources, test, split, self.plan.splits)
        own = test.trained_on == test.subject
        had = self._pairs(test.trained_on, np.concatenate(division[: 3 if own else 2]))  # all at once: that is done side by side
        check, judged = self._pairs(test.trained_on, division.check), self._pairs(test.subject, division.test)
        started = time.perf_counter()
        detector = self._trained(test, name, split, [cover for pairs in (had, judged) for part in pairs for cover in part])
        learning = detector.training_seconds if isinstance(detector, NetworkDetector) else time.perf_counter() - started
        started = time.perf_counter()
        covers, stegos = detector.scores(judged.covers), detector.scores(judged.stegos)
        checked = detector.scores(check.covers), detector.scores(check.stegos)
        return {
            **self.keys(test, name, split),
            "p_e": p_e(covers, stegos, detector.threshold),
            "auc": auc(covers, stegos),
            "wauc": weighted_auc(covers, stegos),
            "md5": missed(covers, stegos),
            "accuracy": accuracy(covers, stegos, detector.threshold),
            "val_p_e": p_e(*checked, detector.threshold),
            "threshold": detector.threshold,
            "train_pairs": len(division.learn),
            "val_pairs": len(division.check),
            "test_pairs": len(division.test),
            "seconds": learning + time.perf_counter() - started,
            "steps": detector.steps if isinstance(detector, NetworkDetector) else 0,
            "device": device() if isinstance(detector, NetworkDetector) else "the CPU",
        }

    def _trained(self, test: Attack, name: str, split: int, files: Sequence[Cover]) -> Detector:
        """A detector that learned; `files` are those it will look at, whose features are kept."""
        kind = detectors[name]
        if issubclass(kind, NetworkDetector):
            return self._network(kind, test, name, split)
        detector = kind(seed=split, cache=self.results.folder / "features")
        with self.following(f"{test.level} {test.subject}: {name} looks at files") as progress:
            detector.prepare(files, progress)
        self._fit(detector, test, name, split)
        return detector

    def _network(self, kind: type[NetworkDetector], test: Attack, name: str, split: int) -> NetworkDetector:
        """A network that learned. It is kept: a run that was stopped does not train it anew, and other subjects meet the same one."""
        start = LSB_MATCHING if test.level != FROM_SCRATCH and test.trained_on not in CONTROLS else ""
        told = self.keys(test, name, split) | {"subject": "", "print": "", "level": "", "steps": self.plan.steps, "start": start}
        place = hashlib.sha256(str(sorted(told.items())).encode()).hexdigest()[:16]
        kept = self.results.folder / "detectors" / f"{name}-{place}.safetensors"
        if kept.exists():
            return kind.load(kept)
        detector = kind(seed=split)
        if start:
            taught = self._network(kind, test._replace(subject=start, trained_on=start), name, split)
            detector.network.load_state_dict(taught.network.state_dict())
        self._fit(detector, test, name, split)
        kept.parent.mkdir(exist_ok=True)
        detector.save(kept)
        return detector

    def _fit(self, detector: Detector, test: Attack, name: str, split: int) -> None:
        division = divide(self.material.sources, test, split, self.plan.splits)
        learn, check = (self._pairs(test.trained_on, places) for places in (division.learn, division.check))
        with self.following(f"{test.level} {test.trained_on}: {name}, split {split + 1}") as progress:
            detector.fit(learn, check, Budget(self._budget(name), self.plan.steps), progress)

    def _budget(self, name: str) -> float:
        """Minutes of training: none for what learns from features, so that its rows stay known at another budget."""
        return self.plan.budget if issubclass(detectors[name], NetworkDetector) else 0.0

    def _pairs(self, name: str, places: np.ndarray) -> Pairs:
        """Covers and stego images at these places. The covers, and the stego images of the last subjects, stay in memory."""
        made = self.stegos.pairs(name, [int(place) for place in places])
        self._covers = self._covers or Kept(made.covers)
        while len(self._held) > 2:
            self._held.pop(next(iter(self._held)))
        return Pairs(self._covers, self._held.setdefault(name, Kept(made.stegos))).take(places)


class Kept(Sequence[Cover]):
    """Covers that are read once."""

    def __init__(self, covers: Sequence[Cover]):
        self.covers, self.read = covers, dict[int, Cover]()

    def __len__(self) -> int:
        return len(self.covers)

    def __getitem__(self, place: Any) -> Any:
        if place not in self.read:
            self.read[place] = self.covers[place]
        return self.read[place]


def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
    names = ("protocol", "kind", "photographs", *Attack._fields, "print", "trained_print", "detector", "budget", "split", "splits")
    return tuple(str(plain(row[name])) for name in names)
