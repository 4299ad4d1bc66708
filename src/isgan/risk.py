"""What is known of being found: how often detectors err that were trained on isgan's own files, as the audit measured it.

`risk.csv` beside this file is written by `isgan audit --table --write`, never by hand.
"""

import csv
import functools
from bisect import bisect_left
from collections.abc import Sequence
from importlib import resources
from typing import NamedTuple

GUESSING = 0.5  # P_E where nothing is hidden
TABLE = "risk.csv"


class Point(NamedTuple):
    """A measured rate.

    Attributes:
        root_bits: bits for each square root of a sample that can hide a change.
        p_e: of the strongest detector, with half the width of its 95 % interval.
        pairs: of cover and stego image that it was made with.
        weight: samples of the measured covers that can hide a change.
    """

    root_bits: float
    p_e: float
    interval: float
    pairs: int
    weight: float


class Found(NamedTuple):
    """How often a detector errs at a rate: P_E, whether that is a bound since so high a rate was never measured, and the pairs that it
    was made with."""

    p_e: float
    beyond: bool
    pairs: int

    @property
    def share(self) -> str:
        """It alone: "44 %"."""
        return f"{'at most ' if self.beyond else ''}{round(100 * self.p_e)} %"

    @property
    def words(self) -> str:
        """A sentence."""
        who = f"a detector made with {self.pairs} pairs of isgan's own files"
        return f"{who} errs in {self.share} of cases at this rate (50 % is guessing)"


def found_at(bits: float, samples: int, kind: str, cost: str, strategy: str) -> Found | None:
    """How often a detector errs; None where nothing was measured.

    Args:
        bits: of payload, all that is embedded.
        samples: that can hide a change, `Cover.weight`.
        kind: of cover, "png" or "jpeg".
        cost, strategy: that the embedding uses.
    """
    points = measured(kind, cost, strategy)
    if not points or samples < 1:
        return None
    root_bits = bits / root_of(samples, points)
    return Found(p_e_at(root_bits, points), root_bits > points[-1].root_bits, max(point.pairs for point in points))


def root_of(samples: float, points: Sequence[Point]) -> float:
    """By what bits are divided to compare covers of different size. Those larger than the measured ones are linked to them by the
    square-root rule, and smaller ones, in which the rule promises too much (docs/audit.md), by bits for each sample.

    Args:
        samples: that can hide a change, `Cover.weight`.
        points: that were measured; without any it is the square root of the samples.
    """
    return min(samples**0.5, samples / points[0].weight ** 0.5) if points else samples**0.5


def samples_of(root: float, points: Sequence[Point]) -> float:
    """The samples of which `root_of` is so much."""
    return max(root**2, root * points[0].weight ** 0.5) if points else root**2


def p_e_at(root_bits: float, points: list[Point]) -> float:
    """P_E at a rate, on straight lines between the measured points, from guessing at a rate of 0 on; that of the last beyond it."""
    rates = [0.0, *(point.root_bits for point in points)]
    errors = [GUESSING, *(point.p_e for point in points)]
    if root_bits >= rates[-1]:
        return errors[-1]
    after = max(1, bisect_left(rates, root_bits))
    share = (root_bits - rates[after - 1]) / (rates[after] - rates[after - 1])
    return errors[after - 1] + share * (errors[after] - errors[after - 1])


def rate_at(p_e: float, points: list[Point]) -> float:
    """The highest rate with no lower P_E, in bits for each square root of a sample; the last measured one if all are safer."""
    rates = [0.0, *(point.root_bits for point in points)]
    errors = [GUESSING, *(point.p_e for point in points)]
    for before in range(len(rates) - 1):
        if errors[before + 1] < p_e:
            share = (errors[before] - p_e) / (errors[before] - errors[before + 1])
            return rates[before] + share * (rates[before + 1] - rates[before])
    return rates[-1]


@functools.cache
def measured(kind: str, cost: str, strategy: str) -> list[Point]:
    """The curve of a kind of covers, a cost and a strategy, lowest rates first; P_E never rises with the rate, as chance would have it.
    Empty where nothing was measured."""
    file = resources.files("isgan") / TABLE
    if not file.is_file():
        return []
    rows = [row for row in csv.DictReader(file.read_text(encoding="utf-8").splitlines())
            if (row["kind"], row["cost"], row["strategy"]) == (kind, cost, strategy)]  # fmt: skip
    points = [Point(float(row["root_bits"]), float(row["p_e"]), float(row["interval"]), int(row["pairs"]), float(row["weight"]))
              for row in rows]  # fmt: skip
    return falling(sorted(points))


def falling(points: list[Point]) -> list[Point]:
    """The nearest curve that never rises and is never over guessing: neighbours in the wrong order take their mean (pool adjacent
    violators; Ayer et al. 1955)."""
    pools: list[list[Point]] = []
    for point in points:
        pools.append([point])
        while len(pools) > 1 and _mean(pools[-2]) < _mean(pools[-1]):
            last = pools.pop()
            pools[-1] += last
    return [point._replace(p_e=min(_mean(pool), GUESSING)) for pool in pools for point in pool]


def _mean(points: list[Point]) -> float:
    return sum(point.p_e for point in points) / len(points)
