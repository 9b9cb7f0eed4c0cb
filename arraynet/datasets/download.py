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
from dataclasses import dataclass
from email.message import Message
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


@dataclass(frozen=True)
class Published:
    """What is known about a file beforehand: its name, its bytes, its SHA-256."""

    name: str
    size: int
    sha256: str

    def is_in(self, content: bytes) -> bool:
        """Return whether these bytes are the file."""
        return hashlib.sha256(content).hexdigest() == self.sha256


def download(
    url: str, published: Published, *, timeout: float, report: Callable[[int], object]
) -> bytes:
    """Return a file's bytes from ``url``, or raise `MirrorError`.

    Parameters
    ----------
    url : str
        Where to get it: https, or http on the loopback address.
    published : Published
        What it must be.
    timeout : float
        Seconds to wait for an answer, and then for pauses, until more bytes make up for
        them.
    report : callable
        Called with the number of bytes that are there, now and then.
    """
    check_url(url)
    asked = request.Request(url, headers={"User-Agent": "arraynet", "Accept-Encoding": "identity"})
    try:
        with _opener(_is_loopback(url)).open(asked, timeout=timeout) as response:
            content = _receive(response, published.size, report)
    except error.HTTPError as problem:
        problem.close()
        raise MirrorError(f"HTTP status {problem.code}") from problem
    except error.URLError as problem:
        raise MirrorError(_plain(problem.reason)) from problem
    except (OSError, HTTPException, ValueError) as problem:
        raise MirrorError(_plain(problem)) from problem
    if not published.is_in(content):
        raise MirrorError("other bytes than the published SHA-256 says")
    return content


def _receive(response: HTTPResponse, size: int, report: Callable[[int], object]) -> bytes:
    """Return the body, which must be of that size, and not come too slowly."""
    if response.status != 200:
        raise MirrorError(f"HTTP status {response.status}")
    if response.length not in (None, size):
        raise MirrorError(f"a file of {response.length} bytes instead of {size}")
    content, deadline = bytearray(), response.deadline  # type: ignore[attr-defined]
    deadline.grant(deadline.timeout)
    try:
        while chunk := response.read1(CHUNK):
            content += chunk
            if len(content) > size:
                raise MirrorError(f"more than the {size} bytes that were due")
            report(len(content))
            deadline.grant(len(chunk) / SLOWEST)
    except TimeoutError as problem:
        raise MirrorError(f"{len(content)} bytes, and then {_plain(problem)}") from problem
    if len(content) < size:
        raise MirrorError(f"the end after {len(content)} of {size} bytes")
    return bytes(content)


class Deadline:
    """When an answer is given up: it moves on with what the answer brings."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.end = time.monotonic() + timeout

    def left(self) -> float:
        """Return the seconds that are left, or raise TimeoutError."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def grant(self, seconds: float) -> None:
        """Grant so many seconds more, up to the timeout from now on, if there is time left."""
        self.left()
        self.end = min(self.end + seconds, time.monotonic() + self.timeout)


class _Raw(io.RawIOBase):
    """The bytes of a socket, as they come, until the deadline."""

    def __init__(self, raw: Any, sock: socket.socket, deadline: Deadline) -> None:
        self.raw = raw
        self.sock = sock
        self.deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self.sock.settimeout(self.deadline.left())
        count: int | None = self.raw.readinto(buffer)
        return count

    def close(self) -> None:
        self.raw.close()
        super().close()


class _Response(HTTPResponse):
    """An answer whose every byte is read under a deadline."""

    def __init__(self, sock: socket.socket, **options: Any) -> None:
        super().__init__(sock, **options)
        self.deadline = Deadline(sock.gettimeout() or 0.0)
        self.fp = io.BufferedReader(_Raw(self.fp.detach(), sock, self.deadline))


class _Http(HTTPConnection):
    response_class = _Response


class _Https(HTTPSConnection):
    response_class = _Response


class _Handler(request.AbstractHTTPHandler):
    """Opens http and https for urllib; the certificate is checked as by urllib."""

    http_request = https_request = request.AbstractHTTPHandler.do_request_

    def http_open(self, asked: request.Request) -> HTTPResponse:
        """Open an http address."""
        return self.do_open(_Http, asked)

    def https_open(self, asked: request.Request) -> HTTPResponse:
        """Open an https address."""
        return self.do_open(_Https, asked)


class _Redirects(request.HTTPRedirectHandler):
    """Follows a few redirects, and none to where a first request must not go."""

    max_redirections = REDIRECTS

    def redirect_request(
        self,
        req: request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> request.Request | None:
        fp.close()  # unread: what comes with a redirect may be of any length
        check_url(newurl)
        if _is_loopback(newurl) and not _is_loopback(req.full_url):
            raise MirrorError("a redirect to this machine")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _opener(loopback: bool) -> request.OpenerDirector:
    """Return an opener for https and http alone; the loopback address needs no proxy."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler({} if loopback else None),
        _Handler(),
        request.HTTPDefaultErrorHandler(),
        request.HTTPErrorProcessor(),
        request.UnknownHandler(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener


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
