"""Connections: how many there may be, and how long one may keep the server waiting."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from arraynet.web import requests

MOST = 128
"""How many may be open at once: a browser opens six, and macOS allows 256 files."""

AT_ONCE = 16
"""How many are accepted at once: some four times as many before the oldest are closed."""


class Connection(H11Protocol):
    """A connection whose next request must come within `requests.PATIENCE`.

    uvicorn waits for ever for the headers of a first request, and of a later one that has
    begun; its limit of connections counts those alone that have sent a request, and refuses
    that. Here the connection that has owed its request for longest makes room for a new one.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request; make room."""
        super().connection_made(transport)
        self._watch()
        if len(self.connections) > MOST:
            several: Any = self.connections
            waiting = [one for one in several if one._deadline]  # this one, at least
            oldest = min(waiting, key=lambda one: one._deadline.when())
            self.connections.discard(oldest)
            oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        super().connection_lost(exc)
        self._watch(over=True)

    def data_received(self, data: bytes) -> None:
        """Take what came: a request, or a part of one, which is no reason to wait longer."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._watch()

    def _watch(self, over: bool = False) -> None:
        """Start the clock where a request is owed and it stands, and stop it where none is."""
        cycle: Any = self.cycle  # None before the first request, though not so declared
        owed = not over and (cycle is None or cycle.response_complete)
        if owed and self._deadline is None:
            self._deadline = self.loop.call_later(requests.PATIENCE, self.transport.abort)
        elif not owed and self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
