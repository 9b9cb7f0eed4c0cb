"""One file over HTTP: capped, checked, continued where an earlier try stopped.

The standard library alone. Connections are https; http is for the loopback address.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException, HTTPResponse
from typing import IO, BinaryIO
from urllib import error, request
from urllib.parse import urlsplit

from arraynet.datasets.connection import Deadline, Handler
from arraynet.datasets.part import Part

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
REDIRECTS = 5
CHUNK = 1 << 16
SLOWEST = 1000
"""Bytes a second of the file below which a mirror is given up."""

Report = Callable[[int], object]
"""Told how many bytes of the file are there."""


class MirrorError(Exception):
    """What is wrong with a mirror; ``again``: it is worth another try."""

    def __init__(self, reason: str, *, again: bool = False) -> None:
        super().__init__(reason)
        self.again = again


@dataclass(frozen=True)
class Published:
    """What is known about a file beforehand: its name, its bytes, its SHA-256."""

    name: str
    size: int
    sha256: str


def download(url: str, part: Part, published: Published, *, timeout: float, report: Report) -> None:
    """Complete the partial file ``part`` from ``url``, or raise `MirrorError`.

    Afterwards the file is whole and its SHA-256 is right. After a failure it holds
    what may be continued, if anything.

    Parameters
    ----------
    url : str
        Where to get it: https, or http on the loopback address.
    part : Part
        Where it goes; what is there already is continued.
    published : Published
        What it must be.
    timeout : float
        Seconds until the first bytes, and then for pauses, until more bytes make up for
        them.
    report : callable
        Called with the number of bytes that are there, now and then.
    """
    begin = part.file.seek(0, os.SEEK_END)
    begin = begin if begin <= published.size else 0
    if begin < published.size:
        begin = _receive(url, part, published, begin, timeout, report)
    if digest(part.file) != published.sha256:
        part.clear()
        raise MirrorError("other bytes than the published SHA-256 says", again=begin > 0)


def digest(file: BinaryIO) -> str:
    """Return the SHA-256 of an open file."""
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def _receive(
    url: str, part: Part, published: Published, begin: int, timeout: float, report: Report
) -> int:
    """Write what the server sends; return at which byte of the file it began."""
    received = 0
    deadline = Deadline(timeout)
    with _open(url, begin, deadline) as response:
        begin = _first_byte(response, part, begin, published.size)
        part.file.seek(begin)
        for chunk in _chunks(response, published.size - begin, deadline):
            part.check()
            part.file.write(chunk)
            received += len(chunk)
            report(begin + received)
        part.check()
        part.file.truncate()
        part.file.flush()
        os.fsync(part.file.fileno())
    if begin + received < published.size:
        raise MirrorError(
            f"the end after {begin + received} of {published.size} bytes", again=received > 0
        )
    return begin


def _open(url: str, begin: int, deadline: Deadline) -> HTTPResponse:
    """Ask for the file from its byte ``begin`` on."""
    check_url(url)
    headers = {"User-Agent": "arraynet", "Accept-Encoding": "identity"}
    if begin:
        headers["Range"] = f"bytes={begin}-"
    try:
        response: HTTPResponse = _opener(_is_loopback(url), deadline).open(
            request.Request(url, headers=headers)
        )
    except error.HTTPError as problem:
        problem.close()
        raise MirrorError(f"HTTP status {problem.code}") from problem
    except error.URLError as problem:
        raise MirrorError(_plain(problem.reason)) from problem
    except (OSError, HTTPException, ValueError) as problem:
        raise MirrorError(_plain(problem)) from problem
    return response


def _first_byte(response: HTTPResponse, part: Part, begin: int, size: int) -> int:
    """Return which byte of the file the answer begins with, after checking its size."""
    if response.status == 206:
        if response.headers.get("Content-Range") != f"bytes {begin}-{size - 1}/{size}":
            part.clear()
            raise MirrorError("another range than was asked for", again=begin > 0)
        return begin
    if response.status != 200:
        raise MirrorError(f"HTTP status {response.status}")
    if response.length not in (None, size):
        raise MirrorError(f"a file of {response.length} bytes instead of {size}")
    return 0


def _chunks(response: HTTPResponse, size: int, deadline: Deadline) -> Iterator[bytes]:
    """Yield the answer as it comes, at most ``size`` bytes, not too slowly.

    The first bytes grant the timeout anew, and all bytes the time that the slowest mirror
    may take for them.
    """
    received = 0
    while True:
        try:
            chunk = response.read1(CHUNK)
            left = deadline.left() if received else deadline.timeout
        except TimeoutError as problem:
            raise MirrorError(f"{received} bytes, and then {_plain(problem)}") from problem
        except (OSError, HTTPException, ValueError) as problem:
            raise MirrorError(_plain(problem), again=received > 0) from problem
        if not chunk:
            return
        received += len(chunk)
        if received > size:
            raise MirrorError(f"more than the {size} bytes that were due")
        yield chunk
        deadline.restart(left + len(chunk) / SLOWEST)  # what was done with it took no time


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


def _opener(loopback: bool, deadline: Deadline) -> request.OpenerDirector:
    """Return an opener for https and http alone; the loopback address needs no proxy."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler({} if loopback else None),
        Handler(deadline),
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
