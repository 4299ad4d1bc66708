"""Y alone, or all three: as many bits in Y's coefficients, and in those of Y, Cb and Cr in proportion to their non-zero AC
ones, by an optimal code at J-UNIWARD's prices of each component.

    python benchmarks/jpeg_chroma.py PHOTOS... --work FOLDER --output docs/results/jpeg-chroma.csv [--rate 0.4]

PHOTOS are 4:4:4 JPEG files. Looked at by DCTR of each component and of all three together, and by CRM of
the decoded pixels. P_E as in `jpeg_security.py`.
"""

import argparse
import csv
import io
import zlib
from pathlib import Path

import numpy as np
from jpeg_security import FEATURES, detect, hurry
from PIL import Image
from strategies import Detector, optimal

from isgan.costs import costs
from isgan.covers.jpeg import JpegCover
from isgan.jfif.file import read
from isgan.jfif.layout import layout


class Component(JpegCover):
    """One of the components of a 4:4:4 file in the place of Y."""

    def __init__(self, data: bytes, number: int):
        coding = read(data, "a photograph")
        self.number = number
        super().__init__(data, coding, (layout(coding.header).planes(coding.buffer)[number].copy(),))

    @property
    def quantiser(self) -> np.ndarray:
        return self.header.quantisers[self.header.components[self.number].quantiser]


def embedded(data: bytes, numbers: tuple[int, ...], rate: float, seed: int) -> bytes:
    """A file with `rate` bits for each non-zero AC coefficient of Y, shared by these components."""
    parts = [Component(data, number) for number in range(3)]
    bits, total = rate * parts[0].weight, sum(parts[number].weight for number in numbers)
    coding = parts[0]._coding
    buffer = coding.buffer.copy()
    for number in numbers:
        part = parts[number]
        price = np.where(part.frozen[0], np.inf, costs["juniward"](part).up[0]).astype(np.float64)
        chances = np.random.default_rng((seed, number)).random(price.size)
        change = optimal(price.ravel(), price.ravel(), bits * part.weight / total, chances)
        layout(coding.header).planes(buffer)[number][...] += change.reshape(price.shape)
    header, picture = coding.written(buffer, 1)
    return header.raw + picture + b"\xff\xd9"


def all_features(path: Path, detector: Detector) -> dict[str, np.ndarray]:
    data = path.read_bytes()
    found = {f"DCTR of {name}": FEATURES["dctr"](Component(data, i)) for i, name in enumerate(("Y", "Cb", "Cr"))}
    found["DCTR of all"] = np.concatenate(list(found.values()))
    found["CRM of the pixels"] = detector.crm(np.array(Image.open(io.BytesIO(data))))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--rate", type=float, default=0.4)
    args = parser.parse_args()
    hurry()
    detector = Detector()
    known: dict[str, dict[str, np.ndarray]] = {}
    photos = sorted(args.photos, key=lambda path: path.name)
    for way, numbers in (("covers", ()), ("Y", (0,)), ("Y, Cb, Cr", (0, 1, 2))):
        store = args.work / f"chroma-{way.replace(', ', '')}-{args.rate}.npz"
        if not store.exists():
            rows = []
            for photo in photos:
                file = args.work / f"chroma-{way.replace(', ', '')}" / photo.name
                if not file.exists():
                    file.parent.mkdir(parents=True, exist_ok=True)
                    seed = zlib.crc32(photo.name.encode())
                    file.write_bytes(embedded(photo.read_bytes(), numbers, args.rate, seed))
                rows.append(all_features(file, detector))
            np.savez(store, **{name: np.stack([row[name] for row in rows]).astype(np.float32) for name in rows[0]})
        known[way] = {name: values.astype(np.float64) for name, values in np.load(store).items()}
    with args.output.open("a", newline="") as file:
        table = csv.writer(file)
        if not file.tell():
            table.writerow(["in", "bits / nzAC of Y", "looked at by", "pairs", "P_E", "deviation", "AUC"])
        for way in ("Y", "Y, Cb, Cr"):
            for name in known["covers"]:
                found = detect(known["covers"][name], known[way][name])
                row = [way, args.rate, name, len(photos), *(f"{value:.4f}" for value in found)]
                table.writerow(row)
                file.flush()
                print(*row, flush=True)


if __name__ == "__main__":
    main()
