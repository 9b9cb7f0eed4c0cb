"""Hidden sigmoids as tanh, and outputs left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from arraynet.graph import Graph, Node, Value
from arraynet.passes import (
    rescale_activations,
)
from tests.networks import dense
from tests.passes.helpers import assert_same, chain, ops, weights


def test_a_hidden_sigmoid_becomes_a_tanh() -> None:
    first, second = dense(4, 6), dense(6, 3)
    before = chain(first, "sigmoid", second, "softmax")
    after = rescale_activations(before)
    assert ops(after) == ["affine", "tanh", "affine", "softmax"]
    weight, bias = weights(after, after.nodes[0])
    np.testing.assert_array_equal(weight, first.weight.astype(np.float64) / 2)
    np.testing.assert_array_equal(bias, first.bias.astype(np.float64) / 2)
    weight, bias = weights(after, after.nodes[2])
    exact = second.weight.astype(np.float64)
    np.testing.assert_array_equal(weight, exact / 2)
    np.testing.assert_allclose(bias, second.bias + exact.sum(axis=0) / 2, rtol=1e-6, atol=1e-7)


def test_two_sigmoids_in_a_row_of_layers() -> None:
    before = chain(dense(4, 6), "sigmoid", dense(6, 5), "sigmoid", dense(5, 3))
    after = rescale_activations(before)
    assert ops(after) == ["affine", "tanh", "affine", "tanh", "affine"]
    assert_same(before, after)


@pytest.mark.parametrize(
    "layers",
    [
        (dense(4, 6), "sigmoid"),  # an output: its small values keep their precision
        (dense(4, 6), "sigmoid", "softmax"),
        (dense(4, 6), "sigmoid", "relu", dense(6, 2)),
        ("sigmoid", dense(4, 6)),
        (dense(4, 6), "relu", "sigmoid", dense(6, 2)),
    ],
)
def test_a_sigmoid_that_is_no_hidden_one_stays(layers: Any) -> None:
    before = chain(*layers)
    after = rescale_activations(before)
    assert ops(after) == ops(before)
    assert all(np.shares_memory(after.weights[n], w) for n, w in before.weights.items())


def _branching(*nodes: Node, outputs: tuple[str, ...] = ("y",)) -> Graph:
    layer, other = dense(3, 3, seed=1), dense(3, 3, seed=2)
    return Graph(
        (Value("x", ("batch", 3)),),
        nodes,
        {"W": layer.weight, "b": layer.bias, "V": other.weight, "c": other.bias},
        outputs,
    ).validated()


def test_a_sigmoid_that_something_else_reads_too_stays() -> None:
    graph = _branching(
        Node("affine", ("x", "W", "b"), ("a",)),
        Node("sigmoid", ("a",), ("s",)),
        Node("affine", ("s", "V", "c"), ("d",)),
        Node("add", ("s", "d"), ("y",)),
    )
    assert ops(rescale_activations(graph)) == ops(graph)


def test_a_sigmoid_whose_input_something_else_reads_too_stays() -> None:
    graph = _branching(
        Node("affine", ("x", "W", "b"), ("a",)),
        Node("sigmoid", ("a",), ("s",)),
        Node("affine", ("s", "V", "c"), ("d",)),
        Node("add", ("a", "d"), ("y",)),
    )
    assert ops(rescale_activations(graph)) == ops(graph)


def test_a_sigmoid_that_is_an_output_too_stays() -> None:
    graph = _branching(
        Node("affine", ("x", "W", "b"), ("a",)),
        Node("sigmoid", ("a",), ("s",)),
        Node("affine", ("s", "V", "c"), ("y",)),
        outputs=("y", "s"),
    )
    assert ops(rescale_activations(graph)) == ops(graph)


def test_a_sigmoid_that_two_layers_read_becomes_a_tanh_for_both() -> None:
    graph = _branching(
        Node("affine", ("x", "W", "b"), ("a",)),
        Node("sigmoid", ("a",), ("s",)),
        Node("affine", ("s", "V", "c"), ("d",)),
        Node("affine", ("s", "W", "b"), ("e",)),
        Node("add", ("d", "e"), ("y",)),
    )
    after = rescale_activations(graph)
    assert ops(after) == ["affine", "tanh", "affine", "affine", "add"]
    assert_same(graph, after)
