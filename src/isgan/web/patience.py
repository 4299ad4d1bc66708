"""Connections on which nobody asks for anything are closed: a few dozen of them would keep all others out."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

SECONDS = 20.0
"""In which the head of a request has to be there; whoever sends one asks for the next one within twice as long."""


class Patient(H11Protocol):
    """uvicorn's HTTP, whose patience with whoever connects and sends nothing, or a head byte by byte, has no end otherwise."""

    _seen: Any = None
    _looking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._looking = self.loop.call_later(SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._looking is not None:
            self._looking.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        idle = self.cycle is None or self.cycle.response_complete
        if idle and self._seen is self.cycle:
            self.transport.close()
            return
        self._seen = self.cycle
        self._looking = self.loop.call_later(SECONDS, self._look)
