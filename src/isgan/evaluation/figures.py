"""Figures 4-7: what the models make of a few test pairs of each set, side by side, through PNG files; the pairs are those of Table 5."""

import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from isgan import models as weights
from isgan.console import counting
from isgan.datasets.base import Source
from isgan.datasets.pairs import gray
from isgan.errors import IsganError, IsganWarning, MissingModel
from isgan.evaluation.curves import FIGURES, subfolder
from isgan.evaluation.results import Results
from isgan.evaluation.table5 import Photo, pairs_of
from isgan.figures import Sample, both_ends, secret_residuals
from isgan.image import read_rgb, to_array, to_tensor, write_png
from isgan.steganographer import Steganographer

MODELS = ("isgan", "atique")
NUMBERS = {"lfw": "4", "voc": "5", "imagenet": "6"}
SECRETS = "7"
TABLE = "figures"


def run(results: Results, sets: Mapping[str, Source], models: Mapping[str, str] | None = None, *, side: int = 256, limit: int = 4,
        force: bool = False, on_picture: Callable[[Path], None] = lambda _: None) -> list[dict[str, Any]]:  # fmt: skip
    """Draws what is missing, two pictures a set, and lists them in `figures.csv`.

    A picture that is there is kept if it was made of the same weights, as many pairs, and at the same size.

    Args:
        results: the pictures go into its folder figures/.
        sets: photographs by set name.
        models: what to load, by the name that stands in the picture; by default `MODELS`. An `IsganWarning` says which do not exist.
        side: of all images; the paper's 256.
        limit: pairs of each set, a row each.
        force: draw pictures again that are there.
        on_picture: called with each file when it is there.

    Returns:
        a row for each picture: file, figure, set, models, fingerprints, absent, pairs, side.
    """
    steganographers, fingerprints, absent = _present(models or {name: name for name in MODELS})
    folder = subfolder(results, FIGURES)
    known = {row["file"]: row for row in results.rows(TABLE)}
    rows = []
    for name, source in sets.items():
        pairs = pairs_of(source, source, "test", side, limit)
        shared = {"set": name, "models": " ".join(steganographers), "fingerprints": " ".join(fingerprints), "absent": " ".join(absent),
                  "pairs": len(pairs), "side": side}  # fmt: skip
        files = f"figure{NUMBERS.get(name, '')}-{name}.png", f"figure{SECRETS}-{name}.png"
        made: list[dict[str, Any]] = [
            {"file": file, "figure": figure, **shared} for file, figure in zip(files, (NUMBERS.get(name, ""), SECRETS), strict=True)
        ]
        there = [(folder / row["file"]).exists() and known.get(row["file"]) == _as_text(row) for row in made]
        if force or not all(there):
            samples = _samples(name, steganographers, pairs)
            for file, draw in zip(files, (both_ends, secret_residuals), strict=True):
                write_png(draw(samples), folder / file, force=True)
            known |= {row["file"]: _as_text(row) for row in made}
            results.write(TABLE, list(known.values()))
        for file in files:
            on_picture(folder / file)
        rows += made
    return rows


def _present(models: Mapping[str, str]) -> tuple[dict[str, Steganographer], list[str], list[str]]:
    """The models that exist, by name; their fingerprints; and the names of those that do not."""
    steganographers, fingerprints, absent = {}, [], []
    for name, model in models.items():
        try:
            fingerprints.append(weights.fingerprint(model))
        except MissingModel as error:
            absent.append(name)
            warnings.warn(f"{name} is not trained and left out ({error})", IsganWarning, stacklevel=3)
            continue
        steganographers[name] = Steganographer(weights.hider(model))
    if not steganographers:
        raise IsganError(f"none of the models is trained ({', '.join(models)}): train one, or name others with --model")
    return steganographers, fingerprints, absent


def _samples(name: str, steganographers: Mapping[str, Steganographer], pairs: Sequence[tuple[Photo, Photo]]) -> dict[str, list[Sample]]:
    """What each model makes of each pair; the stego image is a PNG file that was read back."""
    samples: dict[str, list[Sample]] = {model: [] for model in steganographers}
    with tempfile.TemporaryDirectory() as folder, counting(f"{name}: figures", len(pairs) * len(samples)) as done:
        for host, guest in pairs:
            secret = to_array(gray(to_tensor(guest.pixels)))
            for model, steganographer in steganographers.items():
                stego = read_rgb(write_png(steganographer.hide(host.pixels, secret), Path(folder, "stego.png"), force=True))
                pictures = host.pixels, secret, stego, steganographer.reveal(stego)
                samples[model].append(Sample(*map(to_tensor, pictures)))
                done()
    return samples


def _as_text(row: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in row.items()}
