"""Programs: random networks on every backend; steps, fusing, and what is let go when."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraynet import Backend, Dense, Network, Sequential
from arraynet.backends.numpy import NumpyBackend
from arraynet.engine.program import Program
from arraynet.engine.tracing import intermediates
from arraynet.errors import DtypeError, ShapeError
from arraynet.graph import Graph, Node, Value
from tests.networks import mlp, normal, seven_layers, single
from tests.reference import assert_right, forward, values
from tests.strategies import batch, graphs

# OpenBLAS 0.3.31's sgemv for AVX-512, given five features and one output, works on memory
# that it has not written (and leaves the outcome out): where a signalling NaN happens to
# lie there, NumPy warns although every number is finite and right.
pytestmark = pytest.mark.filterwarnings(
    "ignore:invalid value encountered in (dot|matmul):RuntimeWarning"
)


@pytest.mark.parametrize("optimize", [True, False])
def test_random_networks_are_right(backend: Backend, optimize: bool) -> None:
    @given(graph=graphs(), rows=st.integers(1, 6))
    def is_right(graph: Graph, rows: int) -> None:
        x = batch(graph, rows, rows)
        network = Network(graph, backend, optimize=optimize)
        expected = forward(graph, x)
        assert_right(backend.to_host(network(x)), expected, graph.dtype)
        assert_right(network.predict(x, batch_size=2), expected, graph.dtype)

    is_right()


def test_intermediates_of_random_networks_are_right(backend: Backend) -> None:
    @given(graph=graphs())
    def is_right(graph: Graph) -> None:
        x = batch(graph, 3)
        found = Network(graph, backend).activations(x)
        assert list(found) == ["x", *(node.name for node in graph.nodes)]
        for name, expected in values(graph, x).items():
            if name in found:
                assert_right(backend.to_host(found[name]), expected, graph.dtype)

    is_right()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_random_networks_in_other_dtypes(dtype: str, backend: Backend) -> None:
    try:
        backend.dtype(dtype)
    except DtypeError:
        pytest.skip(f"{backend.name} has no {dtype}")

    @given(data=st.data())
    def is_right(data: st.DataObject) -> None:
        graph = data.draw(graphs(dtype))
        x = batch(graph, 3)
        found = Network(graph, backend)(x)
        assert found.dtype == backend.dtype(dtype)
        assert_right(backend.to_host(found), forward(graph, x), dtype)

    is_right()


class _Watching(NumpyBackend):
    """NumPy that notes what is fused, and leaves the forward pass as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.fused: list[str] = []

    def fuse(self, function: Any, name: str) -> Any:
        self.fused.append(name)
        return function

    def capture(self, function: Any) -> Any:
        return function


def test_a_bias_and_its_activation_are_one_function() -> None:
    backend = _Watching()
    program = Program(mlp(4, 5, 6, 3, hidden="relu").graph, backend)
    assert [step.name for step in program.steps] == [
        *("matmul", "add + relu", "matmul", "add + relu", "matmul", "add", "softmax")
    ]
    assert backend.fused == ["add + relu", "add + relu", "add"]


def test_a_value_that_is_read_twice_ends_a_chain() -> None:
    graph = Graph(
        (Value("x", ("batch", 3)),),
        (
            Node("relu", ("x",), ("a",)),
            Node("tanh", ("a",), ("c",)),
            Node("add", ("a", "c"), ("d",)),
            Node("add", ("d", "d"), ("y",)),
        ),
        {},
        ("y",),
    ).validated()
    backend = _Watching()
    program = Program(graph, backend)
    assert [step.name for step in program.steps] == ["relu", "tanh + add + add"]
    x = normal(4, 3)
    assert_right(program.run(x), forward(graph, x), "float32")


@pytest.mark.parametrize("op", ["add", "prelu"])
def test_a_node_may_read_one_value_twice(op: str, backend: Backend) -> None:
    graph = Graph((Value("x", ("batch", 3)),), (Node(op, ("x", "x"), ("y",)),), {}, ("y",))
    x = normal(4, 3)
    found = backend.to_host(Program(graph.validated(), backend).run(x))
    expected = x + x if op == "add" else np.where(x >= 0, x, x * x)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_intermediates_are_let_go_after_their_last_use() -> None:
    """At most two values of a chain are alive at a time: what a step reads and what it gives."""
    graph = mlp(4, 5, 6, 7, 3, hidden="tanh").graph
    program = Program(graph, _Watching())
    results: list[Any] = []
    alive: list[int] = []

    def watched(function: Any) -> Any:
        def run(*arrays: Any) -> Any:
            gc.collect()
            alive.append(sum(result() is not None for result in results))
            result = function(*arrays)
            results.append(weakref.ref(result))
            return result

        return run

    for step in program.steps:
        object.__setattr__(step, "function", watched(step.function))
    program.run(normal(2, 4))
    assert len(alive) == len(program.steps)
    assert max(alive) <= 1


