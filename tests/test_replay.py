"""Plans between calls: one for each kind of input, whose results and inputs are the caller's."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

from arraynet.backends.numpy import replay
from arraynet.backends.numpy.plan import Plan
from arraynet.backends.numpy.replay import replaying
from tests.networks import mlp, normal, plans, seven_layers
from tests.reference import assert_right, forward


def test_one_plan_serves_one_kind_of_input() -> None:
    before = plans()
    network = mlp(4, 5, 3)
    for _ in range(5):
        network(normal(3, 4))
    assert plans() == before + 1
    for _ in range(2):
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
