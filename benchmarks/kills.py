"""Kills at random moments: `python benchmarks/kills.py --what hide|reveal|folder|train -n 100 COVERS SECRETS [-o docs/results/kills.csv]`.

A command is started again and again and killed, by SIGTERM, SIGKILL and SIGINT in turn, at a moment drawn evenly from the time that it
takes (SIGINT not in the first half second, when Python is still importing). After each kill: did it say anything, or not end within half a
minute? Is any file half-written, is anything left that should not be there? And when it was left alone at last: is all of it right?

- hide: `isgan hide COVER SECRET -o stego.png`, each time anew.
- reveal: `isgan reveal stego.png -o secret.png`, each time anew.
- folder: `isgan hide COVERS SECRETS -o FOLDER`, which goes on where it was killed; after it has ended a new one begins.
- train: `isgan train` with a tiny recipe and a checkpoint at each step, which goes on with --resume; within a second after it began to.
  A SIGKILL the moment a checkpoint is replaced may leave a hidden file; it counts as left over unless the next run removes it.

A row is added to the CSV file for each --what; Ctrl-C ends it sooner, with a row of what was done.
"""

import argparse
import csv
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

import isgan
from isgan.folders.record import alone

PHRASE = "correct horse battery staple"
RECIPE = """
[hider]
name = "wavelet"
blocks = 1
hidden = 8
[loss]
name = "psnr"
[photos]
crop = 24
batch = 2
validation = 2
[schedule]
steps = 100000
validate_every = 50
save_every = 1
"""
ENDS = (0, 1, 128 + signal.SIGINT, 128 + signal.SIGTERM, -signal.SIGKILL, -signal.SIGTERM)  # training ends both ways as Ctrl-C does


def command(*tokens: object) -> list[str]:
    return [sys.executable, "-m", "isgan", *map(str, tokens)]


