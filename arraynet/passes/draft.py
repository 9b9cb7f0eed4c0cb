"""A graph while a pass rewrites it, and how much passes may compute for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from arraynet.graph import Graph, HostArray, Node, Value, functions_of, seal

SHARED = 1 << 14
"""Most numbers in a weight that is rewritten although several nodes read it."""

SHARE = 8
"""How often passes may go over as many numbers as a network has weights, on the average."""

FLOOR = 1 << 20
"""How many numbers passes may go over for a small network (about 10 ms)."""

PRODUCTS = 64
"""Multiply-adds that take about as long as going over one number."""

ROOM = 1 << 20
"""How many bytes longer passes may make the constants of a small network."""

GROWTH = 8
"""The constants of a large network may become longer by this part of them."""


class Budget:
    """What passes may still compute for a network, counted in numbers, and keep, in bytes.

    Many layers can share one weight, and a short line can ask for a large constant, so that
    a small file describes much work. What is bounded by the weights of the file is bounded
    by its size. The graphs inside nodes count, and share it.
    """

    def __init__(self, graph: Graph) -> None:
        weights = _weights(graph, {}).values()
        self.left = FLOOR + SHARE * sum(weight.size for weight in weights)
        self.room = ROOM + sum(weight.nbytes for weight in weights) // GROWTH

    def spend(self, numbers: int, multiply_adds: int = 0) -> bool:
        """Take that much, if there is enough left; else return False."""
        cost = numbers + multiply_adds // PRODUCTS
        if cost > self.left:
            return False
        self.left -= cost
        return True

    def grow(self, size: int) -> bool:
        """Take room for constants of that many bytes more (or fewer), if there is any left."""
        if size > self.room:
            return False
        self.room -= size
        return True


def _weights(graph: Graph, found: dict[Any, HostArray]) -> dict[Any, HostArray]:
    """Return the weights of a graph and of those in its nodes, each once."""
    if graph not in found:
        found[graph] = np.empty(0)  # a graph that is in several nodes is gone over once
        found.update({(w.ctypes.data, w.nbytes): w for w in graph.weights.values()})
        for node in graph.nodes:
            for inner in functions_of(node).values():
                _weights(inner, found)
    return found


class Draft:
    """The nodes and constants of a graph, to be changed one by one.

    What a pass asks is kept up to date with every change, so that a change costs the
    same in a large graph as in a small one. A value that keeps its name stays the same, and
    nodes stay in the order of their work. What nothing reads any more is left out: nodes
    and constants.

    Parameters
    ----------
    graph : Graph
        A valid graph; it is not changed.
    budget : Budget, optional
        What may be computed; the graph's own where passes do not share one.
    """

    def __init__(self, graph: Graph, budget: Budget | None = None) -> None:
        self.budget = Budget(graph) if budget is None else budget
        self.outputs = frozenset(graph.outputs)
        self.weights = dict(graph.weights)
        self.uses = Counter(graph.uses)
        self._graph = graph
        self._changed = False
        self._names = set(graph.names)
        self._nodes = dict(enumerate(graph.nodes))
        self._places = {name: place for place, node in self._nodes.items() for name in node.gives}
        self._readers: dict[str, dict[int, None]] = {}
        for place, node in self._nodes.items():
            self._note_readers(place, node)

    @property
    def values(self) -> Mapping[str, Value]:
        """What is known of the values of the graph as it was, by name."""
        return self._graph.values

    @property
    def nodes(self) -> list[Node]:
        """The nodes as they are now, in order."""
        return list(self._nodes.values())

    def giving(self, name: str | None) -> Node | None:
        """Return the node that gives a value, unless that is no node's."""
        place = None if name is None else self._places.get(name)
        return None if place is None else self._nodes[place]

    def has(self, node: Node) -> bool:
        """Return whether a node is still in the draft."""
        return self.giving(node.name) is node

    def readers(self, name: str) -> list[Node]:
        """Return the nodes that read a value."""
        return [self._nodes[place] for place in self._readers.get(name, ())]

    def put(self, old: Node, new: Node) -> None:
        """Put a node in the place of another; it may give other names, which nothing reads."""
        place = self._places[old.name]
        self._changed = True
        for name in old.gives:
            del self._places[name]
        self._places.update(dict.fromkeys(new.gives, place))
        self._names.update(new.gives)
        self._nodes[place] = new
        self.uses.update(new.reads)
        self._forget(place, old)
        self._note_readers(place, new)

    def remove(self, node: Node) -> None:
        """Leave out a node that nothing reads any more."""
        self._forget(self._taken_out(node), node)

    def hand_over(self, node: Node, before: Node) -> None:
        """Let the node that gives what another returns as it is give the other's value."""
        names = dict.fromkeys(node.reads, node.name)
        place = self._taken_out(node)
        outputs = tuple(None if n is None else names.get(n, n) for n in before.outputs)
        self.put(before, replace(before, outputs=outputs))
        self._forget(place, node)

    def read_instead(self, name: str, other: str) -> None:
        """Let every node that reads a value read another."""
        for reader in self.readers(name):
            inputs = tuple(other if read == name else read for read in reader.inputs)
            self.put(reader, replace(reader, inputs=inputs))

    def fold(self, node: Node, results: Mapping[str, HostArray]) -> None:
        """Put constants in the place of what a node gives, as many as something reads."""
        self.remove(node)
        self.weights.update({n: seal(array) for n, array in results.items() if self.uses[n]})

    def constant(self, wanted: str, values: HostArray) -> str:
        """Add a constant under a free name: the one that is wanted, or one like it."""
        while wanted in self._names:
            wanted += "'"
        self._names.add(wanted)
        self.weights[wanted] = seal(values)
        return wanted

    def graph(self) -> Graph:
        """Return the graph as it is now: the very same where nothing was changed."""
        return self._graph.rewritten(self.nodes, self.weights) if self._changed else self._graph

    def _note_readers(self, place: int, node: Node) -> None:
        for name in node.reads:
            self._readers.setdefault(name, {})[place] = None

    def _taken_out(self, node: Node) -> int:
        """Take out a node, and return its place."""
        self._changed = True
        place = self._places[node.name]
        del self._nodes[place]
        for name in node.gives:
            del self._places[name]
        return place

    def _forget(self, place: int, node: Node) -> None:
        """Take back what a node read in a place, and leave out what nothing reads any more."""
        gone = [(place, node)]
        while gone:
            place, node = gone.pop()
            now = self._nodes.get(place)
            for name in node.reads:
                self.uses[name] -= 1
                if now is None or name not in now.reads:
                    self._readers[name].pop(place, None)
            for name in dict.fromkeys(name for name in node.reads if not self.uses[name]):
                self.weights.pop(name, None)
                giving = self.giving(name)
                if giving is not None and not any(self.uses[given] for given in giving.gives):
                    gone.append((self._taken_out(giving), giving))
