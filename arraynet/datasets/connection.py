"""HTTP connections that end in time, whatever the other side sends.

``http.client`` waits for each piece of an answer anew, and skips some of them without
end: interim answers, trailers. Here a deadline stands beneath it, at the socket.
"""

from __future__ import annotations

import functools
import io
import socket
import time
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import Any
from urllib import request


class Deadline:
    """When an exchange is given up: it moves on with what the exchange brings.

    Parameters
    ----------
    timeout : float
        Seconds that an exchange may take before it brings anything, and at most
        those that it is granted afterwards.
    """

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.end = time.monotonic() + timeout

    def left(self) -> float:
        """Return the seconds that are left, or raise TimeoutError."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def restart(self, seconds: float) -> None:
        """Grant so many seconds from now on, or the timeout if that is less."""
        self.end = time.monotonic() + min(seconds, self.timeout)


class Handler(request.AbstractHTTPHandler):
    """Opens http and https for urllib, under one deadline for all redirects together."""

    http_request = https_request = request.AbstractHTTPHandler.do_request_

    def __init__(self, deadline: Deadline) -> None:
        super().__init__()
        self.deadline = deadline

    def http_open(self, asked: request.Request) -> HTTPResponse:
        """Open an http address."""
        return self.do_open(functools.partial(self._connection, HTTPConnection), asked)

    def https_open(self, asked: request.Request) -> HTTPResponse:
        """Open an https address; the certificate is checked as by urllib."""
        return self.do_open(functools.partial(self._connection, HTTPSConnection), asked)

    def _connection(
        self, kind: type[HTTPConnection], host: str, *, timeout: float, **options: Any
    ) -> HTTPConnection:
        connection: Any = kind(host, timeout=self.deadline.left(), **options)
        connection.response_class = functools.partial(_Response, self.deadline)
        connection._create_connection = self._reached
        return connection  # type: ignore[no-any-return]

    def _reached(self, address: tuple[str, int], *_: object) -> socket.socket:
        """Connect to a host: each of its addresses gets half of the time that is left.

        The last one gets all of it. ``socket.create_connection`` gives each the whole
        timeout, and a name may have thousands of addresses.
        """
        problem = OSError("no address")
        places = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
        for number, found in enumerate(places, start=1):
            left = self.deadline.left()
            share = left if number == len(places) else left / 2
            try:
                reached = socket.create_connection((str(found[4][0]), address[1]), share)
            except OSError as error:
                problem = error
            else:
                return self._timed(reached)
        raise problem

    def _timed(self, reached: socket.socket) -> socket.socket:
        """Let a connection's next step, such as TLS's handshake, take all the time left."""
        try:
            reached.settimeout(self.deadline.left())
        except TimeoutError:
            reached.close()
            raise
        return reached


class _Response(HTTPResponse):
    """An answer whose every byte is read under the deadline."""

    def __init__(self, deadline: Deadline, sock: socket.socket, **options: Any) -> None:
        super().__init__(sock, **options)
        self.fp = io.BufferedReader(_Raw(self.fp.detach(), sock, deadline))


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