def killed(tokens: list[str], number: int, moment: float, ready: Callable[[], bool] = lambda: True) -> int:
    """Starts a command and kills it so many seconds after it is `ready`; how it ended."""
    process = subprocess.Popen(tokens, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while process.poll() is None and not ready():
        time.sleep(0.01)
    kind = (signal.SIGTERM, signal.SIGKILL, signal.SIGINT)[number % 3]
    try:
        _, err = process.communicate(timeout=max(moment, 0.5) if kind == signal.SIGINT else moment)
    except subprocess.TimeoutExpired:
        process.send_signal(kind)
        _, err = process.communicate(timeout=30)
    if process.returncode not in ENDS or b"Traceback" in err or b"Exception" in err:
        raise SystemExit(f"ended with {process.returncode}: {err.decode()}")
    return process.returncode


def hide(args: argparse.Namespace, folder: Path, draw: random.Random) -> Iterator[Counter[str]]:
    cover, secret = sorted(args.covers.iterdir())[0], sorted(args.secrets.iterdir())[0]
    stego = folder / "stego.png"
    tokens = command("hide", cover, secret, "-o", stego)
    took = duration(tokens)
    wanted = isgan.reveal(stego, pass_phrase=PHRASE).secret.picture
    for number in range(args.n):
        stego.unlink(missing_ok=True)
        code = killed(tokens, number, draw.uniform(0, took))
        found = Counter(kills=1, ended_before=code == 0, left_over=sum(path != stego for path in folder.iterdir()))
        if stego.exists():
            found["whole"] = int((isgan.reveal(stego, pass_phrase=PHRASE).secret.picture == wanted).all())
            found["half-written"] = 1 - found["whole"]
        yield found


def reveal(args: argparse.Namespace, folder: Path, draw: random.Random) -> Iterator[Counter[str]]:
    cover, secret = sorted(args.covers.iterdir())[0], sorted(args.secrets.iterdir())[0]
    stego, found = folder / "stego.png", folder / "secret.png"
    wanted = isgan.hide(cover, secret, stego, pass_phrase=PHRASE).delivered.picture
    tokens = command("reveal", stego, "-o", found)
    took = duration(tokens)
    for number in range(args.n):
        found.unlink(missing_ok=True)
        code = killed(tokens, number, draw.uniform(0, took))
        count = Counter(kills=1, ended_before=code == 0, left_over=sum(path not in (stego, found) for path in folder.iterdir()))
        if found.exists():
            with Image.open(found) as image:
                count["whole"] = int(np.array_equal(np.asarray(image), wanted))
            count["half-written"] = 1 - count["whole"]
        yield count


def folder(args: argparse.Namespace, place: Path, draw: random.Random) -> Iterator[Counter[str]]:
    run = 0
    kills = 0
    while kills < args.n:
        out = place / f"run {run}"
        out.mkdir()
        tokens = command("hide", args.covers, args.secrets, "-o", out, "--jobs", 2)
        before: set[str] = set()
        code = 1
        while code and kills < args.n:
            code = killed(tokens, kills, draw.uniform(0, args.seconds))
            kills += 1
            with alone(out):  # those who work for it have ended
                names = {path.name for path in out.iterdir()}
            found = Counter(kills=1, ended_before=code == 0, lost=len(before - names))
            found["left_over"] = sum(name.startswith(".") for name in names) + sum(path.name.startswith(".") for path in place.iterdir())
            for name in names - before:
                try:
                    with Image.open(out / name) as image:
                        image.load()
                    found["whole"] += 1
                except OSError:
                    found["half-written"] += 1
            before = names
            yield found
        if subprocess.run(tokens, stdout=subprocess.DEVNULL, check=False).returncode:
            raise SystemExit("it does not go on")
        back = isgan.reveal_folder(out, place / f"back {run}", pass_phrase=PHRASE)
        secrets = {path.stem for path in args.secrets.iterdir()}
        right = not back.failures and {Path(row["secret"]).stem for row in back.rows} == secrets
        yield Counter(runs=1, complete=right)
        run += 1


def train(args: argparse.Namespace, place: Path, draw: random.Random) -> Iterator[Counter[str]]:
    from isgan.training.checkpoint import load_checkpoint
    from isgan.training.loop import CHECKPOINT

    recipe = place / "tiny.toml"
    recipe.write_text(RECIPE)
    out = place / "run"
    step = 0
    allowed: set[Path] = set()
    for number in range(args.n):
        tokens = command("train", recipe, "--data", args.covers, "-o", out, *(["--resume"] if (out / CHECKPOINT).exists() else []))
        if not (out / CHECKPOINT).exists() and out.exists():
            for path in out.iterdir():
                path.unlink()
        started = time.time()

        def training(started: float = started) -> bool:
            return (out / CHECKPOINT).exists() and (out / CHECKPOINT).stat().st_mtime > started

        code = killed(tokens, number, draw.uniform(0, 1), training)
        hidden = {path for path in out.glob(".*")}
        found = Counter(kills=1, ended_before=code == 0, left_over=len(hidden & allowed if code == -signal.SIGKILL else hidden))
        allowed = hidden
        if (out / CHECKPOINT).exists():
            state = load_checkpoint(out / CHECKPOINT)
            found["whole"], found["lost"] = 1, int(state["step"] < step)
            step = state["step"]
        yield found
    started = time.time()
    killed(command("train", recipe, "--data", args.covers, "-o", out, "--resume"), 0, 0.2, lambda: training(started))
    yield Counter(runs=1, complete=step > 0, left_over=len({*out.glob(".*")}))


def duration(tokens: list[str]) -> float:
    """Seconds that a command takes, the second time."""
    for _ in range(2):
        started = time.perf_counter()
        subprocess.run([*tokens, "--force"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("covers", type=Path)
    parser.add_argument("secrets", type=Path)
    parser.add_argument("--what", choices=["hide", "reveal", "folder", "train"], required=True)
    parser.add_argument("-n", type=int, default=100, help="kills")
    parser.add_argument("--seconds", type=float, default=10.0, help="folder: the latest moment of a kill")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path)
    args = parser.parse_args()
    args.covers, args.secrets = args.covers.resolve(), args.secrets.resolve()
    os.environ["ISGAN_PASS"] = PHRASE
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place, suppress(KeyboardInterrupt):
        what = {"hide": hide, "reveal": reveal, "folder": folder, "train": train}[args.what]
        for found in what(args, Path(place), random.Random(args.seed)):
            total += found
            print(dict(total), flush=True)
    columns = ["what", "kills", "ended_before", "whole", "half-written", "left_over", "lost", "runs", "complete"]
    if args.output:
        new = not args.output.exists()
        with args.output.open("a", newline="") as file:
            rows = csv.writer(file)
            if new:
                rows.writerow([column.replace("_", " ") for column in columns])
            rows.writerow([args.what, *(total[column] for column in columns[1:])])
    if total["half-written"] or total["lost"] or total["complete"] < total["runs"]:
        raise SystemExit("a kill did harm")


if __name__ == "__main__":
    main()
