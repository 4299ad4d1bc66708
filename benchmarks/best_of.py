"""What choosing the cover is worth: `python benchmarks/best_of.py DATA... -o docs/results/best-of.csv`.

For each folder of photographs of one size and each number of covers to choose from: random bytes, as many as a cover takes at the usual
risk, are hidden in the best of so many covers, drawn at random, as `isgan hide SECRET --best-of COVERS` ranks them. A row for each, which
is added to the file: means over draws, with half the width of their 95 % interval.
"""

import argparse
import csv
import random
import statistics
from pathlib import Path

from isgan import IsganError
from isgan.files import MAX_BYTES
from isgan.folders.best import Candidate, Ranking, hide_best, judged
from isgan.options import Options

BEFORE = 3  # bytes of a payload in front of a file's


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", type=Path, help="folders of PNG photographs")
    parser.add_argument("-n", type=int, default=30, help="draws for each number of covers")
    parser.add_argument("--covers", nargs="+", type=int, default=[1, 5, 20])
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    options = Options(exact=True)
    new = not args.output.exists()
    with args.output.open("a", newline="") as file:
        rows = csv.writer(file)
        if new:
            rows.writerow(["data", "photographs", "unfit", "covers to choose from", "draws", "bytes", "stego dB", "+-", "stego SSIM",
                           "expected distortion", "+-", "samples changed", "+-"])  # fmt: skip
        for folder in args.data:
            candidates: list[Candidate] = []
            unfit = 0
            for path in sorted(folder.glob("*.png")):
                try:
                    candidates.append(judged(path, MAX_BYTES, None, options))
                except IsganError:
                    unfit += 1
            for count in args.covers:
                draw, made = random.Random(count), []
                for number in range(args.n):
                    chosen = sorted(draw.sample(candidates, count), key=lambda candidate: candidate.distortion)
                    secret = draw.randbytes(chosen[0].room - BEFORE)
                    facts = hide_best(secret, folder, None, f"draw {number}", options, Ranking(chosen, {})).facts
                    if facts["cover"] != chosen[0].cover.name:
                        raise SystemExit(f"{chosen[0].cover}: nothing could be hidden there")
                    made.append([facts["bytes"], facts["stego dB"], facts["stego SSIM"], chosen[0].distortion, facts["changed"]])
                columns = list(zip(*made, strict=True))
                mean = [statistics.mean(column) for column in columns]
                wide = [1.96 * statistics.stdev(column) / len(column) ** 0.5 for column in columns]
                numbers = [mean[0], mean[1], wide[1], mean[2], mean[3], wide[3], mean[4], wide[4]]
                rows.writerow([folder.parent.name, len(candidates), unfit, count, len(made), *(f"{number:.5g}" for number in numbers)])
                file.flush()
                print(folder.parent.name, count, *(f"{number:.5g}" for number in numbers), flush=True)


if __name__ == "__main__":
    main()
