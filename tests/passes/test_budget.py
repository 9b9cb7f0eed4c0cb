"""What passes compute is bounded by the weights; what is beyond that stays as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from arraynet import Dense
from arraynet.graph import Graph, Node, Value
from arraynet.layers import Scale
from arraynet.passes import (
    COMPUTING,
    absorb_scale,
    drop_range_check,
    merge_affine,
    optimize,
    rescale_activations,
)
from arraynet.passes.draft import FLOOR, PRODUCTS, Budget
from tests.networks import dense
from tests.passes.helpers import assert_same, chain, ops


def shared(pair: tuple[str, ...], times: int) -> Graph:
    """Return a chain of layers that all share one weight of 128 x 128."""
    layer = dense(128, 128)
    weights = {"W": layer.weight, "b": layer.bias, "k": np.float32(0.5), "z": np.float32(0.25)}
    reads = {"affine": ("W", "b"), "scale_shift": ("k", "z")}
    nodes: list[Node] = []
    for number, op in enumerate(pair * times):
        source = nodes[-1].name if nodes else "x"
        nodes.append(Node(op, (source, *reads.get(op, ())), (f"v{number}",)))
    used = {name: w for name, w in weights.items() if any(name in n.inputs for n in nodes)}
    return Graph((Value("x", ("batch", 128)),), tuple(nodes), used, (nodes[-1].name,)).validated()


@pytest.mark.parametrize("pair", [("scale_shift", "affine"), ("affine", "sigmoid")])
def test_one_shared_weight_becomes_a_bounded_number_of_weights(pair: tuple[str, ...]) -> None:
    before = shared(pair, 300)
    after = optimize(before)
    made = sum(weight.size for weight in after.weights.values())
    assert made < 2 * FLOOR
    assert len(set(ops(after))) > 2 or len(after.nodes) > 300  # a part is left as it was
    assert ops(after) != ops(before)  # and a part is not
    short = shared(pair, 6)
    assert ops(optimize(short)) != ops(short)
    assert_same(short, optimize(short))


def test_large_networks_are_rewritten_throughout() -> None:
    """Many more numbers than are free, each in a weight of its own."""
    layers: list[Any] = [Scale(2.0)]
    for number in range(40):
        layers += [dense(256, 256, seed=number), Scale(0.5), "sigmoid"]
    before = chain(*layers, dense(256, 3))
    assert sum(weight.size for weight in before.weights.values()) > 2 * FLOOR
    assert ops(optimize(before)) == [*["affine", "tanh"] * 40, "affine"]


def test_a_budget_counts_numbers_and_multiply_adds() -> None:
    budget = Budget(chain(dense(3, 2)))
    most = FLOOR + 8 * 8
    assert not budget.spend(most + 1)
    assert budget.spend(most - 2)
    assert not budget.spend(0, 3 * PRODUCTS)
    assert budget.spend(0, 2 * PRODUCTS)
    assert not budget.spend(1)


@pytest.mark.parametrize("rewrite", COMPUTING, ids=lambda rewrite: rewrite.__name__)
def test_without_a_budget_a_pass_changes_nothing(rewrite: Any) -> None:
    before = chain(
        *(Scale(2.0), dense(3, 3), dense(3, 3), "sigmoid", dense(3, 3), "tanh", dense(3, 2)),
        "softmax",
    )
    last = Node("add", (before.outputs[0], "c"), ("y",))
    before = Graph(
        before.inputs,
        (*before.nodes, Node("add", ("a", "a"), ("c",)), last),
        {**before.weights, "a": np.ones(2, np.float32)},
        ("y",),
    ).validated()
    assert ops(rewrite(before)) != ops(before)
    budget = Budget(before)
    assert budget.spend(budget.left)
    assert rewrite(before, budget) is before


@pytest.mark.parametrize(
    ("rewrite", "layers"),
    [
        (absorb_scale, (Scale(2.0), (0, 4))),
        (absorb_scale, (Scale(2.0), (4, 0))),
        (absorb_scale, ((0, 4), Scale(2.0))),
        (merge_affine, ((4, 0), (0, 4))),
        (rescale_activations, ((4, 0), "sigmoid", (0, 4))),
        (drop_range_check, ("sigmoid", (0, 4), "softmax")),
    ],
)
def test_layers_without_numbers_are_left_alone(rewrite: Any, layers: Any) -> None:
    before = chain(*(Dense(np.ones(x, "f4")) if isinstance(x, tuple) else x for x in layers))
    assert rewrite(before) is before
