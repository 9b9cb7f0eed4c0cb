"""Scales and shifts go into the products beside them."""

from __future__ import annotations

from arraynet.graph import Graph, Node
from arraynet.ops import OPS
from arraynet.passes.draft import Budget, Draft
from arraynet.passes.neighbours import merge_neighbours
from arraynet.passes.numbers import scaled
from arraynet.passes.products import product_of, put_product
from arraynet.passes.scales import scale_of
from arraynet.weights import FORMATS


def absorb_scale(graph: Graph, budget: Budget | None = None) -> Graph:
    """Absorb a scale and shift of each channel into the product after it, or before it.

    ``(x * s + t) @ W + b = x @ (s[:, None] * W) + (t @ W + b)``, so that pixels go
    straight into the first product; and
    ``(x @ W + b) * s + t = x @ (W * s) + (b * s + t)``. A convolution is a product of its
    channels, and batch normalisation, a division by 255 or a sum with a constant is a scale
    and shift, so that all are done by these two. A shift before zeros that stand around an
    image stays: the zeros are not shifted.

    What is left of several constants becomes one scale and shift:
    ``γ (x - μ) / sqrt(σ² + ε) + β = x * s + (β - μ s)``, where ``s = γ / sqrt(σ² + ε)``.
    """
    draft = Draft(graph, budget)
    merge_neighbours(draft, _absorb)
    for node in draft.nodes:
        if OPS[node.op].scaling is not None and not OPS[node.op].elementwise:
            _simplify(draft, node)
    return draft.graph()


def _absorb(draft: Draft, first: Node, second: Node) -> bool:
    """Absorb a scale into the product beside it, and return whether that was done."""
    product, before = product_of(draft, second), True
    if product is None:
        product, before = product_of(draft, first), False
    if product is None:
        return False
    scale = scale_of(draft, first if before else second)
    parts = None if scale is None else scale.along(product.layout.axis)
    if scale is None or parts is None or not draft.budget.spend(product.weight.size):
        return False
    weights = product.before(*parts) if before else product.after(*parts)
    if weights is None:
        return False
    put_product(draft, second, product, weights, scale.source if before else None)
    return True


def _simplify(draft: Draft, node: Node) -> None:
    """Write a node of several constants as a scale and shift.

    16-bit numbers stay with an op that is computed in more and rounded once.
    """
    dtype = draft.values[node.name].dtype
    if dtype not in FORMATS or (OPS[node.op].widened and FORMATS[dtype].bytes < 4):
        return
    scale = scale_of(draft, node)
    if scale is None:
        return
    kind = next(draft.weights[name].dtype for name in node.reads if name in draft.weights)
    parts = {
        part: scaled(values, 1.0, shape=values.shape, dtype=kind)
        for part, values in (("scale", scale.scale), ("shift", scale.shift))
    }
    held = {part: values for part, values in parts.items() if values is not None}
    if len(held) == len(parts):
        names = [draft.constant(f"{node.name}/{part}", values) for part, values in held.items()]
        op = next(op.name for op in OPS.values() if op.merges == "diagonal")
        draft.put(node, Node(op, (scale.source, *names), node.outputs))
