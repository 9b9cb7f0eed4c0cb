"""Networks of several inputs and outputs: by position, by name, in a dict, in parts."""

from __future__ import annotations

import re
from collections import UserDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arraynet import Backend, Network
from arraynet.errors import ArraynetError, DtypeError, OutOfMemoryError, ShapeError
from arraynet.graph import Graph, Node, Value
from tests.networks import mlp, normal
from tests.ops.samples import has_dtype
from tests.reference import assert_right, forward
from tests.rows import expected_of, two_in_three_out
from tests.test_memory import Small

A, B = normal(7, 5, seed=1), normal(7, 4, seed=2)

WAYS: dict[str, Any] = {
    "by position": lambda call, a, b: call(a, b),
    "by name": lambda call, a, b: call(b=b, a=a),
    "in a dict": lambda call, a, b: call({"b": b, "a": a}),
    "in another mapping": lambda call, a, b: call(UserDict(b=b, a=a)),
}


def assert_expected(found: Any, graph: Graph, a: Any, b: Any) -> None:
    expected = expected_of(graph, a, b)
    assert list(found) == list(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("optimize", [True, False])
def test_arrays_come_in_any_way(way: str, optimize: bool, backend: Backend) -> None:
    graph = two_in_three_out()
    network = Network(graph, backend, optimize=optimize)
    for _ in range(3):
        found = WAYS[way](network, A, B)
        assert all(backend.owns(value) for value in found.values())
        assert_expected({k: backend.to_host(v) for k, v in found.items()}, graph, A, B)
        predicted = WAYS[way](network.predict, A, B)
        assert all(type(value) is np.ndarray for value in predicted.values())
        assert_expected(predicted, graph, A, B)
        inside = WAYS[way](network.activations, A, B)
        assert list(inside) == ["a", "b", "product", "t", "sum", "positive"]
        there = WAYS[way](network, backend.asarray(A), backend.asarray(B))
        assert_expected({k: backend.to_host(v) for k, v in there.items()}, graph, A, B)


def test_one_input_comes_in_any_way_too(backend: Backend) -> None:
    network = mlp(6, 5, 3, backend=backend)
    x = normal(4, 6)
    expected = forward(network.graph, x)
    for found in (network(x), network(x=x), network({"x": x}), network(UserDict(x=x))):
        assert_right(backend.to_host(found), expected, "float32")
    for found in (network.predict(x=x), network.predict({"x": x}), network.classify({"x": x})):
        assert found.shape[0] == 4
    assert next(iter(network.activations(x=x))) == "x"


def test_what_a_network_takes_and_gives() -> None:
    network = Network(two_in_three_out())
    assert network.inputs == (
        Value("a", ("batch", 5), "float32"),
        Value("b", ("batch", 4), "float32"),
    )
    assert [value.name for value in network.outputs] == ["sum", "positive", "product"]
    assert network.outputs[0] == Value("sum", ("batch", 4), "float32")
    single = mlp(6, 5, 3)
    assert single.inputs == (Value("x", ("batch", 6), "float32"),)
    assert single.outputs == (Value("softmax1", ("batch", 3), "float32"),)
    for name, text in (("input_shape", "2 inputs"), ("output_shape", "3 outputs")):
        with pytest.raises(ArraynetError, match=rf"{name}: got a network with {text}, expected"):
            getattr(network, name)


ONE_LINE = re.compile(r"[^\n]{,600}")

WRONG: dict[str, tuple[Any, str]] = {
    "too few": (
        lambda call: call(A),
        r"got 1 input, expected a \(batch, 5\) float32 and b \(batch, 4\) float32",
    ),
    "too many": (lambda call: call(A, B, B), r"got 3 inputs, expected a \(batch, 5\) float32 and"),
    "none": (lambda call: call(), r"got no input a, expected a \(batch, 5\) float32 and b"),
    "one missing": (lambda call: call(a=A), r"got no input b, expected a \(batch, 5\) float32"),
    "one missing of a dict": (lambda call: call({"a": A}), r"got no input b, expected a \(batch"),
    "nothing in a dict": (lambda call: call({}), r"got no input a, expected"),
    "another name": (
        lambda call: call(a=A, c=B),
        r"got an input 'c', expected the names of inputs: a or b",
    ),
    "a name that is nearly right": (
        lambda call: call({"a": A, "B": B}),
        r"got an input 'B', expected .* did you mean 'b'\?",
    ),
    "a name that is none": (lambda call: call({3: A, "b": B}), r"got an input 3, expected"),
    "mixtures": (
        lambda call: call(A, b=B),
        r"got 1 by position and b by name, expected all by position or all by name",
    ),
    "mixtures with a dict": (lambda call: call({"a": A}, b=B), r"got 1 by position and b by name"),
}


@pytest.mark.parametrize("method", ["call", "predict", "activations"])
@pytest.mark.parametrize("what", list(WRONG))
def test_other_inputs_are_refused_by_name(what: str, method: str) -> None:
    network = Network(two_in_three_out())
    attempt, message = WRONG[what]
    call = network if method == "call" else getattr(network, method)
    with pytest.raises(ArraynetError, match=f"^{method}: {message}") as caught:
        attempt(call)
    assert ONE_LINE.fullmatch(str(caught.value))


def test_one_input_too_few_or_too_many() -> None:
    network = mlp(6, 5, 3)
    with pytest.raises(ArraynetError, match=r"call: got no input x, expected x \(batch, 6\) float"):
        network()
    with pytest.raises(ArraynetError, match=r"got 2 inputs.*batch_size are given by name"):
        network.predict(normal(4, 6), 2)
    with pytest.raises(ArraynetError, match=r"got an input 'y', expected .*: x"):
        network(y=normal(4, 6))


def test_messages_of_many_inputs_are_bounded() -> None:
    inputs = tuple(Value(f"i{n}" * 30, ("batch", 1), "float32") for n in range(300))
    names = tuple(value.name for value in inputs)
    graph = Graph(inputs, (Node("add", names[:2], ("y",)),), {}, ("y",))
    network = Network(graph)
    for attempt in (lambda: network(1), lambda: network(z=1), lambda: network.input_shape):
        with pytest.raises(ArraynetError) as caught:
            attempt()
        assert len(str(caught.value)) < 1500
    assert len(repr(network)) < 300


def test_shapes_and_dtypes_of_each_are_checked(backend: Backend) -> None:
    network = Network(two_in_three_out(), backend)
    for call in (network, network.predict, network.activations):
        with pytest.raises(ShapeError, match=r"input b: got shape \(7, 5\), expected \(batch, 4\)"):
            call(A, A)
        with pytest.raises(ShapeError, match=r"input b: got shape \(4,\).* pass x\[None, :\]"):
            call(A, B[0])
        with pytest.raises(ShapeError, match=r"input b: got shape \(6, 4\), expected batch = 7"):
            call(A, B[:6])
        with pytest.raises(DtypeError):
            call(A, B.astype("c8"))


@pytest.mark.parametrize("rows", [0, 1, 2, 7, 100, 101])
def test_any_number_of_rows_in_any_blocks(rows: int, backend: Backend) -> None:
    graph = two_in_three_out()
    network = Network(graph, backend)
    a, b = normal(rows, 5), normal(rows, 4)
    for options in ({}, {"batch_size": 1}, {"batch_size": 3}, {"threads": 2}, {"batch_size": 999}):
        counts: list[int] = []
        assert_expected(network.predict(a, b, **options), graph, a, b)
        found = network.predict(a=a, b=backend.asarray(b), progress=counts.append, **options)
        assert_expected(found, graph, a, b)
        assert sum(counts) == rows


def test_batches_of_several_inputs(backend: Backend) -> None:
    graph = two_in_three_out()
    network = Network(graph, backend)
    parts = [(A[:3], B[:3]), (A[3:4], B[3:4]), (A[4:], B[4:])]
    named = [{"b": b, "a": a} for a, b in parts]
    for source in (parts, iter(parts), (list(part) for part in parts), named, iter(named)):
        counts: list[int] = []
        assert_expected(network.predict(source, progress=counts.append), graph, A, B)
        assert counts == [3, 1, 3]
    with pytest.raises(ArraynetError, match="got no input a"):
        network.predict(iter([{"b": B}]))
    with pytest.raises(ShapeError, match="got an iterable without batches"):
        network.predict(iter([]))


def test_memory_maps_and_threads_of_several_inputs(tmp_path: Path) -> None:
    graph = two_in_three_out()
    network = Network(graph)
    a, b = normal(5000, 5), normal(5000, 4)
    for name, array in (("a", a), ("b", b)):
        np.save(tmp_path / f"{name}.npy", array)
    mapped = [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in "ab"]
    for threads in (None, 1, 3):
        found = network.predict(*mapped, batch_size=600, threads=threads)
        assert_expected(found, graph, a, b)


@pytest.mark.parametrize("threaded", [False, True])
def test_blocks_of_several_inputs_are_halved(threaded: bool) -> None:
    class Several(Small):
        def capture(self, function: Any) -> Any:
            def run(*arrays: Any) -> Any:
                return one(arrays[0]) and function(*arrays)

            one = super().capture(lambda x: True)
            return run

    graph = two_in_three_out()
    backend = Several(10, threaded=threaded)
    network = Network(graph, backend)
    a, b = normal(100, 5), normal(100, 4)
    assert_expected(network.predict(a, b), graph, a, b)
    assert_expected(network.predict(a, b, batch_size=33, threads=2), graph, a, b)
    assert backend.freed > 0
    backend.fitting = 0
    with pytest.raises(OutOfMemoryError, match="for a single row"):
        network.predict(a, b)


def test_a_graph_without_inputs(backend: Backend) -> None:
    nodes = (Node("add", ("a", "b"), ("y",)), Node("relu", ("b",), ("z",)))
    weights = {"a": np.float32([1, 2]), "b": np.float32([-3, 4])}
    network = Network(Graph((), nodes, weights, ("y", "z")), backend)
    for _ in range(2):
        assert {k: backend.to_host(v).tolist() for k, v in network().items()} == {
            "y": [-2, 6],
            "z": [0, 4],
        }
    assert network.predict()["y"].tolist() == [-2, 6]
    with pytest.raises(ArraynetError, match="got 1 input, expected none"):
        network(A)
    with pytest.raises(ShapeError, match="batch_size: got 0"):
        network.predict(batch_size=0)


def test_scalars_and_integers(backend: Backend) -> None:
    if not has_dtype(backend, "int64"):
        pytest.skip(f"{backend.name} has no int64")
    inputs = (Value("n", (), "int64"), Value("x", ("batch", 3), "int64"))
    graph = Graph(inputs, (Node("identity", ("x",), ("y",)), Node("identity", ("n",), ("m",))),
                  {}, ("y", "m"))  # fmt: skip
    network = Network(graph, backend, optimize=False)
    x = np.array([[16_777_217, 2**53 + 1, -(2**62)]])
    found = network.predict(np.array(2**53 + 1), x)
    assert found["y"].tolist() == x.tolist()
    assert int(found["m"]) == 2**53 + 1
    with pytest.raises(ShapeError, match=r"batch_size=1 for 2 rows.*n \(\), x .*share no first"):
        network.predict(np.array(1), np.repeat(x, 2, axis=0), batch_size=1)


def test_labels_need_one_input_and_one_output() -> None:
    network = Network(two_in_three_out())
    for call in (lambda: network.classify(A), lambda: network.evaluate(A, [0] * 7)):
        with pytest.raises(ArraynetError, match=r"got a network with 2 inputs, expected one"):
            call()
    assert network.classes is None
    two = Graph(
        (Value("x", ("batch", 3)),),
        (Node("relu", ("x",), ("y",)), Node("tanh", ("x",), ("z",))),
        {},
        ("y", "z"),
    )
    with pytest.raises(ArraynetError, match=r"classify: got a network with 2 outputs, expected"):
        Network(two).classify(normal(2, 3))
