"""Networks on every backend: results, intermediates, moving, what they say of themselves."""

from __future__ import annotations

import copy
import pickle
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np
import pytest

from arraynet import Backend, Dense, Network, Sequential, get_backend
from arraynet.errors import BackendUnavailableError, DtypeError, GraphError, ShapeError
from arraynet.graph import Graph, Node, Value
from arraynet.layers import Scale
from arraynet.parity import compare
from tests.networks import dense, mlp, normal, seven_layers
from tests.reference import assert_right, forward, values


def labels(scores: Any) -> Any:
    """Return the class of each row that float64 NumPy finds."""
    return np.argmax(scores, axis=1)


@pytest.mark.parametrize("optimize", [True, False])
def test_a_perceptron_of_three_layers_is_right(backend: Backend, optimize: bool) -> None:
    network = mlp(12, 9, 7, 3, backend=backend, optimize=optimize)
    x = normal(50, 12)
    expected = forward(network.graph, x)
    result = network(x)
    assert backend.owns(result)
    assert result.dtype == backend.dtype("float32")
    assert_right(backend.to_host(result), expected, "float32")
    for batch_size in (None, 1, 7, 50, 1000):
        found = network.predict(x, batch_size=batch_size)
        assert type(found) is np.ndarray
        assert_right(found, expected, "float32")
    found = network.classify(x)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, labels(expected.value))


def test_mixed_layers_are_right(backend: Backend) -> None:
    graph = seven_layers()
    x = normal(20, 16)
    for optimize in (True, False):
        network = Network(graph, backend, optimize=optimize)
        assert_right(backend.to_host(network(x)), forward(graph, x), "float32")


def test_activations_are_those_of_the_network_as_written(backend: Backend) -> None:
    network = mlp(12, 9, 7, 3, backend=backend)
    x = normal(5, 12)
    found = network.activations(x)
    assert list(found) == ["x", "affine1", "sigmoid1", "affine2", "sigmoid2", "affine3", "softmax1"]
    for name, expected in values(network.graph, x).items():
        if name in found:
            assert backend.owns(found[name])
            assert_right(backend.to_host(found[name]), expected, "float32")


