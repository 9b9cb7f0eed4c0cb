"""Merging linear layers, where that multiplies less."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from arraynet.graph import Graph, Node, Value
from arraynet.passes import (
    merge_affine,
)
from tests.networks import dense
from tests.passes.helpers import assert_same, chain, ops, weights


def test_linear_layers_collapse() -> None:
    first, second, third = dense(4, 6), dense(6, 5), dense(5, 2)
    after = merge_affine(chain(first, second, third, "softmax"))
    assert ops(after) == ["affine", "softmax"]
    weight, bias = weights(after, after.nodes[0])
    one, two, three = (layer.weight.astype(np.float64) for layer in (first, second, third))
    np.testing.assert_allclose(weight, one @ two @ three, rtol=1e-5, atol=1e-6)
    expected = (first.bias @ two + second.bias) @ three + third.bias
    np.testing.assert_allclose(bias, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("middle", "merges"), [(1, False), (9, False), (10, True), (40, True)])
def test_a_narrow_layer_between_wide_ones_stays(middle: int, merges: bool) -> None:
    """20·20 products against 20·middle + middle·20."""
    before = chain(dense(20, middle), dense(middle, 20))
    after = merge_affine(before)
    assert len(after.nodes) == (1 if merges else 2)
    assert_same(before, after)
    costs = [sum(g.multiply_adds(n) for n in g.nodes) for g in (before, after)]
    assert costs[1] <= costs[0]


def test_a_layer_that_is_read_twice_is_not_merged_away() -> None:
    parts = {"W": dense(3, 3).weight, "b": dense(3, 3).bias}
    graph = Graph(
        (Value("x", ("batch", 3)),),
        (
            Node("affine", ("x", "W", "b"), ("a",)),
            Node("affine", ("a", "W", "b"), ("c",)),
            Node("add", ("a", "c"), ("y",)),
        ),
        parts,
        ("y",),
    ).validated()
    assert ops(merge_affine(graph)) == ops(graph)


def test_a_layer_that_is_an_output_is_not_merged_away() -> None:
    graph = replace(chain(dense(3, 3), dense(3, 3)), outputs=("affine1", "affine2"))
    assert ops(merge_affine(graph)) == ["affine", "affine"]


def test_layers_that_share_a_weight_merge_and_leave_the_weight_to_others() -> None:
    layer = dense(3, 3)
    graph = Graph(
        (Value("x", ("batch", 3)),),
        (
            Node("affine", ("x", "W", "b"), ("a",)),
            Node("affine", ("a", "W", "b"), ("c",)),
            Node("relu", ("c",), ("d",)),
            Node("affine", ("d", "W", "b"), ("y",)),
        ),
        {"W": layer.weight, "b": layer.bias},
        ("y",),
    ).validated()
    after = merge_affine(graph)
    assert ops(after) == ["affine", "relu", "affine"]
    assert after.nodes[2].inputs == ("d", "W", "b")
    assert np.array_equal(after.weights["W"], layer.weight)
    assert_same(graph, after)


def test_products_of_integers_are_left_alone() -> None:
    """In float64, 2**53 + 1 would be 2**53."""
    graph = Graph(
        (Value("x", ("batch", 2), "int64"),),
        (Node("matmul", ("x", "W"), ("z",)), Node("matmul", ("z", "V"), ("y",))),
        {"W": np.full((2, 2), 2**53 + 1), "V": np.eye(2, dtype=np.int64)},
        ("y",),
    ).validated()
    assert merge_affine(graph) is graph
