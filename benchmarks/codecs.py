"""Bytes that photographs take: `python benchmarks/codecs.py DATA... -o docs/results/codecs.csv`.

For every codec with loss and for gray and colour, the mean over photographs of the bits a pixel at 30, 33.5, 36, 40 and 44 dB.
"""

import argparse
import csv
import time
from pathlib import Path

import numpy as np

from isgan.codecs import codecs
from isgan.codecs.base import fewest
from isgan.picture import read_gray, read_rgb


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", type=Path, help="folders of photographs")
    parser.add_argument("-n", type=int, default=20, help="photographs of each folder")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    files = [path for folder in args.data for path in sorted(folder.glob("*.png"))[: args.n]]
    with args.output.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["codec", "colour", "dB", "bits a pixel", "seconds", "photographs"])
        for name in codecs.names():
            if len(codecs[name].levels) < 2:
                continue
            for colour, read in (("gray", read_gray), ("colour", read_rgb)):
                for psnr in (30.0, 33.5, 36.0, 40.0, 44.0):
                    started = time.perf_counter()
                    made = [(fewest(codecs[name](), picture, psnr), picture) for picture in map(read, files)]
                    seconds = (time.perf_counter() - started) / len(files)
                    bits = np.mean([8 * len(encoded.data) / picture[..., :1].size for encoded, picture in made if picture.ndim == 3]
                                   or [8 * len(encoded.data) / picture.size for encoded, picture in made])  # fmt: skip
                    rows.writerow([name, colour, psnr, f"{bits:.3f}", f"{seconds:.2f}", len(files)])
                    file.flush()


if __name__ == "__main__":
    main()
