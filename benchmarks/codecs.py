"""Bytes that photographs take: `python benchmarks/codecs.py DATA... -o docs/results/codecs.csv`.

For every codec with loss, for gray and colour and for photographs scaled to each --side, the mean over photographs of the bits a pixel at
30, 33.5, 36, 40 and 44 dB.
"""

import argparse
import csv
import time
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

from isgan.codecs import codecs
from isgan.codecs.base import fewest
from isgan.picture import read_gray, read_rgb


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", type=Path, help="folders of photographs")
    parser.add_argument("-n", type=int, default=20, help="photographs of each folder")
    parser.add_argument("--side", type=int, nargs="+", default=[64, 128, 256], help="pixels")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    files = [path for folder in args.data for path in sorted(folder.glob("*.png"))[: args.n]]
    with args.output.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["codec", "colour", "side", "dB", "bits a pixel", "seconds", "photographs"])
        for name, (colour, read), side in product(codecs.names(), (("gray", read_gray), ("colour", read_rgb)), args.side):
            if len(codecs[name].levels) < 2:
                continue
            pictures = [scaled(read(path), side) for path in files]
            for psnr in (30.0, 33.5, 36.0, 40.0, 44.0):
                started = time.perf_counter()
                sizes = [len(fewest(codecs[name](), picture, psnr).data) for picture in pictures]
                seconds = (time.perf_counter() - started) / len(files)
                rows.writerow([name, colour, side, psnr, f"{8 * np.mean(sizes) / side**2:.3f}", f"{seconds:.2f}", len(files)])
                file.flush()


def scaled(picture: np.ndarray, side: int) -> np.ndarray:
    return np.array(Image.fromarray(picture).resize((side, side), Image.Resampling.LANCZOS))


if __name__ == "__main__":
    main()
