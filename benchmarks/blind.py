"""What the tool itself tells without the pass phrase: `python benchmarks/blind.py DATA... -n 735 --apart 335 -o docs/results/blind.csv`.

Each photograph hides the next one with a pass phrase of its own. An attacker who has the tool, its source and another pass phrase then
looks at covers and stego images, and measures what could differ: bits that the coder extracts in the wrong order, whether anything opens,
seconds to say no, how often `reveal` says the same. A row for each statistic: the area under its ROC curve, .5 if it tells nothing, and
the standard error of a blind one. Of several statistics one may well lie two errors off; whether it does so for a reason is seen on other
photographs: with --apart N there are rows of the first N alone and of those after them.
"""

import argparse
import csv
import time
from pathlib import Path

import numpy as np

from isgan import models
from isgan.covers.png import PngCover
from isgan.errors import NothingFound
from isgan.key import NONCE, Key
from isgan.options import DEFAULT, Options
from isgan.picture import fit, read_gray, read_rgb
from isgan.schemes.embedding import HEAD
from isgan.schemes.slots import elements_of
from isgan.secret import Secret


def statistics(scheme, cover: PngCover) -> dict[str, float]:
    """What an attacker with a wrong pass phrase computes of one picture."""
    key = Key("the attacker's", cover.salt())
    slots = scheme.slots(cover, key)
    elements = elements_of(cover, slots.parts[0], key, 0)[: slots.head]
    bits = scheme.coder.extract(elements, 8 * HEAD)
    started = time.perf_counter()
    try:
        scheme.reveal(cover, key)
        opened = 1.0
    except NothingFound:
        opened = 0.0
    seconds = time.perf_counter() - started
    first, head = np.packbits(bits[:8]), np.packbits(bits, bitorder="little")
    return {
        "ones among extracted bits": bits.mean(),
        "changes between extracted bits": (bits[1:] != bits[:-1]).mean(),
        "first extracted byte": float(first[0]),
        "length that the head would tell": float(int.from_bytes(head[NONCE + 1 : NONCE + 5].tobytes(), "little")),
        "something opens": opened,
        "seconds to say no": seconds,
    }


def auc(covers: np.ndarray, stegos: np.ndarray) -> float:
    """The probability that a stego image has more than a cover; ties count half."""
    differences = np.sign(stegos[:, None] - covers[None])
    return float((differences.mean() + 1) / 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", type=Path, help="folders of PNG photographs")
    parser.add_argument("-n", type=int, default=400, help="photographs in all")
    parser.add_argument("--apart", type=int, help="the first so many and the others are judged for themselves too")
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    scheme = models.load(args.model)
    files = [path for folder in args.data for path in sorted(folder.glob("*.png"))][: args.n]
    found: dict[str, list[list[float]]] = {}
    for number, path in enumerate(files):
        cover = PngCover(read_rgb(path))
        height, width = cover.planes[0].shape
        secret = Secret(fit(read_gray(files[(number + 1) % len(files)]), height, width))
        stego = scheme.hide(cover, secret, Key(str(path), cover.salt()), Options()).stego
        pair = [statistics(scheme, one) for one in ((cover, stego) if number % 2 else (stego, cover))]
        for name in pair[0]:
            found.setdefault(name, []).append([one[name] for one in (pair if number % 2 else reversed(pair))])
    groups = {"all": slice(None)}
    if args.apart:
        groups |= {f"the first {args.apart}": slice(args.apart), "the others": slice(args.apart, None)}
    with args.output.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["statistic", "model", "photographs", "pairs", "AUC", "standard error if blind"])
        for group, part in groups.items():
            for name, values in found.items():
                covers, stegos = np.array(values[part]).T
                pairs = len(covers)
                error = ((2 * pairs + 1) / (12 * pairs**2)) ** 0.5
                row = [name, args.model, group, pairs, f"{auc(covers, stegos):.3f}", f"{error:.3f}"]
                rows.writerow(row)
                print(*row)


if __name__ == "__main__":
    main()
