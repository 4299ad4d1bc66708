"""The detectors that `isgan detect` comes with: stego images for them, and their training.

    python benchmarks/bundled.py make --covers DIR... --secrets DIR... --method adaptive --keep FOLDER
    python benchmarks/bundled.py train --covers FOLDER/covers --stegos FOLDER/adaptive --detector crm --name crm-adaptive --against ...
    python benchmarks/bundled.py check --covers OTHERS/covers --stegos OTHERS/adaptive --name crm-adaptive

`make` writes covers, never compressed before or JPEG files, as they are, and a stego image of each with a pass phrase and a secret of
its own; it goes on where it was interrupted. `train` scores each pair by a detector that saw none of its photographs (five parts in
turn), which gives P_E and the calibration, then trains on all and writes weights and card into isgan's folder of detectors. `check`
tells what a finished one says of pairs of other photographs: mean probabilities, and how often it was right by what it said.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from isgan.covers import covers
from isgan.datasets.photographs import Photo
from isgan.detectors import bundled
from isgan.detectors.base import Pairs
from isgan.detectors.bundling import bundle
from isgan.evaluation.results import LSB_MATCHING
from isgan.evaluation.stegos import CONTROLS, cover_of, hiding
from isgan.files import write_file
from isgan.metrics.security import auc, p_e
from isgan.models.card import to_toml
from isgan.options import Options
from isgan.picture import read_rgb

JPEG = (".jpg", ".jpeg")


def photographs(folders: list[Path], jpeg: bool) -> Iterator[Photo]:
    """Every PNG or JPEG file of the folders, named by them."""
    for folder in folders:
        for path in sorted(path for path in folder.iterdir() if path.suffix in (JPEG if jpeg else (".png",))):
            yield Photo(f"{folder.parent.name}-{folder.name}-{path.stem}", read_rgb(path), path.read_bytes() if jpeg else None)


def make(args: argparse.Namespace) -> None:
    method = CONTROLS[LSB_MATCHING] if args.method == LSB_MATCHING else hiding(Options(model=args.method, risk=args.risk))
    secrets = sorted(path for folder in args.secrets for path in folder.iterdir() if path.suffix in (*JPEG, ".png"))
    found = list(photographs(args.covers, args.jpeg))
    if len(secrets) < len(found):
        raise SystemExit(f"{len(secrets)} secrets for {len(found)} covers: name more folders")
    for number, photo in enumerate(found):
        suffix = ".jpg" if args.jpeg else ".png"
        cover, stego = (args.keep / folder / f"{photo.name}{suffix}" for folder in ("covers", args.method))
        for path in (cover, stego):
            path.parent.mkdir(parents=True, exist_ok=True)
        if not cover.exists():
            write_file(cover, cover_of(photo).encode())
        if not stego.exists():
            secret = Photo(secrets[number].name, read_rgb(secrets[number]))
            write_file(stego, method.hide(photo, secret, number).encode())
        print(number + 1, len(found), photo.name, flush=True)


def read(args: argparse.Namespace) -> tuple[Pairs, list[str]]:
    """Pairs of files of one name, and the names."""
    stegos = sorted(path for path in args.stegos.iterdir() if (args.covers / path.name).exists())
    kind = covers["jpeg" if stegos[0].suffix in JPEG else "png"]
    paths = [args.covers / path.name for path in stegos], stegos
    return Pairs(*([kind.read(path.read_bytes(), path.name) for path in group] for group in paths)), [path.name for path in stegos]


def train(args: argparse.Namespace) -> None:
    pairs, names = read(args)
    facts = {"against": args.against, "licence": args.licence}
    print(to_toml(bundle(args.name, args.detector, pairs, [name.split("-")[0] for name in names], facts, args.cache)))


def check(args: argparse.Namespace) -> None:
    (files, stegos), _ = read(args)
    trained = bundled.load(args.name, args.cache)
    scores = trained.detector.scores(files), trained.detector.scores(stegos)
    said = np.concatenate([trained.calibration.probability(values) for values in scores])
    was = np.repeat([0.0, 1.0], len(files))
    means = [values.mean() for values in np.split(said, 2)]
    print(f"{len(files)} pairs, mean probability of covers {means[0]:.3f}, of stego images {means[1]:.3f}, "
          f"P_E {p_e(*scores, trained.detector.threshold):.3f}, AUC {auc(*scores):.3f}")  # fmt: skip
    for low in np.arange(0, 1, 0.2):
        within = (said >= low) & (said < low + 0.2)
        if within.any():
            print(f"said {said[within].mean():.2f}, was {was[within].mean():.2f} in {within.sum()} files")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = parser.add_subparsers(required=True)
    line = parts.add_parser("make")
    line.set_defaults(do=make)
    line.add_argument("--covers", type=Path, nargs="+", required=True)
    line.add_argument("--secrets", type=Path, nargs="+", required=True)
    line.add_argument("--jpeg", action="store_true", help="covers are the JPEG files of the folders; else the PNG files")
    line.add_argument("--method", required=True, help=f"a model, or {LSB_MATCHING}")
    line.add_argument("--risk", default="medium")
    line.add_argument("--keep", type=Path, required=True)
    line = parts.add_parser("train")
    line.set_defaults(do=train)
    line.add_argument("--detector", required=True, help="spam, crm, jrm, ...")
    line.add_argument("--against", required=True, help="what made the stego images, for the card")
    line.add_argument("--licence", default="research only, as the photographs it was trained on")
    other = parts.add_parser("check")
    other.set_defaults(do=check)
    for one in (line, other):
        one.add_argument("--covers", type=Path, required=True)
        one.add_argument("--stegos", type=Path, required=True, help="of the same names as covers, which begin with their source")
        one.add_argument("--name", required=True, help="of the trained detector")
        one.add_argument("--cache", type=Path, help="folder that keeps features")
    args = parser.parse_args()
    args.do(args)


if __name__ == "__main__":
    main()
