"""Activations as rescalings of cheaper ones."""

from __future__ import annotations

from dataclasses import replace

from arraynet.graph import Graph, Node
from arraynet.ops import OPS
from arraynet.passes.draft import Budget, Draft
from arraynet.passes.products import product_of, put_product


def rescale_activations(graph: Graph, budget: Budget | None = None) -> Graph:
    """Write a hidden sigmoid as a tanh, and move its constants into its neighbours.

    ``sigmoid(a) = 1/2 + 1/2 * tanh(a / 2)``: between two products the inner half goes into
    the one before, and the outer two into the ones after, which leaves a bare tanh. The
    identity keeps absolute, not relative precision, which is all that a following product
    can use; an output is left alone. The registration of an op names the cheaper op and the
    constants.
    """
    draft = Draft(graph, budget)
    for node in graph.nodes:
        if OPS[node.op].rescaled is not None and node.name not in draft.outputs:
            _rescale(draft, node)
    return draft.graph()


def _rescale(draft: Draft, node: Node) -> None:
    """Write one activation as its cheaper one, if products stand around it."""
    rescaled, before = OPS[node.op].rescaled, draft.giving(node.inputs[0])
    readers = draft.readers(node.name)
    if rescaled is None or before is None or not readers or draft.uses[before.name] != 1:
        return
    first = product_of(draft, before)
    after = [p for p in (product_of(draft, reader) for reader in readers) if p is not None]
    if first is None or len(after) < len(readers):
        return
    if not draft.budget.spend(sum(product.weight.size for product in (first, *after))):
        return
    weights = first.after(rescaled.input_scale, 0.0)
    several = [p.before(rescaled.output_scale, rescaled.output_shift) for p in after]
    if weights is None or any(found is None for found in several):
        return
    put_product(draft, before, first, weights)
    for product, found in zip(after, several, strict=True):
        if found is not None:
            put_product(draft, product.node, product, found)
    draft.put(node, replace(node, op=rescaled.inner))
