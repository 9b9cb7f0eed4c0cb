"""Passes: functions from a graph to a graph that costs less and computes the same.

A pass asks the registration of an op what may be done with it, and never asks for an
op by name. Folded weights are computed in float64 and rounded once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, TypeAlias

import numpy as np

from arraynet.folding import Numbers, interval, product, scaled, weighted_sum
from arraynet.graph import Graph, HostArray, Node
from arraynet.ops import OPS
from arraynet.rewriting import Budget, Draft

Bounds: TypeAlias = tuple[Numbers, Numbers]


class FoldingPass(Protocol):
    """A pass that computes weights: as many as a budget allows, which passes may share."""

    def __call__(self, graph: Graph, budget: Budget | None = None) -> Graph:
        """Return the graph after the pass."""


def optimize(graph: Graph) -> Graph:
    """Return the graph after every pass, in an order in which each helps the next.

    All passes together go over at most eight times as many numbers as the graph has in
    its weights, and a million more; 64 multiply-adds count as one. What is beyond that
    is left as it is: see `arraynet.rewriting.Budget`.

    Parameters
    ----------
    graph : Graph
        A valid graph; it is not changed.

    Returns
    -------
    Graph
        With the same inputs and outputs, by name and shape.
    """
    budget = Budget(graph)
    graph = drop(graph)
    for rewrite in FOLDING:
        graph = rewrite(graph, budget)
    return graph


def drop(graph: Graph) -> Graph:
    """Leave out nodes that return their input: identity, dropout at inference.

    ``f(identity(x)) = f(x)``. A node that gives an output of the graph from one of
    its inputs stays: the output needs a node to name it.
    """
    draft = Draft(graph)
    droppable = [node.name for node in graph.nodes if OPS[node.op].droppable]
    for name in droppable:
        node = draft.nodes[name]
        source = node.inputs[0]
        if source is None or name in draft.outputs:
            continue
        for reader in draft.readers(name):
            inputs = tuple(source if other == name else other for other in reader.inputs)
            draft.put(replace(reader, inputs=inputs))
        draft.remove(node)
    for name in draft.outputs:
        node = draft.nodes[name]
        before = draft.before(node)
        if OPS[node.op].droppable and before is not None and draft.uses[before.name] == 1:
            # What gives its input gives the output in its place.
            draft.put(replace(before, outputs=node.outputs))
            draft.remove(before)
    return draft.graph()


def fold_scale(graph: Graph, budget: Budget | None = None) -> Graph:
    """Fold a scale and shift into the affine layer after it, or before it.

    ``(x * s + t) @ W + b = x @ (s[:, None] * W) + (t @ W + b)``, so that pixels go
    straight into the first product; and
    ``(x @ W + b) * s + t = x @ (W * s) + (b * s + t)``.
    """
    return _merge_neighbours(Draft(graph, budget), _fold_scale_pair)


def merge_affine(graph: Graph, budget: Budget | None = None) -> Graph:
    """Merge an affine layer into the one after it, where that multiplies less.

    ``(x @ W + b) @ V + c = x @ (W @ V) + (b @ V + c)``: linear layers collapse. A
    narrow layer between two wide ones stays, for the two products are cheaper; so do
    layers so large that merging them would hold up the loading.
    """
    return _merge_neighbours(Draft(graph, budget), _merge_affine_pair)


def rescale_activations(graph: Graph, budget: Budget | None = None) -> Graph:
    """Write a hidden sigmoid as a tanh, and move its constants into its neighbours.

    ``sigmoid(a) = 1/2 + 1/2 * tanh(a / 2)``: between two affine layers the inner
    half goes into the one before, and the outer two into the one after, which
    leaves a bare tanh. The identity keeps absolute, not relative precision, which
    is all that a following affine layer can use; an output is left alone. The
    registration of an op names the cheaper op and the constants.
    """
    draft = Draft(graph, budget)
    for node in graph.nodes:
        if OPS[node.op].rescaled is not None and node.name not in draft.outputs:
            _rescale(draft, node)
    return draft.graph()


def drop_range_check(graph: Graph, budget: Budget | None = None) -> Graph:
    """Replace ops that guard against overflow where their input is known to be small.

    ``softmax(x) = exp(x) / sum(exp(x))`` needs no maximum subtracted where ``exp``
    cannot overflow. After a bounded activation, ``l <= h <= u``, an affine layer's
    outputs lie within ``l @ max(W, 0) + u @ min(W, 0) + b`` and its mirror image,
    which the weights tell once for all inputs.
    """
    draft = Draft(graph, budget)
    for node in graph.nodes:
        within = OPS[node.op].within
        if within is None or (known := _bounds(draft, node)) is None:
            continue
        least, greatest = np.min(known[0]), np.max(known[1])
        if max(-least, greatest) <= within.largest[draft.dtype]:
            draft.put(replace(node, op=within.inner))
    return draft.graph()


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


FOLDING: tuple[FoldingPass, ...] = (
    fold_scale,
    merge_affine,
    rescale_activations,
    drop_range_check,
)
"""The passes that share a budget, in the order in which `optimize` applies them."""


def _merge_neighbours(draft: Draft, merge: Callable[[Draft, Node, Node], bool]) -> Graph:
    """Apply a merge to each pair of nodes of which the second alone reads the first."""
    for name in list(draft.nodes):
        while name in draft.nodes:  # a first that was merged is gone
            second = draft.nodes[name]
            first = draft.before(second)
            if first is None or draft.uses[first.name] != 1 or not merge(draft, first, second):
                break  # else the second may have a new neighbour
    return draft.graph()


def _fold_scale_pair(draft: Draft, first: Node, second: Node) -> bool:
    """Fold a scale into the affine layer beside it, and return whether that was done."""
    if draft.is_matrix(second) and (factors := draft.scale(first)) is not None:
        weight, bias = draft.matrix(second)
        if not draft.budget.spend(weight.size):
            return False
        factor, shift = (np.broadcast_to(part, weight.shape[:1]) for part in factors)
        new_weight = scaled(weight, factor[:, None], shape=weight.shape)
        new_bias = scaled(bias, 1.0, weighted_sum(shift, weight), shape=weight.shape[1:])
    elif draft.is_matrix(first) and (factors := draft.scale(second)) is not None:
        weight, bias = draft.matrix(first)
        if not draft.budget.spend(weight.size):
            return False
        factor, shift = factors
        new_weight = scaled(weight, factor, shape=weight.shape)
        new_bias = scaled(bias, factor, shift, shape=weight.shape[1:])
    else:
        return False
    return _merged(draft, first, second, new_weight, new_bias)


def _merge_affine_pair(draft: Draft, first: Node, second: Node) -> bool:
    """Merge two affine layers if that multiplies less, and return whether that was done."""
    if not (draft.is_matrix(first) and draft.is_matrix(second)):
        return False
    (w, b), (v, c) = draft.matrix(first), draft.matrix(second)
    inputs, outputs, numbers = w.shape[0], v.shape[1], w.size + v.size
    if inputs * outputs > numbers or not draft.budget.spend(numbers, w.size * outputs):
        return False
    bias = scaled(c, 1.0, weighted_sum(b, v), shape=(outputs,))
    return _merged(draft, first, second, product(w, v), bias)


def _merged(
    draft: Draft, first: Node, second: Node, weight: HostArray | None, bias: HostArray | None
) -> bool:
    """Put one affine layer in the place of two nodes, if its dtype can hold the weights."""
    if weight is None or bias is None:
        return False
    draft.put_affine(second, weight, bias, source=first.inputs[0])
    draft.remove(first)
    return True


def _rescale(draft: Draft, node: Node) -> None:
    """Write one activation as its cheaper one, if affine layers stand around it."""
    rescaled = OPS[node.op].rescaled
    before, after = draft.before(node), draft.readers(node.name)
    if rescaled is None or before is None or not after or draft.uses[before.name] != 1:
        return
    layers = (before, *after)
    if not all(draft.is_matrix(layer) for layer in layers):
        return
    if not draft.budget.spend(sum(draft.matrix(layer)[0].size for layer in layers)):
        return
    new = []
    for layer in layers:
        weight, bias = draft.matrix(layer)
        factor = rescaled.input_scale if layer is before else rescaled.output_scale
        times = factor if layer is before else 1.0
        shift = 0.0 if layer is before else weighted_sum(rescaled.output_shift, weight)
        new_weight = scaled(weight, factor, shape=weight.shape)
        new_bias = scaled(bias, times, shift, shape=weight.shape[1:])
        if new_weight is None or new_bias is None:
            return
        new.append((layer, new_weight, new_bias))
    for layer, new_weight, new_bias in new:
        draft.put_affine(layer, new_weight, new_bias)
    draft.put(replace(node, op=rescaled.inner))


def _bounds(draft: Draft, node: Node) -> Bounds | None:
    """Return the least and the greatest value of each feature of what a node reads."""
    layers = []
    source = draft.before(node)
    while source is not None and draft.is_matrix(source):
        layers.append(source)
        source = draft.before(source)
    if source is None or not np.isfinite(OPS[source.op].bounds).all():
        return None
    if not draft.budget.spend(sum(draft.matrix(layer)[0].size for layer in layers)):
        return None
    bounds: Bounds = OPS[source.op].bounds
    for layer in reversed(layers):
        bounds = interval(*bounds, *draft.matrix(layer))
    return bounds
