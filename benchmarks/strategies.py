"""What a detector sees of costs and strategies at equal bytes, with an optimal code.

    python benchmarks/strategies.py FOLDER... -o ROWS.csv --bytes 7000 --what hill:cmdc mipod:gray:0.4

Each photograph, if larger than 256 x 256 scaled down to that, carries as many bytes: each part its share, changed with
the probabilities of a code at the bound (payload-limited sender: Fridrich and Filler 2007) and random numbers of its
own. `--what` names a cost, a strategy and, for model-based prices, a design rate.

P_E is of an ensemble of linear discriminants (Kodovsky, Fridrich and Holub, TIFS 2012; 61 of 200 random features
each), once on the colour rich model (Goljan, Cogranne and Fridrich, WIFS 2014), once on SPAM of R, G and B (Pevny, Bas
and Fridrich, TIFS 2010): half of the pairs train it, the other half says at which threshold it errs least; mean and
deviation over splits. A detector that sees nothing has .48 with 235 pairs to test. Needs the extra `audit`.
"""

import argparse
import csv
import sys
import types
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from isgan.costs import costs
from isgan.costs.model_based import model_based
from isgan.covers.base import Planes
from isgan.covers.png import PngCover
from isgan.jit import jit
from isgan.strategies import strategies

SIDE = 256
LEARNERS, FEATURES_EACH = 61, 200
COLUMNS = ("cost", "strategy", "model-based", "bytes", "stego dB", "samples changed", "P_E CRM", "deviation CRM",
           "P_E SPAM x 3", "deviation SPAM x 3", "pairs", "splits", "command")  # fmt: skip


@jit
def _tried(down: np.ndarray, up: np.ndarray, scale: float, chances: np.ndarray, changes: np.ndarray) -> float:
    """Changes samples with the probabilities of prices times `scale`; returns the bits that an optimal code carries."""
    nats = 0.0
    for i in range(down.size):
        low, high = np.exp(-scale * down[i]), np.exp(-scale * up[i])
        total = 1 + low + high
        if low > 0:
            nats += low / total * scale * down[i]
        if high > 0:
            nats += high / total * scale * up[i]
        nats += np.log(total)
        changes[i] = -1 if chances[i] * total < low else 1 if chances[i] * total < low + high else 0
    return nats / np.log(2.0)


def optimal(down: np.ndarray, up: np.ndarray, bits: float, chances: np.ndarray) -> np.ndarray:
    """Changes that carry so many bits at least cost on average, (n,) int8."""
    changes = np.empty(down.size, np.int8)
    low, high = -30.0, 30.0
    for _ in range(40):
        middle = (low + high) / 2
        carried = _tried(down, up, np.exp(middle), chances, changes)
        if abs(carried - bits) < 2e-4 * bits:
            break
        low, high = (middle, high) if carried > bits else (low, middle)
    return changes


def embedded(picture: np.ndarray, what: str, size: int, seed: int) -> np.ndarray:
    """The stego image, (H, W, 3) uint8."""
    cost, strategy_name, *design = what.split(":")
    cover, random = PngCover(picture), np.random.default_rng(seed)
    prices, strategy = costs[cost](cover), strategies[strategy_name]()
    if design:
        prices = model_based(prices, float(design[0]), 8 * size)
    changes: Planes = tuple(np.zeros(plane.shape, np.int8) for plane in cover.planes)
    parts = strategy.parts(len(changes))
    total = sum(part.of(changes).size for part in parts)
    for part in parts:
        moved = [part._replace(plane=plane) for plane in strategy.moved(part, len(changes))]
        down, up = (np.array(price, np.float64) for price in strategy.prices(prices, changes, part))
        for there in moved:
            down[there.of(cover.planes) == 0] = np.inf
            up[there.of(cover.planes) == 255] = np.inf
        added = optimal(down.ravel(), up.ravel(), 8 * size * down.size / total, random.random(down.size)).reshape(
            down.shape
        )
        for there in moved:
            there.of(changes)[...] = added
    return np.stack([plane + change for plane, change in zip(cover.planes, changes, strict=True)], -1).astype(np.uint8)


