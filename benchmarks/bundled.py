"""The detectors that `isgan detect` comes with: stego images for them, and their training.

    python benchmarks/bundled.py make --covers DIR... --secrets DIR... --method adaptive --keep FOLDER
    python benchmarks/bundled.py train --covers FOLDER/covers --stegos FOLDER/adaptive --detector crm --name crm-adaptive --against ...

`make` writes covers, never compressed before or JPEG files, as they are, and a stego image of each with a pass phrase and a secret of
its own; it goes on where it was interrupted. `train` scores each pair by a detector that saw none of its photographs (five parts in
turn), which gives P_E and the calibration, then trains on all and writes weights and card into isgan's folder of detectors.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from isgan.covers import covers
from isgan.datasets.photographs import Photo
from isgan.detectors.base import Pairs
from isgan.detectors.bundling import bundle
from isgan.evaluation.results import LSB_MATCHING
from isgan.evaluation.security import CONTROLS, cover_of, hiding
from isgan.files import write_file
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


def train(args: argparse.Namespace) -> None:
    stegos = sorted(path for path in args.stegos.iterdir() if (args.covers / path.name).exists())
    kind = covers["jpeg" if stegos[0].suffix in JPEG else "png"]
    read = [[kind.read(path.read_bytes(), path.name) for path in paths]
            for paths in ([args.covers / path.name for path in stegos], stegos)]  # fmt: skip
    card = bundle(args.name, args.detector, Pairs(*read), [path.name.split("-")[0] for path in stegos],
                  {"against": args.against, "licence": args.licence}, args.cache)  # fmt: skip
    print(to_toml(card))


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
    line.add_argument("--covers", type=Path, required=True)
    line.add_argument("--stegos", type=Path, required=True, help="of the same names as covers, which begin with their source")
    line.add_argument("--detector", required=True, help="spam, crm, jrm, ...")
    line.add_argument("--name", required=True, help="of the trained detector")
    line.add_argument("--against", required=True, help="what made the stego images, for the card")
    line.add_argument("--licence", default="research only, as the photographs it was trained on")
    line.add_argument("--cache", type=Path, help="folder that keeps features")
    args = parser.parse_args()
    args.do(args)


if __name__ == "__main__":
    main()
