"""Hides and reveals the photographs beside this file through the command line, and puts what happened side by side.

Each pair is hidden with a pass phrase, and once more with the paper's network, where that is installed.

    python examples/demo.py [FOLDER]      (default: demo)
"""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from isgan.figures import Sample, side_by_side, small_jpeg
from isgan.picture import fit, read_gray, read_rgb

HERE = Path(__file__).parent


def isgan(*arguments: object) -> None:
    """Runs the command line as a user would, with a pass phrase, and shows what it prints."""
    command = ["isgan", *map(str, arguments)]
    print("$", *command, flush=True)
    subprocess.run([sys.executable, "-m", *command], check=True, env={**os.environ, "ISGAN_PASS": "correct horse battery staple"})


def hidden(out: Path, cover: Path, secret: Path, model: str, *options: str) -> Sample:
    """One pair, hidden and revealed by a model."""
    stego, revealed = out / f"{cover.stem}-{model}.png", out / f"{secret.stem}-{model}.png"
    isgan("hide", cover, secret, "-o", stego, "--model", model, "--force", *options)
    isgan("reveal", stego, "-o", revealed, "--model", model, "--force")
    shown = read_rgb(cover)
    size = shown.shape[:2]
    return Sample(shown, fit(read_gray(secret), *size), read_rgb(stego), fit(read_gray(revealed), *size))


def main() -> None:
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "demo")
    out.mkdir(exist_ok=True)
    covers, secrets = sorted((HERE / "covers").iterdir()), sorted((HERE / "secrets").iterdir())
    samples = [hidden(out, cover, secret, "adaptive", "--gray") for cover, secret in zip(covers, secrets, strict=False)]
    if find_spec("torch"):
        samples.append(hidden(out, covers[0], secrets[0], "isgan"))
    else:
        print("\nthe paper's network is left out: pip install 'isgan[neural]'")
    sheet = out / "side-by-side.jpg"
    sheet.write_bytes(small_jpeg(side_by_side(samples)))
    print(f"\nstego images and revealed secrets: {out}/\ncover, stego image, residual x10, secret, revealed secret: {sheet}")


if __name__ == "__main__":
    main()
