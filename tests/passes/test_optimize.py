"""All passes together, on whole networks; splitting for programs; what a dtype cannot hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from arraynet import Dense
from arraynet.graph import Graph
from arraynet.layers import Scale, sequential_graph
from arraynet.passes import (
    absorb_scale,
    merge_affine,
    optimize,
    rescale_activations,
    split_affine,
)
from tests.networks import dense, mlp, normal, seven_layers
from tests.passes.helpers import assert_same, chain, ops
from tests.reference import forward


def test_an_affine_layer_is_a_product_and_a_sum() -> None:
    before = chain(dense(3, 2), "relu", dense(2, 2))
    after = split_affine(before).validated()
    assert ops(after) == ["matmul", "add", "relu", "matmul", "add"]
    x = normal(5, 3)
    np.testing.assert_array_equal(forward(after, x).value, forward(before, x).value)


def _half(*layers: Any) -> Graph:
    return chain(*layers).astype("float16")


def test_weights_are_not_folded_into_subnormal_numbers() -> None:
    """1e-4 / 255 is 4e-7, of which float16 would keep two bits."""
    small = Dense(np.full((3, 2), 1e-4, np.float32), np.zeros(2, np.float32))
    before = _half(Scale(1 / 255), small)
    assert ops(absorb_scale(before)) == ["scale_shift", "affine"]
    assert ops(absorb_scale(chain(Scale(1 / 255), small))) == ["affine"]


def test_weights_are_not_folded_into_infinity() -> None:
    large = Dense(np.full((3, 2), 6e4, np.float32), np.zeros(2, np.float32))
    assert ops(absorb_scale(_half(Scale(4.0), large))) == ["scale_shift", "affine"]
    product = Dense(np.full((2, 2), 6e4, np.float32), np.zeros(2, np.float32))
    assert ops(merge_affine(_half(large, product))) == ["affine", "affine"]


def test_a_sigmoid_stays_where_half_its_weights_would_be_subnormal() -> None:
    smallest = float(np.finfo(np.float16).smallest_subnormal)
    small = Dense(np.full((3, 2), 3 * smallest, np.float32), np.zeros(2, np.float32))
    assert ops(rescale_activations(_half(small, "sigmoid", dense(2, 2)))) == [
        "affine",
        "sigmoid",
        "affine",
    ]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_left_alone(bad: float) -> None:
    layer = Dense(np.float32([[1.0, bad], [0.5, 2.0]]), np.zeros(2, np.float32))
    with np.errstate(invalid="ignore"):
        after = optimize(chain(Scale(2.0), layer, "sigmoid", dense(2, 2), "softmax"))
    assert ops(after)[:3] == ["scale_shift", "affine", "sigmoid"]


def test_every_pass_fires_on_seven_mixed_layers_for_three_classes() -> None:
    before = seven_layers()
    after = optimize(before)
    hidden = [
        "affine",
        "tanh",
        "affine",
        "relu",
        "affine",
        "gelu",
        "affine",
        "tanh",
        "affine",
        "tanh",
    ]
    assert ops(after) == [*hidden, "affine", "unguarded_softmax"]
    assert after.validated().inputs == before.inputs
    assert after.outputs == before.outputs
    assert after.shapes[after.outputs[0]] == ("batch", 3)
    assert_same(before, after)


def test_the_textbook_network_with_a_scale() -> None:
    network = mlp(784, 50, 100, 10).graph
    scaled = sequential_graph(
        Scale(1 / 255),
        *(Dense(network.weights["W1"], network.weights["b1"]), "sigmoid"),
        *(Dense(network.weights["W2"], network.weights["b2"]), "sigmoid"),
        *(Dense(network.weights["W3"], network.weights["b3"]), "softmax"),
    )
    expected = ["affine", "tanh", "affine", "tanh", "affine", "unguarded_softmax"]
    assert ops(optimize(scaled)) == expected
    assert_same(scaled, optimize(scaled))


def test_a_graph_without_anything_to_gain_is_left_as_it_is() -> None:
    before = chain(dense(3, 4), "relu", dense(4, 2), "log_softmax")
    after = optimize(before)
    assert after.nodes == before.nodes
    for name, weight in before.weights.items():
        assert np.shares_memory(after.weights[name], weight)
