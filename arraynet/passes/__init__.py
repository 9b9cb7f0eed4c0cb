"""Passes: functions from a graph to a graph that costs less and computes the same.

A pass asks the registration of an op what may be done with it, and never asks for an
op by name. New weights are computed in float64 and rounded once; what constants alone
decide, as a run would.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from arraynet.graph import Graph, Node, functions_of
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
    return _optimized(graph, Budget(graph), {})


def _optimized(graph: Graph, budget: Budget, known: dict[Graph, Graph]) -> Graph:
    """Return a graph after every pass; ``known`` are those that are done, as several share one."""
    if graph in known:
        return known[graph]
    after = drop(graph)
    for rewrite in COMPUTING:
        after = rewrite(after, budget)
    nodes = [_with_functions(node, budget, known) for node in after.nodes]
    if any(new is not old for new, old in zip(nodes, after.nodes, strict=True)):
        after = after.rewritten(nodes, after.weights)
    known[graph] = after
    return after


def _with_functions(node: Node, budget: Budget, known: dict[Graph, Graph]) -> Node:
    """Return a node with the graphs in it after every pass: itself where they do not change."""
    inner = functions_of(node)
    after = {name: _optimized(graph, budget, known) for name, graph in inner.items()}
    if all(after[name] is graph for name, graph in inner.items()):
        return node
    return replace(node, attributes={**node.attributes, **after})