def test_a_weight_is_uploaded_once(backend: Backend) -> None:
    """Two nodes that share a weight share its array on the device."""
    layer = mlp(3, 3).graph
    graph = Graph(
        (Value("x", ("batch", 3)),),
        (
            Node("affine", ("x", "W1", "b1"), ("a",)),
            Node("relu", ("a",), ("c",)),
            Node("affine", ("c", "W1", "b1"), ("y",)),
        ),
        layer.weights,
        ("y",),
    ).validated()
    program = Program(graph, backend)
    assert len(program.constants) == 2
    x = normal(4, 3)
    assert_right(backend.to_host(program.run(x)), forward(graph, x), "float32")


def test_a_program_may_have_several_inputs_and_outputs(backend: Backend) -> None:
    graph = Graph(
        (Value("x", ("batch", 2)), Value("y", ("batch", 2))),
        (Node("add", ("x", "y"), ("total",)), Node("relu", ("y",), ("right",))),
        {},
        ("right", "total"),
    ).validated()
    program = Program(graph, backend)
    x, y = normal(3, 2), normal(3, 2, seed=2)
    for _ in range(3):
        right, total = program.run(x, y)
        np.testing.assert_array_equal(backend.to_host(right), np.maximum(y, 0))
        np.testing.assert_allclose(backend.to_host(total), x + y, rtol=1e-6)
    with pytest.raises(
        ShapeError, match=r"input y: got shape \(4, 2\), expected batch = 3 as in x"
    ):
        program.run(x, normal(4, 2))


def test_a_program_may_have_no_input(backend: Backend) -> None:
    weights = {"a": normal(2, 3), "b": normal(2, 3, seed=2)}
    graph = Graph((), (Node("add", ("a", "b"), ("total",)),), weights, ("total",)).validated()
    for _ in range(2):
        found = backend.to_host(Program(graph, backend).run())
        np.testing.assert_allclose(found, weights["a"] + weights["b"], rtol=1e-6)


@pytest.mark.parametrize("op", ["identity", "dropout"])
def test_a_result_is_never_the_input_itself(op: str, backend: Backend) -> None:
    network = Network(single(op), backend)
    for _ in range(3):
        x = normal(3, 8)
        original = x.copy()
        result = network.predict(x)
        assert not np.shares_memory(result, x)
        there = backend.asarray(x.copy())
        assert network(there) is not there
        host = backend.to_host(network(x))
        if host.flags.writeable:
            host[...] = np.nan
        np.testing.assert_array_equal(x, original)
        np.testing.assert_array_equal(result, original)


def test_a_dropped_network_is_gone_at_once() -> None:
    """Without the garbage collector, which may come late: weights can be large."""
    network = mlp(20, 30, 3)
    network(normal(2, 20))
    network.predict(normal(2, 20))
    kept = [weakref.ref(network._program), weakref.ref(network._executed)]
    gc.collect()
    gc.disable()
    try:
        del network
        assert [reference() for reference in kept] == [None, None]
    finally:
        gc.enable()


@pytest.mark.parametrize("op", ["softmax", "log_softmax", "logsumexp", "hardmax"])
def test_no_rows_where_rows_belong_together_is_told(op: str, backend: Backend) -> None:
    layers = (Dense(np.ones((2, 3), np.float32), np.zeros(3, np.float32)), (op, {"axis": 0}))
    network = Sequential(*layers, backend=backend)
    for call in (network, network.predict, network.activations):
        with pytest.raises(
            ShapeError,
            match=rf"^{op}1 \({op}\): axis 0 of \(0, 3\) is empty",
        ):
            call(np.ones((0, 2), np.float32))
    apart = Network(single("softmax"), backend)
    assert apart.predict(np.ones((0, 8), np.float32)).shape == (0, 8)


def test_three_axes_and_a_product_over_the_last(backend: Backend) -> None:
    layer = mlp(4, 3).graph
    graph = Graph(
        (Value("x", ("batch", 5, 4)),),
        (Node("affine", ("x", "W1", "b1"), ("a",)), Node("softmax", ("a",), ("y",))),
        layer.weights,
        ("y",),
    ).validated()
    x = np.random.default_rng(0).standard_normal((6, 5, 4)).astype("f4")
    network = Network(graph, backend)
    assert network.output_shape == ("batch", 5, 3)
    for found in (backend.to_host(network(x)), network.predict(x, batch_size=4)):
        assert found.shape == (6, 5, 3)
        for i in range(6):
            expected = forward(mlp(4, 3).graph, x[i])
            assert_right(found[i], expected, "float32")
    np.testing.assert_array_equal(network.classify(x), np.argmax(found, axis=-1))
    with pytest.raises(ShapeError, match=r"evaluate: got .*\(batch, 5, 3\)"):
        network.evaluate(x, np.zeros(6, int))


def test_intermediates_of_the_seven_layers(backend: Backend) -> None:
    graph = seven_layers()
    x = normal(4, 16)
    found = intermediates(graph, backend, x)
    assert list(found)[:4] == ["x", "scale_shift1", "affine1", "sigmoid1"]
    assert list(found)[-1] == "softmax1"
    for name, expected in values(graph, x).items():
        if name in found:
            assert backend.owns(found[name])
            assert_right(backend.to_host(found[name]), expected, "float32")
