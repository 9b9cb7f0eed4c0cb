"""Many at once, the slow, those who leave, and failures inside."""

from __future__ import annotations

import asyncio
import http.client
import logging
import re
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from arraynet.errors import OutOfMemoryError
from arraynet.web import application, requests, serving
from tests.waiting import HANGS, comes_true
from tests.web.conftest import Answer, Client, drawing, served
from tests.web.test_rules import SEVEN, head


class Stub:
    """A viewer that waits until it may go on, or fails."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.go = threading.Event()
        self.failure = failure
        self.seen = 0

    def describe(self) -> dict[str, Any]:
        return {"name": "stub"}

    def look(self, drawing: Any, backend: str | None) -> dict[str, Any]:
        assert self.go.wait(HANGS)
        self.seen += 1
        if self.failure:
            raise self.failure
        return {"seen": self.seen}

    times = look

    @staticmethod
    def backends() -> list[Any]:
        return []


@pytest.fixture
def slow() -> Iterator[Stub]:
    stub = Stub()
    yield stub
    stub.go.set()


def test_200_requests_at_once_are_served_or_refused(client: Client) -> None:
    """Each one is answered: 200 with the digit, or 503 with the time to wait."""
    bodies = [drawing(digit).tobytes() for digit in range(10)]

    def ask(number: int) -> Answer:
        return client.look(bodies[number % 10])

    with ThreadPoolExecutor(50) as crowd:
        answers = list(crowd.map(ask, range(200)))
    statuses = Counter(answer.status for answer in answers)
    print(f"200 requests: {dict(statuses)}")
    assert set(statuses) <= {200, 503}
    assert statuses[200] >= 32
    for number, answer in enumerate(answers):
        if answer.status == 200:
            assert answer.json["label"] == number % 10
        else:
            assert int(answer.headers["retry-after"]) >= 1
            assert "Too many" in answer.error
    assert client.look(SEVEN).status == 200


def test_the_queue_has_an_end_and_the_loop_goes_on(slow: Stub) -> None:
    count = application.WAITING + 1
    with served(slow) as client, ThreadPoolExecutor(count) as crowd:
        asked = [crowd.submit(client.look, SEVEN) for _ in range(count)]
        answered, waiting = wait(asked, HANGS, FIRST_COMPLETED)
        assert [future.result().status for future in answered] == [503]
        refused = client.look(SEVEN)
        assert refused.status == 503
        assert refused.headers["retry-after"] == "1"
        assert client.ask("GET", "/").status == 200  # nothing else waits
        assert client.ask("GET", "/api/backends").status == 200
        slow.go.set()
        assert {future.result().status for future in waiting} == {200}
        assert client.look(SEVEN).status == 200


def test_a_body_that_does_not_come(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "PATIENCE", 0.2)
    answer = client.raw(head(client) + b"Content-Length: 19600\r\n\r\n", SEVEN[:100])
    assert answer.status == 408
    assert answer.headers["connection"] == "close"
    assert "more than 0.2 seconds" in answer.error


def closed(line: socket.socket) -> bool:
    """Return whether the server closes a connection without a word."""
    try:
        return line.recv(1) == b""
    except ConnectionResetError:
        return True


def drip(line: socket.socket, sent: bytes) -> None:
    """Send a byte from time to time, until nobody listens."""
    for place in range(len(sent)):
        line.settimeout(0.02)
        try:
            if line.recv(1) == b"":
                break
        except TimeoutError:
            pass
        except ConnectionResetError:
            break
        line.sendall(sent[place : place + 1])
    line.settimeout(20)


@pytest.mark.parametrize("before", [False, True], ids=["first", "next"])
@pytest.mark.parametrize("sent", ["nothing", "a part", "bytes now and then"])
def test_headers_that_do_not_come(
    client: Client, monkeypatch: pytest.MonkeyPatch, before: bool, sent: str
) -> None:
    """Also those of a second request on a connection that has served one."""
    monkeypatch.setattr(requests, "PATIENCE", 0.5)
    with client.connect() as line:
        if before:
            line.sendall(b"GET /api/backends HTTP/1.1\r\n" + host(client))
            response = http.client.HTTPResponse(line)
            response.begin()
            assert response.status == 200
            response.read()
        if sent == "a part":
            line.sendall(b"GET / HTTP/1.1\r\nHo")
        elif sent == "bytes now and then":
            with suppress(ConnectionError):
                drip(line, b"GET / HTTP/1.1\r\nX: " + b"x" * 200)
        assert closed(line)


def host(client: Client) -> bytes:
    return f"Host: 127.0.0.1:{client.port}\r\n\r\n".encode()


def test_a_request_that_takes_long_is_not_cut_off(
    slow: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "PATIENCE", 0.2)
    with served(slow) as client, ThreadPoolExecutor(1) as crowd:
        asked = crowd.submit(client.look, SEVEN)
        with client.connect() as line:  # came later, and its time is over
            assert closed(line)
        slow.go.set()
        assert asked.result().status == 200


def test_who_has_said_nothing_for_longest_makes_room(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "MOST", 8)
    with ExitStack() as held:
        idle = [held.enter_context(client.connect()) for _ in range(20)]
        assert client.look(SEVEN).status == 200
        assert all(closed(line) for line in idle[:12])


def test_where_all_are_busy_the_newest_is_turned_away(
    slow: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "WAITING", 4)
    with served(slow) as client, ThreadPoolExecutor(5) as crowd:
        asked = [crowd.submit(client.look, SEVEN) for _ in range(5)]
        (refused,), busy = wait(asked, HANGS, FIRST_COMPLETED)  # which says that four wait
        assert refused.result().status == 503
        monkeypatch.setattr(serving, "MOST", 4)
        while not closed_at_once(client):
            assert not any(future.done() for future in busy)
        monkeypatch.undo()
        slow.go.set()
        assert {future.result().status for future in busy} == {200}
        assert client.look(SEVEN).status == 200


def closed_at_once(client: Client) -> bool:
    with client.connect() as line:
        line.settimeout(0.2)
        try:
            return closed(line)
        except TimeoutError:
            return False


def test_idle_connections_beyond_all_descriptors_do_not_kill_the_page(tmp_path: Path) -> None:
    """Where accepting fails, asyncio writes a traceback for each connection that waits."""
    resource = pytest.importorskip("resource", reason="no limits of this kind here")
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 1024:
        pytest.skip("this process may not open enough files itself")
    program = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))\n"
        "from arraynet.cli import main\n"
        "main()\n"
    )
    arguments = ["draw", "--no-open", "--port", "0"]
    with (
        open(tmp_path / "errors", "wb") as errors,
        subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
        ExitStack() as held,
    ):
        assert process.stdout is not None
        found = re.search(r":(\d+)/", process.stdout.readline())
        assert found
        client = Client(int(found[1]))
        try:
            for _ in range(500):
                held.enter_context(client.connect())
            assert client.look(SEVEN).json["label"] == 7
            assert client.ask("GET", "/").status == 200
        finally:
            process.terminate()
    assert (tmp_path / "errors").read_bytes() == b""


def test_those_who_leave_are_forgotten(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    for sent in (b"", b"GET", head(client) + b"Content-Length: 19600\r\n\r\nabc"):
        with client.connect() as line:
            line.sendall(sent)
    whole = head(client) + b"Content-Length: 19600\r\n\r\n" + SEVEN
    for _ in range(40):
        with client.connect() as line:
            line.sendall(whole)
    assert comes_true(lambda: client.look(SEVEN).status == 200)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_a_failure_inside_is_an_answer_and_a_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stub = Stub(RuntimeError("a secret"))
    stub.go.set()
    with served(stub) as client:
        answer = client.look(SEVEN)
        assert answer.status == 500
        assert answer.error == "The server failed: RuntimeError."
        assert client.ask("GET", "/").status == 200
    assert "a secret" in caplog.text


def test_a_device_that_fails_says_why() -> None:
    stub = Stub(OutOfMemoryError("gpu: got no room, expected 1 MB (close other programs)"))
    stub.go.set()
    with served(stub) as client:
        answer = client.look(SEVEN)
        assert answer.status == 503
        assert "close other programs" in answer.error


def test_only_http_is_spoken(slow: Stub) -> None:
    spoken = application.Application(slow, "127.0.0.1", 80)

    async def nothing(*_: Any) -> Any:
        return {}

    with pytest.raises(RuntimeError, match="websocket"):
        asyncio.run(spoken({"type": "websocket"}, nothing, nothing))
    spoken.close()
