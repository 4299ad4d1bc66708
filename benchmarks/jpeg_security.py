# ruff: noqa: E402
"""How well steganalysis of JPEG files tells stego images from covers: isgan's files against conseal's simulator.

    python benchmarks/jpeg_security.py PHOTOS... --work FOLDER --output docs/results/jpeg-security.csv

PHOTOS are JPEG files (512 x 512 ones in the results), or with --fresh pictures that never were ones. isgan's files are
made by its default scheme, with a pass phrase for each photograph and random bytes as secret; all bits, those of the
head too, count for the rate, in bits per non-zero AC coefficient of Y. `-simulated`: optimal embedding at the same
prices, which equal conseal's (tests/costs), by conseal's simulator; it also changes DC coefficients, which isgan never
does. `-model`: prices made model-based. `-informed`, with --fresh: prices know what rounding took from a fresh JPEG.

P_E is of an ensemble of linear discriminants (61 of 200 random features each) on JRM or DCTR features of Y: half of the
pairs train it, the other half tests, a pair is never split; mean over twenty splits. A detector that sees nothing scores
.48 at 250 pairs. Needs the extra `audit`.
"""

import argparse
import csv
import os
import sys
import types
import zlib
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from PIL import Image
from scipy.stats import rankdata

# sealwatch wants torchvision for networks that nothing here uses.
transforms = types.ModuleType("torchvision.transforms")
transforms.Grayscale = transforms.Compose = transforms.ToTensor = transforms.CenterCrop = type("Absent", (), {})
torchvision = types.ModuleType("torchvision")
torchvision.transforms = transforms
sys.modules.setdefault("torchvision", torchvision)
sys.modules.setdefault("torchvision.transforms", transforms)

import conseal
import sealwatch
from sealwatch.jrm import cooccurrence, integral_features

from isgan.costs import costs
from isgan.covers.jpeg import JpegCover
from isgan.jfif.dct import BASIS, tiled, transform
from isgan.jfif.quality import quality_of
from isgan.key import Key
from isgan.options import Options
from isgan.schemes.embedding import HEAD, TAG, Embedding
from isgan.secret import Secret

RATES = (0.05, 0.1, 0.2, 0.4)
SPLITS = 20
OVERHEAD = HEAD + TAG + 2  # and the two bytes before a nameless secret
SIMULATED = "-simulated"
WET = 1e13
INFORMED = "-informed"
METHODS = tuple(cost + kind for cost in ("juniward", "uerd") for kind in ("", SIMULATED, "-model", INFORMED))


