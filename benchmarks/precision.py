"""What bfloat16 in the sender's half costs, and how alike the stego images with and without it are.

    python benchmarks/precision.py RESULTS.csv PHOTOGRAPHS...

Both ends in dB, 8 bits, the receiver in float32: of the sender in float32, then as `isgan.layers.bf16` has it. The first 20 test pairs of
each set at their own size. On a processor without bfloat16 torch does the same, slowly.
"""

import csv
import statistics
import sys
from contextlib import nullcontext
from pathlib import Path

from isgan import weights
from isgan.datasets.base import open_sets
from isgan.evaluation.quality import pair_up
from isgan.image import read_gray, read_rgb
from isgan.layers.bf16 import bf16_allowed
from isgan.steganographer import Steganographer, compare, fit

MODELS = ("basic", "isgan")
PAIRS = 20


def main() -> None:
    rows = []
    for model in MODELS:
        steganographer = Steganographer(weights.load(model))
        for name, source in open_sets(map(Path, sys.argv[2:])).items():
            ends: list[list[float]] = []
            for cover_path, secret_path in pair_up(source.images("test"), PAIRS):
                cover = read_rgb(cover_path)
                secret = fit(read_gray(secret_path), *cover.shape[:2])
                stegos = []
                for in_part in (nullcontext(), bf16_allowed()):
                    with in_part:
                        stegos.append(steganographer.hide(cover, secret))
                scores = [end for stego in stegos for end in (compare(stego, cover), compare(steganographer.reveal(stego), secret))]
                ends.append([score.psnr for score in (*scores, compare(*stegos))])
            *means, alike = zip(*ends, strict=True)
            stego, secret_, stego_bf16, secret_bf16 = (round(statistics.fmean(values), 3) for values in means)
            rows.append({"model": model, "set": name, "pairs": len(ends), "stego_float32": stego, "secret_float32": secret_,
                         "stego_bf16": stego_bf16, "secret_bf16": secret_bf16, "alike_least": round(min(alike), 2),
                         "alike_mean": round(statistics.fmean(alike), 2)})  # fmt: skip
            print(rows[-1], flush=True)
    with Path(sys.argv[1]).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
