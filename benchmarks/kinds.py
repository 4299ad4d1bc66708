"""Secrets that are no photographs: pages of text, QR codes, drawings and textures like noise; always the same.

python benchmarks/kinds.py FOLDER
isgan evaluate --data cc --secrets FOLDER
isgan train recipes/qim.toml --data lfw voc imagenet cc FOLDER
"""

import sys
from pathlib import Path

import numpy as np
import segno
from PIL import Image, ImageDraw, ImageFilter, ImageFont

SIDE = 256
# First seed, and how many of each kind.
SPLITS = {"train": (1000, 120), "val": (5000, 6), "test": (0, 6)}
LETTERS = "etaoinshrdlcumwfgypbvkjxqz"
# Of English, in percent, in the order of LETTERS.
FREQUENCIES = np.array(
    [12.7, 9.1, 8.2, 7.5, 7, 6.7, 6.3, 6.1, 6, 4.3, 4, 2.8, 2.8, 2.4, 2.4, 2.2, 2, 2, 1.9, 1.5, 1, 0.8, 0.15, 0.15, 0.1, 0.07]
)


def text(rng: np.random.Generator) -> Image.Image:
    """A page: black on white, lines of words, a size of its own."""
    page = Image.new("L", (SIDE, SIDE), 255)
    size = int(rng.integers(9, 20))
    font, draw, top = ImageFont.load_default(size), ImageDraw.Draw(page), 8
    while top < SIDE - size:
        letters = rng.choice(list(LETTERS), 90, p=FREQUENCIES / FREQUENCIES.sum())
        line = "".join(letter + " " * (rng.random() < 0.2) for letter in letters)
        while draw.textlength(line, font) > SIDE - 16:
            line = line[:-1]
        draw.text((8, top), line, 0, font)
        top += int(1.4 * size) * (2 if rng.random() < 0.1 else 1)
    return page


def code(rng: np.random.Generator) -> Image.Image:
    """A QR code of random digits, as large as the picture allows, with its quiet zone."""
    made = segno.make("".join(map(str, rng.integers(0, 10, int(rng.integers(20, 400))))), micro=False)
    modules = np.array([list(row) for row in made.matrix_iter(border=4)], np.uint8)
    return Image.fromarray(255 * (1 - modules)).resize((SIDE, SIDE), Image.Resampling.NEAREST)


def drawing(rng: np.random.Generator) -> Image.Image:
    """Flat shapes and outlines, smoothed as drawing programs do."""
    sheet = Image.new("L", (2 * SIDE, 2 * SIDE), int(rng.integers(180, 256)))
    draw = ImageDraw.Draw(sheet)
    for _ in range(int(rng.integers(12, 30))):
        corners = [tuple(map(int, corner)) for corner in rng.integers(0, 2 * SIDE, (3, 2))]
        gray, width = int(rng.integers(0, 256)), int(rng.integers(2, 12))
        kind = rng.integers(3)
        if kind == 0:
            draw.line(corners, gray, width, joint="curve")
        elif kind == 1:
            (left, right), (upper, lower) = (sorted(values) for values in zip(*corners[:2], strict=True))
            draw.ellipse((left, upper, right, lower), gray if rng.random() < 0.5 else None, 0, width)
        else:
            draw.polygon(corners, gray, 0)
    return sheet.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def texture(rng: np.random.Generator) -> Image.Image:
    """Noise, from white to somewhat smooth."""
    noise = Image.fromarray(rng.integers(0, 256, (SIDE, SIDE), dtype=np.uint8))
    smooth = np.asarray(noise.filter(ImageFilter.GaussianBlur(float(rng.choice([0, 0.5, 1, 2]))))).astype(float)
    return Image.fromarray(np.clip(128 + 45 * (smooth - smooth.mean()) / smooth.std(), 0, 255).astype(np.uint8))


def main(root: Path) -> None:
    for split, (first, count) in SPLITS.items():
        (root / split).mkdir(parents=True)
        for kind in (text, code, drawing, texture):
            for number in range(count):
                kind(np.random.default_rng(first + number)).convert("L").save(root / split / f"{kind.__name__}-{number}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
