"""Passes: functions from a graph to a graph that costs less and computes the same.

A pass asks the registration of an op what may be done with it, and never asks for an
op by name. New weights are computed in float64 and rounded once; what constants alone
decide, as a run would.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from arraynet.graph import Graph, functions_of
from arraynet.passes.absorb import absorb_scale
from arraynet.passes.constants import fold_constants
from arraynet.passes.draft import Budget
from arraynet.passes.drop import drop
from arraynet.passes.merge import merge_affine
from arraynet.passes.range_check import drop_range_check
from arraynet.passes.rescale import rescale_activations
from arraynet.passes.split import split_affine

__all__ = [
    "COMPUTING",
    "Budget",
    "absorb_scale",
    "drop",
    "drop_range_check",
    "fold_constants",
    "merge_affine",
    "optimize",
    "rescale_activations",
    "split_affine",
]


class ComputingPass(Protocol):
    """A pass that computes constants: as many as a budget allows, which passes may share."""

    def __call__(self, graph: Graph, budget: Budget | None = None) -> Graph:
        """Return the graph after the pass."""


COMPUTING: tuple[ComputingPass, ...] = (
    fold_constants,
    absorb_scale,
    merge_affine,
    rescale_activations,
    drop_range_check,
)
"""The passes that share a budget, in the order in which `optimize` applies them."""


def optimize(graph: Graph) -> Graph:
    """Return the graph, and those inside its nodes, after every pass.

    They come in an order in which each helps the next. All together go over at most eight
    times as many numbers as the graph has in its weights, and a million more; 64
    multiply-adds count as one. New constants make the network longer by at most an eighth,
    and a mebibyte. What is beyond that is left as it is: see `arraynet.passes.Budget`.

    Parameters
    ----------
    graph : Graph
        A valid graph; it is not changed.

    Returns
    -------
    Graph
        With the same inputs and outputs, by name and shape.
    """
    return _optimized(graph, Budget(graph))


def _optimized(graph: Graph, budget: Budget) -> Graph:
    graph = drop(graph)
    for rewrite in COMPUTING:
        graph = rewrite(graph, budget)
    inner = {
        node.name: {name: _optimized(g, budget) for name, g in functions_of(node).items()}
        for node in graph.nodes
        if functions_of(node)
    }
    if all(g is functions_of(n)[k] for n in graph.nodes for k, g in inner.get(n.name, {}).items()):
        return graph
    nodes = [
        replace(node, attributes={**node.attributes, **inner[node.name]})
        if node.name in inner
        else node
        for node in graph.nodes
    ]
    return graph.rewritten(nodes, graph.weights)
