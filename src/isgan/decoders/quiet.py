"""Decoders written in C say what they do not like to the process's standard error by themselves: not here."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = threading.RLock()
"""One thread at a time: standard error is the whole process's."""


@contextmanager
def muted() -> Iterator[None]:
    """Nothing reaches standard error meanwhile, not even from other threads: for libtiff, whose handler Pillow leaves as it is."""
    with LOCK:
        try:
            kept = os.dup(2)
        except OSError:  # there is none
            yield
            return
        try:
            with Path(os.devnull).open("wb") as nothing:
                os.dup2(nothing.fileno(), 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
