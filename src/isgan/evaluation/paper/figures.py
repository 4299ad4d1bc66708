"""Figures 4-7: what the models make of a few test pairs of each set, side by side, through PNG files; the pairs are
those of Table 5.
"""

import warnings
from collections.abc import Mapping
from typing import Any

from isgan import models
from isgan.datasets.base import Source
from isgan.datasets.photographs import pairs_of
from isgan.errors import IsganError, IsganWarning, MissingModel
from isgan.evaluation.gallery import samples
from isgan.evaluation.results import FIGURES, Counting, Results, uncounted
from isgan.figures import secret_residuals, small_png, stego_and_secret
from isgan.files import write_file
from isgan.options import Options

MODELS = ("isgan", "atique")
NUMBERS = {"lfw": "4", "voc": "5", "imagenet": "6"}
SECRETS = "7"
TABLE = "figures"


def run(
    results: Results,
    sets: Mapping[str, Source],
    names: Mapping[str, str] | None = None,
    *,
    side: int = 256,
    limit: int = 4,
    most: int | None = None,
    force: bool = False,
    counting: Counting = uncounted,
) -> list[dict[str, Any]]:
    """Draws what is missing, two pictures a set, and lists them in `figures.csv`.

    A picture that is there is kept if it was made of the same weights, as many pairs, and at the same size.

    Args:
        results: the pictures go into its folder figures/.
        sets: photographs by set name.
        names: what to load, by the name that stands in the picture; by default `MODELS`. An `IsganWarning` says which
            do not exist.
        side: of all images; the paper's 256.
        limit: pairs of each set, a row each.
        most: bytes that a picture may have; then it has fewer colours, and is smaller if it must be.
        force: draw pictures again that are there.
        counting: shows how far it is.

    Returns:
        a row for each picture: file, figure, set, models, fingerprints, absent, pairs, side.
    """
    names = names or {name: name for name in MODELS}
    fingerprints, absent = _present(names)
    schemes = {name: models.load(model) for name, model in names.items() if name not in absent}
    folder = results.subfolder(FIGURES)
    known = {row["file"]: row for row in results.rows(TABLE)}
    rows = []
    for name, source in sets.items():
        pairs = pairs_of(source, source, "test", side, limit)
        shared = {
            "set": name,
            "models": " ".join(schemes),
            "fingerprints": " ".join(fingerprints),
            "absent": " ".join(absent),
            "pairs": len(pairs),
            "side": side,
        }
        files = f"figure{NUMBERS.get(name, '')}-{name}.png", f"figure{SECRETS}-{name}.png"
        made: list[dict[str, Any]] = [
            {"file": file, "figure": figure, **shared}
            for file, figure in zip(files, (NUMBERS.get(name, ""), SECRETS), strict=True)
        ]
        there = [(folder / row["file"]).exists() and known.get(row["file"]) == _as_text(row) for row in made]
        if force or not all(there):
            options = {model: Options(model=model, gray=True) for model in schemes}
            with counting(f"{name}: figures", len(pairs) * len(schemes)) as done:
                made_of = samples(schemes, options, pairs, done)
            for file, draw in zip(files, (stego_and_secret, secret_residuals), strict=True):
                write_file(folder / file, small_png(draw(made_of), most), force=True)
            known |= {row["file"]: _as_text(row) for row in made}
            results.write(TABLE, list(known.values()))
        rows += made
    return rows


def _present(names: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The fingerprints of the models that exist, and the names of those that do not."""
    fingerprints, absent = [], []
    for name, model in names.items():
        try:
            fingerprints.append(models.fingerprint(model))
        except MissingModel as error:
            absent.append(name)
            warnings.warn(f"{name} is not trained and left out ({error})", IsganWarning, stacklevel=3)
    if not fingerprints:
        raise IsganError(f"none of the models is trained ({', '.join(names)}): train one, or name others with --model")
    return fingerprints, absent


def _as_text(row: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in row.items()}
