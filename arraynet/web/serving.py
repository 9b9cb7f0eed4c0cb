"""The server: its address, its start, its end."""

from __future__ import annotations

import errno
import os
import socket
import sys
import webbrowser
from collections.abc import Callable
from threading import Thread
from typing import TYPE_CHECKING, Any

from arraynet.errors import ArraynetError
from arraynet.web.application import Application
from arraynet.web.requests import address_of
from arraynet.web.viewer import Viewer

if TYPE_CHECKING:
    import uvicorn


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address, for `serve`.

    Parameters
    ----------
    host : str
        An address or a name of this machine.
    port : int
        0: any free one.

    Raises
    ------
    ArraynetError
        Another program has the port, or it is not this user's to take, or the host is
        none of this machine's.
    """
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
    if error.errno == errno.EADDRINUSE:
        return ArraynetError(
            f"port: got {port}, which another program uses, expected a free one "
            f"(--port 0 takes any)"
        )
    if error.errno == errno.EACCES:
        return ArraynetError(
            f"port: got {port}, which this user may not take, expected 1024 or more "
            f"(--port 0 takes any)"
        )
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


def make_server(
    viewer: Viewer, host: str, bound: socket.socket, *, ready: Callable[[], Any] | None = None
) -> tuple[uvicorn.Server, Application]:
    """Return a server that has not started, and its application."""
    import uvicorn

    from arraynet.web.connections import AT_ONCE, Connection

    class Server(uvicorn.Server):
        """Tells when it is there."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            bound.listen()  # more may wait than are accepted at once, which asyncio makes one
            if ready is not None and self.started:
                ready()

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
    return Server(config), application


def serve(
    viewer: Viewer, host: str, bound: socket.socket, *, ready: Callable[[], Any] | None = None
) -> None:
    """Serve the page until Ctrl-C.

    Parameters
    ----------
    viewer : Viewer
    host : str
        The address or name that the socket was bound to.
    bound : socket.socket
        From `listen`; closed at the end.
    ready : callable, optional
        Called once the page can be asked for.
    """
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
