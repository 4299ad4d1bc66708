"""Seconds and memory of hiding and revealing.

    python benchmarks/speed.py [RESULTS.csv]

In process: a photograph of 256 x 256 in one of the same size, both with the derivation of the key, median of several; the ratio is to the
paper's network in the same run. Whole process: the command line from start to exit, on covers of 256 x 256 and of 12 and 24 megapixels,
with its peak memory; into large covers the default hides a file of 33 KB. Machines differ and are noisy: compare within one run.
Without the extra `neural` the default alone is measured, so how fast it starts where nothing else is installed.
"""

import csv
import importlib.util
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

import isgan
from isgan import models
from isgan.covers.png import PngCover
from isgan.evaluation.usage import process
from isgan.key import Key
from isgan.options import DEFAULT, Options
from isgan.picture import png_bytes, read_gray, read_rgb
from isgan.schemes.base import Scheme
from isgan.secret import Secret

NEURAL = importlib.util.find_spec("torch") is not None
MODELS = (DEFAULT, "qim", "wavelet") if NEURAL else (DEFAULT,)
UNIT = "isgan"
EXAMPLES = Path(__file__).parent.parent / "examples"
PHRASE = "correct horse battery staple"
FILE = 33_000  # bytes of a secret for large covers
SMALL = {"": ("--gray",), ", 33.5 dB": ("--gray", "--quality", 33.5, "--risk", "high"), ", in colour": ()}
"""How the default hides in a small cover: words for the table, and options."""


def in_process(repeats: int = 15) -> list[dict]:
    """They take turns, so that a slow moment of the machine is everyone's; two rounds warm up."""
    cover, secret = (sorted((EXAMPLES / name).iterdir())[0] for name in ("covers", "secrets"))
    host, guest = PngCover(read_rgb(cover)), Secret(read_gray(secret))
    works: dict[tuple[str, str], Callable[[], object]] = {}
    for name in (UNIT, *MODELS, "lsb332") if NEURAL else MODELS:
        scheme = models.load(name)
        options = Options(model=name, gray=True, risk="high", quality=None if scheme.resizes else 33.5)
        stego = scheme.hide(host, guest, Key(PHRASE, host.salt()), options).stego
        works["hide", name] = partial(_hide, scheme, host, guest, options)
        works["reveal", name] = partial(_reveal, scheme, stego)
    # From files to the bytes of one, which is read and revealed, as the command line and Python do it.
    works["hide with check, gray secret at 33.5 dB", DEFAULT] = lambda: isgan.hide(
        cover, secret, pass_phrase=PHRASE, gray=True, risk="high", quality=33.5
    )
    works["hide with check, secret in colour", DEFAULT] = lambda: isgan.hide(cover, secret, pass_phrase=PHRASE)
    seconds: dict[tuple[str, str], list[float]] = {key: [] for key in works}
    for _ in range(repeats + 2):
        for (what, name), work in works.items():
            started = time.perf_counter()
            work()
            seconds[what, name].append(time.perf_counter() - started)
    return [_row(f"{what} 256x256", name, taken[2:]) for (what, name), taken in seconds.items()]


def _row(what: str, model: str, seconds: list[float], peak_mib: float | str = "") -> dict:
    most = round(max(seconds), 4) if len(seconds) > 1 else ""
    return {"what": what, "model": model, "seconds": statistics.median(seconds), "most": most, "peak_mib": peak_mib}


def _hide(scheme: Scheme, cover: PngCover, secret: Secret, options: Options) -> object:
    return scheme.hide(cover, secret, Key(PHRASE, cover.salt()), options)


def _reveal(scheme: Scheme, stego: PngCover) -> object:
    return scheme.reveal(stego, Key(PHRASE, stego.salt()))


def processes() -> list[dict]:
    """`isgan hide` (which reveals too, to check itself), `isgan reveal`, and that with another pass phrase.

    Of several runs seconds are the median and the most, memory is the most.
    """
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        stego, out, file, phrase = (Path(folder, name) for name in ("stego.png", "out.png", "file.bin", "phrase.txt"))
        file.write_bytes(np.random.default_rng(0).bytes(FILE))
        phrase.write_text("another pass phrase")
        small, *_ = sorted((EXAMPLES / "covers").iterdir())
        pictures = sorted((EXAMPLES / "secrets").iterdir())
        covers = {"256x256": small}
        for name, size in (("12 megapixels", (4000, 3000)), ("24 megapixels", (6000, 4000))):
            covers[name] = Path(folder, f"{name}.png")
            large = np.array(Image.open(small).convert("RGB").resize(size, Image.Resampling.BICUBIC))
            noise = np.random.default_rng(0).integers(-2, 3, large.shape, np.int8)  # as cameras leave
            covers[name].write_bytes(png_bytes(np.clip(large.astype(np.int16) + noise, 0, 255).astype(np.uint8)))
        for model, (size, cover) in itertools.product(MODELS, covers.items()):
            secrets, name, taken = pictures, "", out
            if cover != small:
                secrets = pictures[:1]
                if model == DEFAULT:
                    secrets, name, taken = [file], f", {FILE // 1000} KB", out.with_suffix(".bin")
            ways = SMALL if model == DEFAULT and cover == small else {"": () if secrets == [file] else ("--gray",)}
            runs = {f"hide {size}{name}{words}": ([(cover, secret, "-o", stego, *options) for secret in secrets], 0)
                    for words, options in ways.items()}  # fmt: skip
            runs[f"reveal {size}{name}"] = ([(stego, "-o", taken)], 0)
            if model == DEFAULT:
                runs[f"wrong pass phrase {size}"] = ([(stego, "-o", taken, "--pass-file", phrase)], 2)
            repeats = 7 if cover == small else 3 if model == DEFAULT else 1
            for what, (calls, code) in runs.items():
                command = "hide" if what.startswith("hide") else "reveal"
                costs = [process(command, *call, "--model", model, "--force", "--quiet", code=code)
                         for _ in range(repeats) for call in calls]  # fmt: skip
                memory = round(max(cost.peak_mib for cost in costs))
                rows.append(_row(f"process {what}", model, [cost.seconds for cost in costs], memory))
    return rows


def main() -> None:
    os.environ["ISGAN_PASS"] = PHRASE
    rows = in_process()
    unit = rows[0]["seconds"] if NEURAL else None
    rows += processes()
    for row in rows:
        row["ratio_to_paper_hide"] = round(row["seconds"] / unit, 4) if unit else ""
        row["seconds"] = round(row["seconds"], 4)
        print(*row.values(), sep=" | ", flush=True)
    if len(sys.argv) > 1:
        with Path(sys.argv[1]).open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
