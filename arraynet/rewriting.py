"""What passes have in common: reading and replacing the layers of a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from arraynet.graph import Graph, HostArray, Node
from arraynet.ops import OPS

EPSILON = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}
"""The spacing of the numbers after 1, by dtype."""

SHARED = 1 << 14
"""Most numbers in a weight that is rewritten although several nodes read it."""


def is_matrix(node: Node, graph: Graph) -> bool:
    """Return whether a node is ``x @ weight + bias`` with constant weights.

    A large weight that others read too does not count: rewritten, it would be as many
    weights as it has readers.
    """
    if OPS[node.op].merges != "matrix" or not _only_first_varies(node, graph):
        return False
    return all(graph.uses[n] == 1 or graph.weights[n].size <= SHARED for n in node.inputs[1:] if n)


def matrix(node: Node, graph: Graph) -> tuple[HostArray, HostArray]:
    """Return the float64 weight (in, out) and bias (out,) of such a node."""
    weight, *bias = (_exact(part) for part in graph.weights_of(node))
    return weight, bias[0] if bias else np.zeros(weight.shape[1])


def scale(node: Node, graph: Graph) -> tuple[HostArray, HostArray] | None:
    """Return the float64 scale and shift of a node ``x * scale + shift``, or None.

    Both are numbers, or one for each feature. A node that makes several features of
    one is none of these.
    """
    if OPS[node.op].merges != "diagonal" or not _only_first_varies(node, graph):
        return None
    if graph.shapes[node.name] != graph.shapes[node.inputs[0] or ""]:
        return None
    factor, shift = (_exact(part) for part in graph.weights_of(node))
    return (factor, shift) if factor.ndim <= 1 and shift.ndim <= 1 else None


def _only_first_varies(node: Node, graph: Graph) -> bool:
    """Return whether a node's first input is no weight, and all the others are."""
    first, *others = (name in graph.weights for name in node.inputs)
    return not first and all(others)


def with_affines(
    graph: Graph,
    layers: Sequence[tuple[Node, HostArray, HostArray]],
    *,
    without: Node | None = None,
) -> Graph | None:
    """Return the graph with these nodes as affine layers of these float64 weights.

    A node that goes may be read by these alone: they read what it reads, instead.

    None where the graph's dtype cannot hold the weights: they would overflow, or
    lose their precision among the subnormal numbers.
    """
    weights = dict(graph.weights)
    nodes = {node.name: node for node in graph.nodes}
    for node, weight, bias in layers:
        names = [graph.free_name(f"{node.name}/{part}") for part in ("weight", "bias")]
        for name, exact in zip(names, (weight, bias), strict=True):
            with np.errstate(over="ignore", under="ignore"):
                rounded = exact.astype(np.dtype(graph.dtype))
                lost = np.max(np.abs(_exact(rounded) - exact), initial=0.0)
            if not lost <= EPSILON[graph.dtype] * np.max(np.abs(exact), initial=0.0):
                return None
            weights[name] = rounded
        source = node.inputs[0]
        if without is not None and source == without.name:
            source = without.inputs[0]
        nodes[node.name] = Node("affine", (source, *names), node.outputs)
    if without is not None:
        del nodes[without.name]
    read = {name for node in nodes.values() for name in node.inputs}
    used = {name: weight for name, weight in weights.items() if name in read}
    return replace(graph, nodes=tuple(nodes.values()), weights=used)


def with_node(graph: Graph, old: Node, new: Node) -> Graph:
    """Return the graph with one node replaced."""
    return replace(
        graph, nodes=tuple(new if node.name == old.name else node for node in graph.nodes)
    )


def _exact(weight: HostArray) -> HostArray:
    return weight.astype(np.float64)
