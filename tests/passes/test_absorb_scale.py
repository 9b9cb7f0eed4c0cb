"""Absorbing a scale into the layer beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from arraynet.graph import Graph, Node, Value
from arraynet.layers import Scale
from arraynet.passes import (
    absorb_scale,
)
from tests.networks import dense
from tests.passes.helpers import assert_same, chain, ops, weights


def test_a_scale_of_the_input_goes_into_the_first_layer() -> None:
    layer = dense(4, 3)
    scale, shift = np.array([0.5, 2.0, -3.0, 0.25]), np.array([1.0, 0.0, -1.0, 2.0])
    after = absorb_scale(chain(Scale(scale, shift), layer, "relu"))
    assert ops(after) == ["affine", "relu"]
    assert after.nodes[0].inputs[0] == "x"
    weight, bias = weights(after, after.nodes[0])
    exact = layer.weight.astype(np.float64)
    np.testing.assert_allclose(weight, scale[:, None] * exact, rtol=1e-7)
    np.testing.assert_allclose(bias, shift @ exact + layer.bias, rtol=1e-6)


def test_a_scale_of_the_output_goes_into_the_last_layer() -> None:
    layer = dense(4, 3)
    scale, shift = np.array([0.5, 2.0, -3.0]), 0.75
    after = absorb_scale(chain("relu", layer, Scale(scale, shift)))
    assert ops(after) == ["relu", "affine"]
    assert after.outputs == ("scale_shift1",)
    weight, bias = weights(after, after.nodes[1])
    np.testing.assert_allclose(weight, layer.weight.astype(np.float64) * scale, rtol=1e-7)
    np.testing.assert_allclose(bias, layer.bias * scale + shift, rtol=1e-6)


def test_several_scales_go_too() -> None:
    before = chain(Scale(1 / 255), Scale(2.0, -1.0), dense(4, 3), Scale(3.0), Scale(1.0, 0.5))
    after = absorb_scale(before)
    assert ops(after) == ["affine"]
    assert_same(before, after)


def test_a_scale_between_activations_stays() -> None:
    before = chain(dense(4, 3), "relu", Scale(2.0), "tanh", dense(3, 2))
    assert ops(absorb_scale(before)) == ops(before)


@pytest.mark.parametrize(
    "layers",
    [
        (dense(3, 1), Scale(2.0, [1.0, 2.0, 3.0]), "relu"),
        (dense(3, 1), Scale([1.0, 2.0, 3.0]), dense(3, 2)),
        (dense(3, 1), Scale([1.0, 2.0, 3.0]), "relu"),
    ],
)
def test_a_scale_that_makes_several_features_of_one_stays_right(layers: Any) -> None:
    before = chain(*layers)
    after = absorb_scale(before).validated()
    assert_same(before, after)


def test_a_scale_that_is_read_twice_stays() -> None:
    layer = dense(3, 3)
    graph = Graph(
        (Value("x", ("batch", 3)),),
        (
            Node("scale_shift", ("x", "s", "t"), ("a",)),
            Node("affine", ("a", "W", "b"), ("c",)),
            Node("add", ("a", "c"), ("y",)),
        ),
        {"s": np.float32([2.0]), "t": np.float32([1.0]), "W": layer.weight, "b": layer.bias},
        ("y",),
    ).validated()
    assert ops(absorb_scale(graph)) == ops(graph)


@pytest.mark.parametrize("shape", [(4,), (2, 4, 3)])
def test_only_a_matrix_of_weights_takes_a_scale(shape: tuple[int, ...]) -> None:
    """A product with a vector, or with a batch of matrices, stays as it is."""
    random = np.random.default_rng(2)
    graph = Graph(
        (Value("x", ("batch", 2, 4)),),
        (Node("scale_shift", ("x", "s", "t"), ("y",)), Node("matmul", ("y", "W"), ("z",))),
        {
            "W": random.normal(size=shape).astype(np.float32),
            "s": random.normal(size=4).astype(np.float32),
            "t": random.normal(size=4).astype(np.float32),
        },
        ("z",),
    )
    if len(shape) == 3:
        graph = Graph((Value("x", (2, 2, 4)),), graph.nodes, graph.weights, graph.outputs)
    assert absorb_scale(graph.validated()) is graph
