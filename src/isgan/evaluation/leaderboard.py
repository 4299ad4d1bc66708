"""The leaderboard: every method on the same photographs through PNG files - quality, changed samples, cost, and how surely it is found.

`webp` is what a network has to be compared with: the secret as WebP of the quality that the default model reveals it in, its bits in the
lowest ones of the cover's samples by LSB matching, in a random order.
"""

import io
import math
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from isgan import weights
from isgan.console import counting
from isgan.datasets.base import Source
from isgan.datasets.pairs import gray
from isgan.errors import IsganError
from isgan.evaluation import table6
from isgan.evaluation.curves import FIGURES, subfolder
from isgan.evaluation.quality import Hides, Row, measure, pair_up, rounded, summary
from isgan.evaluation.results import Results
from isgan.image import to_array, to_tensor, write_png
from isgan.steganographer import Steganographer, Strength, compare

WEBP = "webp"
IMAGES, TABLE, PICTURE = "leaderboard-images", "leaderboard", "leaderboard.png"
LENGTH_BITS = 32
SHOWN = 60.0  # dB; better secrets are drawn there


class Cost(NamedTuple):
    """Of one command line from start to exit: seconds, and peak memory in MiB."""

    seconds: float
    peak_mib: float


def process(*arguments: object) -> Cost:
    """Runs `isgan ARGUMENTS` and measures it; `IsganError` if it fails."""
    started = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "isgan", *map(str, arguments)], stdout=subprocess.DEVNULL)
    peak = 0.0
    while child.poll() is None:  # asked while it runs: what the system says afterwards counts this process's memory too
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{child.pid}/status").read_text())
        peak = max(peak, int(found[1]) / 1024) if found else peak
        time.sleep(0.02)
    if child.returncode:
        raise IsganError(f"failed: isgan {' '.join(map(str, arguments))}")
    return Cost(time.perf_counter() - started, peak)


def webp(secret: np.ndarray, psnr: float, room: int) -> bytes:
    """The smallest WebP file of a gray picture, (H, W) uint8, with this PSNR in dB; the best of at most `room` bytes if there is none."""

    def encoded(quality: int) -> bytes:
        file = io.BytesIO()
        Image.fromarray(secret).save(file, format="WEBP", quality=quality)
        return file.getvalue()

    low, high = 0, 100
    while low < high:
        middle = (low + high) // 2
        data = encoded(middle)
        enough = len(data) > room or compare(_decoded(data), secret).psnr >= psnr
        low, high = (low, middle) if enough else (middle + 1, high)
    data = encoded(low)
    return data if len(data) <= room else encoded(max(0, low - 1))


