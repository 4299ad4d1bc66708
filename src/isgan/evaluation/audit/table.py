"""The table that an expert asks for first: ways to embed, and networks, at equal quality of the secret and in equal covers; and how P_E
falls with the rate, and rises with the size of the cover."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isgan import models
from isgan.errors import IsganError
from isgan.evaluation.audit import subjects
from isgan.evaluation.audit.bench import MEASURES, RUNS, Attack, Bench, Plan
from isgan.evaluation.audit.photographs import Material
from isgan.evaluation.audit.subjects import BITS, DECIBELS, ROOT_BITS, Load, Parts, Sizes
from isgan.evaluation.audit.summary import strongest_of, summarise
from isgan.evaluation.quality import key_of
from isgan.evaluation.results import LSB_MATCHING, Counting, Following, Results, uncounted, unfollowed
from isgan.evaluation.stegos import CONTROLS, Method, hiding
from isgan.files import quoted
from isgan.metrics import EXACT
from isgan.metrics.pictures import compare, psnr
from isgan.options import Options
from isgan.picture import fit, read_gray
from isgan.risk import measured, p_e_at

TABLE, IMAGES = "audit-table", "audit-images"
LEVEL = "table"
PAPER = 33.5  # dB of the secret, the paper's quality
QUALITIES = (30.0, 36.0, 40.0)
"""Other qualities."""
DEFAULT = Parts("hill", "cmdc")
PNG_PARTS = (DEFAULT, Parts("hill"), Parts("flat"), Parts("hill", "gray"), Parts("suniward", "cmdc"), Parts("mipod", "cmdc", 0.4),
             Parts("hill", "green_first"), Parts("hill", "cmdc", 0.5), Parts("suniward"), Parts("mipod"))  # fmt: skip
JPEG_PARTS = (Parts("juniward"), Parts("uerd"))
ROOTS = {"png": (14.0, 28.0, 60.0, 118.0, 240.0), "jpeg": (120.0, 28.0, 60.0, 14.0)}
"""Bits for each square root of a sample that can hide a change, for the curve of P_E against the rate."""
NETWORKS = (*(Options(model="qim", strength=strength) for strength in (1, 2, 3, 4)),  # secrets of 31 to 41 dB
            *map(Options, ("qim", "wavelet", "isgan", "basic", "atique", "baluja", "lsb332", "lsb121")))  # fmt: skip
FEW = 100
"""Pairs of networks at most: they take long, and are found all the same."""


@dataclass(frozen=True)
class Entry:
    """A row of the table: what hides, how much, and on which pairs.

    Attributes:
        name: of the row.
        setting: how much, or which strength.
        parts, load: of an embedding; None for a model.
        options: of a model.
        pairs: at most so many; 0 for all.
    """

    name: str
    setting: str
    parts: Parts | None = None
    load: Load | None = None
    options: Options | None = None
    pairs: int = 0

    @property
    def label(self) -> str:
        return f"{self.name}, {self.setting}" if self.setting else self.name


def entries(kind: str) -> list[Entry]:
    """All rows for one kind of covers, "png" or "jpeg", the most telling first."""
    own = PNG_PARTS if kind == "png" else JPEG_PARTS
    rates = [(subjects.default_parts(kind), Load(root, ROOT_BITS)) for root in ROOTS[kind]]
    if kind == "jpeg":
        return _embeddings([*rates, *((parts, Load(0.1, BITS)) for parts in own)])
    others = [(parts, Load(quality)) for quality in QUALITIES for parts in own]
    few = [Entry(options.model, "" if options.strength == "auto" else f"strength {options.strength}", options=options, pairs=FEW)
           for options in NETWORKS]  # fmt: skip
    return [*_embeddings([*((parts, Load(PAPER)) for parts in own[:2]), *rates]), *few,
            *_embeddings([*((parts, Load(PAPER)) for parts in own[2:]), *others])[1:]]  # fmt: skip


def _embeddings(wanted: Sequence[tuple[Parts, Load]]) -> list[Entry]:
    """The positive control, and these."""
    return [Entry(LSB_MATCHING, ""), *(Entry(str(parts), str(load), parts, load) for parts, load in wanted)]


@dataclass
class Comparison:
    """The table on one kind of covers.

    Args:
        results: where rows grow.
        material: covers and secrets.
        detectors: names; the strongest of each row counts.
        plan, counting, following: see `Bench`.
    """

    results: Results
    material: Material
    detectors: Sequence[str]
    plan: Plan
    counting: Counting = uncounted
    following: Following = unfollowed

    def __post_init__(self) -> None:
        self.sizes = Sizes(self.results)

    def method(self, entry: Entry) -> Method:
        """What hides."""
        if entry.parts and entry.load:
            return subjects.embedding(entry.parts, entry.load, self.material.kind, self.sizes)
        return hiding(entry.options) if entry.options else CONTROLS[entry.name]

    def bench(self, entry: Entry) -> Bench:
        """The tests of one row."""
        count = min(entry.pairs or len(self.material.pairs), len(self.material.pairs))
        methods = {entry.label: self.method(entry)}
        return Bench(self.results, self.material.taken(range(count)), methods, self.plan, self.counting, self.following)

    def runs(self, wanted: Sequence[Entry]) -> Iterator[dict[str, Any]]:
        """Measures what is missing; yields each new row of a split."""
        for entry in wanted:
            bench = self.bench(entry)
            yield from bench.runs([Attack(LEVEL, entry.label, entry.label)], self.detectors)
            if not bench.missing([Attack(LEVEL, entry.label, entry.label)], self.detectors):
                self.images(entry, bench)

    def images(self, entry: Entry, bench: Bench) -> list[dict[str, str]]:
        """Quality of each stego image, and of each secret as it is revealed from its file."""
        pairs = bench.stegos.pairs(entry.label)
        scheme = models.load(entry.options.model) if entry.options else None
        keys = {"kind": self.material.kind, "name": entry.name, "setting": entry.setting, "print": bench.methods[entry.label].fingerprint}

        def judged(place: int) -> dict[str, Any]:
            (cover, secret), stego = bench.material.pairs[place], pairs.stegos[place]
            before = pairs.covers[place]
            row: dict[str, Any] = dict(zip(("stego_psnr", "stego_ssim"), compare(stego.pixels(), before.pixels()), strict=True))
            changed = sum(int((one != other).sum()) for one, other in zip(before.planes, stego.planes, strict=True))
            row |= {"changed": changed / before.samples, "samples": before.samples, "weight": before.weight}
            row |= {"bytes": "", "secret_psnr": "", "short": 0}
            if entry.load and entry.load.unit == DECIBELS:
                row["bytes"], row["secret_psnr"] = self.sizes(cover, secret, entry.load.amount)
            elif entry.load:
                row["bytes"] = subjects.room(entry.load, before.weight)
            if entry.parts and row["bytes"] != "":
                fitting = subjects.carried(entry.parts.scheme(self.material.format), before, row["bytes"])
                row |= {"bytes": fitting, "short": int(fitting < row["bytes"])}
            if scheme:
                found = scheme.reveal(stego, key_of(scheme, cover.name, stego)).picture
                assert found is not None
                row["secret_psnr"] = min(psnr(found, fit(read_gray(secret.pixels), *found.shape[:2])), EXACT)
            return row

        names = [(cover.name, secret.name) for cover, secret in bench.material.pairs]
        return self.results.completed(IMAGES, keys, names, judged, self.counting)

    def rows(self, wanted: Sequence[Entry]) -> list[dict[str, Any]]:
        """One row for each entry that is measured as far as the pairs go; detectors of earlier runs count, if they have all splits."""
        known, table = self.results.rows(RUNS), []
        for entry in wanted:
            bench = self.bench(entry)
            test = Attack(LEVEL, entry.label, entry.label)
            if bench.missing([test], self.detectors):
                continue
            prints = {entry.label: {bench.methods[entry.label].fingerprint}}
            budgets = {"0.0", str(float(self.plan.budget))}
            own = [row for row in known if row["photographs"] == bench.print and row["splits"] == str(self.plan.splits)
                   and row["budget"] in budgets]  # fmt: skip
            found = [row for row in summarise(own, prints) if row["splits"] == self.plan.splits]
            table.append(self._row(entry, bench, found))
        return table

    def _row(self, entry: Entry, bench: Bench, found: Sequence[dict[str, Any]]) -> dict[str, Any]:
        images = self.images(entry, bench)
        row: dict[str, Any] = {"kind": self.material.kind, "side": bench.material.pairs[0][0].pixels.shape[0], "name": entry.name,
                               "setting": entry.setting, "pairs": len(images),
                               "short": sum(image["short"] == "1" for image in images)}  # fmt: skip
        for column in ("stego_psnr", "stego_ssim", "secret_psnr", "bytes", "changed", "weight"):
            values = [float(image[column]) for image in images if image[column]]
            values = [min(value, EXACT) for value in values] if column.endswith("psnr") else values
            row[column] = float(np.mean(values)) if values else ""
        row["rate"] = 8 * (row["bytes"] + subjects.OVERHEAD) / row["weight"] if row["bytes"] != "" else ""
        row["root_bits"] = row["rate"] * math.sqrt(row["weight"]) if row["rate"] != "" else ""
        best = strongest_of(found)
        row |= {"leaked": best["train_pairs"] + best["val_pairs"]}
        row |= {"strongest": best["detector"],
                **{name: best[name] for measure in MEASURES for name in (measure, f"{measure}_interval")},
                "steps": best["steps"], "device": best["device"]}  # fmt: skip
        points = measured(self.material.format, entry.parts.cost, entry.parts.strategy) if entry.parts and not entry.parts.design else []
        # What the covers of the measured size and the square-root rule promise.
        row["p_e_by_square_root"] = p_e_at(row["root_bits"], points) if points else ""
        for one in found:
            row |= {f"p_e_{one['detector']}": one["p_e"], f"interval_{one['detector']}": one["p_e_interval"]}
        return row


def compare_all(results: Results, materials: Sequence[Material], plan: Plan, detectors: Callable[[Material], Sequence[str]], *,
                texts: Sequence[str] = ("",), tiny: bool = False, counting: Counting = uncounted,
                following: Following = unfollowed) -> list[dict[str, Any]]:  # fmt: skip
    """Measures what is missing and writes `audit-table.csv`: what could be measured so far, of each kind of covers.

    Args:
        detectors: material -> names.
        texts: rows with one of them in their label, such as "33.5 dB" or "bits a root".
        tiny: two rows alone.

    Raises:
        IsganError: no row has such a text.
    """
    wanted = {material.kind: [entry for entry in entries(material.format) if any(text in entry.label for text in texts)]
              for material in materials}  # fmt: skip
    if not any(wanted.values()):
        like = quoted(entries("png")[1].label)
        raise IsganError(f"no row of the table has {quoted(', '.join(texts))} in its name: they are called like {like}")
    table: list[dict[str, Any]] = []
    for material in materials:
        own = wanted[material.kind][: 2 if tiny else None]
        comparison = Comparison(results, material, detectors(material), plan, counting, following)
        for _ in comparison.runs(own):
            pass
        table += comparison.rows(own)
    results.merge(TABLE, table, ("kind", "side", "name", "setting"))
    return table
