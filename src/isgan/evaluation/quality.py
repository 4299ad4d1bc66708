"""How good both ends are, as a receiver sees them: the stego image is a PNG file that was read back."""

import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from isgan.datasets.base import in_turn, name_in
from isgan.errors import IsganError
from isgan.image import read_gray, read_rgb, write_png
from isgan.metrics import EXACT
from isgan.metrics.quality import MEASURES
from isgan.steganographer import Strength, compare, fit


@dataclass(frozen=True)
class Row:
    """One cover with its secret. PSNR in dB, infinite for equal images; stego against cover in RGB.

    `cover` and `secret` are their files' paths in their sets. `setting` is what was asked for, "auto" or a strength, and "color" or
    "polish N" besides; `strength` is what the hider was set to, empty where it has no dial. `changed` is the share of the cover's
    samples (three a pixel) that the stego image has other values of.
    """

    set: str
    model: str
    setting: Strength | str
    strength: int | Literal[""]
    cover: str
    secret: str
    width: int
    height: int
    stego_psnr: float
    stego_ssim: float
    secret_psnr: float
    secret_ssim: float
    changed: float
    hide_seconds: float
    reveal_seconds: float


def pair_up(photographs: Sequence[Path], limit: int | None = None, secrets: Sequence[Path] = ()) -> list[tuple[Path, Path]]:
    """The pairs of a set that are measured, with these secrets or the set's own; `IsganError` if there is one photograph alone."""
    if secrets:
        return in_turn(photographs[:limit], secrets)
    if len(photographs) < 2:
        raise IsganError("one test photograph is too few: a pair needs a cover and another photograph; of a plain folder a tenth is "
                         "for the test: give 30 or more, or folders train, val and test")  # fmt: skip
    return in_turn(photographs[:limit], photographs)


class Hides(Protocol):
    """What is measured: `Steganographer`, or what hides and reveals like it."""

    def hide(self, cover: np.ndarray, secret: np.ndarray, *, strength: Strength, polish: int = 0) -> np.ndarray: ...

    def reveal(self, stego: np.ndarray) -> np.ndarray: ...

    def strength_of(self, stego: np.ndarray) -> int | None: ...


def measure(model: str, steganographer: Hides, setting: Strength, set_name: str, pairs: Sequence[tuple[Path, Path]],
            homes: tuple[Path, Path], on_pair: Callable[[], Any] = lambda: None, color: bool = False,
            polish: int = 0) -> Iterator[Row]:  # fmt: skip
    """Hides and reveals each (cover, secret) pair of files at the cover's own size; nothing is filtered out.

    `homes` are the folders of the sets that the covers and the secrets are of; their paths there name them.
    With `color` secrets stay coloured; `polish` is the number of steps, see `Steganographer.hide`.
    """
    label = ", ".join([str(setting), *["color"] * color, *[f"polish {polish}"] * bool(polish)]) if color or polish else setting
    with tempfile.TemporaryDirectory() as folder:
        for cover_path, secret_path in pairs:
            cover = read_rgb(cover_path)
            height, width = cover.shape[:2]
            secret = fit(read_rgb(secret_path) if color else read_gray(secret_path), height, width, "stretch")
            started = time.perf_counter()
            stego = steganographer.hide(cover, secret, strength=setting, polish=polish)
            hidden = time.perf_counter()
            stego = read_rgb(write_png(stego, Path(folder, "stego.png"), force=True))
            saved = time.perf_counter()
            revealed = steganographer.reveal(stego)
            seconds = hidden - started, time.perf_counter() - saved
            scores = *compare(stego, cover), *compare(revealed, secret)
            chosen = steganographer.strength_of(stego)
            changed = float((stego != cover).mean())
            names = name_in(homes[0], cover_path), name_in(homes[1], secret_path)
            yield Row(set_name, model, label, chosen or "", *names, width, height, *scores, changed, *seconds)
            on_pair()


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Means over the rows of one model, setting and set, and the worst PSNR of either side.

    A mean PSNR is infinite if all pairs are equal images; if some are, these count `EXACT`.
    """
    means = {}
    for name in (*MEASURES, "changed", "hide_seconds", "reveal_seconds"):
        values = [getattr(row, name) for row in rows]
        means[name] = math.inf if min(values) == math.inf else statistics.fmean(min(value, EXACT) for value in values)
    worst = {f"worst_{name}": min(getattr(row, name) for row in rows) for name in ("stego_psnr", "secret_psnr")}
    return {"set": rows[0].set, "model": rows[0].model, "setting": rows[0].setting, "pairs": len(rows), **means, **worst}


def rounded(row: Row) -> dict[str, Any]:
    """A row as CSV holds it."""
    return {key: round(value, 5) if isinstance(value, float) and math.isfinite(value) else value for key, value in asdict(row).items()}


def decibels(psnr: float) -> str:
    """A PSNR for a table: "exact" where it is infinite."""
    return "exact" if psnr == math.inf else f"{psnr:.2f}"
