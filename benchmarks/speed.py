"""Seconds and memory of hiding and revealing, as ratios to the paper's network in the same run.

    python benchmarks/speed.py [RESULTS.csv]

In process: arrays of one 256 x 256 pair, median of several. The unit is the paper's network, all in eager float32. Whole process: the
command line, from start to exit, on covers of 256 x 256 and of 12 and 24 megapixels, with its peak memory. Machines differ and are noisy:
compare within one run.
"""

import csv
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from isgan.steganographer import Steganographer
from PIL import Image

from isgan import models
from isgan.evaluation.leaderboard import process
from isgan.files import write_file
from isgan.picture import png_bytes

MODELS = (models.DEFAULT, "wavelet")
UNIT = "isgan"
EXAMPLES = Path(__file__).parent.parent / "examples"
SIDE = 256


def in_process(repeats: int = 15) -> list[dict]:
    """One pair of 256 x 256, the models loaded. They take turns, so that a slow moment of the machine is everyone's; two rounds warm up."""
    random = np.random.default_rng(0)
    cover, secret = (random.integers(0, 256, shape, dtype=np.uint8) for shape in ((SIDE, SIDE, 3), (SIDE, SIDE)))
    works: dict[tuple[str, str], Callable[[], object]] = {}
    for name in (UNIT, *MODELS, "lsb332"):
        steganographer = Steganographer(models.hider(name))
        stego = steganographer.hide(cover, secret)
        works["hide", name] = partial(steganographer.hide, cover, secret)
        works["reveal", name] = partial(steganographer.reveal, stego)
    seconds: dict[tuple[str, str], list[float]] = {key: [] for key in works}
    for _ in range(repeats + 2):
        for (what, name), work in works.items():
            started = time.perf_counter()
            work()
            seconds[what, name].append(time.perf_counter() - started)
    return [{"what": f"{what} 256x256", "model": name, "seconds": statistics.median(taken[2:]), "peak_mib": ""}
            for (what, name), taken in seconds.items()]  # fmt: skip


def processes() -> list[dict]:
    """`isgan hide` (which reveals too, to check itself) and `isgan reveal`."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        stego, out = Path(folder, "stego.png"), Path(folder, "out.png")
        small = next(iter(sorted((EXAMPLES / "covers").iterdir())))
        secret = next(iter(sorted((EXAMPLES / "secrets").iterdir())))
        covers = {"256x256": small}
        for name, size in (("12 megapixels", (4000, 3000)), ("24 megapixels", (6000, 4000))):
            covers[name] = Path(folder, f"{name}.png")
            large = Image.open(small).convert("RGB").resize(size, Image.Resampling.BICUBIC)
            write_file(covers[name], png_bytes(np.array(large)))
        for model, (size, cover) in itertools.product(MODELS, covers.items()):
            for what, arguments in (("hide", (cover, secret, "-o", stego)), ("reveal", (stego, "-o", out))):
                seconds, mib = process(what, *arguments, "--model", model, "--force")
                rows.append({"what": f"process {what} {size}", "model": model, "seconds": seconds, "peak_mib": round(mib)})
    return rows


def main() -> None:
    rows = in_process()
    unit = rows[0]["seconds"]
    rows += processes()
    for row in rows:
        row["ratio_to_paper_hide"] = round(row["seconds"] / unit, 4)
        row["seconds"] = round(row["seconds"], 4)
        ratio = row["ratio_to_paper_hide"]
        print(f"{row['what']:28} {row['model']:16} {row['seconds']:9.4f} s {ratio:9.4f} x paper {row['peak_mib']!s:>6} MiB")
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    if len(sys.argv) > 1:
        with Path(sys.argv[1]).open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
