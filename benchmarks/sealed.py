"""What the sealed path gives: `python benchmarks/sealed.py DATA... -o docs/results/sealed.csv [--keep FOLDER]`.

Each photograph of the folders is a cover of its own size and hides the next one, gray and of the same size, with a pass phrase of its
own, at several qualities and risks; at "7 KB" it hides as many random bytes instead. A row for each of them and each folder: means over
pairs. --keep writes covers and stego images, so that a detector can be trained on them.
"""

import argparse
import csv
import time
from pathlib import Path

import numpy as np
from PIL import Image

from isgan import models
from isgan.covers.png import PngCover
from isgan.errors import IsganError
from isgan.key import Key
from isgan.metrics.pictures import compare
from isgan.options import DEFAULT, Options
from isgan.picture import fit, read_gray, read_rgb
from isgan.secret import Secret

SETTINGS = {"33.5 dB": Options(quality=33.5, risk="high"), "40 dB": Options(quality=40.0, risk="high"),
            "47.6 dB": Options(quality=47.6, risk="high"), "low": Options(risk="low"), "medium": Options(risk="medium"),
            "high": Options(risk="high"), "7 KB": Options(risk="high", exact=True)}  # fmt: skip
FILE = 7168  # bytes of "7 KB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", type=Path, help="folders of PNG photographs")
    parser.add_argument("-n", type=int, default=80, help="photographs of each folder")
    parser.add_argument("--model", default=DEFAULT)
    parser.add_argument("--settings", nargs="+", default=list(SETTINGS), choices=SETTINGS)
    parser.add_argument("--keep", type=Path, help="folder for covers and stego images")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    scheme = models.load(args.model)
    with args.output.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["data", "model", "setting", "pairs", "failed", "stego dB", "stego SSIM", "secret dB", "bytes", "bits a sample",
                       "samples changed", "secret pixels", "seconds to hide", "seconds to reveal"])  # fmt: skip
        for folder in args.data:
            files = sorted(folder.glob("*.png"))
            if not files:
                raise SystemExit(f"{folder}: no PNG photographs")
            for setting in args.settings:
                made, failed = [], 0
                for number, path in enumerate(files[: args.n]):
                    cover = PngCover(read_rgb(path))
                    height, width = cover.planes[0].shape
                    if SETTINGS[setting].exact:
                        secret = Secret(data=np.random.default_rng(number).bytes(FILE))
                    else:
                        secret = Secret(fit(read_gray(files[(number + 1) % len(files)]), height, width))
                    key = Key(f"{folder} {path.name}", cover.salt())
                    started = time.perf_counter()
                    try:
                        hidden = scheme.hide(cover, secret, key, SETTINGS[setting])
                    except IsganError as error:
                        print(f"{path.name}: {error}", flush=True)
                        failed += 1
                        continue
                    hiding = time.perf_counter() - started
                    started = time.perf_counter()
                    found = scheme.reveal(hidden.stego, key)
                    revealing = time.perf_counter() - started
                    if found.data != secret.data if secret.picture is None else not np.array_equal(found.picture, hidden.delivered.picture):
                        raise SystemExit(f"{path}: another secret came back")
                    scores, facts = compare(hidden.stego.pixels(), cover.pixels()), hidden.facts
                    pixels = 0 if found.picture is None else found.picture.size
                    made.append([*scores, facts.get("secret dB", np.inf), facts["bytes"], facts["rate"], facts["changed"], pixels,
                                 hiding, revealing])  # fmt: skip
                    if args.keep:
                        for kind, picture in (("covers", cover), (f"{args.model}-{setting.replace(' ', '')}", hidden.stego)):
                            target = args.keep / kind / f"{folder.parent.name}-{folder.name}-{path.stem}.png"
                            target.parent.mkdir(parents=True, exist_ok=True)
                            Image.fromarray(picture.pixels()).save(target)
                means = [f"{value:.5g}" for value in np.mean(made, axis=0)]
                rows.writerow([folder.parent.name, args.model, setting, len(made), failed, *means])
                file.flush()
                print(folder.parent.name, setting, len(made), failed, *means, flush=True)


if __name__ == "__main__":
    main()
