"""Y alone, or all three components: as many bits by an optimal code at J-UNIWARD's prices, once in Y's coefficients, once in
those of Y, Cb and Cr by their numbers of non-zero AC ones, once in all of them at once, wherever they cost least.

    python benchmarks/jpeg_chroma.py PHOTOS... --work FOLDER --output docs/results/jpeg-chroma.csv [--rates 0.2 0.4]

PHOTOS are colour JPEG files of one kind of sampling. Looked at by DCTR of each component and of all together, and by CRM of the
decoded pixels; P_E as in `jpeg_security.py`. All ways are looked at by the same splits, so of each look the difference to Y alone
and its deviation over the splits are told too. The features of a photograph are kept as soon as they are there, and so is what
a look found: a run that was stopped goes on. Rows are written when all ways were looked at.
"""

import argparse
import csv
import io
import zlib
from pathlib import Path

import numpy as np
from jpeg_security import dctr, errors, hurry
from PIL import Image
from strategies import Detector, optimal

from isgan.costs import costs
from isgan.covers.jpeg import JpegCover
from isgan.jfif.file import read
from isgan.jfif.layout import layout

NAMES = ("Y", "Cb", "Cr")
COLUMNS = ("sampling", "in", "bits / nzAC of Y", "looked at by", "pairs", "P_E", "deviation", "less than Y alone", "deviation of that",
           *(f"changed of {name}" for name in NAMES))  # fmt: skip
ALONE, BY_NUMBER, BY_PRICE = "Y", "Y, Cb, Cr by number", "Y, Cb, Cr by price"


class Component(JpegCover):
    """One of the components of a colour file in the place of Y."""

    def __init__(self, data: bytes, number: int):
        coding = read(data, "a photograph")
        self.number = number
        super().__init__(data, coding, (layout(coding.header).planes(coding.buffer)[number].copy(),))

    @property
    def quantiser(self) -> np.ndarray:
        return self.header.quantisers[self.header.components[self.number].quantiser]


def embedded(data: bytes, way: str, rate: float, seed: int) -> bytes:
    """A file with `rate` bits for each non-zero AC coefficient of Y."""
    parts = [Component(data, number) for number in range(1 if way == ALONE else 3)]
    bits = rate * parts[0].weight
    prices = [np.where(part.frozen[0], np.inf, costs["juniward"](part).up[0]).astype(np.float64).ravel() for part in parts]
    chances = [np.random.default_rng((seed, part.number)).random(part.planes[0].size) for part in parts]
    if way == BY_PRICE:
        price = np.concatenate(prices)
        changes = optimal(price, price, bits, np.concatenate(chances))
    else:
        total = sum(part.weight for part in parts)
        shares = [bits * part.weight / total for part in parts]
        changes = np.concatenate([optimal(*two) for two in zip(prices, prices, shares, chances, strict=True)])
    coding = parts[0]._coding
    buffer = coding.buffer.copy()
    for plane in layout(coding.header).planes(buffer)[: len(parts)]:
        plane += changes[: plane.size].reshape(plane.shape)
        changes = changes[plane.size :]
    header, picture = coding.written(buffer, 1)
    return header.raw + picture + b"\xff\xd9"


def looks(data: bytes, detector: Detector) -> dict[str, np.ndarray]:
    values = {f"DCTR of {name}": dctr(Component(data, number)) for number, name in enumerate(NAMES)}
    return {**values, "CRM of the pixels": detector.crm(np.array(Image.open(io.BytesIO(data))))}


def kept(path: Path, photo: Path, way: str | None, rate: float, detector: Detector) -> dict[str, np.ndarray]:
    """The features of a photograph, or of a stego image of it, by look; and how many coefficients of each component changed."""
    if not path.exists():
        cover = photo.read_bytes()
        data = embedded(cover, way, rate, zlib.crc32(photo.name.encode())) if way else cover
        before, after = (layout(coding.header).planes(coding.buffer) for coding in map(read, (cover, data), 2 * (photo.name,)))
        changed = np.array([np.count_nonzero(old != new) for old, new in zip(before, after, strict=True)])
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npz")
        np.savez(part, changed=changed, **{name: values.astype(np.float32) for name, values in looks(data, detector).items()})
        part.replace(path)
    return dict(np.load(path))


def found(path: Path, cover: np.ndarray, stego: np.ndarray) -> np.ndarray:
    """P_E of each split."""
    if not path.exists():
        np.save(path, errors(cover, stego))
    return np.load(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--rates", type=float, nargs="+", default=(0.2, 0.4))
    args = parser.parse_args()
    hurry()
    detector, photos = Detector(), sorted(args.photos, key=lambda path: path.name)

    def stacked(way: str | None, rate: float = 0.0) -> dict[str, np.ndarray]:
        folder = args.work / (f"{way}-{rate}" if way else "covers")
        rows = [kept(folder / f"{photo.stem}.npz", photo, way, rate, detector) for photo in photos]
        values = {name: np.stack([row[name] for row in rows]).astype(np.float64) for name in rows[0]}
        return {**values, "DCTR of all": np.concatenate([values[f"DCTR of {name}"] for name in NAMES], axis=1)}

    first = JpegCover.read(photos[0].read_bytes(), photos[0].name).header.components
    kind = f"{first[0].across} x {first[0].down}"
    covers = stacked(None)
    with args.output.open("a", newline="") as file:
        table = csv.writer(file)
        if not file.tell():
            table.writerow(COLUMNS)
        for rate in args.rates:
            alone: dict[str, np.ndarray] = {}
            rows = []
            for way in (ALONE, BY_NUMBER, BY_PRICE):
                stegos = stacked(way, rate)
                changed = [f"{count:.0f}" for count in stegos["changed"].mean(0)]
                for look in ("DCTR of Y", "DCTR of Cb", "DCTR of Cr", "DCTR of all", "CRM of the pixels"):
                    if (covers[look] == stegos[look]).all():
                        continue  # nothing of that changed
                    wrong = found(args.work / f"{way}-{rate}-{look}-{len(photos)}.npy", covers[look], stegos[look])
                    if way == ALONE:
                        alone[look] = wrong
                    less = alone[look] - wrong if look in alone else np.array([np.nan])
                    values = [f"{value:.4f}".replace("nan", "") for value in (wrong.mean(), wrong.std(), less.mean(), less.std())]
                    rows.append([kind, way, rate, look, len(photos), *values, *changed])
                    print(*rows[-1], flush=True)
            table.writerows(rows)
            file.flush()


if __name__ == "__main__":
    main()
