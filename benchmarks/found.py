"""How often a detector errs that is trained on files of the sealed path.

    python benchmarks/sealed.py DATA... --settings "33.5 dB" --keep KEPT -o SEALED.csv
    python benchmarks/found.py KEPT/covers KEPT/adaptive-33.5dB -o docs/results/found.csv --name "33.5 dB"

Covers and stego images of the same names, the features and the ensemble of `benchmarks/strategies.py`: half of the pairs
train it, the other half says at which threshold it errs least; mean and deviation over splits. Beside it the same where
chance says which of two files is the stego image: what a detector that sees nothing gets with so few pairs.
Needs the extra `audit`.
"""

import argparse
import csv
import warnings
from pathlib import Path

import numpy as np
from strategies import Detector, least_error

from isgan.metrics.security import auc
from isgan.picture import read_rgb

COLUMNS = ("files", "features", "pairs", "splits", "P_E", "deviation", "AUC", "P_E by chance", "deviation by chance")


def judged(detector: Detector, covers: np.ndarray, stegos: np.ndarray, splits: int) -> list[object]:
    """Of features (N, F) each: pairs, splits, P_E and its deviation, AUC, and P_E and its deviation by chance."""
    own, chance = [], []

    def tested(quiet: np.ndarray, loud: np.ndarray) -> tuple[float, float]:
        return least_error(quiet, loud), auc(quiet, loud)

    for seed in range(splits):
        own.append(tested(*detector.scores(covers, stegos, seed)))
        swapped = np.random.default_rng(seed).random(len(covers)) < 0.5
        mixed = [np.where(swapped[:, None], one, other) for one, other in ((covers, stegos), (stegos, covers))]
        chance.append(tested(*detector.scores(*mixed, seed)))
    (error, area), (spread, _), (blind, _), (blind_spread, _) = (
        found for scores in (own, chance) for found in (np.mean(scores, 0), np.std(scores, 0))
    )
    return [len(covers), splits, *(f"{value:.3f}" for value in (error, spread, area, blind, blind_spread))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("covers", type=Path, help="folder of PNG files")
    parser.add_argument("stegos", type=Path, help="folder of their stego images, of the same names")
    parser.add_argument("--name", help="what they are; the folder's name if not given")
    parser.add_argument("--features", nargs="+", choices=("crm", "spam"), default=("crm", "spam"))
    parser.add_argument("--splits", type=int, default=6)
    parser.add_argument("-o", "--output", type=Path, required=True, help="rows are added to it")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    detector, names = Detector(), sorted(path.name for path in args.stegos.glob("*.png"))
    new = not args.output.exists()
    with args.output.open("a", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        if new:
            rows.writerow(COLUMNS)
        for features in args.features:
            covers, stegos = (
                np.stack([getattr(detector, features)(read_rgb(folder / name)) for name in names]).astype(np.float64)
                for folder in (args.covers, args.stegos)
            )
            row = [args.name or args.stegos.name, features, *judged(detector, covers, stegos, args.splits)]
            rows.writerow(row)
            file.flush()
            print(*row, flush=True)


if __name__ == "__main__":
    main()
