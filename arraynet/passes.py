"""Passes: functions from a graph to a graph that costs less and computes the same.

A pass asks the registration of an op what may be done with it, and never knows an
op by name. Folded weights are computed in float64 and rounded once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from arraynet.graph import Graph, HostArray, Node
from arraynet.ops import OPS
from arraynet.rewriting import is_matrix, matrix, scale, with_affines, with_node

Pass: TypeAlias = Callable[[Graph], Graph]
Bounds: TypeAlias = tuple[HostArray, HostArray] | None

MERGED = 1 << 30
"""Most multiply-adds that merging two layers may take (about 50 ms)."""


def optimize(graph: Graph) -> Graph:
    """Return the graph after every pass, in an order in which each helps the next.

    Parameters
    ----------
    graph : Graph
        A valid graph; it is not changed.

    Returns
    -------
    Graph
        With the same inputs and outputs, by name and shape.
    """
    # Weights that overflow when they are folded stay as they were.
    with np.errstate(over="ignore", invalid="ignore"):
        for rewrite in PASSES:
            graph = rewrite(graph)
    return graph


def drop(graph: Graph) -> Graph:
    """Leave out nodes that return their input: identity, dropout at inference.

    ``f(identity(x)) = f(x)``. A node that gives an output of the graph from one of
    its inputs stays: the output needs a node to name it.
    """
    kept: list[Node] = []
    sources: dict[str | None, str] = {}  # what stands for a node that went
    for node in graph.nodes:
        node = replace(node, inputs=tuple(sources.get(name, name) for name in node.inputs))
        source = node.inputs[0]
        if OPS[node.op].droppable and source is not None and node.name not in graph.outputs:
            sources[node.name] = source
        else:
            kept.append(node)
    graph = replace(graph, nodes=tuple(kept))
    for name in [node.name for node in kept if OPS[node.op].droppable]:
        node = graph.producers[name]
        source = node.inputs[0]
        if source is None or source not in graph.producers:
            continue
        if graph.uses[source] == 1:  # what gives its input gives the output in its place
            rest = [other for other in graph.nodes if other is not node]
            graph = replace(graph, nodes=tuple(_rename_output(n, source, node.name) for n in rest))
    return graph


def fold_scale(graph: Graph) -> Graph:
    """Fold a scale and shift into the affine layer after it, or before it.

    ``(x * s + t) @ W + b = x @ (s[:, None] * W) + (t @ W + b)``, so that pixels go
    straight into the first product; and
    ``(x @ W + b) * s + t = x @ (W * s) + (b * s + t)``.
    """
    return _merge_neighbours(graph, _fold_scale_pair)


def merge_affine(graph: Graph) -> Graph:
    """Merge an affine layer into the one after it, where that multiplies less.

    ``(x @ W + b) @ V + c = x @ (W @ V) + (b @ V + c)``: linear layers collapse. A
    narrow layer between two wide ones stays, for the two products are cheaper; so do
    layers so large that merging them would hold up the loading.
    """
    return _merge_neighbours(graph, _merge_affine_pair)


def rescale_activations(graph: Graph) -> Graph:
    """Write a hidden sigmoid as a tanh, and move its constants into its neighbours.

    ``sigmoid(a) = 1/2 + 1/2 * tanh(a / 2)``: between two affine layers the inner
    half goes into the one before, and the outer two into the one after, which
    leaves a bare tanh. The identity keeps absolute, not relative precision, which
    is all that a following affine layer can use; an output is left alone. The
    registration of an op names the cheaper op and the constants.
    """
    for node in graph.nodes:
        rescaled = OPS[node.op].rescaled
        before = graph.producers.get(node.inputs[0] or "")
        after = [n for n in graph.nodes if node.name in n.inputs]
        if rescaled is None or before is None or node.name in graph.outputs or not after:
            continue
        if graph.uses[before.name] != 1 or not all(is_matrix(n, graph) for n in (before, *after)):
            continue
        weight, bias = matrix(before, graph)
        new = [(before, weight * rescaled.input_scale, bias * rescaled.input_scale)]
        for following in after:
            weight, bias = matrix(following, graph)
            shift = rescaled.output_shift * weight.sum(axis=0)
            new.append((following, weight * rescaled.output_scale, bias + shift))
        rewritten = with_affines(graph, new)
        if rewritten is not None:
            graph = with_node(rewritten, node, replace(node, op=rescaled.inner))
    return graph


def drop_range_check(graph: Graph) -> Graph:
    """Replace ops that guard against overflow where their input is known to be small.

    ``softmax(x) = exp(x) / sum(exp(x))`` needs no maximum subtracted where ``exp``
    cannot overflow. After a bounded activation, ``l <= h <= u``, an affine layer's
    outputs lie within ``l @ max(W, 0) + u @ min(W, 0) + b`` and its mirror image,
    which the weights tell once for all inputs.
    """
    bounds: dict[str, Bounds] = {}
    nodes = []
    for node in graph.nodes:
        known = bounds.get(node.inputs[0] or "")
        bounds[node.name] = _bounds(node, known, graph)
        within = OPS[node.op].within
        if within is not None and known is not None and known[0].size:
            least, greatest = known[0].min(), known[1].max()
            if max(-least, greatest) <= within.largest[graph.dtype]:
                node = replace(node, op=within.inner)
        nodes.append(node)
    return replace(graph, nodes=tuple(nodes))


def split_affine(graph: Graph) -> Graph:
    """Write each affine layer as a product and a sum, so that the sum can be fused.

    ``affine(x, W, b) = matmul(x, W) + b``. This pass prepares a graph for a program
    and is no saving by itself.
    """
    nodes: list[Node] = []
    for node in graph.nodes:
        parts = OPS[node.op].parts
        if parts is None:
            nodes.append(node)
            continue
        product, total = parts
        name = graph.free_name(f"{node.name}/{product}")
        nodes.append(Node(product, node.inputs[:2], (name,)))
        nodes.append(Node(total, (name, *node.inputs[2:]), node.outputs))
    return replace(graph, nodes=tuple(nodes))


PASSES: tuple[Pass, ...] = (drop, fold_scale, merge_affine, rescale_activations, drop_range_check)
"""What `optimize` applies, in order."""


def _fold_scale_pair(graph: Graph, first: Node, second: Node) -> Graph | None:
    """Return the graph with a scale folded into the affine layer beside it."""
    if is_matrix(second, graph) and (factors := scale(first, graph)) is not None:
        weight, bias = matrix(second, graph)
        factor, shift = (np.broadcast_to(part, weight.shape[:1]) for part in factors)
        folded = (second, factor[:, None] * weight, shift @ weight + bias)
        return with_affines(graph, [folded], without=first)
    if is_matrix(first, graph) and (factors := scale(second, graph)) is not None:
        weight, bias = matrix(first, graph)
        factor, shift = factors
        folded = (second, weight * factor, bias * factor + shift)
        return with_affines(graph, [folded], without=first)
    return None


def _merge_affine_pair(graph: Graph, first: Node, second: Node) -> Graph | None:
    """Return the graph with two affine layers as one, if that multiplies less."""
    if not (is_matrix(first, graph) and is_matrix(second, graph)):
        return None
    (w, b), (v, c) = matrix(first, graph), matrix(second, graph)
    if w.shape[0] * v.shape[1] > w.size + v.size or w.size * v.shape[1] > MERGED:
        return None
    return with_affines(graph, [(second, w @ v, b @ v + c)], without=first)


def _merge_neighbours(graph: Graph, merged: Callable[[Graph, Node, Node], Graph | None]) -> Graph:
    """Apply a merge to each pair of nodes of which the second alone reads the first."""
    position = 0
    while position < len(graph.nodes):
        second = graph.nodes[position]
        first = graph.producers.get(second.inputs[0] or "")
        result = None
        if first is not None and graph.uses[first.name] == 1:
            result = merged(graph, first, second)
        if result is None:
            position += 1
        else:  # the first is gone, and the second may have a new neighbour
            graph, position = result, position - 1
    return graph


def _rename_output(node: Node, old: str, new: str) -> Node:
    return replace(node, outputs=tuple(new if name == old else name for name in node.outputs))


def _bounds(node: Node, known: tuple[HostArray, HostArray] | None, graph: Graph) -> Bounds:
    """Return the least and the greatest value of each feature of a node's output."""
    if known is not None and is_matrix(node, graph):
        weight, bias = matrix(node, graph)
        low, high = (np.broadcast_to(part, weight.shape[:1]) for part in known)
        rising, falling = np.maximum(weight, 0), np.minimum(weight, 0)
        return low @ rising + high @ falling + bias, high @ rising + low @ falling + bias
    least, greatest = OPS[node.op].bounds
    if np.isfinite(least) and np.isfinite(greatest):
        return np.asarray(least), np.asarray(greatest)
    return None
