"""The whole audit of some models, and what is written of it."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from isgan import models
from isgan.detectors import detectors
from isgan.detectors.network import NetworkDetector, device
from isgan.errors import IsganError, MissingModel
from isgan.evaluation.audit import levels, oracle, subjects
from isgan.evaluation.audit.bench import RUNS, Attack, Bench, Plan
from isgan.evaluation.audit.photographs import Material, gather
from isgan.evaluation.audit.report import write_report
from isgan.evaluation.audit.summary import summarise
from isgan.evaluation.results import AGAIN, BASIC, LSB_MATCHING, OTHER_COVER, Counting, Following, Results, uncounted, unfollowed
from isgan.evaluation.security import LEAST
from isgan.evaluation.stegos import CONTROLS, Method, Refused, hiding
from isgan.options import Options
from isgan.registry import unknown

TABLE, ORACLE, NOTES = "audit", "audit-oracle", "audit-notes"
WITHOUT = {"S1": f"it takes the paper's network, '{BASIC}' (extra neural), which hides in PNG files alone",
           "S5": f"it takes folders of different sources in --data, {LEAST} pairs of each"}  # fmt: skip
"""Why a level can come to nothing."""


@dataclass(frozen=True)
class Request:
    """What is audited, and how.

    Attributes:
        subjects: options of `hide` by the names of rows.
        data, secrets: folders, see `gather`.
        detectors: names, or "fast" or "all".
        levels: of `levels.LEVELS`.
        pairs: at most so many of each kind of covers.
        side, scale: of the covers, see `gather`.
        minutes: after which nothing new is begun; 0 for no bound.
        splits, budget, steps: see `Plan`.
    """

    subjects: Mapping[str, Options]
    data: Sequence[Path]
    secrets: Sequence[Path] = ()
    detectors: Sequence[str] = ("fast",)
    levels: Sequence[str] = tuple(levels.LEVELS)
    pairs: int | None = None
    side: int = 256
    scale: float = 1.0
    minutes: float = 0.0
    splits: int = 5
    budget: float = 2.0
    steps: int = 0


def audit(folder: Path, request: Request, *, on_row: Callable[[Mapping[str, Any]], None] = lambda _: None, command: str = "",
          counting: Counting = uncounted, following: Following = unfollowed) -> list[dict[str, Any]]:  # fmt: skip
    """Measures what is missing in a folder of results and writes `audit.csv`, `audit-oracle.csv` and `audit.html` there; the rows of
    `audit.csv`. The folder is made once it is known that there is enough to measure.

    Whatever `request.minutes` leaves undone is said in the report; the same call goes on. `IsganError` before anything is measured if
    names are unknown or pairs too few.
    """
    for level in request.levels:
        if level not in levels.LEVELS:
            raise unknown("level", level, list(levels.LEVELS))
    for name, options in request.subjects.items():
        models.find(options.model)
        if name in (LSB_MATCHING, OTHER_COVER):
            raise IsganError(f"'{name}' is the name of a control: give the model another, NAME=FILE")
    for kind in levels.FAST:
        levels.chosen(request.detectors, kind)
    materials = gather(request.data, request.secrets, request.side, request.pairs, request.scale)
    results, plan = Results(folder), plan_of(request)
    notes = list(materials[0].notes)  # those of all kinds
    table: list[dict[str, Any]] = []
    told: list[dict[str, Any]] = []
    unfinished = False
    for material in materials:
        one, left_out = _run(results, request, material, plan, on_row, counting, following)
        notes += [*left_out, *one.notes]
        rows, done = one.summary()
        told += one.oracle()
        table += rows
        unfinished |= not done
    if unfinished:
        notes.append("The time was up before everything was measured; the same command goes on.")
    results.write(TABLE, table)
    if told:
        results.write(ORACLE, told)
    results.write(NOTES, [{"note": note} for note in dict.fromkeys(notes)] or [{"note": ""}])
    write_report(results, command)
    return table


def _run(results: Results, request: Request, material: Material, plan: Plan, on_row: Callable[[Mapping[str, Any]], None],
         counting: Counting, following: Following) -> tuple["_OfKind", list[str]]:  # fmt: skip
    """What is missing of one kind is measured; what came of it, and what had to be left out, in words."""
    notes: list[str] = []
    while True:
        one = _OfKind(results, request, material, plan, counting, following)
        try:
            for row in one.runs():
                on_row(row)
            return one, notes
        except Refused as error:
            left = sorted(set(range(len(material.pairs))) - set(error.places))
            if len(left) < LEAST:
                raise
            count = f"{len(error.places)} of {len(material.pairs)}"
            notes.append(f"{count} pairs on {material.kind} covers left out, the first because {error}")
            material = material.taken(left)


def plan_of(request: Request) -> Plan:
    """How the detectors are fitted and tested; its deadline counts from now."""
    deadline = time.monotonic() + 60 * request.minutes if request.minutes else math.inf
    return Plan(request.splits, request.budget, request.steps, deadline)


class _OfKind:
    """The audit on one kind of covers."""

    def __init__(self, results: Results, request: Request, material: Material, plan: Plan, counting: Counting, following: Following):
        self.results, self.request, self.material, self.plan, self.counting = results, request, material, plan, counting
        self.detectors = levels.chosen(request.detectors, material.format)
        self.notes: list[str] = []
        if any(map(levels.is_network, self.detectors)):
            time_each = f"{request.budget:g} minutes each on {device()}, after as many on LSB matching (but for S1)"
            self.notes.append(f"Networks had {time_each}: with more time and pairs they see more.")
        self.names: list[str] = []
        methods: dict[str, Method] = {}
        self.siblings: dict[str, str] = {}
        for name, options in request.subjects.items():
            if not subjects.hides_in(options.model, material.kind):
                self.notes.append(f"{name} does not hide in {material.kind} covers")
                continue
            self.names.append(name)
            methods[name] = hiding(options)
            found = subjects.sibling(options, material.kind) if "S2" in request.levels else None
            if found:
                self.siblings[name] = f"{name}: {found[0]}"
                methods[self.siblings[name]] = found[1]
            elif "S2" in request.levels:
                self.notes.append(f"S2: there is no other model of the design of {name}")
        self.teachers = self._teachers(methods) if "S1" in request.levels else []
        for level, why in WITHOUT.items():
            if level in request.levels and not any(self._of(level, name) for name in self.names):
                self.notes.append(f"{level} is not tested on {material.kind} covers: {why}")
        self.methods = methods
        self.bench = Bench(results, material, methods, plan, counting, following)
        self.null = Bench(results, levels.null_material(material), {}, plan, counting, following)

    def _teachers(self, methods: dict[str, Method]) -> list[str]:
        """The paper's basic network, and the same of another seed, if there are such models or subjects; they hide in PNG files alone."""
        there = []
        for name in (BASIC, AGAIN):
            try:
                if name not in methods and subjects.hides_in(name, self.material.kind):
                    methods[name] = hiding(Options(model=name, gray=True))
                there += [name] if name in methods and find_spec("torch") else []
            except (MissingModel, FileNotFoundError):
                self.notes.append(f"S1: there is no model '{name}'; --model {name}=WEIGHTS gives one")
        return there

    def _of(self, level: str, name: str) -> list[Attack]:
        return levels.tests(level, name, self.material, self.siblings, self.teachers)

    def _tests(self) -> list[tuple[Bench, list[Attack], list[str]]]:
        """What is run, the most telling first."""
        learning = [name for name in self.detectors if levels.learns(name)]
        features = [name for name in learning if not levels.is_network(name)]
        knowing = [name for name in self.detectors if not levels.learns(name)]
        wanted: list[tuple[Bench, list[Attack], list[str]]] = [
            (self.bench, levels.controls(null=False), learning),
            (self.null, levels.controls(null=True), learning),
        ]
        for level in sorted(self.request.levels, key=["S3", "S0", "S2", "S5", "S1", "S4"].index):
            found = [test for name in self.names for test in self._of(level, name)]
            wanted.append((self.bench, found, knowing if level == "S0" else learning))
            if level == "S3":
                found = [test for name in self.names for test in levels.curve(name, self.material, self.plan.splits)]
                wanted.append((self.bench, found, features))
            if level == "S1":
                wanted.append((self.bench, levels.transfer_controls(self.teachers), learning))
        return wanted

    def runs(self) -> Any:
        for bench, tests, names in self._tests():
            yield from bench.runs(tests, names)

    def summary(self) -> tuple[list[dict[str, Any]], bool]:
        """Rows of this kind, and whether nothing is missing."""
        prints = {name: {method.fingerprint} for name, method in (CONTROLS | self.methods).items()}
        photographs = {self.bench.print, self.null.print}
        rows = [row for row in self.results.rows(RUNS) if row["photographs"] in photographs and row["splits"] == str(self.plan.splits)]
        done = all(not bench.missing(tests, names) for bench, tests, names in self._tests())
        return summarise(rows, prints), done

    def oracle(self) -> list[dict[str, Any]]:
        """What the tool itself tells of each subject."""
        if "S4" not in self.request.levels or time.monotonic() > self.plan.deadline:
            return []
        told = []
        for name in self.names:
            told += oracle.asked(self.bench, self.request.subjects[name], name, self.counting)
        return told


def tiny(request: Request) -> Request:
    """The whole way in seconds, on a few small images and by few detectors: numbers without meaning."""
    named = [name for name in request.detectors if name not in ("fast", "all")]
    few = named or [name for name in detectors.names() if not detectors[name].trained] + ["spam", "jrm"]
    networks = [kind for name in few if issubclass(kind := detectors[name], NetworkDetector)]
    side = max([96, *(network.kind().least for network in networks)])
    return replace(request, pairs=48, side=side, splits=2, budget=0.0, steps=2, detectors=few)
