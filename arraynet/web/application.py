"""The page and what it asks for, as an ASGI application."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from typing import Any, TypeVar

from arraynet.errors import ArraynetError, BackendUnavailableError
from arraynet.web.requests import (
    GoneError,
    Receive,
    RefusedError,
    Request,
    check_host,
    check_origin,
    check_type,
    drawing_of,
    read_body,
)
from arraynet.web.viewer import Viewer

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Answer = tuple[str, bytes]
Result = TypeVar("Result")

_log = logging.getLogger("arraynet")

WAITING = 32  # drawings at once; the next is refused with 503

FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
}

JSON = "application/json"

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""What every answer carries."""


class Application:
    """One viewer for a browser; the host and the port are what the server is bound to.

    The event loop only reads and writes. Drawings wait for one thread, at most `WAITING`
    of them; backends are looked for on another.
    """

    def __init__(self, viewer: Viewer, host: str, port: int) -> None:
        self._viewer = viewer
        self._host, self._port = host, port
        folder = resources.files("arraynet.web") / "page"
        self._files = {
            path: (kind, (folder / name).read_bytes()) for path, (name, kind) in FILES.items()
        }
        self._drawings = ThreadPoolExecutor(1, "arraynet-drawings")
        self._backends = ThreadPoolExecutor(1, "arraynet-backends")
        self._waiting = 0

    def close(self) -> None:
        """Drop the drawings that wait."""
        for workers in (self._drawings, self._backends):
            workers.shutdown(wait=False, cancel_futures=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise RuntimeError(f"got a connection of type {scope['type']}, expected http")
        try:
            kind, body = await self._answer(scope, receive)
            status, headers = 200, {}
        except GoneError:
            return
        except RefusedError as refused:
            kind, body = JSON, _json({"error": refused.sentence})
            status, headers = refused.status, dict(refused.headers)
        except Exception as error:
            _log.exception("draw: %s %s failed", scope["method"], scope["path"])
            kind, body = JSON, _json({"error": f"The server failed: {type(error).__name__}."})
            status, headers = 500, {}
        about = {"content-type": kind, "content-length": str(len(body))}
        everything = {**HEADERS, **headers, **about}.items()
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in everything]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        sent = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": sent})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        """Return the type and the bytes of what is asked for."""
        request = Request.of(scope)
        check_host(request, self._host, self._port)
        check_origin(request)
        path, viewer = request.path, self._viewer
        if path in ("/api/look", "/api/times"):
            _check_method(request, "POST")
            see = viewer.look if path == "/api/look" else viewer.times
            return await self._see(request, receive, see)
        if path not in (*self._files, "/api/network", "/api/backends"):
            raise RefusedError(404, "There is nothing at this address; the page is at /.")
        _check_method(request, "GET", "HEAD")
        if path == "/api/network":
            return JSON, _json(viewer.describe())
        if path == "/api/backends":
            return JSON, _json(await _run(self._backends, viewer.backends))
        return self._files[path]

    async def _see(self, request: Request, receive: Receive, see: Callable[..., Any]) -> Answer:
        """Return what the viewer says of the drawing in a request."""
        check_type(request)
        drawing, backend = drawing_of(request, await read_body(receive))
        if self._waiting >= WAITING:
            raise RefusedError(
                503, "Too many drawings wait; send it again in a second.", {"retry-after": "1"}
            )
        self._waiting += 1
        try:
            return JSON, _json(await _run(self._drawings, see, drawing, backend))
        except BackendUnavailableError as error:
            raise RefusedError(400, str(error)) from error
        except ArraynetError as error:
            raise RefusedError(503, str(error), {"retry-after": "1"}) from error
        finally:
            self._waiting -= 1


def _check_method(request: Request, *allowed: str) -> None:
    if request.method not in allowed:
        raise RefusedError(
            405, f"{request.path} takes {' and '.join(allowed)}.", {"allow": ", ".join(allowed)}
        )


async def _run(
    workers: ThreadPoolExecutor, function: Callable[..., Result], *arguments: Any
) -> Result:
    """Return a function's result from another thread."""
    return await asyncio.get_running_loop().run_in_executor(workers, function, *arguments)


def _json(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
