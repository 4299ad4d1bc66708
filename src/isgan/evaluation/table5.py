"""Table 5: how good both ends are, with covers and secrets of the same and of different sets; as floats too, to show what saving costs."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from isgan import models as weights
from isgan.console import counting
from isgan.datasets.base import Source, in_turn, name_in
from isgan.datasets.pairs import decoded, gray, square
from isgan.errors import IsganError, MissingModel
from isgan.evaluation.results import Results, plain, spread
from isgan.hiders.base import Hider
from isgan.image import read_rgb, to_array, to_tensor, write_png
from isgan.layers.bf16 import bf16_allowed
from isgan.metrics import EXACT
from isgan.metrics.quality import MEASURES, psnr, ssim
from isgan.steganographer import Steganographer, compare
from isgan.models.card import training

# The code of `qim` takes no gradient from a steganalyzer: of our own, `wavelet` is the one trained adversarially.
MODELS = ("atique", "basic", "isgan", "baluja", "qim", "wavelet", "wavelet-adversarial")
# The paper's, and `cc` with itself, whose photographs may be shown.
SETS = (("lfw", "lfw"), ("imagenet", "imagenet"), ("voc", "voc"), ("voc", "lfw"), ("imagenet", "voc"), ("cc", "cc"))
WITH_FLOATS = (*MEASURES, *(f"float_{name}" for name in MEASURES))
IMAGES, TABLE = "table5-images", "table5"


class Photo(NamedTuple):
    """A photograph as the tables use it: its path in the set, and RGB, (side, side, 3) uint8."""

    name: str
    pixels: np.ndarray


def squares(source: Source, paths: Sequence[Path], side: int, limit: int | None = None) -> Iterator[Photo]:
    """The centre squares of photographs of a set, scaled to `side`; files that cannot be used are left out, `limit` counts usable ones."""
    found = 0
    for path, pixels in decoded(paths):
        if found == limit:
            return
        if not isinstance(pixels, str):
            found += 1
            yield Photo(name_in(source.home, path), square(pixels, side))


def pairs_of(covers: Source, secrets: Source, split: str, side: int, limit: int | None) -> list[tuple[Photo, Photo]]:
    """Cover i of one set carries photograph i + 1 of the other (the same if both are one), the last one the first."""
    hosts = list(squares(covers, covers.images(split), side, limit))
    guests = list(squares(secrets, secrets.images(split), side, None if limit is None else limit + 1))
    if not hosts or len(guests) < 2:
        raise IsganError(f"too few {split} photographs in {covers.root} or {secrets.root}: a pair needs a cover and another photograph")
    return in_turn(hosts, guests)


@torch.inference_mode()
def score(hider: Hider, cover: np.ndarray, secret: np.ndarray, file: Path) -> dict[str, float]:
    """Quality of both ends, (H, W, 3) and (H, W) uint8, through a PNG file, and as floats in [0, 1] that are never rounded.

    A hider with a dial is set as `isgan hide` would set it. The paper's networks hide in bfloat16 in part, see `isgan.layers.bf16`.
    """
    if hider.strengths:
        hider.set_strength(Steganographer(hider).choose(cover, secret))
    host, guest = to_tensor(cover), to_tensor(secret)
    with bf16_allowed():
        stego = hider.hide(host, guest)
    revealed = hider.reveal(stego.clamp(0, 1))
    as_float = [measure(a.clamp(0, 1), b).item() for a, b in ((stego, host), (revealed, guest)) for measure in (psnr, ssim)]
    saved = read_rgb(write_png(to_array(hider.round(stego)), file, force=True))
    received = to_array(hider.reveal(to_tensor(saved)))
    return dict(zip(WITH_FLOATS, (*compare(saved, cover), *compare(received, secret), *as_float), strict=True))


def run(results: Results, sets: Mapping[str, Source], models: Mapping[str, str] | None = None, *, side: int = 256,
        limit: int | None = None, on_row: Callable[[Mapping[str, Any]], None] = lambda _: None) -> list[dict[str, Any]]:  # fmt: skip
    """Measures what is missing in the results and writes one row per model and pair of sets into `table5.csv`.

    Args:
        results: where `table5-images.csv` grows, a row per pair of images.
        sets: photographs by the names in `SETS`. Rows of sets that are not here are left out.
        models: what to load, by row name; by default the shipped ones. A row whose model does not exist says "not trained".
        side: of all images; the paper's 256.
        limit: at most so many pairs a row.
        on_row: called with each row of the table when it is known.
    """
    present = [names for names in SETS if set(names) <= sets.keys()]
    if not present:
        raise IsganError(f"none of the table's sets is in --data (found {', '.join(sets)}): name folders lfw, voc, imagenet or cc")
    table = []
    for cover_set, secret_set in present:
        pairs = pairs_of(sets[cover_set], sets[secret_set], "test", side, limit)
        for name, model in (models or {name: name for name in MODELS}).items():
            keys: dict[str, Any] = {"model": name, "covers": cover_set, "secrets": secret_set}
            try:
                keys["fingerprint"] = weights.fingerprint(model)
            except MissingModel:
                table.append({**keys, "status": "not trained"})
                on_row(table[-1])
                continue
            rows = measured(results, IMAGES, keys | {"side": side}, model, pairs)
            trained = training(weights.card(model))
            scores = spread([{key: capped(row[key]) for key in WITH_FLOATS} for row in rows], WITH_FLOATS)
            table.append({**keys, "status": "measured", "pairs": len(rows), "side": side, **scores, "training": trained})
            on_row(table[-1])
        results.merge(TABLE, table, ("covers", "secrets", "model"))
    return table


def measured(results: Results, table: str, keys: Mapping[str, Any], model: weights.Model,
             pairs: Sequence[tuple[Photo, Photo]]) -> list[Mapping[str, Any]]:  # fmt: skip
    """The rows of these pairs in a table of the results, measured and added where they are missing; `keys` are a row's first columns."""
    wanted = {key: str(value) for key, value in keys.items()}
    known = {
        (row["cover"], row["secret"]): row for row in results.rows(table) if all(row.get(key) == value for key, value in wanted.items())
    }
    hider: Hider | None = None
    rows: list[Mapping[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, counting(" ".join(map(str, keys.values())), len(pairs)) as done:
        for cover, secret in pairs:
            row: Mapping[str, Any] | None = known.get((cover.name, secret.name))
            if row is None:
                hider = hider or weights.hider(model)
                scores = score(hider, cover.pixels, to_array(gray(to_tensor(secret.pixels))), Path(folder, "stego.png"))
                row = {**keys, "cover": cover.name, "secret": secret.name, **{key: plain(value) for key, value in scores.items()}}
                results.add(table, row)
            rows.append(row)
            done()
    return rows


def capped(value: Any) -> float:
    return min(float(value), EXACT)
