"""The server: its address, its start, its end, and the patience that it has with connections."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import sys
import webbrowser
from collections.abc import Callable
from threading import Thread
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from arraynet.errors import ArraynetError
from arraynet.web import requests
from arraynet.web.application import Application
from arraynet.web.requests import address_of
from arraynet.web.viewer import Viewer

MOST = 128  # connections at once: a browser opens six, and macOS allows 256 files
AT_ONCE = 16  # accepted at once: some four times as many before the oldest are closed


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address or a name of this machine, for `serve`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise ArraynetError(
            f"host: got {host!r}, expected an address of this machine (leave --host out)"
        ) from error
    bound = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            # A server that has just stopped leaves the port in a state of waiting.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen()
    except OSError as error:
        bound.close()
        raise _refused(host, port, error) from error
    return bound


def _refused(host: str, port: int, error: OSError) -> ArraynetError:
    """Return why an address cannot be bound, and what to do about it."""
    why = {
        errno.EADDRINUSE: "which another program uses, expected a free one",
        errno.EACCES: "which this user may not take, expected 1024 or more",
    }.get(error.errno or 0)
    if why:
        return ArraynetError(f"port: got {port}, {why} (--port 0 takes any)")
    return ArraynetError(
        f"host: got {host!r} ({error.strerror}), expected an address of this machine "
        f"(leave --host out)"
    )


def address(host: str, bound: socket.socket) -> str:
    """Return what to type into a browser."""
    ip = address_of(host)
    if ip is not None and ip.is_unspecified:
        host = "127.0.0.1" if ip.version == 4 else "::1"
    return f"http://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}/"


def is_loopback(bound: socket.socket) -> bool:
    """Return whether only this machine can connect."""
    ip = address_of(bound.getsockname()[0].partition("%")[0])
    return ip is not None and ip.is_loopback


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


class Server(uvicorn.Server):
    """Tells when it is there."""

    ready: Callable[[], Any] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and accept."""
        await super().startup(sockets)
        for bound in sockets or ():
            bound.listen()  # more may wait than are accepted at once, which asyncio makes one
        if self.ready is not None and self.started:
            self.ready()


def make_server(
    viewer: Viewer, host: str, bound: socket.socket, *, ready: Callable[[], Any] | None = None
) -> tuple[Server, Application]:
    """Return a server that has not started, and its application."""
    application = Application(viewer, host, bound.getsockname()[1])
    config = uvicorn.Config(
        application,
        http=Connection,
        backlog=AT_ONCE,
        ws="none",
        lifespan="off",
        log_level="error",  # who sends no HTTP is answered, and not worth a line
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )
    server = Server(config)
    server.ready = ready
    return server, application


def serve(
    viewer: Viewer, host: str, bound: socket.socket, *, ready: Callable[[], Any] | None = None
) -> None:
    """Serve the page until Ctrl-C, from a socket of `listen`; say when it can be asked for."""
    server, application = make_server(viewer, host, bound, ready=ready)
    try:
        server.run(sockets=[bound])
    except KeyboardInterrupt:
        pass  # uvicorn raises the signal again when it has stopped
    finally:
        application.close()
        bound.close()


def open_browser(url: str) -> None:
    """Open a page in the person's browser, where there is one with windows."""
    if os.name == "posix" and sys.platform != "darwin":
        # Without a display, a browser in the terminal would take the place of Ctrl-C.
        if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            return
    Thread(target=webbrowser.open, args=(url,), daemon=True).start()
