"""The loop that times things."""

from __future__ import annotations

import gc
from types import SimpleNamespace

import pytest

from bench.timing import REST, calls_for, come_to_rest, time_calls


def test_so_many_calls_are_made_without_garbage_collection() -> None:
    collecting: list[bool] = []

    def call() -> int:
        collecting.append(gc.isenabled())
        return len(collecting)

    seconds, result = time_calls(call, 5)
    assert (result, collecting) == (5, [False] * 5)
    assert seconds > 0
    assert gc.isenabled()


def test_garbage_is_collected_again_after_an_error() -> None:
    def fail() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        time_calls(fail, 1)
    assert gc.isenabled()


def test_the_time_is_that_of_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 16.0])
    monkeypatch.setattr("bench.timing.time", SimpleNamespace(perf_counter=lambda: next(clock)))
    assert time_calls(lambda: None, 3)[0] == 2.0


@pytest.mark.parametrize(("each", "wanted"), [(1.0, 1), (0.25, 4), (0.01, 100)])
def test_a_sample_gets_enough_calls(
    each: float, wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.timing.time_calls", lambda call, number: (each, None))
    assert calls_for(lambda: None, seconds=1.0) == wanted


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Give a clock that sleeping moves, and how much of each sleep is spent computing."""
    made = SimpleNamespace(now=0.0, computed=0.0, parts=[])

    def sleep(seconds: float) -> None:
        made.now += seconds
        made.computed += seconds * (made.parts.pop(0) if made.parts else 1.0)

    clock = SimpleNamespace(
        perf_counter=lambda: made.now, process_time=lambda: made.computed, sleep=sleep
    )
    monkeypatch.setattr("bench.timing.time", clock)
    return made


def test_threads_that_still_compute_are_waited_for(clocks: SimpleNamespace) -> None:
    clocks.parts = [2.0, 1.0, 0.5, 0.1, 1.0]
    come_to_rest()
    assert clocks.parts == [1.0]


def test_threads_that_never_rest_are_not_waited_for_for_ever(clocks: SimpleNamespace) -> None:
    come_to_rest(longest=0.1)
    assert clocks.now == pytest.approx(0.1, abs=REST)
