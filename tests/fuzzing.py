"""Each command on files that may be anything: what may happen, and what must not.

A file is used, or refused in one line by an `IsganError`. Nothing else may be raised, printed, left behind, or waited for.
"""

import io
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

import isgan
from isgan import key
from isgan.checking import check
from isgan.errors import IsganError, IsganWarning

PHRASE = "fuzz"
LONGEST = 10.0  # seconds
LINE = 2000  # characters of a message at most


def _photo(seed: int, side: int) -> bytes:
    """A PNG that is no suspicious cover."""
    y, x = np.mgrid[0:side, 0:side]
    smooth = np.stack([60 + x % 90, 60 + y % 90, 60 + (x + y) % 90], axis=-1)
    file = io.BytesIO()
    Image.fromarray((smooth + np.random.default_rng(seed).integers(0, 40, smooth.shape)).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


COVER, SECRET = _photo(1, 64), b"a few words"
OPTIONS: dict[str, Any] = {"pass_phrase": PHRASE, "risk": "high", "min_secret_psnr": -100.0}
OPERATIONS: dict[str, Callable[[bytes, Path], Any]] = {
    "cover": lambda file, output: isgan.hide(file, SECRET, output, **OPTIONS),
    "cover for a JPEG": lambda file, output: isgan.hide(file, SECRET, output.with_suffix(".jpg"), **OPTIONS),
    "cover, frame 2": lambda file, output: isgan.hide(file, SECRET, output, frame=2, **OPTIONS),
    "secret": lambda file, output: isgan.hide(COVER, file, output, **OPTIONS),
    "reveal": lambda file, output: isgan.reveal(file, output, pass_phrase=PHRASE),
    "capacity": lambda file, _: isgan.capacity(file, risk="high"),
    "check": lambda file, _: check(file, "the file"),
}
LINES = {"cover": ["hide", "{}", "notes.txt", "-o", "out.png"], "secret": ["hide", "cover.png", "{}", "-o", "out.png"],
         "reveal": ["reveal", "{}", "-o", "out.png"], "capacity": ["capacity", "{}"], "check": ["check", "{}"]}  # fmt: skip


class Outcome(NamedTuple):
    """Whether a file was used, how long it took in seconds, and what was wrong, or "" if nothing was."""

    used: bool
    seconds: float
    fault: str = ""


class Printed:
    """What this process prints by any way, libraries in C included, while `listening`."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115

    @contextmanager
    def listening(self) -> Iterator[None]:
        sys.stdout.flush()
        sys.stderr.flush()
        kept = [os.dup(number) for number in (1, 2)]
        try:
            for number in (1, 2):
                os.dup2(self._file.fileno(), number)
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, was in zip((1, 2), kept, strict=True):
                os.dup2(was, number)
                os.close(was)

    def heard(self) -> str:
        """All since the last time."""
        end = os.lseek(self._file.fileno(), 0, os.SEEK_END)
        text = os.pread(self._file.fileno(), end, 0)
        os.ftruncate(self._file.fileno(), 0)
        os.lseek(self._file.fileno(), 0, os.SEEK_SET)
        return text.decode(errors="replace")


@contextmanager
def quick_keys() -> Iterator[None]:
    """Pass phrases that cost an attacker nothing: each case would take a tenth of a second for its key alone."""
    was = key.ITERATIONS, key.MEMORY_KIB
    key.ITERATIONS, key.MEMORY_KIB = 1, 8 * key.LANES
    try:
        yield
    finally:
        key.ITERATIONS, key.MEMORY_KIB = was


def tried(operation: str, file: bytes, folder: Path, printed: Printed) -> Outcome:
    """One operation on one file, in this process. The folder is empty before and after."""
    started, used, fault = time.monotonic(), False, ""
    output = folder / "out.png"
    with printed.listening(), warnings.catch_warnings():
        warnings.simplefilter("ignore", IsganWarning)
        try:
            OPERATIONS[operation](file, output)
            used = True
        except IsganError as error:
            if "\n" in str(error) or not 0 < len(str(error)) < LINE or not str(error).isprintable():
                fault = f"not one line: {error!r}"
        except MemoryError:
            fault = "out of memory"
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
    seconds = time.monotonic() - started
    left = [path.name for path in folder.iterdir()]
    for path in folder.iterdir():
        path.unlink()
    if seconds > LONGEST:
        fault = fault or f"took {seconds:.1f} s"
    if said := printed.heard():
        fault = fault or f"printed {said[:300]!r}"
    if left and not used:
        fault = fault or f"left {left}"
    return Outcome(used, seconds, fault)


def run(operation: str, file: bytes, folder: Path) -> Outcome:
    """One command line on one file, as a process of its own."""
    (folder / "file").write_bytes(file)
    (folder / "cover.png").write_bytes(COVER)
    (folder / "notes.txt").write_bytes(SECRET)
    line = [word.format("file") for word in LINES[operation]] + (["--risk", "high"] if "hide" in LINES[operation] else [])
    started, fault = time.monotonic(), ""
    try:
        done = subprocess.run([sys.executable, "-m", "isgan", *line], cwd=folder, env={**os.environ, "ISGAN_PASS": PHRASE},
                              capture_output=True, text=True, timeout=60)  # fmt: skip
    except subprocess.TimeoutExpired:
        return Outcome(False, time.monotonic() - started, "did not end")
    lines = done.stderr.splitlines()
    if done.returncode not in (0, 2) or any(not said.startswith(("isgan: error: ", "isgan: note: ")) for said in lines):
        fault = f"exit code {done.returncode}, printed {done.stderr[-300:]!r}"
    elif done.returncode == 2 and (done.stdout or sum(said.startswith("isgan: error") for said in lines) != 1):
        fault = f"refused with {done.stderr[-300:]!r} and {done.stdout[-300:]!r}"
    left = {path.name for path in folder.iterdir()} - {"file", "cover.png", "notes.txt"}
    if left and (done.returncode or left != {"out.png"}):
        fault = fault or f"left {left}"
    for path in folder.iterdir():
        path.unlink()
    return Outcome(done.returncode == 0, time.monotonic() - started, fault)


def asked(client: Any, operation: str, file: bytes) -> Outcome:
    """One request to the HTTP API."""
    started, fault = time.monotonic(), ""
    phrase = {"pass_phrase": PHRASE}
    files, fields = {
        "cover": ({"cover": file, "secret": SECRET}, phrase | {"risk": "high"}),
        "secret": ({"cover": COVER, "secret": file}, phrase | {"risk": "high"}),
        "reveal": ({"stego": file}, phrase),
        "capacity": ({"cover": file}, {}),
        "check": ({"file": file}, {}),
        "inspect": ({"file": file}, {}),
    }[operation]
    end_point = {"cover": "hide", "secret": "hide"}.get(operation, operation)
    answer = client.post(f"/api/{end_point}", files={name: (f"{name}.bin", data) for name, data in files.items()}, data=fields)
    if answer.status_code != 200:
        error = answer.json().get("error", "") if "json" in answer.headers.get("content-type", "") else ""
        if answer.status_code >= 500 or not error or "\n" in error:
            fault = f"answered {answer.status_code} with {answer.text[:300]!r}"
    seconds = time.monotonic() - started
    if seconds > LONGEST:
        fault = fault or f"took {seconds:.1f} s"
    return Outcome(answer.status_code == 200, seconds, fault)
