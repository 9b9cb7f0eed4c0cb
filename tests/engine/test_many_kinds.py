"""Networks that are called with ever new sizes: memory, calls, and what planning costs."""

from __future__ import annotations

import cProfile
import gc
import os
import pstats
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from arraynet import Network
from arraynet.backends.numpy.namespace import NAMESPACE
from arraynet.backends.numpy.plan import Plan
from arraynet.backends.numpy.recording import Tape, record
from arraynet.graph import Graph, Node, Value
from tests.networks import mlp, normal

SIZES = int(os.environ.get("ARRAYNET_TEST_SIZES", "800"))
"""How many sizes memory is watched over; 10000 to be sure."""


def kept_bytes() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.parametrize("twice", [False, True], ids=["each once", "each twice"])
def test_memory_stays_flat_over_ever_new_batch_sizes(twice: bool) -> None:
    network = mlp(8, 32, 3)
    x = normal(SIZES + 400, 8)
    calls = [x[:rows] for rows in range(1, SIZES + 400) for _ in range(1 + twice)]
    half = len(calls) // 2
    tracemalloc.start()
    try:
        for batch in calls[:half]:
            network(batch)
        before = kept_bytes()
        for batch in calls[half:]:
            network(batch)
        after = kept_bytes()
    finally:
        tracemalloc.stop()
    # As many kinds are kept as before; their buffers are of larger batches by now.
    assert after <= before * (2 if twice else 1.1) + (256 << 10)


def made_calls(function: Callable[[], Any]) -> int:
    """Return how many calls of Python and of C functions are made."""
    count = 0

    def seen(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    outside = sys.getprofile()
    sys.setprofile(seen)
    try:
        function()
    finally:
        sys.setprofile(outside)
    return count


def growing() -> Graph:
    """Return tanh(softmax(relu(x)) + x) of a value of any length."""
    nodes = (
        Node("relu", ("x",), ("r",)),
        Node("softmax", ("r",), ("s",)),
        Node("add", ("s", "x"), ("a",)),
        Node("tanh", ("a",), ("y",)),
    )
    return Graph((Value("x", ("length", 8)),), nodes, {}, ("y",))


def test_a_value_that_grows_by_a_row_a_call_costs_little_more_than_unplanned() -> None:
    network = Network(growing())
    x = normal(600, 8)
    grown = [x[:rows] for rows in range(1, 600)]
    planned = made_calls(lambda: [network(part) for part in grown])  # the first are recorded
    plain = made_calls(lambda: [network._program.forward(part) for part in grown])
    print(f"calls for {len(grown)} lengths: {planned} with plans, {plain} without")
    assert planned <= 1.5 * plain


def chain(x: Any, length: int) -> Any:
    """Return one elementwise call after the other."""
    for _ in range(length):
        x = np.tanh(x)
    return x


def wide(x: Any, length: int) -> Any:
    """Return the sum of many values that all live until the end."""
    values = [np.tanh(x) for _ in range(length // 2)]
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def views(x: Any, length: int) -> Any:
    """Return views of values, and views of these."""
    for _ in range(length // 3):
        x = np.exp(np.reshape(np.transpose(x), (3, 4)))
    return x


def products(x: Any, length: int) -> Any:
    """Return products, each with a bias."""
    weight, bias = np.eye(4, dtype="f4"), np.ones(4, "f4")
    for _ in range(length // 2):
        x = x @ weight + bias
    return x


def columns(x: Any, length: int) -> Any:
    """Return calls on a column, as GELU makes them of (batch, 1)."""
    x = x[:, :1]
    for _ in range(length // 4):
        x = x * np.where(x > 0.0, np.exp(-x), 1.0)
    return x


def planning(function: Callable[[Any, int], Any], length: int) -> tuple[int, Tape]:
    """Return how many calls are made to plan so many recorded ones."""
    _, tape = record(lambda x: function(x, length), normal(3, 4))
    profile = cProfile.Profile()
    profile.runcall(Plan, tape, NAMESPACE.layouts)
    return pstats.Stats(profile).total_calls, tape  # type: ignore[attr-defined]


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize("function", [chain, wide, views, products, columns])
def test_planning_is_linear(function: Callable[[Any, int], Any]) -> None:
    counts = {length: planning(function, length) for length in (100, 1000, 10_000)}
    each = {length: made / len(tape.calls) for length, (made, tape) in counts.items()}
    print(f"{function.__name__}: {each} calls to plan a recorded one")
    assert all(len(tape.calls) >= length // 2 for length, (_, tape) in counts.items())
    assert max(each.values()) <= 1.25 * each[1000]
