"""Memory that is full gives one error, on one line, whatever was being done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import arraynet
from arraynet import Backend, Dense, Network, Scale, Sequential, metrics, parity
from arraynet.errors import OutOfMemoryError
from arraynet.graph import Graph, Node, Value
from tests.networks import dense, mlp, normal

SIDE = 1 << 23
"""Two axes of so many float32 numbers are 256 TiB: more than a process can have."""

LONG = 1 << 50
"""So many rows are an array that NumPy can describe, and that nobody can copy."""

HUGE = np.broadcast_to(np.float32(1), (SIDE, SIDE))


def broadcasting(*more: str) -> Graph:
    """Return x (batch, 1, 1) + a (SIDE, 1) + b (1, SIDE), and what follows it."""
    names = ("x", "y1", "y2", *more)
    nodes = [Node("add", ("x", "a"), ("y1",)), Node("add", ("y1", "b"), ("y2",))]
    nodes += [Node(op, (before,), (op,)) for before, op in zip(names[2:], more, strict=False)]
    weights = {"a": np.zeros((SIDE, 1), np.float32), "b": np.zeros((1, SIDE), np.float32)}
    return Graph((Value("x", ("batch", 1, 1)),), tuple(nodes), weights, (nodes[-1].name,))


def too_big() -> Graph:
    """Return one whose number of bytes NumPy cannot count: "array is too big"."""
    sides = {
        name: np.zeros([SIDE if axis == place else 1 for axis in range(3)], np.float32)
        for place, name in enumerate("abc")
    }
    nodes = [Node("add", ("x", "a"), ("y1",))]
    nodes += [Node("add", ("y1", "b"), ("y2",)), Node("add", ("y2", "c"), ("y3",))]
    return Graph((Value("x", ("batch", 1, 1, 1)),), tuple(nodes), sides, ("y3",))


ROWS = np.ones((2, 1, 1), np.float32)

CALLS: dict[str, Callable[[Network, Any], Any]] = {
    # JAX computes when the result is read, and tells there.
    "call": lambda network, x: network.backend.to_host(network(x)),
    "predict": lambda network, x: network.predict(x),
    "predict in parts": lambda network, x: network.predict(x, batch_size=1),
    "predict of batches": lambda network, x: network.predict(iter([x])),
    "predict on threads": lambda network, x: network.predict(x, threads=2),
    "classify": lambda network, x: network.classify(x),
    "activations": lambda network, x: [
        network.backend.to_host(value) for value in network.activations(x).values()
    ],
}


def assert_told(call: Callable[[], Any]) -> None:
    with pytest.raises(OutOfMemoryError) as caught:
        call()
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    assert len(text) < 500
    assert "got " in text
    assert "expected " in text


@pytest.mark.parametrize("call", list(CALLS))
@pytest.mark.parametrize("more", [(), ("softmax",)])
def test_a_graph_that_broadcasts_beyond_memory(more: Any, call: str, backend: Backend) -> None:
    network = Network(broadcasting(*more), backend)
    assert_told(lambda: CALLS[call](network, ROWS))


@pytest.mark.parametrize("call", list(CALLS))
def test_a_graph_beyond_what_can_be_counted(call: str, backend: Backend) -> None:
    network = Network(too_big(), backend)
    assert_told(lambda: CALLS[call](network, ROWS[:, None]))


def test_a_comparison_and_an_evaluation() -> None:
    network = Network(broadcasting())
    assert_told(lambda: parity.compare(network, ROWS))
    flat = Network(broadcasting("logsumexp", "relu"))
    assert_told(lambda: flat.predict(ROWS))
    many = np.broadcast_to(np.float32(1), (SIDE * 1024, 1, 1))
    assert_told(lambda: Network(broadcasting()).predict(many))
    long = np.broadcast_to(np.float32(1), (LONG, 2))
    assert_told(lambda: mlp(2, 3, 2).evaluate(long, np.broadcast_to(1, LONG)))
    assert_told(lambda: mlp(2, 3, 2).classify(long))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Dense(HUGE),
        lambda: Dense(np.ones((2, 2)), HUGE),
        lambda: Scale(HUGE[0, 0], HUGE),
        lambda: Graph((), (), {"W": HUGE}, ()),
        lambda: mlp(2, 3, 2)(np.broadcast_to(np.uint8(1), (LONG, 2))),
        lambda: mlp(2, 3, 2).predict(np.broadcast_to(np.uint8(1), (LONG, 2))),
        lambda: mlp(2, 3, 2).evaluate(np.ones((2, 2)), np.broadcast_to(1, LONG)),
        lambda: metrics.accuracy(np.broadcast_to(1, LONG), np.broadcast_to(1, LONG)),
        lambda: metrics.correct_count(np.broadcast_to(1, LONG), np.broadcast_to(1, LONG)),
        lambda: metrics.confusion_matrix(np.broadcast_to(1, LONG), np.broadcast_to(1, LONG)),
        lambda: metrics.top_k_accuracy(np.ones((2, 2)), np.broadcast_to(1, LONG), 1),
        lambda: metrics.labels_of(np.broadcast_to(1, LONG)),
    ],
)
def test_what_is_copied_and_does_not_fit(make: Callable[[], Any]) -> None:
    assert_told(make)


@pytest.mark.parametrize("what", ["to", "astype", "Sequential", "load_pretrained", "Network"])
def test_a_network_that_does_not_fit(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = mlp(2, 3, 2)
    layer = dense(2, 3)

    def full(*_: Any, **__: Any) -> Any:
        raise MemoryError

    if what == "astype":
        monkeypatch.setattr("arraynet.graph.cast", full)
    else:
        monkeypatch.setattr(type(network.backend), "asarray", full)
    assert_told(
        {
            "to": lambda: network.to("numpy"),
            "astype": lambda: network.astype("float64"),
            "Sequential": lambda: Sequential(layer),
            "Network": lambda: Network(network.graph),
            "load_pretrained": arraynet.load_pretrained,
        }[what]
    )


def test_other_errors_stay_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    network = mlp(2, 3, 2)

    def broken(*_: Any, **__: Any) -> Any:
        raise ValueError("a bug of our own")

    monkeypatch.setattr(type(network.backend), "asarray", broken)
    with pytest.raises(ValueError, match="a bug of our own"):
        network.activations(normal(2, 2))


def test_a_size_of_any_number_of_digits_is_told() -> None:
    """A file of rank 32 whose last value has 2 ** 480 numbers."""
    weights = {
        f"w{axis}": np.zeros([1 << 15 if axis == other else 1 for other in range(32)], np.float32)
        for axis in range(32)
    }
    names = ["x", *(f"y{axis}" for axis in range(32))]
    nodes = [
        Node("add", (before, weight), (after,))
        for before, weight, after in zip(names, weights, names[1:], strict=False)
    ]
    network = Network(Graph((Value("x", ("batch", *[1] * 32)),), tuple(nodes), weights, ("y31",)))
    for call in CALLS.values():
        assert_told(lambda call=call: call(network, np.ones([2] + [1] * 32, np.float32)))
    assert_told(lambda: parity.compare(network, np.ones([2] + [1] * 32, np.float32)))
    assert str(network.summary())
