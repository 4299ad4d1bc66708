"""How near the syndrome-trellis code comes to the least price, how fast coders are, and the search for columns.

    python benchmarks/coders.py [RESULTS.csv]
    python benchmarks/coders.py speed
    python benchmarks/coders.py search HEIGHT

The first gives, for heights of `stc`, kinds of prices and rates, the price of the changes over the least price of any
way to embed as many bits in the same elements (payload-limited sender, ternary; Fridrich and Filler 2007), a mean of
several messages. Prices are constant, x or x^2 for x evenly in (0, 1), the profiles of Filler, Judas and Fridrich
(2011), and HILL's of the covers in examples/. Random samples are 0 or 255 now and then and move one way only.

The second gives seconds to embed and extract in a part of a 256 x 256 picture and in 36 million elements.

The third prints a row of `isgan.coders.columns.SEEDS`: for each width the best of some column sets. A set is judged by
the price of the flips of the binary code over its bound, mean of the constant, linear and square profiles, half of it
at the width itself and half at half a column less, all sets with the same messages; the best ones again with longer.
"""

import csv
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from isgan.coders import coders, trellis
from isgan.coders.columns import columns, drawn
from isgan.coders.stc import Stc, entropy
from isgan.costs import costs
from isgan.covers.png import PngCover

COVERS = Path(__file__).parent.parent / "examples" / "covers"
PROFILES = ("constant", "linear", "square")
HEIGHTS, RATES, SAMPLES, MESSAGES = (8, 10, 12), (0.002, 0.01, 0.05, 0.1, 0.28, 0.5, 0.9), 196_608, 3
WIDEST, DRAWS, FINALISTS, BITS = 48, 32, 5, 400
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUV"


def profile(name: str, count: int, random: np.random.Generator) -> np.ndarray:
    """(count,) float32 prices in random order."""
    even = (np.arange(count) + 0.5) / count
    prices = {"constant": np.ones(count), "linear": even, "square": even**2}[name]
    return random.permutation(prices).astype(np.float32)


def elements_of(name: str, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Elements, and what -1 and +1 cost: of a profile, or HILL's of a cover."""
    if name in PROFILES:
        elements, prices = random.integers(0, 256, SAMPLES).astype(np.int16), profile(name, SAMPLES, random)
    else:
        cover = PngCover.read((COVERS / f"{name}.png").read_bytes(), name)
        elements = np.concatenate([plane.ravel() for plane in cover.planes])
        prices = np.concatenate([price.ravel() for price in costs["hill"](cover).down])
        order = random.permutation(elements.size)
        elements, prices = elements[order], prices[order]
    wet = np.float32(np.inf)
    return elements, np.where(elements == 0, wet, prices), np.where(elements == 255, wet, prices)


def least(down: np.ndarray, up: np.ndarray, bits: int) -> float:
    """The price of the best distribution of changes with an entropy of so many bits."""
    down, up = (np.minimum(price, 1e30).astype(np.float64) for price in (down, up))
    low, high = -40.0, 40.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if entropy(down, up, np.exp(middle)) * down.size > bits else (low, middle)
    weights = np.exp(-np.exp(low) * np.stack([down, up]))
    return float((weights * np.stack([down, up]) / (1 + weights.sum(axis=0))).sum())


def table() -> list[dict[str, object]]:
    rows = []
    for height in HEIGHTS:
        for name in (*PROFILES, *sorted(path.stem for path in COVERS.glob("*.png"))):
            for rate in RATES:
                ratios = []
                for message in range(MESSAGES):
                    random = np.random.default_rng(message)
                    elements, down, up = elements_of(name, random)
                    bits = random.integers(0, 2, round(rate * elements.size), dtype=np.uint8)
                    change = Stc(height).embed(elements, down, up, bits) - elements
                    price = down[change < 0].sum(dtype=np.float64) + up[change > 0].sum(dtype=np.float64)
                    ratios.append(price / least(down, up, bits.size))
                prices = name if name in PROFILES else f"hill, {name}"
                row = {"height": height, "prices": prices, "rate": rate, "over_bound": round(float(np.mean(ratios)), 3)}
                rows.append(row)
                print(*row.values(), flush=True)
    return rows


def speed() -> None:
    """Seconds on the clock, and of all cores together."""
    random = np.random.default_rng(0)
    for count, bits, repeats in ((16_384, 4_588, 12), (36_000_000, 33 * 8192, 1)):
        elements = random.integers(0, 256, count).astype(np.int16)
        prices = np.exp(1.5 * random.standard_normal(count, dtype=np.float32))
        message = random.integers(0, 2, bits, dtype=np.uint8)
        for name in coders.names():
            coder = coders[name]()
            coder.embed(elements[:1000], prices[:1000], prices[:1000], message[:100])  # compiled
            stego, embedding = _seconds(lambda: coder.embed(elements, prices, prices, message), repeats)  # noqa: B023
            _, extraction = _seconds(lambda: coder.extract(stego, bits), repeats)  # noqa: B023
            print(
                f"{name}, {repeats} x {count} elements, {bits} bits: embed {embedding}; extract {extraction}",
                flush=True,
            )


def _seconds(work: Callable[[], np.ndarray], repeats: int) -> tuple[np.ndarray, str]:
    started = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        result = work()
    return result, f"{time.perf_counter() - started[0]:.3f} s ({time.process_time() - started[1]:.3f} s of all cores)"


def search(height: int) -> str:
    best = []
    for width in range(1, WIDEST + 1):
        sets = {seed: drawn(height, width, seed) for seed in range(DRAWS)}
        for bits, left in ((BITS, FINALISTS), (6 * BITS, 1)):
            scores = {seed: _score(height, width, sets[seed], bits) for seed in sets}
            sets = {seed: sets[seed] for seed in sorted(scores, key=scores.__getitem__)[:left]}
        best.append(next(iter(sets)))
        print(f"width {width}: {best[-1]}, {min(scores.values()):.4f} of the bound", file=sys.stderr, flush=True)
    return f'    {height}: "{"".join(DIGITS[seed] for seed in best)}",'


def _score(height: int, width: int, chosen: np.ndarray, bits: int) -> float:
    trellis.columns = lambda height, count: chosen if count == width else columns(height, count)
    trellis.layouts.cache_clear()
    ratios = []
    for number, name in enumerate(PROFILES * 2):
        random = np.random.default_rng(number)
        prices = profile(name, round(bits / 2 * (width if number < 3 or width == 1 else width - 0.5)), random)
        flips = trellis.cheapest(prices, random.integers(0, 2, bits // 2, dtype=np.uint8), height)
        ratios.append(prices[flips].sum() / least(prices, np.full(prices.size, np.inf), bits // 2))
    return float(np.mean(ratios))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["speed"]:
            speed()
        case ["search", height]:
            print(search(int(height)))
        case arguments:
            rows = table()
            if arguments:
                with Path(arguments[0]).open("w", newline="") as file:
                    writer = csv.DictWriter(file, rows[0])
                    writer.writeheader()
                    writer.writerows(rows)
