"""Plans between calls: what is kept, under which bound, and what is let go."""

from __future__ import annotations

import gc
import threading
import tracemalloc
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from arraynet.backends import replay
from arraynet.backends.plan import Plan
from arraynet.backends.recording import record
from arraynet.backends.replay import replaying
from tests.networks import mlp, normal, seven_layers
from tests.reference import assert_right, forward


def plans() -> int:
    """Return how many plans are alive in this process."""
    gc.collect()
    return sum(isinstance(thing, Plan) for thing in gc.get_objects())


def test_one_plan_serves_one_kind_of_input() -> None:
    before = plans()
    network = mlp(4, 5, 3)
    for _ in range(5):
        network(normal(3, 4))
    assert plans() == before + 1
    network(normal(3, 4).astype("f8"))
    network(normal(4, 4))
    assert plans() == before + 3
    del network
    assert plans() == before


def test_a_plan_is_made_once_and_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    monkeypatch.setattr(replay, "Plan", lambda *parts: made.append(Plan(*parts)) or made[-1])
    network = mlp(4, 5, 3)
    for _ in range(5):
        network(normal(3, 4))
    assert len(made) == 1


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
            rows.append(tape.source.shape[0])
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
        network(normal(rows, 4))
    for rows in range(105, 110):  # one is called between every two others
        network(normal(100, 4))
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
    before = plans()
    together = threading.Barrier(2)
    run = Plan.run

    def both(plan: Plan, x: Any) -> Any:
        together.wait(10)
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
    for _ in range(5):
        kept.first(x)
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
    network(normal(2, 4))  # a small one is planned all the same
    assert plans() == before + 1


def test_a_call_differs_in_no_bit_from_the_next() -> None:
    """The first call records, the second replays: nobody can tell."""
    for rows in (1, 2, 7, 100):
        network = mlp(20, 30, 10)
        x = normal(rows, 20)
        first = network(x)
        np.testing.assert_array_equal(network(x), first)
        np.testing.assert_array_equal(network.predict(x), first)


def test_nothing_keeps_the_caller_s_array() -> None:
    network = mlp(4, 5, 3)
    for _ in range(3):
        x = normal(6, 4)
        alive = weakref.ref(x)
        network(x)
        network.predict(x, batch_size=2)
        del x
        gc.collect()
        assert alive() is None


def test_nothing_keeps_the_caller_s_array_when_a_call_fails() -> None:
    quick = replaying(lambda x: np.tanh(np.exp(x)) * 2.0)
    good = normal(2, 4)
    expected = quick(good)
    bad = np.full((2, 4), 1000.0, np.float32)
    alive = weakref.ref(bad)
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        quick(bad)
    del bad
    gc.collect()
    assert alive() is None
    np.testing.assert_array_equal(quick(good), expected)


def test_results_live_on_when_the_network_does_not() -> None:
    network = mlp(4, 5, 3)
    x = normal(6, 4)
    network(x)
    result = network(x)
    kept = result.copy()
    del network
    gc.collect()
    np.testing.assert_array_equal(result, kept)
    assert result.flags.writeable


def test_a_weight_that_its_maker_changes_later_changes_nothing() -> None:
    from arraynet import Dense, Sequential

    weight, bias = np.ones((3, 2), np.float32), np.zeros(2, np.float32)
    network = Sequential(Dense(weight, bias), "relu", Dense(weight[:2], bias))
    x = normal(5, 3)
    expected = network(x)
    weight[...] = 100.0
    bias[...] = 100.0
    np.testing.assert_array_equal(network(x), expected)
    np.testing.assert_array_equal(network(x[:3]), expected[:3])


def _as_memmap(x: Any, tmp_path: Any) -> Any:
    stored = np.memmap(tmp_path / "x.dat", x.dtype, "w+", shape=x.shape)
    stored[...] = x
    return stored


