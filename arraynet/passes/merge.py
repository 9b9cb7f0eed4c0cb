"""Linear layers collapse."""

from __future__ import annotations

import numpy as np

from arraynet.graph import Graph, Node
from arraynet.passes.draft import Budget, Draft
from arraynet.passes.neighbours import merge_neighbours
from arraynet.passes.numbers import product, scaled, weighted_sum
from arraynet.passes.products import Product, product_of, put_product


def merge_affine(graph: Graph, budget: Budget | None = None) -> Graph:
    """Merge an affine layer into the one after it, where that multiplies less.

    ``(x @ W + b) @ V + c = x @ (W @ V) + (b @ V + c)``: linear layers collapse. A
    narrow layer between two wide ones stays, for the two products are cheaper; so do
    layers so large that merging them would hold up the loading.
    """
    draft = Draft(graph, budget)
    merge_neighbours(draft, _merge)
    return draft.graph()


def _matrix(draft: Draft, node: Node) -> Product | None:
    """Return a node as a product with a matrix, or None."""
    found = product_of(draft, node)
    return found if found is not None and found.weight.ndim == 2 else None


def _merge(draft: Draft, first: Node, second: Node) -> bool:
    """Merge two affine layers if that multiplies less, and return whether that was done."""
    one, two = _matrix(draft, first), _matrix(draft, second)
    if one is None or two is None or two.source != first.name:
        return False
    w, v = one.weight, two.weight
    numbers = w.size + v.size
    if w.shape[0] * v.shape[1] > numbers or not draft.budget.spend(numbers, w.size * v.shape[1]):
        return False
    weight, bias = product(w, v), two.bias
    if one.bias is not None:
        old = np.zeros((), v.dtype) if bias is None else bias
        bias = scaled(old, 1.0, weighted_sum(one.bias[:, None], v, 1), shape=v.shape[1:])
        if bias is None:
            return False
    if weight is None:
        return False
    put_product(draft, second, two, (weight, bias), one.source)
    return True
