"""The page's server as it is, on a port of this machine, and somebody who asks it."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import arraynet
from arraynet.web.neighbours import embedded_digits
from arraynet.web.serving import listen, make_server
from arraynet.web.viewer import Viewer
from tests.drawings import VARIANTS, draw
from tests.waiting import HANGS

SIDE = 140


def drawing(digit: int) -> np.ndarray:
    """Return a digit in 140 × 140 bytes, as the page sends it."""
    return np.rint(255 * draw(digit, VARIANTS[0], SIDE)).astype(np.uint8)


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which must be JSON."""
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body, parse_constant=pytest.fail)

    @property
    def error(self) -> str:
        """The sentence of a refusal."""
        assert list(self.json) == ["error"]
        return self.json["error"]


@dataclass(frozen=True)
class Client:
    """Asks a server on the loopback address."""

    port: int

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Answer:
        """Send one request on a connection of its own."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=HANGS)) as line:
            line.request(method, path, body, dict(headers or {}), **options)
            return self._answer(line.getresponse())

    def look(self, body: Any, query: str = "width=140&height=140", **headers: str) -> Answer:
        """Send a drawing."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask(
            "POST",
            f"/api/look?{query}",
            body,
            {"content-type": "application/octet-stream", **given},
        )

    def raw(self, *parts: bytes) -> Answer:
        """Send bytes as they are, and read one answer."""
        with self.connect() as line:
            for part in parts:
                line.sendall(part)
            response = http.client.HTTPResponse(line)
            response.begin()
            return self._answer(response)

    def connect(self) -> socket.socket:
        """Return a connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=HANGS)

    @staticmethod
    def _answer(response: http.client.HTTPResponse) -> Answer:
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())


@contextmanager
def served(viewer: Any, host: str = "127.0.0.1") -> Iterator[Client]:
    """Serve a viewer on a thread."""
    started = threading.Event()
    bound = listen(host, 0)
    server, application = make_server(viewer, host, bound, ready=started.set)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    try:
        assert started.wait(HANGS)
        yield Client(bound.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(HANGS)
        application.close()
        bound.close()
    assert not thread.is_alive()


@pytest.fixture(scope="session")
def viewer() -> Viewer:
    """Give the viewer of the embedded network."""
    return Viewer(
        arraynet.load_pretrained("digits"), "the embedded network", neighbours=embedded_digits()
    )


@pytest.fixture(scope="session")
def client(viewer: Viewer) -> Iterator[Client]:
    """Give somebody who asks the embedded network's server."""
    with served(viewer) as client:
        yield client
