"""Real JPEG files through `isgan hide` and `isgan reveal`, as files: what comes back, sizes, seconds, reasons for
refusal.

    python benchmarks/jpeg_files.py FOLDER_OR_FILE... --output jpeg-files.csv [--bytes 500]

Each file hides random bytes, which have to come back from the stego file, which has to have the cover's header and
tables, and differ in nothing but coefficients of Y; Pillow has to decode it. A file that is refused is tried with
--risk high too.
"""

import argparse
import csv
import io
import os
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

import isgan
from isgan.covers.jpeg import JpegCover
from isgan.jfif.layout import layout
from isgan.jfif.quality import quality_of

COLUMNS = (
    "file",
    "width",
    "height",
    "sampling",
    "quality",
    "bytes",
    "hidden",
    "rate",
    "hide s",
    "reveal s",
    "size change %",
    "outcome",
)


def through(path: Path, secret: bytes, risk: str, folder: Path) -> dict[str, object]:
    """A row of the table; `IsganError` if the file is refused."""
    phrase, stego = f"pass phrase of {path.name}", folder / "stego.jpg"
    (folder / "secret.bin").write_bytes(secret)
    start = time.perf_counter()
    made = isgan.hide(path, folder / "secret.bin", stego, pass_phrase=phrase, exact=True, risk=risk, force=True)
    middle = time.perf_counter()
    found = isgan.reveal(stego, pass_phrase=phrase).secret.data
    end = time.perf_counter()
    before, after = (JpegCover.read(file.read_bytes(), file.name) for file in (path, stego))
    same = [segment.raw for segment in before.header.segments if segment.marker not in (0xC4, 0xE2)]
    kept = same == [segment.raw for segment in after.header.segments if segment.marker not in (0xC4, 0xE2)]
    planes = [layout(cover.header).planes(cover._coding.buffer)[1:] for cover in (before, after)]
    chroma = all(np.array_equal(one, other) for one, other in zip(*planes, strict=True))
    Image.open(io.BytesIO(stego.read_bytes())).load()
    good = found == secret and kept and chroma
    return {
        "hidden": len(secret),
        "rate": f"{made.facts['rate']:.4f}",
        "hide s": f"{middle - start:.2f}",
        "reveal s": f"{end - middle:.2f}",
        "size change %": f"{100 * (stego.stat().st_size / path.stat().st_size - 1):.3f}",
        "outcome": "revealed" if good else "WRONG",
    }


def about(path: Path) -> dict[str, object]:
    with Image.open(path) as image:
        facts = {"file": f"{path.parent.name}/{path.name}", "width": image.width, "height": image.height, "bytes": path.stat().st_size}
    try:
        header = JpegCover.read(path.read_bytes(), path.name).header
    except isgan.IsganError:
        return facts
    first = header.components[0]
    step = header.quantisers[first.quantiser]
    sampling = {1: "gray"}.get(len(header.components), f"{first.across} x {first.down}")
    return facts | {"sampling": sampling, "quality": quality_of(step)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", type=Path, nargs="+")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--bytes", type=int, default=500)
    args = parser.parse_args()
    files = [file for path in args.paths for file in (sorted(path.rglob("*.jpg")) if path.is_dir() else [path])]
    new = not args.output.exists()
    with args.output.open("a", newline="") as output, tempfile.TemporaryDirectory() as folder:
        table = csv.DictWriter(output, COLUMNS)
        if new:
            table.writeheader()
        for file in files:
            row = about(file)
            secret, refused = os.urandom(args.bytes), ""
            for risk in ("medium", "high"):
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore", isgan.IsganWarning)
                        row |= through(file, secret, risk, Path(folder))
                except isgan.IsganError as error:
                    refused = row["outcome"] = f"{refused}{risk}: {error}; ".replace(f"{folder}/", "")
                    continue
                if risk == "high":
                    row["outcome"] = f"{refused}{risk}: revealed"
                break
            table.writerow(row)
            output.flush()


if __name__ == "__main__":
    main()
