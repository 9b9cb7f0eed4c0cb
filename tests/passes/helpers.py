"""What the tests of passes share."""

from __future__ import annotations

from typing import Any

import numpy as np

from arraynet.graph import Graph, Node
from arraynet.layers import sequential_graph
from tests.networks import normal
from tests.reference import assert_right, forward

chain = sequential_graph


def ops(graph: Graph) -> list[str]:
    """Return the ops of a graph in order."""
    return [node.op for node in graph.nodes]


def weights(graph: Graph, node: Node) -> tuple[Any, Any]:
    """Return the weight and the bias of a layer in float64."""
    weight, bias = (graph.weights[name or ""].astype(np.float64) for name in node.inputs[1:])
    return weight, bias


def assert_same(before: Graph, after: Graph) -> None:
    """Assert that two graphs compute the same, in float64 on the weights that each has."""
    x = normal(20, int(before.inputs[0].shape[1]))
    expected, found = forward(before, x), forward(after.validated(), x, dtype=before.dtype)
    assert_right(found.value, expected, before.dtype)
