"""How long a mirror is waited for, on a clock that is set by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from arraynet.datasets import download, fetch_mnist
from arraynet.errors import LoadError
from tests.datasets.mirror import BEHAVIOURS, Answer, Mirror, publish
from tests.waiting import HANGS

NAME = "labels.gz"
CONTENT = np.random.default_rng(6).bytes(50_000)
Step = tuple[float, int]
"""So many seconds of the clock, and then so many bytes of the file."""


class Clock:
    """Stands in for ``time.monotonic``."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give it to the downloader alone: a server of another test may live by time's own."""
    clock = Clock()
    monkeypatch.setattr(download, "time", SimpleNamespace(monotonic=clock))
    return clock


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """Serve one small file, and let it be what is published."""
    with publish({NAME: CONTENT}, monkeypatch) as server:
        yield server


@pytest.fixture
def fetched(
    tmp_path: Path, mirror: Mirror, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Callable[[list[Step], float], None]:
    """Give a function that fetches a file which comes in steps."""

    def fetch_in_steps(steps: list[Step], timeout: float) -> None:
        changed = threading.Condition()
        received = counted = 0
        grant = download._Timed.grant

        def paused(answer: Answer, content: bytes) -> None:
            sent = 0
            clock.now += steps[0][0]
            answer.head(200, Content_Length=len(content))
            for (_, count), (pause, _) in zip(steps, [*steps[1:], (0.0, 0)], strict=True):
                answer.wfile.write(content[sent : sent + count])
                answer.wfile.flush()
                sent += count
                with changed:
                    assert changed.wait_for(lambda: counted >= sent, HANGS)  # noqa: B023
                    clock.now += pause

        def seen(count: int, _: int) -> None:
            nonlocal received
            received = count

        def granted(deadline: download._Timed, seconds: float) -> None:
            """Let the clock go on only once the deadline knows of the bytes."""
            nonlocal counted
            grant(deadline, seconds)
            with changed:
                counted = received
                changed.notify()

        monkeypatch.setitem(BEHAVIOURS, "paused", paused)
        monkeypatch.setattr(download._Timed, "grant", granted)
        fetch_mnist(tmp_path, mirrors=mirror.url("paused"), timeout=timeout, progress=seen)
        assert (tmp_path / NAME).read_bytes() == CONTENT

    return fetch_in_steps


STEPS: dict[str, list[Step]] = {
    "late, and then a pause": [(170, 10), (60, 49_990)],
    "late, and then a long pause": [(190, 10), (190, 49_990)],
    "at once, and then a long pause": [(0, 10), (190, 49_990)],
    "1,000 bytes a second": [(190, 10_000)] + [(10, 10_000)] * 4,
    "pauses that are made up for": [(190, 10), (20, 20_000), (190, 29_990)],
}


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_a_mirror_that_is_waited_for(
    steps: list[Step], fetched: Callable[[list[Step], float], None]
) -> None:
    fetched(steps, 200)


SLOW: dict[str, list[Step]] = {
    "pauses that are not made up for": [(0, 10), (120, 10), (120, 49_980)],
    "slower than 1,000 bytes a second": [(0, 10_000)] + [(80, 10_000)] * 4,
}


@pytest.mark.parametrize("steps", SLOW.values(), ids=SLOW)
def test_a_mirror_that_is_given_up(
    steps: list[Step], fetched: Callable[[list[Step], float], None]
) -> None:
    with pytest.raises(LoadError, match="bytes, and then no answer in time"):
        fetched(steps, 200)
