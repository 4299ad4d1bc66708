"""Why JPEG: as many bytes in a JPEG, in the PNG that it decodes to, and in that PNG scaled down, and who finds them.

    python benchmarks/jpeg_or_png.py PHOTOS... --work FOLDER --output docs/results/jpeg-or-png.csv [--bytes 7000]

PHOTOS are colour JPEG files. All is embedded by the default model (J-UNIWARD or UERD; the PNG by its usual cost and
strategy), with a pass phrase for each photograph, and the guard off. Photographs whose Y has too few non-zero AC
coefficients for the bytes (less than one for .9 bit) are left out. JPEG is looked at by JRM and DCTR features, PNG by
CRM and SPAM, and a PNG that was decoded by its colours too: one that JPEG's formulas cannot reach is a changed pixel
(`isgan.covers.past`), which takes no training. P_E as in `jpeg_security.py`.
"""

import argparse
import csv
import io
import os
from pathlib import Path

import numpy as np
from jpeg_security import FEATURES, OVERHEAD, detect, embedded, features, hurry
from PIL import Image
from strategies import Detector

from isgan import models
from isgan.covers.jpeg import JpegCover
from isgan.covers.past import jpeg_reachable
from isgan.covers.png import PngCover
from isgan.key import Key
from isgan.options import DEFAULT, Options
from isgan.secret import Secret

DENSEST = 0.9


def unreachable(pixels: np.ndarray) -> int:
    """Pixels, without black and white ones, that no JPEG decodes to."""
    colors = pixels.reshape(-1, 3).astype(np.int64)
    return int((~jpeg_reachable(colors[((colors > 0) & (colors < 255)).all(1)])).sum())


def pictures(photo: Path, scale: float, size: int, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Cover and stego image as pixels."""
    cover = PngCover.prepared(photo.read_bytes(), photo.name, Options(scale=scale))
    path = folder / f"png-{scale}" / f"{photo.stem}.png"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        secret = Secret(data=os.urandom(size - OVERHEAD))
        hidden = models.load(DEFAULT).hide(cover, secret, Key(photo.stem, cover.salt()), Options(exact=True, risk="high"))
        path.write_bytes(hidden.stego.encode())
    return cover.pixels(), np.array(Image.open(io.BytesIO(path.read_bytes())))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--bytes", type=int, default=7000)
    args = parser.parse_args()
    hurry()
    detector = Detector()
    covers = {photo: JpegCover.read(photo.read_bytes(), photo.name) for photo in sorted(args.photos)}
    photos = [photo for photo, cover in covers.items() if DENSEST * cover.weight > 8 * args.bytes]
    rates = [8 * args.bytes / covers[photo].weight for photo in photos]
    new = not args.output.exists()
    with args.output.open("a", newline="") as file:
        table = csv.writer(file)
        if new:
            table.writerow(["in", "bytes", "bits a sample or nzAC", "looked at by", "pairs", "P_E", "deviation", "AUC"])

        def row(where: str, rate: float, by: str, found: tuple[float, float, float]) -> None:
            values = [where, args.bytes, f"{rate:.3f}", by, len(photos), *(f"{value:.4f}" for value in found)]
            table.writerow(values)
            file.flush()
            print(*values, flush=True)

        for cost in ("juniward", "uerd"):
            files = [args.work / f"{cost}-{args.bytes}-bytes" / photo.name for photo in photos]
            for photo, rate, path in zip(photos, rates, files, strict=True):
                if not path.exists():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(embedded(covers[photo], cost, rate, photo.stem))
            for kind in FEATURES:
                found = detect(features(kind, photos, args.work), features(kind, files, args.work))
                row(f"the JPEG, {cost}", float(np.mean(rates)), kind, found)
        for where, scale in (("the PNG of it, scaled down by 2", 0.5), ("the PNG of it", 1.0)):
            pairs = [pictures(photo, scale, args.bytes, args.work) for photo in photos]
            rate = float(np.mean([8 * args.bytes / one.size for one, _ in pairs]))
            if scale == 1:
                counts = [np.array([[unreachable(picture)] for picture in side]) for side in zip(*pairs, strict=True)]
                wrong = (np.mean(counts[0] > 0) + np.mean(counts[1] == 0)) / 2
                row(where, rate, "colours", (float(wrong), 0.0, float(np.mean(counts[1] > counts[0].T))))
            for kind in (detector.spam, detector.crm):
                known = [np.stack([kind(picture) for picture in side]).astype(np.float64) for side in zip(*pairs, strict=True)]
                row(where, rate, kind.__name__, detect(*known))


if __name__ == "__main__":
    main()
