"""Table 5: quality of stego image and secret, with covers and secrets of the same and of different sets; as floats too,
to show what saving costs.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from isgan import models
from isgan.datasets.base import Source
from isgan.datasets.photographs import Photo, pairs_of
from isgan.errors import IsganError, MissingModel
from isgan.evaluation.quality import send
from isgan.evaluation.results import Counting, Results, plain, spread, uncounted
from isgan.metrics import EXACT, MEASURES
from isgan.metrics.pictures import compare
from isgan.metrics.quality import psnr, ssim
from isgan.models.card import training
from isgan.options import Options
from isgan.picture import read_gray
from isgan.schemes.base import Scheme
from isgan.schemes.neural import Neural
from isgan.tensors import to_tensor

# The code of `qim` takes no gradient from a steganalyzer: of our own, `wavelet` is the one trained adversarially.
MODELS = ("atique", "basic", "isgan", "baluja", "qim", "wavelet", "wavelet-adversarial")
# The paper's, and `cc` with itself, whose photographs may be shown.
SETS = (("lfw", "lfw"), ("imagenet", "imagenet"), ("voc", "voc"), ("voc", "lfw"), ("imagenet", "voc"), ("cc", "cc"))
WITH_FLOATS = (*MEASURES, *(f"float_{name}" for name in MEASURES))
IMAGES, TABLE = "table5-images", "table5"


def run(results: Results, sets: Mapping[str, Source], names: Mapping[str, str] | None = None, *, side: int = 256,
        limit: int | None = None, on_row: Callable[[Mapping[str, Any]], None] = lambda _: None,
        counting: Counting = uncounted) -> list[dict[str, Any]]:  # fmt: skip
    """Measures what is missing in the results and writes one row per model and pair of sets into `table5.csv`.

    Args:
        results: where `table5-images.csv` grows, a row per pair of images.
        sets: photographs by the names in `SETS`. Rows of sets that are not here are left out.
        names: what to load, by row name; by default the shipped models. A row whose model does not exist says "not
            trained".
        side: of all images; the paper's 256.
        limit: at most so many pairs a row.
        on_row: called with each row of the table when it is known.
        counting: shows how far it is.
    """
    present = [pair for pair in SETS if set(pair) <= sets.keys()]
    if not present:
        raise IsganError(
            f"none of the table's sets is in --data (found {', '.join(sets)}): name folders lfw, voc, imagenet or cc"
        )
    table = []
    for cover_set, secret_set in present:
        pairs = pairs_of(sets[cover_set], sets[secret_set], "test", side, limit)
        for name, model in (names or {name: name for name in MODELS}).items():
            keys: dict[str, Any] = {"model": name, "covers": cover_set, "secrets": secret_set}
            try:
                keys["fingerprint"] = models.fingerprint(model)
            except MissingModel:
                table.append({**keys, "status": "not trained"})
                on_row(table[-1])
                continue
            rows = measured(results, IMAGES, keys | {"side": side}, model, pairs, counting)
            table.append({**keys, "status": "measured", "pairs": len(rows), "side": side, **means(rows),
                          "training": training(models.card(model))})  # fmt: skip
            on_row(table[-1])
        results.merge(TABLE, table, ("covers", "secrets", "model"))
    return table


def measured(
    results: Results,
    table: str,
    keys: Mapping[str, Any],
    model: models.Model,
    pairs: Sequence[tuple[Photo, Photo]],
    counting: Counting = uncounted,
) -> list[dict[str, str]]:
    """The rows of these pairs in a table of the results, measured and added where they are missing; `keys` are their
    first columns.
    """
    scheme: Scheme | None = None

    def measure(place: int) -> dict[str, Any]:
        nonlocal scheme
        scheme = scheme or models.load(model)
        cover, secret = pairs[place]
        return {key: plain(value) for key, value in score(scheme, str(model), cover, read_gray(secret.pixels)).items()}

    return results.completed(table, keys, [(cover.name, secret.name) for cover, secret in pairs], measure, counting)


@torch.inference_mode()
def score(scheme: Scheme, model: str, cover: Photo, secret: np.ndarray) -> dict[str, float]:
    """Quality of stego image and secret, (H, W) uint8, through a PNG file, and as floats in [0, 1] that are never
    rounded.
    """
    if not isinstance(scheme, Neural):
        raise IsganError(f"'{model}' is no network, which this table compares: ask `isgan evaluate`")
    received = send(scheme, cover.pixels, secret, cover.name, Options(model=model))
    as_file = *compare(received.stego.pixels(), cover.pixels), *compare(received.secret, secret)
    hider = scheme.dial.at(received.facts["strength"]) if scheme.dial else scheme.hider
    host, guest = to_tensor(cover.pixels), to_tensor(secret)
    stego = hider.hide(host, guest).clamp(0, 1)
    revealed = hider.reveal(stego).clamp(0, 1)
    as_float = [measure(a, b).item() for a, b in ((stego, host), (revealed, guest)) for measure in (psnr, ssim)]
    return dict(zip(WITH_FLOATS, (*as_file, *as_float), strict=True))


def means(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Mean, deviation and worst of all measures over the rows; equal images count `EXACT`."""
    return spread([{key: min(float(row[key]), EXACT) for key in WITH_FLOATS} for row in rows], WITH_FLOATS)
