"""Nodes that change nothing, or that nothing reads, are left out."""

from __future__ import annotations

from arraynet.graph import Graph, Node
from arraynet.ops import OPS
from arraynet.passes.draft import Draft


def drop(graph: Graph) -> Graph:
    """Leave out nodes that return their input: identity, dropout at inference.

    ``f(identity(x)) = f(x)``. A node that gives an output of the graph from one of
    its inputs stays: the output needs a node to name it. What nothing reads is left out too.
    """
    draft = Draft(graph)
    for node in reversed(graph.nodes):
        if draft.has(node) and not any(draft.uses[name] for name in node.gives):
            draft.remove(node)
    for node in draft.nodes:
        if (found := draft.giving(node.name)) is not None and _passes_on(found):
            _drop(draft, found)
    return draft.graph()


def _passes_on(node: Node) -> bool:
    """Return whether all that a node does is to return what it reads."""
    return OPS[node.op].droppable and node.inputs[0] is not None and node.gives == node.outputs[:1]


def _drop(draft: Draft, node: Node) -> None:
    """Leave out a node; where it gives an output, what gives its input does so in its place."""
    source = node.inputs[0] or ""
    if node.name not in draft.outputs:
        draft.read_instead(node.name, source)
        return
    before = draft.giving(source)
    if before is not None and draft.uses[source] == 1:
        draft.hand_over(node, before)
