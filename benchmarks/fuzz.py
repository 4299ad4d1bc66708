"""Damaged files over hide, reveal, capacity, check and the HTTP API: nothing may happen but use or one line of refusal.

    python benchmarks/fuzz.py FAULTS.csv --count 10000 --seed 1

Each case is one damaged file (`tests/damage.py`) and one operation (`tests/fuzzing.py`), in this process; one in `--api` goes to
the HTTP API, one in `--process` to a command line of its own. Faults are written with their files as they are found; at the end a
row says how many cases there were, how long they took, and how much memory this process had.
"""

import argparse
import csv
import hashlib
import resource
import sys
import tempfile
import time
import warnings
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import numpy as np
from damage import damaged
from fuzzing import LINES, OPERATIONS, Printed, asked, quick_keys, run, tried

API = ("cover", "secret", "reveal", "capacity", "check", "inspect")
WARM = 200  # cases after which memory is first looked at


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("faults", type=Path, help="CSV file of what went wrong; the files themselves lie in a folder beside it")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--skip", type=int, default=0, help="cases of this seed that were tried before")
    parser.add_argument("--api", type=int, default=10, help="one case in so many goes to the HTTP API; 0 for none")
    parser.add_argument("--results", type=Path, help="CSV file to which a row is added in the end: docs/results/fuzz.csv")
    parser.add_argument("--process", type=int, default=200, help="one case in so many is a process of its own; 0 for none")
    args = parser.parse_args()
    rng = np.random.default_rng([args.seed, args.skip])
    counts: Counter[str] = Counter()
    slowest, printed, faults, warm = 0.0, Printed(), 0, 0.0
    started = time.monotonic()
    client = _client() if args.api else None
    kept = args.faults.with_suffix("")
    with tempfile.TemporaryDirectory() as name, quick_keys(), args.faults.open("a", newline="") as file:
        folder, rows = Path(name), csv.writer(file, lineterminator="\n")
        for number, (what, data) in enumerate(islice(damaged(args.seed), args.skip, args.skip + args.count), start=1):
            way = "process" if args.process and number % args.process == 0 else "api" if args.api and number % args.api == 0 else "here"
            operation = str(rng.choice(list({"process": LINES, "api": API, "here": OPERATIONS}[way])))
            outcome = (run(operation, data, folder) if way == "process" else asked(client, operation, data) if way == "api" else
                       tried(operation, data, folder, printed))  # fmt: skip
            counts[way] += 1
            counts["used"] += outcome.used
            slowest = max(slowest, outcome.seconds if way == "here" else 0.0)
            if outcome.fault:
                faults += 1
                kept.mkdir(exist_ok=True)
                path = kept / hashlib.sha256(data).hexdigest()[:16]
                path.write_bytes(data)
                rows.writerow([args.seed, args.skip + number - 1, way, operation, what, f"{outcome.seconds:.1f}", outcome.fault, path.name])
                file.flush()
            if number == WARM:
                warm = _memory()
            if number % 500 == 0:
                print(_row(args, counts, faults, started, slowest, warm), flush=True)
    row = _row(args, counts, faults, started, slowest, warm)
    print(row)
    if args.results:
        new = not args.results.exists()
        with args.results.open("a", newline="") as file:
            rows = csv.DictWriter(file, list(row), lineterminator="\n")
            if new:
                rows.writeheader()
            rows.writerow(row)
    if client is not None:
        client.__exit__(None, None, None)


def _row(args: Any, counts: Counter[str], faults: int, started: float, slowest: float, warm: float) -> dict[str, Any]:
    return {
        "seed": args.seed, "first": args.skip, "cases": sum(counts[way] for way in ("here", "api", "process")), "API": counts["api"],
        "processes": counts["process"], "used": counts["used"], "faults": faults, "seconds": f"{time.monotonic() - started:.0f}",
        "slowest, seconds": f"{slowest:.1f}", f"MiB after {WARM}": f"{warm:.0f}", "MiB in the end": f"{_memory():.0f}",
        "MiB at most": f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}",
    }  # fmt: skip


def _memory() -> float:
    """MiB that the process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def _client() -> Any:
    from isgan.web.api import create
    from isgan.web.limits import Limits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would rather have a successor of httpx
        from starlette.testclient import TestClient
    return TestClient(create(Limits(jobs=1, seconds=60)), raise_server_exceptions=False).__enter__()


if __name__ == "__main__":
    main()