FORMS: dict[str, Any] = {
    "contiguous": lambda x, _: x.copy(),
    "every second row": lambda x, _: np.repeat(x, 2, axis=0)[::2],
    "every second column": lambda x, _: np.repeat(x, 2, axis=1)[:, ::2],
    "rows backwards": lambda x, _: x[::-1].copy()[::-1],
    "columns backwards": lambda x, _: x[:, ::-1].copy()[:, ::-1],
    "Fortran order": lambda x, _: np.asfortranarray(x),
    "a part of a wider array": lambda x, _: np.pad(x, 3)[3:-3, 3:-3],
    "big-endian": lambda x, _: x.astype(">f4"),
    "big-endian float64": lambda x, _: x.astype(">f8"),
    "float64": lambda x, _: x.astype("f8"),
    "float16": lambda x, _: x.astype("f2"),
    "uint8": lambda x, _: x.astype(np.uint8),
    "int16, big-endian": lambda x, _: x.astype(">i2"),
    "int64": lambda x, _: x.astype(np.int64),
    "bool": lambda x, _: x.astype(bool),
    "read-only": lambda x, _: _frozen(x),
    "unaligned": lambda x, _: np.frombuffer(b"." + x.tobytes(), x.dtype, offset=1).reshape(x.shape),
    "one row for all": lambda x, _: np.broadcast_to(x[0], x.shape),
    "memory map": _as_memmap,
    "a part of a memory map": lambda x, path: _as_memmap(np.pad(x, 2), path)[2:-2, 2:-2],
    "nested lists": lambda x, _: x.tolist(),
    "a list of rows": lambda x, _: list(x),
    "a buffer": lambda x, _: memoryview(np.ascontiguousarray(x)),
    "a subclass": lambda x, _: x.view(np.matrix),
}


def _frozen(x: Any) -> Any:
    x = x.copy()
    x.setflags(write=False)
    return x


@pytest.mark.parametrize("form", list(FORMS))
@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_every_form_of_input(form: str, tmp_path: Any) -> None:
    """Whole numbers from 0 to 3, which every dtype holds."""
    graph = seven_layers()
    from arraynet import Network

    network = Network(graph)
    for rows in (1, 7):
        values = np.random.default_rng(rows).integers(0, 4, (rows, 16)).astype("f4")
        x = FORMS[form](values, tmp_path)
        plain = np.asarray(x).astype("f4")
        original = plain.copy()
        expected = forward(graph, plain)
        for call in (network, network, network.predict):
            result = call(x)
            assert type(result) is np.ndarray
            assert result.dtype == np.float32
            assert_right(result, expected, "float32")
            result[...] = np.nan
        np.testing.assert_array_equal(np.asarray(x).astype("f4"), original)


ENDS: dict[str, Any] = {
    "ufunc": lambda x: np.tanh(x),
    "maximum": lambda x: np.maximum(x, 0.5),
    "where": lambda x: np.where(x > 0, x, 2.0),
    "cast": lambda x: x.astype(np.float64),
    "other": lambda x: x[:, ::-1],
    "transposed": lambda x: np.transpose(x),
    "reduction": lambda x: np.sum(x, axis=1, keepdims=True),
    "input": lambda x: x,
}


@pytest.mark.parametrize("end", list(ENDS))
def test_a_result_is_in_the_order_of_its_rows_whatever_the_input_s(end: str) -> None:
    function = ENDS[end]
    quick = replaying(function)
    for x in (normal(5, 8), np.asfortranarray(normal(5, 8)), normal(10, 8)[::2]):
        for _ in range(2):
            result = quick(x)
            np.testing.assert_array_equal(result, function(x))
            assert result.flags.c_contiguous
            assert not np.shares_memory(result, x)


def test_a_function_may_return_its_input_but_the_caller_gets_a_copy() -> None:
    quick = replaying(lambda x: x)
    for _ in range(3):
        x = normal(2, 3)
        result = quick(x)
        assert not np.shares_memory(result, x)
        np.testing.assert_array_equal(result, x)
