"""Hides and reveals the photographs beside this file through the command line, and puts what happened side by side.

python examples/demo.py [FOLDER]      (default: demo)
"""

import subprocess
import sys
from pathlib import Path

from isgan.figures import Sample, side_by_side
from isgan.image import read_gray, read_rgb, to_array, to_tensor, write_png

HERE = Path(__file__).parent


def isgan(*arguments: object) -> None:
    """Runs the command line as a user would and shows what it prints."""
    command = ["isgan", *map(str, arguments)]
    print("$", *command, flush=True)
    subprocess.run([sys.executable, "-m", *command], check=True)


def main() -> None:
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "demo")
    out.mkdir(exist_ok=True)
    samples = []
    for cover, secret in zip(sorted((HERE / "covers").iterdir()), sorted((HERE / "secrets").iterdir()), strict=True):
        stego, revealed = out / f"{cover.stem}-stego.png", out / f"{secret.stem}-revealed.png"
        isgan("hide", cover, secret, "-o", stego, "--force")
        isgan("reveal", stego, "-o", revealed, "--force")
        pictures = read_rgb(cover), read_gray(secret), read_rgb(stego), read_gray(revealed)
        samples.append(Sample(*map(to_tensor, pictures)))
    sheet = write_png(to_array(side_by_side(samples)), out / "side-by-side.png", force=True)
    print(f"\nstego images and revealed secrets: {out}/\ncover, stego, residual x10, secret, revealed: {sheet}")


if __name__ == "__main__":
    main()
