"""What the guard says of photographs with and without a past.

    python benchmarks/guard.py RESULTS.csv --never FOLDER... --jpeg FOLDER...

`--never` names folders of PNG files that no decoder of a lossy format wrote, `--jpeg` folders of JPEG files. Of each
folder: how many pictures the guard suspects as they are, in gray, scaled down, and, of the first kind, coded with loss and
worked on after that.
"""

import argparse
import csv
import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image, ImageFilter

from isgan.covers.past import past_of
from isgan.covers.png import PngCover
from isgan.decoders import decode
from isgan.options import Options

NEAREST, BILINEAR, BICUBIC, LANCZOS = (Image.Resampling[name] for name in ("NEAREST", "BILINEAR", "BICUBIC", "LANCZOS"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--never", nargs="*", type=Path, default=[], help="folders of pictures without a past")
    parser.add_argument("--jpeg", nargs="*", type=Path, default=[], help="folders of JPEG files")
    args = parser.parse_args()
    pillow_heif.register_heif_opener()
    coded = {
        f"{name}, {'gray' if gray else 'colour'}": lambda image, gray=gray, options=options: _coded(
            image, gray, options
        )
        for gray in (False, True)
        for name, options in {
            "JPEG 50": {"format": "JPEG", "quality": 50},
            "JPEG 75": {"format": "JPEG", "quality": 75},
            "JPEG 95": {"format": "JPEG", "quality": 95},
            "JPEG 100 4:4:4": {"format": "JPEG", "quality": 100, "subsampling": 0},
            "WebP 80": {"format": "WEBP", "quality": 80},
            "AVIF 80": {"format": "AVIF", "quality": 80},
            "HEIC 80": {"format": "HEIF", "quality": 80},
        }.items()
    }
    plain = {"as it is": lambda image: image, "gray": lambda image: image.convert("L")}
    scaled = {
        "scaled by .5": lambda image: _scaled(image, 0.5),
        "scaled by .75": lambda image: _scaled(image, 0.75),
        "gray, scaled by .5": lambda image: _scaled(image.convert("L"), 0.5),
    }
    worked_on = {
        f"JPEG 85, a quarter enlarged, {name}": lambda image, how=how: _doubled(_jpeg(image), how)
        for name, how in {"nearest": NEAREST, "bilinear": BILINEAR, "bicubic": BICUBIC, "Lanczos": LANCZOS}.items()
    } | {
        "JPEG 85, median of 3 x 3": lambda image: _jpeg(image).filter(ImageFilter.MedianFilter(3)),
        "JPEG 85, HSV and back": lambda image: _jpeg(image).convert("HSV").convert("RGB"),
    }
    with args.results.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["folder", "pictures made", "suspected", "pictures", "seconds for one"])
        work = [(folder, plain | scaled | coded | worked_on) for folder in args.never] + [
            (folder, plain | scaled) for folder in args.jpeg
        ]
        for folder, kinds in work:
            files = sorted(path for path in folder.iterdir() if path.suffix in (".png", ".jpg"))
            images = [decode(path.read_bytes(), path.name).image.convert("RGB") for path in files]
            for kind, make in kinds.items():
                rows.writerow(["/".join(folder.parts[-2:]), kind, *_suspected(images, make)])
                file.flush()


def _suspected(images: list[Image.Image], make: Callable[[Image.Image], Image.Image]) -> tuple[int, int, str]:
    covers = [PngCover(np.asarray(make(image))) for image in images]
    started = time.perf_counter()
    suspected = sum(past_of(cover.planes) is not None for cover in covers)
    return suspected, len(covers), f"{(time.perf_counter() - started) / len(covers):.3f}"


def _coded(image: Image.Image, gray: bool, options: dict[str, str | int]) -> Image.Image:
    file = io.BytesIO()
    image.convert("L" if gray else "RGB").save(file, **options)
    return Image.open(file).convert("L" if gray else "RGB")


def _jpeg(image: Image.Image) -> Image.Image:
    return _coded(image, False, {"format": "JPEG", "quality": 85})


def _doubled(image: Image.Image, how: Image.Resampling) -> Image.Image:
    """The upper left quarter, as large as the whole."""
    width, height = image.size
    return image.crop((0, 0, width // 2, height // 2)).resize((width // 2 * 2, height // 2 * 2), how)


def _scaled(image: Image.Image, factor: float) -> Image.Image:
    return Image.fromarray(PngCover.prepared(np.asarray(image), "", Options(scale=factor)).pixels())


if __name__ == "__main__":
    main()
