"""What a detector sees of a JPEG file by the square-root rule: the same photographs whole, and cropped to a part.

    python benchmarks/jpeg_risk.py PHOTOS... --work FOLDER --output docs/results/jpeg-risk.csv --rates 0.2 0.4

PHOTOS and FOLDER are those of `jpeg_security.py`, which has run with the method juniward at these rates: its files are
the whole ones. A crop keeps the coefficients of the middle of a file, whole blocks, and carries as many bits for the
square root of its non-zero AC coefficients of Y as the whole photograph. If the rule holds, a detector errs as often.

PHOTOS are 4:4:4. P_E follows from the AUC as if scores were two bell curves of one width: unlike the least error of a
few pairs it is .5 of a detector that sees nothing, and comparable between groups of any size. One detector is trained
for all qualities; rows of a quality are its scores of the tested pairs of that quality.
"""

import argparse
import csv
import os
from pathlib import Path

import numpy as np
from jpeg_security import FEATURES, OVERHEAD, area, features, hurry, scored
from scipy.stats import norm

from isgan.covers.jpeg import JpegCover
from isgan.jfif.file import read
from isgan.jfif.huffman import fitted, row
from isgan.jfif.layout import layout
from isgan.jfif.quality import quality_of
from isgan.jfif.scan import frequencies, write
from isgan.jfif.segments import BASELINE, Header, read_header
from isgan.key import Key
from isgan.options import Options
from isgan.schemes.embedding import Embedding
from isgan.secret import Secret


def cropped(data: bytes, side: int) -> bytes:
    """The middle of a 4:4:4 file, side x side, without any loss."""
    coding = read(data, "a photograph")
    header = coding.header
    raw = bytearray(header.raw)
    place = sum(len(segment.raw) for segment in header.segments[: _frame(header)])
    raw[place + 5 : place + 9] = side.to_bytes(2, "big") * 2
    smaller = read_header(bytes(raw), "a crop")
    after = np.zeros(layout(smaller).samples, np.int16)
    for large, small in zip(layout(header).planes(coding.buffer), layout(smaller).planes(after), strict=True):
        top, left = ((length - side) // 16 * 8 for length in large.shape)
        small[...] = large[top : top + side, left : left + side]
    counts, none = frequencies(after, smaller), np.zeros(256, int)
    tables = {key: fitted(table, none, counts[row(*key)]) for key, table in smaller.tables.items()}
    smaller = smaller.with_tables(tables)
    return smaller.raw + write(after, smaller, counts, 1) + b"\xff\xd9"


def _frame(header: Header) -> int:
    return next(i for i, segment in enumerate(header.segments) if segment.marker == BASELINE)


def embedded(cover: JpegCover, bits: float, phrase: str) -> bytes:
    scheme = Embedding("avif", "stc", {"jpeg": {"cost": "juniward", "strategy": "independent", "low": 0.0, "medium": 0.0}})
    secret = Secret(data=os.urandom(max(1, int(bits / 8) - OVERHEAD)))
    return scheme.hide(cover, secret, Key(phrase, cover.salt()), Options(exact=True, risk="high")).stego.encode()


def found(cover: np.ndarray, stego: np.ndarray, groups: dict[str, np.ndarray]) -> dict[str, list[float]]:
    """P_E of each group in each split; `groups` are (n,) bool."""
    errors: dict[str, list[float]] = {name: [] for name in groups}
    for test, low, high in scored(cover, stego):
        for name, members in groups.items():
            chosen = members[test]
            least = 0.5 / chosen.sum() ** 2
            auc = np.clip(area(low[chosen], high[chosen]), least, 1 - least)
            errors[name].append(float(norm.cdf(-norm.ppf(auc) / 2**0.5)))
    return errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--rates", nargs="+", type=float, default=(0.2, 0.4))
    parser.add_argument("--side", type=int, default=256)
    args = parser.parse_args()
    hurry()
    photos = sorted(args.photos, key=lambda path: path.name)
    covers = [JpegCover.read(photo.read_bytes(), photo.name) for photo in photos]
    qualities = np.array([quality_of(cover.quantiser) for cover in covers])
    groups = {"all": np.ones(len(photos), bool)} | {str(q): qualities == q for q in np.unique(qualities)}
    crops = [args.work / f"crops-{args.side}" / photo.name for photo in photos]
    for photo, crop in zip(photos, crops, strict=True):
        if not crop.exists():
            crop.parent.mkdir(exist_ok=True)
            crop.write_bytes(cropped(photo.read_bytes(), args.side))
    small = [JpegCover.read(crop.read_bytes(), crop.name) for crop in crops]
    with args.output.open("a", newline="") as file:
        table = csv.writer(file)
        if not file.tell():
            table.writerow(["size", "quality", "bits / sqrt(nzAC)", "bits / nzAC", "features", "pairs", "P_E", "deviation"])
        for rate in args.rates:
            whole = [args.work / f"juniward-{rate}" / photo.name for photo in photos]
            parts = [args.work / f"crops-{args.side}-{rate}" / photo.name for photo in photos]
            bits = [rate * cover.weight**0.5 for cover in covers]
            for cover, path, each in zip(small, parts, bits, strict=True):
                if not path.exists():
                    path.parent.mkdir(exist_ok=True)
                    path.write_bytes(embedded(cover, each * cover.weight**0.5, f"{path.stem} {rate}"))
            for size, before, after, read in (("whole", photos, whole, covers), (args.side, crops, parts, small)):
                share = np.array([each / cover.weight**0.5 for each, cover in zip(bits, read, strict=True)])
                for kind in FEATURES:
                    known = (features(kind, files, args.work) for files in (before, after))
                    for name, errors in found(*known, groups).items():
                        chosen = groups[name]
                        means = np.mean(np.array(bits)[chosen]), share[chosen].mean(), np.mean(errors), np.std(errors)
                        values = [f"{value:.4g}" for value in means]
                        table.writerow([size, name, *values[:2], kind, chosen.sum(), *values[2:]])
                        file.flush()
                        print(size, name, *values[:2], kind, chosen.sum(), *values[2:], flush=True)


if __name__ == "__main__":
    main()