def test_an_array_of_the_device_is_used_where_it_is(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the weights are up, nothing crosses between host and device."""
    network = mlp(12, 9, 3, backend=backend)
    host = normal(5, 12)
    x = backend.asarray(host)
    expected = forward(network.graph, host)
    network(x)

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("an array crossed")

    monkeypatch.setattr(type(backend), "_upload", refuse, raising=False)
    monkeypatch.setattr(type(backend), "to_host", refuse)
    result = network(x)
    monkeypatch.undo()
    assert backend.owns(result)
    assert_right(backend.to_host(result), expected, "float32")
    assert_right(network.predict(x, batch_size=2), expected, "float32")
    np.testing.assert_array_equal(network.classify(x), labels(expected.value))


@pytest.mark.parametrize("classes", [2, 3, 1000])
def test_any_number_of_classes(classes: int, backend: Backend) -> None:
    network = mlp(6, 5, classes, backend=backend)
    x = normal(9, 6)
    result = network.predict(x)
    expected = forward(network.graph, x)
    assert_right(result, expected, "float32")
    np.testing.assert_allclose(result.sum(axis=1, dtype="f8"), 1.0, atol=4e-7)
    np.testing.assert_array_equal(network.classify(x), labels(expected.value))
    scores = network.evaluate(x, labels(expected.value))
    assert (scores.correct, scores.total) == (9, 9)
    assert scores.confusion_matrix.shape == (classes, classes)


@pytest.mark.parametrize("output", ["identity", "linear"])
def test_an_output_layer_for_regression(output: str, backend: Backend) -> None:
    network = mlp(6, 5, 2, output=output, backend=backend)
    x = normal(9, 6)
    assert_right(network.predict(x), forward(network.graph, x), "float32")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_a_network_computes_in_the_dtype_of_its_weights(dtype: str, backend: Backend) -> None:
    network = mlp(6, 5, 3, backend=backend)
    try:
        backend.dtype(dtype)
    except DtypeError:
        with pytest.raises(DtypeError, match=dtype):
            network.astype(dtype)
        return
    other = network.astype(dtype)
    assert (network.dtype, other.dtype) == ("float32", dtype)
    x = normal(9, 6).astype("float16")  # which every dtype but bfloat16 holds
    rounded = x.astype(other.graph.weights["W1"].dtype)
    expected = forward(other.graph, rounded)
    result = other(x)
    assert result.dtype == backend.dtype(dtype)
    assert_right(backend.to_host(result), expected, dtype)
    predicted = other.predict(x, batch_size=4)
    assert str(predicted.dtype) == dtype
    assert_right(predicted, expected, dtype)
    assert other.classify(x).dtype == np.int64


def test_bytes_are_taken_as_they_are_and_scaled(backend: Backend) -> None:
    layer = mlp(16, 4).graph
    weights = Dense(layer.weights["W1"], layer.weights["b1"])
    network = Sequential(Scale(1 / 255), weights, "softmax", backend=backend)
    pixels = np.random.default_rng(3).integers(0, 256, (20, 16), np.uint8)
    expected = forward(network.graph, pixels)
    assert_right(backend.to_host(network(pixels)), expected, "float32")
    assert_right(network.predict(pixels, batch_size=6), expected, "float32")
    there = backend.asarray(pixels)
    assert there.dtype == backend.dtype("uint8")
    assert_right(network.predict(there), expected, "float32")


def test_to_moves_a_network_and_leaves_the_first_where_it_is(backend: Backend) -> None:
    network = mlp(6, 5, 3)
    x = normal(9, 6)
    moved = network.to(backend)
    assert moved.backend is backend
    assert network.backend is get_backend("cpu")
    assert moved.to("cpu").backend is get_backend("cpu")
    expected = forward(network.graph, x)
    for net in (network, moved, moved.to("cpu")):
        assert_right(net.predict(x), expected, "float32")
    named = network.to(backend.name)
    assert named.backend == backend


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))]
)
@pytest.mark.parametrize("optimize", [True, False])
def test_a_network_pickles_with_its_backend(copied: Any, optimize: bool, backend: Backend) -> None:
    network = Network(seven_layers(), backend, optimize=optimize)
    x = normal(4, 16)
    expected = network.predict(x)
    other = copied(network)
    assert other.backend == backend
    assert other.graph.nodes == network.graph.nodes
    assert str(other.summary(optimized=True)) == str(network.summary(optimized=True))
    np.testing.assert_array_equal(other.predict(x), expected)


def test_a_pickle_is_read_in_another_process() -> None:
    network = mlp(6, 5, 3).astype("bfloat16")
    script = (
        "import pickle, sys, numpy\n"
        "network = pickle.load(sys.stdin.buffer)\n"
        "print(repr(network), network.classify(numpy.eye(6)).tolist())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input=pickle.dumps(network), capture_output=True, check=True
    )
    expected = f"{network!r} {network.classify(np.eye(6)).tolist()}"
    assert done.stdout.decode("utf-8").strip() == expected


def test_a_network_says_what_it_is(backend: Backend) -> None:
    network = mlp(784, 50, 100, 10, backend=backend)
    assert repr(network) == f"<arraynet network 784 → 50 → 100 → 10, float32 on {backend.name}>"
    assert network.input_shape == ("batch", 784)
    assert network.output_shape == ("batch", 10)


def test_the_summary_has_the_numbers_of_a_count_by_hand(backend: Backend) -> None:
    summary = mlp(784, 50, 100, 10, backend=backend).summary()
    assert [(row.name, row.op, row.shape) for row in summary.rows] == [
        ("affine1", "affine", ("batch", 50)),
        ("sigmoid1", "sigmoid", ("batch", 50)),
        ("affine2", "affine", ("batch", 100)),
        ("sigmoid2", "sigmoid", ("batch", 100)),
        ("affine3", "affine", ("batch", 10)),
        ("softmax1", "softmax", ("batch", 10)),
    ]
    # 784·50 + 50, 50·100 + 100, 100·10 + 10
    assert [row.parameters for row in summary.rows] == [39250, 0, 5100, 0, 1010, 0]
    assert [row.bytes for row in summary.rows] == [157000, 0, 20400, 0, 4040, 0]
    assert [row.multiply_adds for row in summary.rows] == [39200, 0, 5000, 0, 1000, 0]
    assert (summary.parameters, summary.bytes, summary.multiply_adds) == (45360, 181440, 45200)
    assert summary.to_dict()["parameters"] == 45360
    text = str(summary)
    assert f"input (batch, 784) float32 on {backend.name}" in text
    assert re.search(r"total +45,360 +181,440 +45,200", text)


def test_the_summary_of_other_dtypes_and_of_the_optimized_network() -> None:
    network = mlp(784, 50, 100, 10)
    assert network.astype("float64").summary().bytes == 362880
    assert network.astype("float16").summary().bytes == 90720
    optimized = network.summary(optimized=True)
    assert [row.op for row in optimized.rows][1] == "tanh"
    assert optimized.parameters == 45360
    assert [row.op for row in network.summary().rows][1] == "sigmoid"


def test_a_weight_of_two_layers_is_counted_once() -> None:
    from arraynet.graph import Graph, Node, Value

    layer = mlp(3, 3).graph
    nodes = (
        Node("affine", ("x", "W1", "b1"), ("a",)),
        Node("affine", ("a", "W1", "b1"), ("y",)),
    )
    graph = Graph((Value("x", ("batch", 3)),), nodes, layer.weights, ("y",))
    summary = Network(graph, optimize=False).summary()
    assert [row.parameters for row in summary.rows] == [12, 0]
    assert (summary.parameters, summary.bytes, summary.multiply_adds) == (12, 48, 18)


def test_the_html_is_well_formed_and_holds_the_same_table() -> None:
    network = mlp(784, 50, 100, 10)
    page = network._repr_html_()
    assert page == network.summary()._repr_html_()
    table = ElementTree.fromstring(page)
    cells = [[cell.text or "" for cell in row] for row in table.iter("tr")]
    assert cells[0] == ["layer", "op", "output", "parameters", "bytes", "multiply-adds"]
    assert cells[1] == ["affine1", "affine", "(batch, 50)", "39,250", "157,000", "39,200"]
    assert cells[-1] == ["total", "", "", "45,360", "181,440", "45,200"]


def test_html_is_escaped() -> None:
    from arraynet.summary import summarize

    page = summarize(mlp(3, 2).graph, backend="<b>", unfused={"a<b": "1 < 2"})._repr_html_()
    assert "<b>" not in page
    assert "a&lt;b" in page


def test_what_a_network_is_cannot_be_set() -> None:
    network = mlp(3, 2)
    for name in ("graph", "backend", "dtype", "input_shape", "output_shape"):
        with pytest.raises(AttributeError):
            setattr(network, name, None)
    with pytest.raises(ValueError, match="read-only"):
        network.graph.weights["W1"][...] = 0


def test_a_graph_that_is_not_well_formed_makes_no_network() -> None:
    from arraynet.graph import Graph, Node, Value

    with pytest.raises(GraphError, match="got op 'convolve'"):
        Network(Graph((Value("x", ("batch", 3)),), (Node("convolve", ("x",), ("y",)),), {}, ("y",)))


def test_evaluate_counts_every_row(backend: Backend) -> None:
    network = mlp(6, 5, 3, backend=backend)
    x = normal(107, 6)  # the last batch of 100 is not full
    right = labels(forward(network.graph, x).value)
    truth = right.copy()
    truth[[3, 50, 106]] = (truth[[3, 50, 106]] + 1) % 3
    table = np.zeros((3, 3), int)
    np.add.at(table, (truth, right), 1)
    one_hot = np.eye(3, dtype=np.uint8)[truth]
    for t in (truth, truth.tolist(), truth.astype(np.uint8), one_hot, one_hot.astype("f4")):
        for batch_size in (100, 1000, None, 1):
            result = network.evaluate(x, t, batch_size=batch_size)
            assert (result.correct, result.total) == (104, 107)
            assert result.accuracy == 104 / 107
            assert result.backend == backend.name
            np.testing.assert_array_equal(result.confusion_matrix, table)
    assert network.evaluate(backend.asarray(x), truth).correct == 104


def test_what_is_in_it() -> None:
    network = mlp(6, 5, 3)
    assert len(network) == len(network.layers) == 4
    assert [node.op for node in network.layers] == ["affine", "sigmoid", "affine", "softmax"]
    assert list(network.weights) == ["W1", "b1", "W2", "b2"]
    assert network.weights["W1"].shape == (6, 5)
    with pytest.raises(ValueError, match="read-only"):
        network.weights["W1"][0, 0] = 1
    with pytest.raises(TypeError):
        network.weights["W1"] = network.weights["W2"]  # type: ignore[index]


def test_a_summary_and_a_comparison_are_shown_as_their_tables() -> None:
    network = mlp(6, 5, 3)
    assert repr(network.summary()) == str(network.summary())
    report = compare(network, normal(4, 6))
    assert repr(report) == str(report)
    assert "multiply-adds" in repr(network.summary())


def test_to_numpy_and_cuda_are_words_for_what_they_are() -> None:
    network = mlp(6, 5, 3)
    assert network.to("numpy").backend is network.backend
    with pytest.raises(BackendUnavailableError, match="gpu:0"):
        network.to("cuda")


SCALARS = [
    ("add", {"a": np.float32(1), "b": np.float32(2)}, ("a", "b")),
    ("prelu", {"a": np.float32(3), "b": np.float32(2)}, ("a", "b")),
]


@pytest.mark.parametrize(("op", "weights", "reads"), SCALARS)
def test_a_node_that_gives_a_number_can_be_shown(op: str, weights: Any, reads: Any) -> None:
    nodes = (Node(op, reads, ("y",)), Node("add", ("x", "y"), ("z",)))
    graph = Graph((Value("x", ("batch", 3)),), nodes, weights, ("z",))
    network = Network(graph)
    assert repr(network) == "<arraynet network 3 → 1 → 3, float32 on cpu>"
    assert " ()" in str(network.summary())
    assert "<td>()</td>" in network._repr_html_()
    assert set(network.activations(normal(2, 3))) == {"x", "y", "z"}
    assert compare(network, normal(2, 3)).passed(1e-6)


@pytest.mark.parametrize(("op", "weights", "reads"), SCALARS)
def test_a_network_that_gives_a_number(op: str, weights: Any, reads: Any) -> None:
    graph = Graph((Value("x", ("batch", 3)),), (Node(op, reads, ("y",)),), weights, ("y",))
    network = Network(graph)
    assert repr(network) == "<arraynet network 3 → 1, float32 on cpu>"
    assert network.predict(normal(2, 3)) == 3
    with pytest.raises(ShapeError, match=r"got a network from \(batch, 3\) to \(\), expected"):
        network.classify(normal(2, 3))
    report = compare(network, normal(2, 3))
    assert (report.passed(0.0), report.answered) == (True, False)
    assert "labels" not in str(report)


def test_the_repr_of_a_deep_network_is_short() -> None:
    layers = [dense(4, 4, seed=number) for number in range(900)]
    text = repr(Sequential(*layers))
    assert len(text) < 200
    assert "…" in text


def test_names_of_any_length_cost_what_they_are() -> None:
    """900 nodes beside one whose name is a megabyte: no cell of a table is as wide as that."""
    long = "n" * 950_000
    nodes = [Node("relu", ("x",), (long,))]
    nodes += [Node("relu", ("x" if i == 0 else f"r{i - 1}",), (f"r{i}",)) for i in range(900)]
    size = Value("x", ("batch" * 100_000, 3))
    network = Network(Graph((size,), tuple(nodes), {}, ("r899",)), optimize=False)
    for text in (
        *(str(network.summary()), repr(network.summary()), network._repr_html_()),
        *(str(compare(network, normal(2, 3))), repr(network)),
    ):
        assert len(text) < 300_000
    with pytest.raises(ShapeError) as caught:
        network(normal(2, 4))
    assert len(str(caught.value)) < 500
