"""The rules of a request: who may ask, how, and how much.

A page of another site must not reach the server through a visitor's browser: neither
by asking it directly (`check_origin`) nor under a name of its own that it points at
this machine, "DNS rebinding" (`check_host`).
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import numpy.typing as npt

from arraynet.errors import clipped

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

LARGEST_BODY = 64 * 1024  # bytes
DISCARDED = 1024 * 1024  # bytes of a larger body, read so that the answer gets through
PATIENCE = 10.0  # seconds that a request's headers may take to arrive, and its body
LARGEST_SIDE = 256  # pixels of a drawing's width and height
CONTENT_TYPE = "application/octet-stream"
CLOSED = {"connection": "close"}


@dataclass(eq=False)  # an exception is itself alone
class RefusedError(Exception):
    """A request that is not answered: the status, why in a sentence, further headers."""

    status: int
    sentence: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.status}: {self.sentence}"


class GoneError(Exception):
    """Whoever asked has gone."""


@dataclass(frozen=True)
class Request:
    """What is asked: the method, the path, the query and the headers (small letters)."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> Request:
        """Return the request of an ASGI scope; a header that decides who may ask is there once."""
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            key = name.decode("latin-1").lower()
            if key in headers and key in ("host", "origin", "content-type", "sec-fetch-site"):
                raise RefusedError(400, f"There are two headers {key}; send one.")
            headers[key] = value.decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        return cls(scope["method"], scope["path"], query, headers)


def check_host(request: Request, bound: str, port: int) -> None:
    """Refuse a request under any name but this server's own: that or the address it is bound to."""
    given = request.headers.get("host", "")
    name, named_port = _split(given)
    if named_port != port or not _is_own(name, bound):
        raise RefusedError(
            403, f"This server is not {_shown(given)}; use the address that arraynet draw printed."
        )


def check_origin(request: Request) -> None:
    """Refuse what another site's page asks: the browser says so, in Origin or Sec-Fetch-Site."""
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "none")
    foreign = origin is not None and origin != f"http://{request.headers['host']}"
    # A link from another site to the page itself is harmless; what it shows is not told.
    followed = request.method in ("GET", "HEAD") and request.path == "/"
    if foreign or (site not in ("none", "same-origin") and not followed):
        who = f"a page of {_shown(origin)}" if origin else "another site's page"
        raise RefusedError(403, f"This request comes from {who}; only the page itself may ask.")


def check_type(request: Request) -> None:
    """Refuse a body that is not plain bytes: another Content-Type, or a Content-Encoding."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != CONTENT_TYPE:
        raise RefusedError(
            415, f"The Content-Type is {_shown(kind) if kind else 'missing'}; send {CONTENT_TYPE}."
        )
    if "content-encoding" in request.headers:
        raise RefusedError(415, "There is a Content-Encoding; send the bytes as they are.")


async def read_body(receive: Receive) -> bytes:
    """Return a request's body, however it is sent, under `LARGEST_BODY` and in `PATIENCE`."""
    try:
        async with asyncio.timeout(PATIENCE):
            parts, size, more = [], 0, True
            while more and size <= DISCARDED:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise GoneError
                chunk = message.get("body", b"")
                size += len(chunk)
                more = message.get("more_body", False)
                if size <= LARGEST_BODY:
                    parts.append(chunk)
    except TimeoutError:
        raise RefusedError(
            408, f"The body took more than {PATIENCE:g} seconds; send it at once.", CLOSED
        ) from None
    if size > LARGEST_BODY:
        raise RefusedError(
            413, f"The body is over {LARGEST_BODY:,} bytes; send a smaller drawing.", CLOSED
        )
    return b"".join(parts)


def drawing_of(request: Request, body: bytes) -> tuple[npt.NDArray[np.uint8], str | None]:
    """Return the drawing that a request brings, and the backend that it asks for.

    The query says ``width=…&height=…``, in pixels, and may say ``backend=…``; the body
    is one byte a pixel, row by row, 0 where there is no ink.
    """
    try:
        fields = parse_qs(
            request.query, keep_blank_values=True, strict_parsing=True, max_num_fields=3
        )
    except ValueError:
        raise RefusedError(400, "The query is not of the form width=140&height=140.") from None
    unknown = sorted(set(fields) - {"width", "height", "backend"})
    if unknown or any(len(values) > 1 for values in fields.values()):
        raise RefusedError(400, "The query takes width, height and backend, each once.")
    width, height = (_side(fields, name) for name in ("width", "height"))
    if len(body) != width * height:
        raise RefusedError(
            400,
            f"The body has {len(body):,} bytes; {width} × {height} pixels are "
            f"{width * height:,}, one byte each.",
        )
    drawing = np.frombuffer(body, np.uint8).reshape(height, width)
    return drawing, fields["backend"][0] if "backend" in fields else None


def _side(fields: Mapping[str, list[str]], name: str) -> int:
    """Return a width or height."""
    text = fields[name][0] if name in fields else ""
    if not (text.isascii() and text.isdigit() and len(text) <= 3) or not (
        1 <= int(text) <= LARGEST_SIDE
    ):
        found = _shown(text) if text else "missing"
        raise RefusedError(400, f"The {name} is {found}; give 1 to {LARGEST_SIDE} pixels.")
    return int(text)


def _split(host: str) -> tuple[str, int]:
    """Return the name and the port of a header Host; ("", 0) where it is not one."""
    name, colon, port = host.rpartition(":")
    if not colon or port.endswith("]"):
        name, port = host, "80"
    if not (port.isascii() and port.isdigit() and len(port) <= 5):
        return "", 0
    return name.lower(), int(port)


def _is_own(name: str, bound: str) -> bool:
    """Return whether a name is the server's: its own, localhost or an address.

    No other site can be named by an address, so that on a server for the whole network
    every address is good; on one for this machine, the loopback addresses are.
    """
    if name in ("localhost", bound.lower()):
        return True
    address = address_of(name[1:-1] if name.startswith("[") and name.endswith("]") else name)
    home = address_of(bound)
    if address is None:
        return False
    return address.is_loopback or home is None or not home.is_loopback


def address_of(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the IP address that a text is, or None.

    >>> address_of("127.0.0.1"), address_of("localhost")
    (IPv4Address('127.0.0.1'), None)
    """
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _shown(text: str | None) -> str:
    """Return what somebody sent, short and harmless."""
    return f"“{clipped(text or '')}”"
