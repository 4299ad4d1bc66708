"""Figures and curves on the page."""

import base64
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from isgan.evaluation.paper.curves import PICTURE, copied
from isgan.evaluation.paper.report.values import command, text
from isgan.evaluation.results import FIGURES, Results
from isgan.picture import read_rgb

WIDEST = 1600  # pixels of an embedded picture


@dataclass(frozen=True)
class Picture:
    """An embedded PNG."""

    uri: str
    width: int
    height: int
    scaled: bool


def figures(results: Results) -> dict[str, Any]:
    """The pictures of `isgan figures` that are there, and the names of the paper's that are not."""
    rows = results.rows("figures")
    columns = ("file", "figure", "set", "models", "absent", "pairs", "side")
    found: list[dict[str, Any]] = []
    for row in rows:
        view = dict(zip(columns, text("figures", row, *columns), strict=True))
        path = results.folder / FIGURES / Path(view["file"]).name
        if path.is_file():
            secret = view["figure"] == "7"
            what = (
                "the secrets and what is revealed of them"
                if secret
                else "covers, stego images, secrets and what is revealed"
            )
            found.append({**view, "what": what, "file": path.relative_to(results.folder), "picture": _embedded(path)})
    found.sort(key=lambda item: item["figure"] or "9")
    drawn = {(item["figure"], item["set"]) for item in found}
    wanted = [(number, name) for number, name in (("4", "lfw"), ("5", "voc"), ("6", "imagenet"))]
    missing = [f"Figure {number} ({name})" for number, name in wanted if (number, name) not in drawn]
    missing += [] if any(number == "7" for number, _ in drawn) else ["Figure 7"]
    return {
        "command": command(results, "figures", rows, {"side": "side", "limit": "pairs"}),
        "found": found,
        "missing": missing,
    }


def curves(results: Results) -> dict[str, Any]:
    """The training curves, and the last validation of each run."""
    path = results.folder / FIGURES / PICTURE
    last = {name: {"loss": math.nan, **rows[-1]} for name, rows in copied(results).items()}
    return {"command": command(results, "figures", [], {}) + " --run FOLDER...", "runs": last,
            "picture": _embedded(path) if path.is_file() else None}  # fmt: skip


def _embedded(path: Path) -> Picture:
    """A picture for the page, scaled down to `WIDEST`: the page never shows it larger."""
    image = Image.fromarray(read_rgb(path))
    scaled = image.width > WIDEST
    if scaled:
        image = image.resize((WIDEST, round(image.height * WIDEST / image.width)), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return Picture(
        f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}", image.width, image.height, scaled
    )
