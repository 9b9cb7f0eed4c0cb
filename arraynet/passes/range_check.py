"""Guards against overflow go where the weights tell that nothing can overflow."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import numpy as np

from arraynet.graph import Graph, Node
from arraynet.ops import OPS
from arraynet.passes.draft import Budget, Draft
from arraynet.passes.numbers import Numbers, interval
from arraynet.passes.products import Product, product_of

Bounds: TypeAlias = tuple[Numbers, Numbers]


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
        if max(-least, greatest) <= within.largest.get(draft.values[node.name].dtype or "", 0.0):
            draft.put(node, replace(node, op=within.inner))
    return draft.graph()


def _bounds(draft: Draft, node: Node) -> Bounds | None:
    """Return the least and the greatest value of each feature of what a node reads."""
    layers: list[Product] = []
    source = draft.giving(node.inputs[0])
    while source is not None and (layer := product_of(draft, source)) is not None:
        # What a hostile graph makes one go over is paid for step by step.
        if layer.weight.ndim != 2 or not draft.budget.spend(layer.weight.size):
            return None
        layers.append(layer)
        source = draft.giving(layer.source)
    if source is None or not np.isfinite(OPS[source.op].bounds).all():
        return None
    bounds: Bounds = OPS[source.op].bounds
    for layer in reversed(layers):
        bias = np.zeros(()) if layer.bias is None else layer.bias
        bounds = interval(*bounds, layer.weight, bias)
    return bounds
