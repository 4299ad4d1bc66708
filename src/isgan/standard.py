"""`-` on the command line: standard input as a file's bytes, standard output as a file."""

import sys
from pathlib import Path

from isgan.errors import IsganError

DASH = Path("-")


def source(path: Path) -> Path | bytes:
    """The path itself, or for `-` all bytes of standard input."""
    if path != DASH:
        return path
    if sys.stdin is None or sys.stdin.isatty():
        raise IsganError("- reads standard input, which is a terminal here: pipe a file into it")
    return sys.stdin.buffer.read()


def write(data: bytes) -> None:
    """Bytes to standard output, all of them."""
    try:
        if sys.stdout is None:
            raise OSError(0, "it is closed")
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise IsganError(f"cannot write to standard output: {error.strerror}") from error
