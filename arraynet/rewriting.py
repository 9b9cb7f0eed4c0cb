"""A graph while a pass rewrites it, and how much passes may compute for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from arraynet.graph import Graph, HostArray, Node, Size, seal
from arraynet.ops import OPS

SHARED = 1 << 14
"""Most numbers in a weight that is rewritten although several nodes read it."""

SHARE = 8
"""How often passes may go over as many numbers as a network has weights, on the average."""

FLOOR = 1 << 20
"""How many numbers passes may go over for a small network (about 10 ms)."""

PRODUCTS = 64
"""Multiply-adds that take about as long as going over one number."""


class Budget:
    """What passes may still compute for a network, counted in numbers.

    Many layers can share one weight, so that a small file describes much work. What is
    bounded by the weights of the file is bounded by its size.
    """

    def __init__(self, graph: Graph) -> None:
        self.left = FLOOR + SHARE * sum(weight.size for weight in graph.weights.values())

    def spend(self, numbers: int, multiply_adds: int = 0) -> bool:
        """Take that much, if there is enough left; else return False."""
        cost = numbers + multiply_adds // PRODUCTS
        if cost > self.left:
            return False
        self.left -= cost
        return True


class Draft:
    """The nodes and weights of a graph, to be changed one by one.

    What a pass asks is kept up to date with every change, so that a change costs the
    same in a large graph as in a small one. A value keeps its shape as long as it is.

    Parameters
    ----------
    graph : Graph
        A valid graph; it is not changed.
    budget : Budget, optional
        What may be computed; the graph's own where passes do not share one.
    """

    def __init__(self, graph: Graph, budget: Budget | None = None) -> None:
        self.budget = Budget(graph) if budget is None else budget
        self.dtype = graph.dtype
        self.outputs = graph.outputs
        self.nodes = {node.name: node for node in graph.nodes}
        self.weights = dict(graph.weights)
        self.uses = Counter(graph.uses)
        self._graph = graph
        self._changed = False
        self._names = set(graph.names)
        self._readers: dict[str, dict[str, None]] = {}
        for node in graph.nodes:
            self._note_readers(node)

    @property
    def shapes(self) -> Mapping[str, tuple[Size, ...]]:
        """The shapes of the values, by name."""
        return self._graph.shapes

    def before(self, node: Node) -> Node | None:
        """Return the node that gives a node's first input, unless that is no node's."""
        return self.nodes.get(node.inputs[0] or "") if node.inputs else None

    def readers(self, name: str) -> list[Node]:
        """Return the nodes that read a value."""
        return [self.nodes[reader] for reader in self._readers.get(name, ())]

    def put(self, node: Node) -> None:
        """Put a node in the place of the one that gave the same value."""
        old = self.nodes[node.name]
        self._forget(old)
        self._enter(node)
        self._release(old)

    def remove(self, node: Node) -> None:
        """Leave out a node that nothing reads any more, and weights that it alone read."""
        self._forget(node)
        self._release(node)
        del self.nodes[node.name]

    def put_affine(
        self, node: Node, weight: HostArray, bias: HostArray, *, source: str | None = None
    ) -> None:
        """Put an affine layer of new weights in a node's place; ``source`` is what it reads."""
        old = self.nodes[node.name]
        self._forget(old)
        self._release(old)
        names = [
            self._add_weight(f"{node.name}/{part}", values)
            for part, values in (("weight", weight), ("bias", bias))
        ]
        self._enter(Node("affine", (source or node.inputs[0], *names), node.outputs))

    def is_matrix(self, node: Node) -> bool:
        """Return whether a node is ``x @ weight + bias`` with constant weights.

        A large weight that others read too does not count: rewritten, it would be as many
        weights as it has readers. Nor does an empty one: it says how many numbers there
        would be, and holds none.
        """
        if OPS[node.op].merges != "matrix" or not self._only_first_varies(node):
            return False
        sizes = {name: self.weights[name].size for name in node.inputs[1:] if name}
        return all(
            size > 0 and (size <= SHARED or self.uses[name] == 1) for name, size in sizes.items()
        )

    def matrix(self, node: Node) -> tuple[HostArray, HostArray]:
        """Return the weight (in, out) of such a node, and its bias: (out,), or zero."""
        weight, *bias = (self.weights[name] for name in node.inputs[1:] if name)
        return weight, bias[0] if bias else np.zeros((), weight.dtype)

    def scale(self, node: Node) -> tuple[HostArray, HostArray] | None:
        """Return the scale and shift of a node ``x * scale + shift``, or None.

        Both are numbers, or one for each feature. A node that makes several features of
        one is none of these.
        """
        if OPS[node.op].merges != "diagonal" or not self._only_first_varies(node):
            return None
        if self.shapes[node.name] != self.shapes[node.inputs[0] or ""]:
            return None
        factor, shift = (self.weights[name] for name in node.inputs[1:] if name)
        return (factor, shift) if factor.ndim <= 1 and shift.ndim <= 1 else None

    def graph(self) -> Graph:
        """Return the graph as it is now: the very same where nothing was changed."""
        if not self._changed:
            return self._graph
        nodes = tuple(self.nodes.values())
        return Graph(self._graph.inputs, nodes, self.weights, self.outputs)

    def _only_first_varies(self, node: Node) -> bool:
        """Return whether a node's first input is no weight, and all the others are."""
        first, *others = (name in self.weights for name in node.inputs)
        return not first and all(others)

    def _note_readers(self, node: Node) -> None:
        for name in node.inputs:
            if name is not None:
                self._readers.setdefault(name, {})[node.name] = None

    def _enter(self, node: Node) -> None:
        self.nodes[node.name] = node
        self.uses.update(name for name in node.inputs if name is not None)
        self._note_readers(node)

    def _forget(self, node: Node) -> None:
        """Take back what a node reads."""
        self._changed = True
        for name in node.inputs:
            if name is not None:
                self.uses[name] -= 1
                self._readers[name].pop(node.name, None)

    def _release(self, node: Node) -> None:
        """Let go of weights that a node has read and nothing reads any more."""
        for name in node.inputs:
            if name is not None and self.uses[name] == 0 and name in self.weights:
                del self.weights[name]
                self._names.discard(name)

    def _add_weight(self, wanted: str, values: HostArray) -> str:
        """Add a new weight under a free name: the one that is wanted, or one like it."""
        while wanted in self._names:
            wanted += "'"
        self._names.add(wanted)
        self.weights[wanted] = seal(values)
        return wanted
