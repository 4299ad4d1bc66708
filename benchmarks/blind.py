"""What the tool itself tells without the pass phrase: `python benchmarks/blind.py DATA... -n 468 --keys 100 -o docs/results/blind.csv`.

Each photograph hides the next one with a pass phrase of its own. An attacker who has the tool, its source and another pass phrase then
looks at covers and stego images, and measures what could differ: bits that the coder extracts in the wrong order, whether anything opens,
seconds to say no, how often `reveal` says the same. A row for each statistic: the area under its ROC curve, .5 if it tells nothing, and
the standard error of a blind one. Of several statistics one may well lie two errors off; whether it does so for a reason is seen by more
keys: with --keys N what is extracted is measured with N random ones for each pair too, which as many wrong pass phrases would give.
"""

import argparse
import csv
import os
import time
from concurrent.futures import Future
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

from isgan import models
from isgan.covers.png import PngCover
from isgan.errors import NothingFound
from isgan.key import NONCE, Key
from isgan.options import DEFAULT, Options
from isgan.picture import fit, read_gray, read_rgb
from isgan.schemes.embedding import HEAD
from isgan.schemes.slots import elements_of
from isgan.secret import Secret


class Guess(Key):
    """What a wrong pass phrase comes to: keys of a random root, without the tenth of a second that it takes to derive them."""

    def __init__(self) -> None:
        self._root: Future[bytes] = Future()
        self._root.set_result(os.urandom(32))


def extracted(scheme, cover: PngCover, key: Key) -> dict[str, float]:
    """What an attacker with a wrong key computes of the bits that stand where the head would."""
    slots = scheme.slots(cover, key)
    elements = elements_of(cover, slots.parts[0], key, 0)[: slots.head]
    bits = scheme.coder.extract(elements, 8 * HEAD)
    first, head = np.packbits(bits[:8]), np.packbits(bits, bitorder="little")
    return {
        "ones among extracted bits": bits.mean(),
        "changes between extracted bits": (bits[1:] != bits[:-1]).mean(),
        "first extracted byte": float(first[0]),
        "length that the head would tell": float(int.from_bytes(head[NONCE + 1 : NONCE + 5].tobytes(), "little")),
    }


def asked(scheme, cover: PngCover, key: Key) -> dict[str, float]:
    """What `reveal` answers, and how soon."""
    key.subkey("derived before the clock runs")
    started = time.perf_counter()
    try:
        scheme.reveal(cover, key)
        opened = 1.0
    except NothingFound:
        opened = 0.0
    return {"something opens": opened, "seconds to say no": time.perf_counter() - started}


def auc(covers: np.ndarray, stegos: np.ndarray) -> float:
    """The probability that a stego image has more than a cover; ties count half."""
    ranks = rankdata(np.concatenate([covers, stegos]))[len(covers) :]
    return float((ranks.mean() - (len(stegos) + 1) / 2) / len(covers))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", type=Path, help="folders of PNG photographs")
    parser.add_argument("-n", type=int, default=400, help="photographs in all")
    parser.add_argument("--keys", type=int, default=0, help="random keys for each pair")
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    scheme = models.load(args.model)
    phrase = os.urandom(8).hex()  # of one that stays, covers would give the same bits in every run, lucky or not
    files = [path for folder in args.data for path in sorted(folder.glob("*.png"))][: args.n]
    found: dict[str, dict[str, list[float]]] = {}
    guessed: dict[str, dict[str, list[float]]] = {}
    for number, path in enumerate(files):
        cover = PngCover(read_rgb(path))
        height, width = cover.planes[0].shape
        secret = Secret(fit(read_gray(files[(number + 1) % len(files)]), height, width))
        stego = scheme.hide(cover, secret, Key(str(path), cover.salt()), Options()).stego
        wrong = Key(phrase, cover.salt())  # the stego image has the same salt, so one pass phrase is one key for both
        pair = {"cover": cover, "stego": stego}
        for name in sorted(pair, reverse=bool(number % 2)):  # neither is always the first
            for statistic, value in (extracted(scheme, pair[name], wrong) | asked(scheme, pair[name], wrong)).items():
                found.setdefault(statistic, {}).setdefault(name, []).append(value)
        for guess in (Guess() for _ in range(args.keys)):
            for name in pair:
                for statistic, value in extracted(scheme, pair[name], guess).items():
                    guessed.setdefault(statistic, {}).setdefault(name, []).append(value)
    groups = {"one pass phrase": found, f"{args.keys} random keys for each pair": guessed}
    with args.output.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["statistic", "model", "with", "pairs x keys", "AUC", "standard error if blind"])
        for group, measured in groups.items():
            for statistic, values in measured.items():
                covers, stegos = (np.array(values[name]) for name in ("cover", "stego"))
                pairs = len(covers)
                error = ((2 * pairs + 1) / (12 * pairs**2)) ** 0.5
                row = [statistic, args.model, group, pairs, f"{auc(covers, stegos):.3f}", f"{error:.3f}"]
                rows.writerow(row)
                print(*row)


if __name__ == "__main__":
    main()