def embed(cover: np.ndarray, data: bytes) -> np.ndarray:
    """LSB matching: `data`, after its length, bit by bit in samples of the cover (H, W, 3) uint8 in a random order; +1 or -1 at random."""
    bits = np.unpackbits(np.frombuffer(len(data).to_bytes(LENGTH_BITS // 8, "big") + data, np.uint8))
    if len(bits) > cover.size:
        raise IsganError(f"{len(bits)} bits do not fit into {cover.size} samples")
    rng = np.random.default_rng(cover.size)
    stego = cover.astype(np.int16).reshape(-1)
    places = rng.permutation(cover.size)[: len(bits)]
    steps = np.where(rng.random(len(bits)) < 0.5, 1, -1)
    steps = np.where(stego[places] == 0, 1, np.where(stego[places] == 255, -1, steps))
    stego[places] += steps * ((stego[places] & 1) != bits)
    return stego.astype(np.uint8).reshape(cover.shape)


def extract(stego: np.ndarray) -> bytes:
    """What `embed` put in."""
    bits = (stego.reshape(-1) & 1)[np.random.default_rng(stego.size).permutation(stego.size)]
    length = int.from_bytes(np.packbits(bits[:LENGTH_BITS]).tobytes(), "big")
    return np.packbits(bits[LENGTH_BITS : LENGTH_BITS + 8 * length]).tobytes()


def _decoded(data: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(data)).convert("L"))


class Webp:
    """Hides and reveals as a `Steganographer` does: what a network has to be better than.

    Args:
        psnr: that the secret is to have, in dB.
    """

    strengths = 0

    def __init__(self, psnr: float):
        self.psnr = psnr

    def hide(self, cover: np.ndarray, secret: np.ndarray, *, strength: Strength = "auto") -> np.ndarray:
        return embed(cover, webp(secret, self.psnr, (cover.size - LENGTH_BITS) // 8))

    def reveal(self, stego: np.ndarray) -> np.ndarray:
        return _decoded(extract(stego))

    def carry(self, cover: np.ndarray, secret: np.ndarray, _number: int) -> np.ndarray:
        """As a method of Table 6: the photographs of a pair, (H, W, 3) each."""
        return self.hide(cover, to_array(gray(to_tensor(secret))))


def run(results: Results, sets: Mapping[str, Source], plan: table6.Plan, models: Sequence[str],
        limit: int | None = None) -> list[dict[str, Any]]:  # fmt: skip
    """Measures what is missing in the results and writes `leaderboard.csv`, a row per set, model and setting of its dial.

    Args:
        results: where `leaderboard-images.csv` grows, a row per pair of images; the detectors' rows are in `table6-runs.csv`.
        sets: photographs by set name. Test photographs are measured at their own size; detectors see squares of all splits.
        plan: of the detectors, one for each model as `isgan hide` uses it, as in Table 6's test "retrained".
        models: shipped models or files; the first one decides how good the secret of `webp` is.
        limit: at most so many pairs of each set are measured.
    """
    table: list[dict[str, Any]] = []
    costs = {name: _costs(name, next(iter(sets.values()))) for name in models}
    for set_name, source in sets.items():
        pairs = pair_up(source.images("test"), limit)
        groups = []
        for name in models:
            steganographer = Steganographer(weights.load(name))
            settings: list[Strength] = ["auto", *range(1, steganographer.strengths + 1)]
            fingerprint = weights.fingerprint(name)
            groups += [_measured(results, set_name, name, fingerprint, steganographer, setting, pairs) for setting in settings]
        rival = Webp(round(summary(groups[0])["secret_psnr"], 1))
        groups.append(_measured(results, set_name, WEBP, f"{rival.psnr:g}", rival, "auto", pairs))
        others = {WEBP: (f"{WEBP}-{rival.psnr:g}", rival.carry)}
        found = table6.run(results, {set_name: source}, plan, {name: name for name in models}, others=others)
        detected = {row["tested_on"]: row for row in found if row["test"] == "retrained"}
        for group in groups:
            row = summary(group)
            if row["setting"] == "auto":
                row |= {key: detected[row["model"]][key] for key in ("p_e", "p_e_interval")} | costs.get(row["model"], {})
            table.append(row)
        results.merge(TABLE, table, ("set", "model", "setting"))
    draw(results)
    return table


def _costs(model: str, source: Source) -> dict[str, float]:
    """Size of the weights, and what the command lines take on the set's first two test photographs."""
    path = weights.find(model)
    cover, secret = source.images("test")[:2]
    with tempfile.TemporaryDirectory() as folder:
        stego, revealed = Path(folder, "stego.png"), Path(folder, "revealed.png")
        hiding = process("hide", cover, secret, "-o", stego, "--model", model, "--min-secret-psnr", 0)
        revealing = process("reveal", stego, "-o", revealed, "--model", model)
    return {"weights_mib": path.stat().st_size / 2**20 if path else 0.0, "command_hide_seconds": hiding.seconds,
            "command_reveal_seconds": revealing.seconds, "peak_mib": max(hiding.peak_mib, revealing.peak_mib)}  # fmt: skip


def _measured(results: Results, set_name: str, name: str, fingerprint: str, hides: Hides, setting: Strength,
              pairs: Sequence[tuple[Path, Path]]) -> list[Row]:  # fmt: skip
    """The rows of these pairs, from the results or measured and added."""
    keys = {"set": set_name, "model": name, "setting": str(setting), "fingerprint": fingerprint}
    known = {(row["cover"], row["secret"]): row for row in results.rows(IMAGES) if all(row[key] == value for key, value in keys.items())}
    missing = [pair for pair in pairs if (pair[0].name, pair[1].name) not in known]
    with counting(f"{set_name}: {name} {setting}", len(missing)) as done:
        for row in measure(name, hides, setting, set_name, missing, done):
            values = {"fingerprint": fingerprint, **rounded(row)}
            results.add(IMAGES, values)
            known[row.cover, row.secret] = {key: str(value) for key, value in values.items()}
    return [_row(known[cover.name, secret.name]) for cover, secret in pairs]


def _row(values: Mapping[str, str]) -> Row:
    """A row of `leaderboard-images.csv`."""
    kinds = {field.name: field.type if field.type in (int, float) else str for field in fields(Row)}
    return Row(**{name: kind(values[name]) for name, kind in kinds.items()})  # type: ignore[arg-type, operator]


def draw(results: Results) -> Path:
    """Draws figures/leaderboard.png from `leaderboard.csv`: both ends' dB, a panel per set, coloured by P_E; a dial is a line."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise IsganError("figures need matplotlib: pip install -c constraints.txt '.[train]'") from error
    rows = results.rows(TABLE)
    names = list(dict.fromkeys(row["set"] for row in rows))
    columns = min(2, len(names))
    lines = math.ceil(len(names) / columns)
    figure = Figure(figsize=(1 + 6 * columns, 5 * lines), dpi=110, layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for axis in axes[len(names) :]:
        axis.set_axis_off()
    for axis, name in zip(axes, names, strict=False):
        axis.set(title=name, xlabel="stego image, PSNR in dB", ylabel="revealed secret, PSNR in dB")
        axis.grid(alpha=0.3)
        axis.margins(0.12)
        for model in dict.fromkeys(row["model"] for row in rows):
            own = [row for row in rows if (row["set"], row["model"]) == (name, model)]
            dial = [[min(float(row[key]), SHOWN) for row in own if row["setting"] != "auto"] for key in ("stego_psnr", "secret_psnr")]
            axis.plot(*dial, "-", color="gray", lw=1, marker=".", ms=4, zorder=1)
            for row in own:
                if row["setting"] == "auto":
                    place = float(row["stego_psnr"]), min(float(row["secret_psnr"]), SHOWN)
                    dots = axis.scatter(*place, c=[float(row["p_e"])], vmin=0, vmax=0.5, cmap="viridis", s=70, edgecolors="black", zorder=2)
                    exact = " (exact)" if float(row["secret_psnr"]) > SHOWN else ""
                    axis.annotate(model + exact, place, xytext=(6, 5), textcoords="offset points", fontsize=8)
    figure.colorbar(dots, ax=axes.tolist(), label="P_E of a detector of the model (0: found, .5: not)")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])
    return write_png(pixels, subfolder(results, FIGURES) / PICTURE, force=True)
