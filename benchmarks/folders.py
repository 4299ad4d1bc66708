"""How fast a folder run is and what memory it takes: `python benchmarks/folders.py COVERS SECRETS -o docs/results/folders.csv`.

The pictures of two folders are brought to `--side` pixels a side, the secrets to gray unless `--color`, and repeated, turned, mirrored
and shifted, to `-n` pairs, which `isgan hide COVERS SECRETS` hides and `isgan reveal` brings back. A row for each command: pairs a
second of wall time, without the time that one process takes to start, CPU seconds a pair, and the largest memory of the process that
leads and of any other, in MiB.
"""

import argparse
import csv
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

from PIL import Image, ImageChops

LEADER = """
import resource, sys
from isgan.__main__ import main
code = main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def prepared(source: Path, target: Path, count: int, side: int, mode: str) -> None:
    target.mkdir()
    files = sorted(path for path in source.iterdir() if path.suffix in (".png", ".jpg"))
    for number, path in enumerate(islice(cycle(files), count)):
        turn = number // len(files)
        with Image.open(path) as image:
            picture = image.convert(mode).resize((side, side), Image.Resampling.LANCZOS)
        if turn % 8 > 3:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        # Every pixel's place is another one in each copy, so that the salts differ, and no cover is there twice.
        ImageChops.offset(picture.rotate(90 * (turn % 4)), turn // 8).save(target / f"{number:05d}.png")


def timed(tokens: list[str]) -> tuple[float, float, int, int]:
    """Wall and CPU seconds, and the largest memory of the process that leads and of its own, in MiB."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([sys.executable, "-c", LEADER, *tokens, "--quiet"], stderr=subprocess.PIPE, text=True, check=False)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(done.stderr)
    leader, others = done.stderr.split()[-2:]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, int(leader) // 1024, int(others) // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("covers", type=Path)
    parser.add_argument("secrets", type=Path)
    parser.add_argument("-n", type=int, nargs="+", default=[1000], help="pairs")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--color", action="store_true", help="secrets in colour")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--options", nargs="*", default=[], help="for `isgan hide`, without dashes: risk=high")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    os.environ["ISGAN_PASS"] = "correct horse battery staple"
    more = [part for option in args.options for part in (f"--{option.split('=')[0]}", *option.split("=")[1:])]
    for count in args.n:
        with tempfile.TemporaryDirectory() as place:
            covers, secrets, out, back = (str(Path(place, name)) for name in ("covers", "secrets", "out", "back"))
            prepared(args.covers, Path(covers), count, args.side, "RGB")
            prepared(args.secrets, Path(secrets), count, args.side, "RGB" if args.color else "L")
            jobs = ["--jobs", str(args.jobs)]
            first = [str(min(Path(folder).iterdir())) for folder in (covers, secrets)]
            start, *_ = timed(["hide", *first, "-o", f"{out}.png", *more])
            runs = {"hide": ["hide", covers, secrets, "-o", out, *jobs, *more], "reveal": ["reveal", out, "-o", back, *jobs]}
            rows = [(name, *timed(tokens)) for name, tokens in runs.items()]
        new = not args.output.exists()
        with args.output.open("a", newline="") as file:
            table = csv.writer(file)
            if new:
                table.writerow(["command", "options", "side", "secrets", "pairs", "jobs", "pairs a second", "CPU seconds a pair",
                                "MiB, leader", "MiB, largest other"])  # fmt: skip
            for name, wall, cpu, leader, others in rows:
                table.writerow([name, " ".join(args.options), args.side, "colour" if args.color else "gray", count, args.jobs,
                                f"{count / (wall - min(start, wall / 2)):.3g}", f"{cpu / count:.3g}", leader, others])  # fmt: skip
                print(f"{name} {count}: {wall:.1f} s ({start:.1f} to start), {cpu / count:.3f} CPU s a pair, {leader}, {others} MiB")


if __name__ == "__main__":
    main()
