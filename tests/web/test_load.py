"""Many at once, the slow, those who leave, and failures inside."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

import pytest

from arraynet.errors import OutOfMemoryError
from arraynet.web import application, requests
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
