"""Plans between calls under a bound: what is kept, what goes first, what is never made twice."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from arraynet.backends.numpy import replay
from arraynet.backends.numpy.plan import Plan
from arraynet.backends.numpy.recording import record
from arraynet.backends.numpy.replay import replaying
from tests.networks import mlp, normal, plans
from tests.reference import assert_right, forward
from tests.waiting import HANGS


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the rows of each batch that is recorded, as it grows."""
    rows: list[int] = []

    def watched(function: Any, x: Any) -> Any:
        rows.append(len(x))
        return record(function, x)

    monkeypatch.setattr(replay, "record", watched)
    return rows


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the rows of each batch that is planned, as it grows."""
    rows: list[int] = []

    class Watched(Plan):
        def __init__(self, tape: Any, layouts: Any) -> None:
            rows.append(tape.sources[0].shape[0])
            super().__init__(tape, layouts)

    monkeypatch.setattr(replay, "Plan", Watched)
    return rows


def test_the_number_of_kinds_is_bounded(
    monkeypatch: pytest.MonkeyPatch, recorded: list[int]
) -> None:
    monkeypatch.setattr(replay, "KEPT_KINDS", 10)
    before = plans()
    network = mlp(4, 5, 3)
    for rows in range(1, 31):
        for _ in range(2):
            network(normal(rows, 4))
        assert plans() - before <= 10
    assert plans() - before == 10
    x = normal(1, 4)  # whose plan is gone by now
    assert_right(network(x), forward(network.graph, x), "float32")
    assert recorded == [*range(1, 31), 1]


def test_the_kind_that_was_not_called_for_longest_is_forgotten(
    monkeypatch: pytest.MonkeyPatch, recorded: list[int]
) -> None:
    monkeypatch.setattr(replay, "KEPT_KINDS", 4)
    network = mlp(4, 5, 3)
    for rows in (1, 2, 3, 4, 5):
        network(normal(rows, 4))
    for rows in range(6, 20):  # one is called between every two others
        network(normal(1, 4))
        network(normal(rows, 4))
    assert recorded == [1, 2, 3, 4, 5, 1, *range(6, 20)]


def test_without_room_the_plans_that_were_not_used_for_longest_go_and_tapes_stay(
    monkeypatch: pytest.MonkeyPatch, recorded: list[int], planned: list[int]
) -> None:
    network = mlp(4, 256, 3)  # one hidden layer of 1 KiB for each row
    monkeypatch.setattr(replay, "KEPT_BYTES", 500 << 10)  # four plans
    for rows in (100, 101, 102, 103, 104):
        for _ in range(2):
            network(normal(rows, 4))
    for rows in range(105, 110):  # one is called between every two others
        network(normal(100, 4))
        for _ in range(2):
            network(normal(rows, 4))
    assert planned == [100, 101, 102, 103, 104, 100, *range(105, 110)]
    network(normal(101, 4))
    assert planned[-1] == 101
    assert recorded == list(range(100, 110))


def test_a_plan_beyond_what_may_be_kept_costs_no_recording(
    monkeypatch: pytest.MonkeyPatch, recorded: list[int], planned: list[int]
) -> None:
    """Two threads at once need two plans; there is room for one."""
    quick = replaying(lambda x: np.tanh(np.exp(-np.abs(x))) * 2.0)
    x = normal(64, 256)
    monkeypatch.setattr(replay, "KEPT_BYTES", 100 << 10)
    expected = quick(x)
    quick(x)
    before = plans()
    together = threading.Barrier(2)
    run = Plan.run

    def both(plan: Plan, x: Any) -> Any:
        together.wait(HANGS)
        return run(plan, x)

    monkeypatch.setattr(Plan, "run", both)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            for result in pool.map(quick, [x, x]):
                np.testing.assert_array_equal(result, expected)
    assert recorded == [64]
    assert planned == [64] * 4
    assert plans() == before


def test_plans_that_an_interrupt_loses_make_no_room_less(
    monkeypatch: pytest.MonkeyPatch, planned: list[int]
) -> None:
    monkeypatch.setattr(replay, "KEPT_BYTES", 100 << 10)
    kept = replay._Plans(lambda x: np.tanh(np.exp(-np.abs(x))) * 2.0)
    x = normal(64, 256)
    kept.first((x,))
    for _ in range(5):
        kept.first((x,))
        kept.ready[np.ndarray, x.shape, x.dtype].pop()
    assert planned == [64] * 5


def test_a_batch_is_run_once_where_its_plan_would_not_be_kept(
    monkeypatch: pytest.MonkeyPatch, planned: list[int]
) -> None:
    monkeypatch.setattr(replay, "KEPT_BYTES", 1 << 16)
    calls: list[int] = []

    def function(x: Any) -> Any:
        calls.append(len(x))
        return np.tanh(np.exp(-np.abs(x))) * 2.0

    quick = replaying(function)
    for number in range(1, 4):
        quick(normal(500, 256))
        assert len(calls) == number
    assert planned == []


def test_the_bytes_of_buffers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "KEPT_BYTES", 1 << 20)
    network = mlp(4, 256, 3, hidden="softplus")
    network(normal(1, 4))
    batches = [normal(rows, 4) for rows in range(100, 160)]
    tracemalloc.start()
    try:
        for x in batches:  # a hidden layer of 100 KiB and more in each plan
            network(x)
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 100 << 10 < kept < 2 << 20  # the buffers, and 60 tapes; all would be 8 MiB


def test_a_batch_beyond_the_bound_runs_unplanned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "KEPT_BYTES", 1 << 16)
    before = plans()
    network = mlp(4, 256, 3)
    x = normal(500, 4)
    results = [network(x) for _ in range(3)]
    assert plans() == before
    for result in results:
        assert_right(result, forward(network.graph, x), "float32")
        np.testing.assert_array_equal(result, results[0])
    for _ in range(2):
        network(normal(2, 4))  # a small one is planned all the same
    assert plans() == before + 1


@pytest.mark.parametrize("threads", [1, 4])
def test_nothing_stays_of_plans_that_are_dropped(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any pressure of bytes: one network sees batches of ever new sizes."""
    monkeypatch.setattr(replay, "KEPT_KINDS", 10)
    made: list[Any] = []
    first = replay._Plans.__init__

    def watched(self: Any, function: Any) -> None:
        first(self, function)
        made.append(self)

    monkeypatch.setattr(replay._Plans, "__init__", watched)
    network = mlp(4, 5, 3)
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(lambda rows: network(normal(rows, 4)), range(1, 200)):
            pass
    gc.collect()
    (kept,) = made
    assert len(kept._kept) <= 10 * threads
    assert sum(plan.nbytes for plan in kept._kept) == kept._bytes()