class Detector:
    """Features and the ensemble, by sealwatch."""

    def __init__(self) -> None:
        # sealwatch wants torchvision for two networks that are not used here.
        transforms = types.ModuleType("torchvision.transforms")
        for name in ("Grayscale", "Compose", "ToTensor", "CenterCrop"):
            setattr(transforms, name, type(name, (), {}))
        vision = types.ModuleType("torchvision")
        vision.transforms = transforms  # type: ignore[attr-defined]
        sys.modules.setdefault("torchvision", vision)
        sys.modules.setdefault("torchvision.transforms", transforms)
        import sealwatch
        from sealwatch.srm import cooccurrence, crm

        self.sealwatch = sealwatch
        for module in (cooccurrence, crm):  # the same numbers in a tenth of the time
            for name in ("cooccurrence3_col", "Cooc3"):
                if hasattr(module, name):
                    setattr(module, name, _triples)

    def crm(self, picture: np.ndarray) -> np.ndarray:
        found = self.sealwatch.crm.extract(picture, Tc=3, implementation=self.sealwatch.CRM_ORIGINAL)
        return np.concatenate([np.ravel(values) for values in found.values()])

    def spam(self, picture: np.ndarray) -> np.ndarray:
        with self.sealwatch.BACKEND_RUST:
            found = [self.sealwatch.spam.extract(np.ascontiguousarray(picture[..., channel])) for channel in range(3)]
        return np.concatenate([np.ravel(values) for one in found for values in one.values()])

    def scores(self, cover: np.ndarray, stego: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Of one split of the pairs, (N, F) features each: what the covers and the stego images to test get, higher for the latter."""
        order = np.random.default_rng(seed).permutation(len(cover))
        train, test = order[: len(order) // 2], order[len(order) // 2 :]
        used = np.concatenate([cover[train], stego[train]]).std(0) > 1e-12
        clean, dirty = (np.ascontiguousarray(part[train][:, used]) for part in (cover, stego))
        trainer = self.sealwatch.ensemble_classifier.FldEnsembleTrainer(
            Xc=clean, Xs=dirty, seed=seed, verbose=0, L=LEARNERS, d_sub=min(FEATURES_EACH, int(used.sum()) // 2)
        )
        model, _ = trainer.train()
        quiet, loud = (model.predict_confidence(np.ascontiguousarray(part[test][:, used])) for part in (cover, stego))
        return quiet, loud

    def error(self, cover: np.ndarray, stego: np.ndarray, seed: int) -> float:
        """P_E of one split."""
        return least_error(*self.scores(cover, stego, seed))


def least_error(quiet: np.ndarray, loud: np.ndarray) -> float:
    """P_E of scores at the best threshold."""
    thresholds = np.append(np.unique(np.append(quiet, loud)), np.inf)
    alarms, missed = (quiet[:, None] >= thresholds).mean(0), (loud[:, None] < thresholds).mean(0)
    return float(((alarms + missed) / 2).min())


def _triples(residuals: np.ndarray, kind: str, limit: int) -> np.ndarray:
    """How often residuals of the three channels occur together, for sealwatch."""
    cells = _counted(np.ascontiguousarray(residuals, np.float32), limit)
    return cells / cells.sum()


@jit
def _counted(residuals: np.ndarray, limit: int) -> np.ndarray:
    cells = np.zeros((2 * limit + 1, 2 * limit + 1, 2 * limit + 1), np.int64)
    for y in range(residuals.shape[0]):
        for x in range(residuals.shape[1]):
            i, j, k = np.int64(residuals[y, x, 0]), np.int64(residuals[y, x, 1]), np.int64(residuals[y, x, 2])
            if abs(i) <= limit and abs(j) <= limit and abs(k) <= limit:
                cells[i + limit, j + limit, k + limit] += 1
    return cells


def photographs(folders: list[Path]) -> list[np.ndarray]:
    """(256, 256, 3) uint8 each."""
    pictures = []
    for folder in folders:
        for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in (".png", ".jpg", ".jpeg")):
            image = Image.open(path).convert("RGB")
            pictures.append(
                np.asarray(
                    image if image.size == (SIDE, SIDE) else image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
                )
            )
    return pictures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, help="never-compressed photographs, or larger ones")
    parser.add_argument("--what", nargs="+", required=True, metavar="COST:STRATEGY[:DESIGN]")
    parser.add_argument("--bytes", nargs="+", type=int, default=[7000])
    parser.add_argument("--splits", type=int, default=6)
    parser.add_argument("-o", "--output", type=Path, required=True, help="rows are added to it")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    detector, covers = Detector(), photographs(args.folders)
    kinds = (detector.crm, detector.spam)
    clean = [np.stack([features(cover) for cover in covers]).astype(np.float64) for features in kinds]
    new = not args.output.exists()
    with args.output.open("a", newline="") as file:
        rows = csv.writer(file)
        if new:
            rows.writerow(COLUMNS)
        for what in args.what:
            for size in args.bytes:
                stegos = [embedded(cover, what, size, seed) for seed, cover in enumerate(covers)]
                changed = np.array([np.mean(cover != stego) for cover, stego in zip(covers, stegos, strict=True)])
                row = [
                    *[*what.split(":"), ""][:3],
                    size,
                    f"{np.mean(10 * np.log10(255**2 / changed)):.2f}",
                    f"{changed.mean():.4f}",
                ]
                for features, before in zip(kinds, clean, strict=True):
                    after = np.stack([features(stego) for stego in stegos]).astype(np.float64)
                    errors = [detector.error(before, after, seed) for seed in range(args.splits)]
                    row += [f"{np.mean(errors):.3f}", f"{np.std(errors):.3f}"]
                rows.writerow(
                    [*row, len(covers), args.splits, f"benchmarks/strategies.py --what {what} --bytes {size}"]
                )
                file.flush()
                print(*row, flush=True)


if __name__ == "__main__":
    main()
