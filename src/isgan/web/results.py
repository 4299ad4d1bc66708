"""Results that wait to be fetched: each part once, all of them for a short time, in memory alone."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from isgan.web.limits import Limits


@dataclass
class File:
    """One part of a result."""

    name: str
    type: str
    data: bytes | bytearray


class Results:
    """What was made and not yet fetched.

    Args:
        limits: `kept_megabytes` and `keep_seconds` matter.
        clock: the time in seconds.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic):
        self._limits, self._clock = limits, clock
        self._kept: dict[str, tuple[float, dict[str, File]]] = {}

    def put(self, files: dict[str, File]) -> str:
        """Keeps the parts of a result and returns the name nobody guesses under which they are fetched."""
        self.forget()
        name = secrets.token_urlsafe(24)
        self._kept[name] = (self._clock(), files)
        while len(self._kept) > 1 and self._bytes() > self._limits.kept_megabytes * 2**20:
            del self._kept[next(iter(self._kept))]
        return name

    def take(self, name: str, part: str) -> File | None:
        """A part, which is gone after that; None if there is none, or not any more."""
        self.forget()
        files = self._kept[name][1] if name in self._kept else {}
        file = files.pop(part, None)
        if not files:
            self._kept.pop(name, None)
        return file

    def forget(self) -> None:
        """Drops what has waited too long."""
        oldest = self._clock() - self._limits.keep_seconds
        self._kept = {name: kept for name, kept in self._kept.items() if kept[0] > oldest}

    def _bytes(self) -> int:
        return sum(len(file.data) for _, files in self._kept.values() for file in files.values())

    def __len__(self) -> int:
        return len(self._kept)
