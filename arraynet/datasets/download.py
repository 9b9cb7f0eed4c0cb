"""One published file over HTTP: of known size and checksum, or refused.

The standard library's urllib alone. Connections are https; http is for the loopback
address. ``http.client`` waits for each piece of an answer anew, and skips some of them
without end (interim answers, trailers): a deadline stands beneath it, at the socket.
"""

from __future__ import annotations

import hashlib
import io
import socket
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import IO, Any
from urllib import error, request
from urllib.parse import urlsplit

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
REDIRECTS = 5
CHUNK = 1 << 16
SLOWEST = 1000
"""Bytes a second of the file below which a mirror is given up."""


class MirrorError(Exception):
    """What is wrong with a mirror."""


def download(
    url: str, size: int, sha256: str, *, timeout: float, report: Callable[[int], object]
) -> bytes:
    """Return a file's bytes, or raise `MirrorError`; ``report`` hears how many there are.

    ``timeout`` is in seconds: to wait for an answer, and then for pauses, until more bytes
    make up for them.
    """
    check_url(url)
    asked = request.Request(url, headers={"User-Agent": "arraynet", "Accept-Encoding": "identity"})
    try:
        proxies = request.ProxyHandler({} if _is_loopback(url) else None)
        opener = request.build_opener(proxies, _Timely, _Redirects)
        with opener.open(asked, timeout=timeout) as response:
            content = _receive(response, size, report)
    except error.HTTPError as problem:
        problem.close()
        raise MirrorError(f"HTTP status {problem.code}") from problem
    except (OSError, HTTPException, ValueError) as problem:
        cause = problem.reason if isinstance(problem, error.URLError) else problem
        raise MirrorError(_plain(cause)) from problem
    if hashlib.sha256(content).hexdigest() != sha256:
        raise MirrorError("other bytes than the published SHA-256 says")
    return content


def _receive(response: _Response, size: int, report: Callable[[int], object]) -> bytes:
    """Return the body, which must be of that size, and not come too slowly."""
    if response.status != 200:
        raise MirrorError(f"HTTP status {response.status}")
    if response.length not in (None, size):
        raise MirrorError(f"a file of {response.length} bytes instead of {size}")
    content = bytearray()
    response.timed.grant(response.timed.timeout)
    try:
        while chunk := response.read1(CHUNK):
            content += chunk
            if len(content) > size:
                raise MirrorError(f"more than the {size} bytes that were due")
            report(len(content))
            response.timed.grant(len(chunk) / SLOWEST)
    except TimeoutError as problem:
        raise MirrorError(f"{len(content)} bytes, and then {_plain(problem)}") from problem
    if len(content) < size:
        raise MirrorError(f"the end after {len(content)} of {size} bytes")
    return bytes(content)


class _Timed(io.RawIOBase):
    """The bytes of a socket, as they come, until a deadline that moves on with what they bring."""

    def __init__(self, sock: socket.socket, raw: Any) -> None:
        self.sock = sock
        self.raw = raw
        self.timeout = sock.gettimeout() or 0.0
        self.end = time.monotonic() + self.timeout

    def readable(self) -> bool:
        return True

    def left(self) -> float:
        """Return the seconds that are left, or raise TimeoutError."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def readinto(self, buffer: Any) -> int | None:
        self.sock.settimeout(self.left())
        return self.raw.readinto(buffer)  # type: ignore[no-any-return]

    def grant(self, seconds: float) -> None:
        """Grant so many seconds more, up to the timeout from now on, if there is time left."""
        self.left()
        self.end = min(self.end + seconds, time.monotonic() + self.timeout)

    def close(self) -> None:
        self.raw.close()
        super().close()


class _Response(HTTPResponse):
    """An answer whose every byte is read under a deadline."""

    def __init__(self, sock: socket.socket, **options: Any) -> None:
        super().__init__(sock, **options)
        self.timed = _Timed(sock, self.fp.detach())
        self.fp = io.BufferedReader(self.timed)


class _Http(HTTPConnection):
    response_class = _Response


class _Https(HTTPSConnection):
    response_class = _Response


class _Timely(request.HTTPHandler, request.HTTPSHandler):
    def http_open(self, req: request.Request) -> HTTPResponse:
        return self.do_open(_Http, req)

    def https_open(self, req: request.Request) -> HTTPResponse:
        return self.do_open(_Https, req)


class _Redirects(request.HTTPRedirectHandler):
    """Follows a few redirects, and none to where a first request must not go."""

    max_redirections = REDIRECTS

    def redirect_request(
        self, req: request.Request, fp: IO[bytes], *answer: Any
    ) -> request.Request | None:
        fp.close()  # unread: what comes with a redirect may be of any length
        place = answer[-1]
        check_url(place)
        if _is_loopback(place) and not _is_loopback(req.full_url):
            raise MirrorError("a redirect to this machine")
        return super().redirect_request(req, fp, *answer)


def check_url(url: str) -> None:
    """Refuse what is neither https nor on the loopback address."""
    try:
        scheme = urlsplit(url).scheme
    except ValueError as problem:
        raise MirrorError("no URL") from problem
    if scheme != "https" and not (scheme == "http" and _is_loopback(url)):
        raise MirrorError("an address that is not https")


def _is_loopback(url: str) -> bool:
    """Return whether a URL names this machine."""
    return urlsplit(url).hostname in LOOPBACK


def _plain(problem: object) -> str:
    """Return a failure in a few words, safe to print."""
    if isinstance(problem, TimeoutError):
        return "no answer in time, or too slow a one"
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror
    return ascii(problem)[:200]
