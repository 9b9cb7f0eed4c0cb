"""Merging two nodes of which the second alone reads the first."""

from __future__ import annotations

from collections.abc import Callable

from arraynet.graph import Node
from arraynet.passes.draft import Draft


def merge_neighbours(draft: Draft, merge: Callable[[Draft, Node, Node], bool]) -> None:
    """Apply a merge to each such pair of nodes, until none is left."""
    for node in draft.nodes:
        # A first that was merged is gone; a second that was may have a new neighbour.
        second = draft.giving(node.name)
        while second is not None and _merged(draft, second, merge):
            second = draft.giving(node.name)


def _merged(draft: Draft, second: Node, merge: Callable[[Draft, Node, Node], bool]) -> bool:
    """Merge a node with one of those that it reads, and return whether that was done."""
    for name in second.reads:
        first = draft.giving(name)
        if first is None or len(first.gives) != 1 or len(second.gives) != 1:
            continue
        if draft.uses[name] == 1 and merge(draft, first, second):
            return True
    return False