def blocks(plane: np.ndarray) -> np.ndarray:
    """(h, w) -> (h / 8, w / 8, 8, 8)."""
    return plane.reshape(plane.shape[0] // 8, 8, -1, 8).swapaxes(1, 2)


def simulated(cover: JpegCover, cost: str, rate: float, seed: int) -> np.ndarray:
    """Y's coefficients after conseal's simulator."""
    (price,), _ = costs[cost](cover)
    price = np.minimum(price, WET).astype(np.float64)
    change = conseal.simulate.ternary(rhos=(price, price), alpha=rate, n=cover.weight, seed=seed)
    return cover.planes[0] + change.astype(np.int16)


def embedded(cover: JpegCover, cost: str, rate: float, phrase: str) -> bytes:
    design = 0.6 * cover.weight / cover.samples if cost.endswith("-model") else 0.0
    settings = {
        "cost": cost.removesuffix("-model"),
        "strategy": "independent",
        "low": 0.0,
        "medium": 0.0,
        "model_based": design,
    }
    size = int(rate * cover.weight / 8) - OVERHEAD
    secret = Secret(data=os.urandom(max(size, 1)))
    scheme = Embedding(codec="avif", coder="stc", covers={"jpeg": settings})
    return scheme.hide(cover, secret, Key(phrase, cover.salt()), Options(exact=True, risk="high")).stego.encode()


def stego_file(photo: Path, method: str, rate: float, folder: Path, originals: dict[str, Path]) -> Path:
    path = folder / f"{method}-{rate}" / photo.name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        cost = method.removesuffix(SIMULATED).removesuffix(INFORMED)
        if method.endswith(INFORMED):
            cover = fresh(originals[photo.name], quality_of(JpegCover.read(photo.read_bytes(), photo.name).quantiser))
        else:
            cover = JpegCover.read(photo.read_bytes(), photo.name)
        if method.endswith(SIMULATED):
            seed = zlib.crc32(photo.name.encode()) * 10 + RATES.index(rate)
            data = cover.changed((simulated(cover, cost, rate, seed),)).encode()
        else:
            data = embedded(cover, cost, rate, f"{photo.stem} {rate}")
        path.write_bytes(data)
    return path


def fresh(original: Path, quality: int) -> JpegCover:
    return JpegCover.compressed(np.array(Image.open(original).convert("RGB")), quality)


def dctr(cover: JpegCover) -> np.ndarray:
    """DCTR (Holub and Fridrich, TIFS 2015), (8000,): histograms of 64 undecimated DCT residuals by their phase."""
    (plane,) = cover.planes
    samples = transform(plane * tiled(cover.quantiser, plane.shape).astype(np.float64), BASIS.T, BASIS.T)
    samples = samples[: cover.header.height, : cover.header.width]
    quality = int(np.clip(round(100 - cover.quantiser[0, 0] * 100 / 32), 50, 100))
    step = max(8 * (2 - quality / 50), 0.2)
    across = np.lib.stride_tricks.sliding_window_view(samples, 8, 1) @ BASIS[:, ::-1].T
    fold = np.minimum(np.arange(8), (8 - np.arange(8)) % 8 + 8 * (np.arange(8) == 0))
    rows, columns = len(samples) - 7, across.shape[1]
    phase = 5 * (5 * fold[np.arange(rows) % 8][:, None] + fold[np.arange(columns) % 8])
    found = []
    for down in BASIS[:, ::-1]:
        filtered = sum(down[k] * across[k : k + rows] for k in range(8)) / step
        for mode in range(8):
            sizes = np.minimum(np.floor(np.abs(filtered[..., mode]) + 0.5 + 5.01e-6), 4).astype(np.int64)
            counts = np.bincount((phase + sizes).ravel(), minlength=125).reshape(25, 5)
            found.append(counts / counts.sum(1, keepdims=True))
    return np.concatenate(found).ravel()


def histogram(columns: np.ndarray, bins: list[np.ndarray]) -> tuple[np.ndarray, None]:
    """`numpy.histogramdd` of whole numbers that all lie in bins of width 1."""
    lowest, size = int(bins[0][0] + 0.5), len(bins[0]) - 1
    index = np.zeros(len(columns), np.int64)
    for column in columns.T:
        index = index * size + column.astype(np.int64) - lowest
    shape = (size,) * columns.shape[1]
    return np.bincount(index, minlength=size ** columns.shape[1]).reshape(shape).astype(float), None


def pairs(values: np.ndarray, dx: int, dy: int, inside: bool) -> np.ndarray:
    """sealwatch's pairs of coefficients dx, dy apart, none of them DC, and of one block if `inside`."""
    height, width = values.shape
    rows, columns = np.arange(max(0, -dy), height - max(0, dy)), np.arange(max(0, -dx), width - max(0, dx))
    fine = np.ones((len(rows), len(columns)), bool)
    if inside:
        fine &= (rows // 8 == (rows + dy) // 8)[:, None] & (columns // 8 == (columns + dx) // 8)
    fine &= ((rows % 8 > 0)[:, None] | (columns % 8 > 0)) & (((rows + dy) % 8 > 0)[:, None] | ((columns + dx) % 8 > 0))
    first = values[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    second = values[rows[0] + dy : rows[-1] + dy + 1, columns[0] + dx : columns[-1] + dx + 1]
    return np.stack([first[fine], second[fine]], axis=1)


def jrm(cover: JpegCover) -> np.ndarray:
    """JRM (Kodovsky and Fridrich, 2012), (11255,): sealwatch's, its counting done by `histogram` and `pairs`, five
    times faster."""
    features = sealwatch.jrm.extract(y1=blocks(cover.planes[0]).astype(np.int32), qt=cover.quantiser)
    return np.concatenate([np.ravel(values) for values in features.values()])


fast = types.SimpleNamespace(**{name: getattr(np, name) for name in dir(np) if not name.startswith("__")} | {"histogramdd": histogram})
FEATURES = {"jrm": jrm, "dctr": dctr}


def hurry() -> None:
    """Puts the fast counting in sealwatch's place."""
    cooccurrence.np = fast
    integral_features.stack_columns_integral_inter_block = lambda A, dx, dy: pairs(A, dx, dy, False)
    integral_features.stack_columns_integral_intra_block = lambda A, dx, dy: pairs(A, dx, dy, True)


def features(kind: str, files: list[Path], store: Path) -> np.ndarray:
    store = store / f"{kind}-{files[0].parent.name}-{len(files)}.npy"
    if not store.exists():
        covers = (JpegCover.read(file.read_bytes(), file.name) for file in files)
        np.save(store, np.stack([FEATURES[kind](cover) for cover in covers]).astype(np.float32))
    return np.load(store).astype(np.float64)


def scored(cover: np.ndarray, stego: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For each split which pairs were tested, and the scores of their covers and of their stego images."""
    for seed in range(SPLITS):
        order = np.random.default_rng(seed).permutation(len(cover))
        train, test = order[: len(order) // 2], order[len(order) // 2 :]
        keep = np.concatenate([cover[train], stego[train]]).std(0) > 1e-12
        a, b = (np.ascontiguousarray(values[train][:, keep]) for values in (cover, stego))
        trainer = sealwatch.ensemble_classifier.FldEnsembleTrainer(Xc=a, Xs=b, seed=seed, verbose=0, L=61, d_sub=min(200, keep.sum() // 2))
        model, _ = trainer.train()
        low, high = (model.predict_confidence(np.ascontiguousarray(values[test][:, keep])) for values in (cover, stego))
        yield test, low, high


def area(cover: np.ndarray, stego: np.ndarray) -> float:
    """AUC of scores of as many covers as stego images."""
    count = len(cover)
    return float((rankdata(np.concatenate([cover, stego]))[count:].sum() - count * (count + 1) / 2) / count**2)


def least(low: np.ndarray, high: np.ndarray) -> float:
    """P_E of scores of covers and of stego images, by the threshold that is best for them."""
    limits = np.r_[np.unique(np.concatenate([low, high])), np.inf]
    alarms, missed = (low[:, None] >= limits).mean(0), (high[:, None] < limits).mean(0)
    return float(((alarms + missed) / 2).min())


def errors(cover: np.ndarray, stego: np.ndarray) -> np.ndarray:
    """P_E of each split."""
    return np.array([least(low, high) for _, low, high in scored(cover, stego)])


def detect(cover: np.ndarray, stego: np.ndarray) -> tuple[float, float, float]:
    """P_E, its standard deviation over splits, and AUC."""
    pairs = [(least(low, high), area(low, high)) for _, low, high in scored(cover, stego)]
    wrong, areas = np.transpose(pairs)
    return float(wrong.mean()), float(wrong.std()), float(areas.mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    parser.add_argument("--fresh", type=int, metavar="QUALITY", help="PHOTOS never were JPEG files: make such of them")
    parser.add_argument("--rates", nargs="+", type=float, default=RATES)
    args = parser.parse_args()
    hurry()
    photos, originals = sorted(args.photos, key=lambda path: path.name), {}
    if args.fresh:
        (args.work / "fresh").mkdir(parents=True, exist_ok=True)
        originals = {f"{path.stem}.jpg": path for path in photos}
        photos = [args.work / "fresh" / name for name in originals]
        for photo in photos:
            photo.write_bytes(fresh(originals[photo.name], args.fresh).encode())
    with args.output.open("a", newline="") as file:
        table = csv.writer(file)
        if not file.tell():
            table.writerow(["covers", "method", "rate", "features", "pairs", "P_E", "deviation", "AUC", "changed", "file size"])
        for rate in args.rates:
            for method in args.methods:
                files = [stego_file(photo, method, rate, args.work, originals) for photo in photos]
                changed, sizes = zip(*(difference(photo, file) for photo, file in zip(photos, files, strict=True)), strict=True)
                for kind in FEATURES:
                    error, deviation, auc = detect(features(kind, photos, args.work), features(kind, files, args.work))
                    row = [
                        f"fresh, quality {args.fresh}" if args.fresh else "JPEG files",
                        method,
                        rate,
                        kind,
                        len(photos),
                        *(f"{value:.4f}" for value in (error, deviation, auc, np.mean(changed), np.mean(sizes))),
                    ]
                    table.writerow(row)
                    file.flush()
                    print(*row)


def difference(photo: Path, stego: Path) -> tuple[float, float]:
    """Share of Y's coefficients that changed, and the file's size over the cover's."""
    before, after = (JpegCover.read(path.read_bytes(), path.name).planes[0] for path in (photo, stego))
    return float(np.mean(before != after)), stego.stat().st_size / photo.stat().st_size


if __name__ == "__main__":
    main()
