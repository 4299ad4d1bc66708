"""Costs made model-based: by way of Fisher information, to the changes that a detector who knows the model sees least.

J. Butora and J. Fridrich convert costs to a model: a cost gives change probabilities at a design rate; the Fisher
information for which they would be those of least deflection follows from them; and from it, probabilities and prices
for the payload at hand. A sample's new price depends on its old one alone: a curve, made once and looked up.
"""

from collections.abc import Callable
from functools import reduce

import numpy as np

from isgan.costs.base import Costs
from isgan.covers.base import Planes
from isgan.jit import side_by_side

SHIFT = 15  # bits of a float32 below those that choose a cell of the curve: 256 cells from each power of 2 to the next
CELLS = 0x7F800000 >> SHIFT  # as many for finite values
PIECE = 1 << 18  # samples at a time
HIGHEST = 1e30  # among finite prices, far more than any sample is changed for


def model_based(costs: Costs, design: float, bits: int) -> Costs:
    """Prices ln(1 / p - 2) for the probabilities p of -1 and of +1 that carry a payload with least deflection.

    Directions that cost not the same are converted apart, each as if the other cost as much.

    Args:
        costs: any; infinite ones stay so.
        design: rate in bits a sample at which `costs` are at their best.
        bits: the payload, over all samples.
    """
    symmetric = costs.up is costs.down
    values, counts = _histogram(costs.down if symmetric else costs.down + costs.up)
    if not counts.any():
        return costs
    scale = _solve(lambda scale: counts @ entropy(np.exp(scale) * values), design * counts.sum(), np.log(values))

    def information(prices: np.ndarray) -> np.ndarray:  # ln(price / probability)
        return np.log(prices) - _probability(np.exp(scale) * prices)

    curve = _curve(information, values, counts, bits if symmetric else 2 * bits)
    down = _looked_up(costs.down, curve)
    return Costs(down, down if symmetric else _looked_up(costs.up, curve))


def from_information(planes: Planes, rate: float) -> Planes:
    """Prices of least deflection at a rate in bits a sample, given Fisher information, which may lack a factor."""
    values, counts = _histogram(planes)
    return _looked_up(planes, _curve(np.log, values, counts, rate * counts.sum()))


def _probability(prices: np.ndarray) -> np.ndarray:
    """ln p of -1 and of +1 where ln(1 / p - 2) = price."""
    return -prices - np.log1p(2 * np.exp(-prices))


def entropy(prices: np.ndarray) -> np.ndarray:
    """Bits that a sample carries if -1 and +1 have the probability p with ln(1 / p - 2) = price."""
    odds = np.exp(-prices)
    return (np.log1p(2 * odds) + 2 * prices * odds / (1 + 2 * odds)) / np.log(2)


def least_deflection(information: np.ndarray) -> np.ndarray:
    """The price c = ln(1 / p - 2) of least deflection, where p I = (1 / lambda) ln((1 - 2 p) / p).

    Args:
        information: ln(lambda I).
    """
    # c (e^c + 2) = lambda I. In v = ln c: v + c + ln(1 + 2 e^-c) = ln(lambda I), of slope about 1 + c; Newton's steps.
    v = np.where(information < 1, information - np.log(3), np.log(np.maximum(information, 1)))
    for _ in range(12):
        c = np.exp(v)
        odds = 2 * np.exp(-c)
        v -= (v + c + np.log1p(odds) - information) / (1 + c / (1 + odds))
    return np.exp(v)


def _curve(
    information: Callable[[np.ndarray], np.ndarray], values: np.ndarray, counts: np.ndarray, bits: float
) -> np.ndarray:
    """The price at the lower edge of each cell, (CELLS + 1,) float64, the last infinite.

    Args:
        information: value -> the logarithm of its Fisher information, but for a constant.
        values, counts: of the samples.
        bits: that samples carry with these prices if an optimal code does not scale them.
    """
    known = information(values)
    factor = _solve(lambda factor: counts @ entropy(least_deflection(known + factor)), bits, known)
    edges = (np.arange(CELLS, dtype=np.uint32) << SHIFT).view(np.float32).astype(np.float64)
    edges[0] = edges[1] / 2  # 0 has no logarithm
    return np.append(np.minimum(least_deflection(information(edges) + factor), HIGHEST), np.inf)


def _solve(falling: Callable[[float], float], target: float, scaled: np.ndarray) -> float:
    """Where a falling function of a logarithm is `target`, by bisection; the nearer end if it is nowhere.

    Args:
        scaled: the logarithms that it is added to. With it they are far enough from 0 on both sides.
    """
    low, high = -30 - scaled.max(), 30 - scaled.min()
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > target else (low, middle)
    return (low + high) / 2


def _pieces(planes: Planes) -> list[np.ndarray]:
    """All samples, as views of a size that fits a cache."""
    flat = [plane.reshape(-1) for plane in planes]
    return [values[first : first + PIECE] for values in flat for first in range(0, values.size, PIECE)]


def _histogram(planes: Planes) -> tuple[np.ndarray, np.ndarray]:
    """Finite values that there are, as middles of cells, and how many of each."""

    def count(piece: np.ndarray) -> np.ndarray:
        return np.bincount(piece.view(np.uint32) >> SHIFT, minlength=CELLS + 1)[:CELLS]

    counts = reduce(np.add, side_by_side(count, _pieces(planes)))
    cells = np.flatnonzero(counts)
    middles = ((cells.astype(np.uint32) << SHIFT) + (1 << SHIFT - 1)).view(np.float32)
    return middles.astype(np.float64), counts[cells]


def _looked_up(planes: Planes, curve: np.ndarray) -> Planes:
    """A curve's price of each value, straight lines between the cells' edges; (h, w) float32 for each plane."""
    lowest = curve.astype(np.float32)
    slopes = np.append(np.diff(lowest[:-1]), [0, 0]) * np.float32(0.5**SHIFT)
    results = tuple(np.empty(plane.shape, np.float32) for plane in planes)

    def look_up(pair: tuple[np.ndarray, np.ndarray]) -> None:
        piece, result = pair
        binary = piece.view(np.uint32)
        cells = binary >> SHIFT
        np.multiply(slopes[cells], binary & ((1 << SHIFT) - 1), out=result, casting="unsafe")
        result += lowest[cells]

    side_by_side(look_up, zip(_pieces(planes), _pieces(results), strict=True))
    return results
