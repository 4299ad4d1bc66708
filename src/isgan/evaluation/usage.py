"""What a command line takes: seconds and memory."""

import math
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from isgan.errors import IsganError


class Usage(NamedTuple):
    """Of one command line from start to exit: seconds, and peak memory in MiB, NaN where the system does not tell."""

    seconds: float
    peak_mib: float


def process(*arguments: object, code: int = 0) -> Usage:
    """Runs `isgan ARGUMENTS` and measures it; `IsganError` if it ends with another exit code."""
    started = time.perf_counter()
    unwanted = subprocess.DEVNULL if code else None  # why it was refused
    child = subprocess.Popen([sys.executable, "-m", "isgan", *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=unwanted)
    peak, status = math.nan, Path(f"/proc/{child.pid}/status")
    while child.poll() is None:  # asked while it runs: what the system says afterwards counts this process's memory too
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
        peak = int(found[1]) / 1024 if found else peak  # the system's figure never falls
        time.sleep(0.02)
    if child.returncode != code:
        raise IsganError(f"failed: isgan {' '.join(map(str, arguments))}")
    return Usage(time.perf_counter() - started, peak)
