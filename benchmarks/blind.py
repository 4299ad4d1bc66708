"""What the tool itself tells without the pass phrase: `python benchmarks/blind.py DATA... -o docs/results/blind.csv`.

Each photograph hides the next one with a pass phrase of its own. An attacker who has the tool, its source and another pass phrase then
looks at covers and stego images, and measures what could differ: bits that the coder extracts in the wrong order, whether anything opens,
seconds to say no, how often `reveal` says the same. A row for each statistic: the area under its ROC curve, .5 if it tells nothing, and
the standard error of a blind one.
"""

import argparse
import csv
import time
from pathlib import Path

import numpy as np

from isgan import models
from isgan.covers.png import PngCover
from isgan.errors import NothingFound
from isgan.key import Key
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
    data = np.packbits(bits)
    return {
        "ones among extracted bits": bits.mean(),
        "changes between extracted bits": (bits[1:] != bits[:-1]).mean(),
        "first extracted byte": float(data[0]),
        "length that the head would tell": float(int.from_bytes(data[17:21].tobytes(), "little")),
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
    error = ((2 * len(files) + 1) / (12 * len(files) ** 2)) ** 0.5
    with args.output.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["statistic", "model", "pairs", "AUC", "standard error if blind"])
        for name, values in found.items():
            covers, stegos = np.array(values).T
            rows.writerow([name, args.model, len(files), f"{auc(covers, stegos):.3f}", f"{error:.3f}"])
            print(name, f"{auc(covers, stegos):.3f} +- {error:.3f}")


if __name__ == "__main__":
    main()
