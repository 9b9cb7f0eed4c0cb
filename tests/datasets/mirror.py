"""A mirror on the loopback address that behaves as badly as it is told to."""

from __future__ import annotations

import contextlib
import hashlib
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from arraynet.datasets import fetch
from arraynet.datasets.fetch import Published

Behaviour = Callable[["Answer", bytes], None]


class Answer(BaseHTTPRequestHandler):
    """Answers each request by the behaviour that stands at the start of its path."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.close_connection = True
        _, behaviour, name = self.path.split("/", 2)
        self.server.mirror.requests.append((behaviour, name))
        # The client may hang up, as it should.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):
            BEHAVIOURS[behaviour](self, self.server.mirror.files[name])

    def head(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    mirror: Mirror


@dataclass
class Mirror:
    """The server's files, what was asked of it, and its address."""

    files: dict[str, bytes]
    address: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)

    def url(self, behaviour: str) -> str:
        return f"{self.address}/{behaviour}/"


@contextmanager
def serve(files: dict[str, bytes], context: ssl.SSLContext | None = None) -> Iterator[Mirror]:
    mirror = Mirror(files)
    with Server(("127.0.0.1", 0), Answer) as server:
        server.mirror = mirror
        port = server.server_address[1]
        mirror.address = f"https://localhost:{port}" if context else f"http://127.0.0.1:{port}"
        if context:
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield mirror
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def publish(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """Serve files, and let them be what is published."""
    known = [Published(n, len(c), hashlib.sha256(c).hexdigest()) for n, c in files.items()]
    monkeypatch.setattr(fetch, "FILES", tuple(known))
    with serve(files) as mirror:
        yield mirror


def good(answer: Answer, content: bytes) -> None:
    """Send the file."""
    answer.head(200, Content_Length=len(content))
    answer.wfile.write(content)


def truncated(answer: Answer, content: bytes) -> None:
    """Promise the file, and send half."""
    answer.head(200, Content_Length=len(content))
    answer.wfile.write(content[: len(content) // 2])


def chunked(answer: Answer, content: bytes) -> None:
    """Send the file without saying how long it is."""
    answer.head(200, Transfer_Encoding="chunked")
    for begin in range(0, len(content), 1000):
        piece = content[begin : begin + 1000]
        answer.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
    answer.wfile.write(b"0\r\n\r\n")


def wrong_bytes(answer: Answer, content: bytes) -> None:
    good(answer, bytes(reversed(content)))


def page(answer: Answer, content: bytes) -> None:
    """Send the page of a login instead, as a hotel's network does."""
    good(answer, b"<html>Please log in</html>")


def endless(answer: Answer, content: bytes) -> None:
    """Send more and more, without saying how much."""
    answer.head(200)
    for _ in range(10_000):
        answer.wfile.write(bytes(10_000))


def silent(answer: Answer, content: bytes) -> None:
    """Send the head, half of the file, and then nothing for a while."""
    answer.head(200, Content_Length=len(content))
    answer.wfile.write(content[: len(content) // 2])
    answer.wfile.flush()
    time.sleep(5)


def slow(answer: Answer, content: bytes) -> None:
    """Send a byte now and then, so that no single wait is long."""
    answer.head(200, Content_Length=len(content))
    for begin in range(100):
        answer.wfile.write(content[begin : begin + 1])
        answer.wfile.flush()
        time.sleep(0.02)


def _flood(answer: Answer, data: bytes) -> None:
    """Send the same again and again, for far longer than the client may wait."""
    end = time.monotonic() + 8
    while time.monotonic() < end:
        answer.wfile.write(data)


def _drip(answer: Answer) -> None:
    """Send a byte now and then, each within the client's wait for one."""
    for _ in range(80):
        answer.wfile.write(b"a")
        answer.wfile.flush()
        time.sleep(0.1)


def interim(answer: Answer, content: bytes) -> None:
    """Send interim answers without end."""
    _flood(answer, b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


def trailers(answer: Answer, content: bytes) -> None:
    """Send a little of the file, then trailers without end."""
    answer.head(200, Transfer_Encoding="chunked")
    answer.wfile.write(b"5\r\n%s\r\n0\r\n" % content[:5])
    _flood(answer, b"X-A: b\r\n" * 100)


def late_trailers(answer: Answer, content: bytes) -> None:
    """Send all of the file but a byte, then trailers without end."""
    answer.head(200, Transfer_Encoding="chunked")
    answer.wfile.write(b"%x\r\n%s\r\n0\r\n" % (len(content) - 1, content[:-1]))
    _flood(answer, b"X-A: b\r\n" * 100)


def slow_header(answer: Answer, content: bytes) -> None:
    """Send a header a byte at a time."""
    answer.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    _drip(answer)


def slow_status(answer: Answer, content: bytes) -> None:
    """Send the first line a byte at a time."""
    answer.wfile.write(b"HTTP/1.1 200 ")
    _drip(answer)


def slow_extension(answer: Answer, content: bytes) -> None:
    """Send the extension of a chunk's size a byte at a time."""
    answer.head(200, Transfer_Encoding="chunked")
    answer.wfile.write(b"5;")
    _drip(answer)


def garbage(answer: Answer, content: bytes) -> None:
    answer.wfile.write(b"\x1b[31mthis is no HTTP\r\n\r\n")


def hung_up(answer: Answer, content: bytes) -> None:
    """Close the connection without a word."""


def status(number: int) -> Behaviour:
    return lambda answer, content: answer.head(number, Content_Length=0)


def redirect(target: str) -> Behaviour:
    """Redirect to a behaviour of this server, or to an address."""

    def answered(answer: Answer, content: bytes) -> None:
        name = answer.path.rsplit("/", 1)[1]
        place = target if ":" in target else f"/{target}/{name}"
        answer.head(302, Location=place, Content_Length=0)

    return answered


BEHAVIOURS: dict[str, Behaviour] = {
    "good": good,
    "chunked": chunked,
    "truncated": truncated,
    "wrong_bytes": wrong_bytes,
    "page": page,
    "endless": endless,
    "silent": silent,
    "slow": slow,
    "interim": interim,
    "trailers": trailers,
    "late_trailers": late_trailers,
    "slow_header": slow_header,
    "slow_status": slow_status,
    "slow_extension": slow_extension,
    "garbage": garbage,
    "hung_up": hung_up,
    "redirect": redirect("good"),
    "redirect_in_a_circle": redirect("redirect_in_a_circle"),
    "redirect_to_http": redirect("http://example.invalid/file"),
    "redirect_to_a_file": redirect("file:///etc/hostname"),
    **{f"status_{number}": status(number) for number in (204, 403, 404, 416, 500, 503)},
}
