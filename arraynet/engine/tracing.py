"""Every value of a graph by name, as it runs: nothing is let go, and branches show theirs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from arraynet._typing import Array, Kernel
from arraynet.backends.base import Backend
from arraynet.engine.forward import admitted
from arraynet.engine.places import places_of
from arraynet.engine.program import Through, branch_of, linked
from arraynet.engine.segments import Linker, cut
from arraynet.graph import Graph, Node


def intermediates(graph: Graph, backend: Backend, *inputs: Any) -> dict[str, Array]:
    """Return every value of a graph by name, each op applied as it stands.

    Parameters
    ----------
    graph : Graph
    backend : Backend
    *inputs : array
        As for `Program.run`.

    Returns
    -------
    dict of str to array
        The inputs first, then each node's outputs, on the device. What a branch computed
        that was taken stands before the node that it is a branch of, under the node's name
        and its own: ``"if1/relu1"``. The turns of a loop are not shown.
    """
    with backend.active():
        arrays = admitted(graph.inputs, inputs, backend)
        found = dict(zip((value.name for value in graph.inputs), arrays, strict=True))
        return {**found, **_values(graph, backend, arrays)}


def _values(graph: Graph, backend: Backend, arrays: Any) -> dict[str, Array]:
    """Return what the nodes of a graph give, by name."""
    names = tuple(name for node in graph.nodes for name in node.gives)
    whole = replace(graph, outputs=names)
    inside: dict[str, dict[str, Array]] = {}

    def branch(node: Node, inner: Graph, backend: Backend) -> Kernel:
        if not _is_choice(node):
            return branch_of(node, inner, backend)

        def traced(*arrays: Array) -> tuple[Array, ...]:
            values = _values(inner, backend, arrays)
            inside[node.name] = values
            given = dict(zip((value.name for value in inner.inputs), arrays, strict=True))
            known = {**inner.weights, **given, **values}
            return tuple(known[name] for name in inner.outputs)

        return traced

    places = places_of(whole)
    parts = linked(cut(whole, places), Linker(whole, backend, places), branch)
    result = Through(whole, backend, parts, final=True)(*arrays)
    values = dict(zip(names, result if len(names) != 1 else (result,), strict=True))
    shown: dict[str, Array] = {}
    for node in graph.nodes:
        for name, value in inside.get(node.name, {}).items():
            shown.setdefault(f"{node.name}/{name}", value)
        shown.update({name: values[name] for name in node.gives})
    return shown


def _is_choice(node: Node) -> bool:
    """Return whether a node runs one of several graphs, once, and no body turn by turn."""
    return sum(isinstance(value, Graph) for value in node.attributes.values()) > 1
