"""A graph as JSON in a file's metadata, beside the tensors that are its constants.

Version 1 is a network with one input and one output, of nodes with one output each, and of
one floating dtype. Version 2 is any other: a list of graphs, of which the last is the
network. A node names the graphs that are its attributes by their places before it, each
once: so there are no circles, and nothing that is large can be written small.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from arraynet.admission import host_dtype
from arraynet.errors import (
    DtypeError,
    GraphError,
    LoadError,
    ShapeError,
    clipped,
    shape_text,
)
from arraynet.formats.graph_attributes import PLAIN, attribute_to_json
from arraynet.formats.graph_reading import KEY, parse_graph
from arraynet.formats.limits import Limits, limits_or_default
from arraynet.formats.stored import HostArray
from arraynet.graph import DTYPES, Graph, Node, functions_of

__all__ = ["KEY", "graph_from_metadata", "graph_to_metadata", "graph_to_tensors", "parse_nodes"]

NOT_EMPTY = "no axis of size 0 (no trained network has one)"


def graph_to_metadata(graph: Graph) -> dict[str, str]:
    """Return the metadata that, beside the graph's tensors, make it again.

    Raises
    ------
    GraphError
        For an attribute that JSON cannot hold, and for a weight without numbers, which no
        file with a graph may have.

    Examples
    --------
    >>> from arraynet.graph import Graph, Node, Value
    >>> graph = Graph(
    ...     (Value("x", ("batch", 2)),), (Node("relu", ("x",), ("relu1",)),), {}, ("relu1",)
    ... )
    >>> graph_from_metadata(graph_to_metadata(graph), {}, file="here").nodes[0].op
    'relu'
    """
    writer = _Writer(graph)
    for name, weight in writer.tensors.items():
        if _is_empty(weight):
            raise GraphError(f"weight {name}: got shape {weight.shape}, expected {NOT_EMPTY}")
    if _is_plain(graph):
        (network,) = writer.graphs
        del network["constants"]
        for value in network["inputs"]:
            del value["dtype"]
        described = {"version": 1, **network}
    else:
        described = {"version": 2, "graphs": writer.graphs}
    try:
        return {KEY: json.dumps(described, separators=(",", ":"), allow_nan=False)}
    except (TypeError, ValueError) as error:
        raise GraphError(f"graph: got an attribute that JSON cannot hold ({error})") from error


def graph_to_tensors(graph: Graph) -> dict[str, HostArray]:
    """Return the tensors of a file that holds a graph: its constants, and those in its nodes.

    Examples
    --------
    >>> from arraynet.layers import Dense, sequential_graph
    >>> list(graph_to_tensors(sequential_graph(Dense([[1.0, 2.0]]), "relu")))
    ['W1', 'b1']
    """
    return _Writer(graph).tensors


class _Writer:
    """The graphs of a file, those in nodes before the one whose nodes they are in.

    Attributes
    ----------
    graphs : list of dict
        As they stand in JSON; the last is the network.
    tensors : dict of str to numpy.ndarray
        The constants of all graphs, under names that differ.
    """

    def __init__(self, graph: Graph) -> None:
        self.graphs: list[dict[str, Any]] = []
        self.tensors: dict[str, HostArray] = dict(graph.weights)
        self._counts: Counter[str] = Counter()
        self._add(graph, {})

    def _add(self, graph: Graph, constants: dict[str, str]) -> int:
        """Append a graph, after those in its nodes, and return its place."""
        nodes = [
            {
                "op": node.op,
                "inputs": list(node.inputs),
                "outputs": list(node.outputs),
                "attributes": {
                    name: attribute_to_json(value, self._inner)
                    for name, value in node.attributes.items()
                },
            }
            for node in graph.nodes
        ]
        described = {
            "inputs": [
                {"name": v.name, "shape": list(v.shape), "dtype": v.dtype} for v in graph.inputs
            ],
            "nodes": nodes,
            "outputs": list(graph.outputs),
            "constants": constants,
        }
        self.graphs.append(described)
        return len(self.graphs) - 1

    def _inner(self, graph: Graph) -> int:
        """Append a graph that is an attribute, and its constants."""
        constants = {}
        for name, array in graph.weights.items():
            free = name
            while free in self.tensors:
                self._counts[name] += 1
                free = f"{name}~{self._counts[name]}"
            self.tensors[free] = array
            constants[name] = free
        return self._add(graph, constants)


def _is_plain(graph: Graph) -> bool:
    """Return whether a graph is one that version 1 holds."""
    floating = {weight.dtype.name for weight in graph.weights.values()} or {"float32"}
    return (
        len(graph.inputs) == len(graph.outputs) == len(floating) == 1
        and floating <= set(DTYPES)
        and {graph.inputs[0].dtype} == floating
        and all(weight.size for weight in graph.weights.values())
        and all(
            len(node.outputs) == 1
            and all(type(value) in PLAIN for value in node.attributes.values())
            for node in graph.nodes
        )
    )


def graph_from_metadata(
    metadata: Mapping[str, str],
    tensors: Mapping[str, HostArray],
    *,
    file: object,
    limits: Limits | None = None,
) -> Graph:
    """Return the graph that a file's metadata describe, with its tensors as constants.

    Raises
    ------
    LoadError
        When there is none, it is not well formed, or it does not fit the tensors:
        one is missing, one is not used, one is empty, dtypes or sizes do not fit.
    """
    name = str(file)
    if KEY not in metadata:
        raise LoadError(name, "no graph", f"the metadata {KEY!r}", member=KEY)
    for tensor, weight in tensors.items():
        if _is_empty(weight):
            raise LoadError(name, f"shape {weight.shape}", NOT_EMPTY, member=tensor)
    limits = limits_or_default(limits)
    graph = parse_graph(metadata[KEY], tensors, limits, name)
    try:
        graph.validated()
    except (GraphError, ShapeError, DtypeError) as error:
        raise LoadError(
            name, f"a graph that is not valid ({error})", "a valid one", member=KEY
        ) from error
    for one in _all_graphs(graph):
        _check_rows(one, limits, name)
        used = {item for node in one.nodes for item in node.inputs} | set(one.outputs)
        for tensor in one.weights:
            if tensor not in used:
                raise LoadError(
                    name, "a tensor that no node reads", "only the graph's weights", member=tensor
                )
    return graph


def _is_empty(weight: HostArray) -> bool:
    """Return whether an array without numbers has other sizes: they cost nothing, and are huge.

    One without other sizes is the shape of a scalar.
    """
    return not weight.size and weight.ndim > 1


def _all_graphs(graph: Graph) -> Iterator[Graph]:
    """Yield a graph, and all that are in its nodes."""
    yield graph
    for node in graph.nodes:
        for inner in functions_of(node).values():
            yield from _all_graphs(inner)


def _check_rows(graph: Graph, limits: Limits, file: str) -> None:
    """Refuse values of which one row is larger than all tensors of a file may be."""
    for name, value in graph.values.items():
        row = [size for size in value.shape if isinstance(size, int)]
        dtype = value.dtype or graph.dtype
        if math.prod(row) * host_dtype(dtype).itemsize > limits.array_bytes:
            raise LoadError(
                file,
                f"a row of shape {clipped(shape_text(value.shape))} of {dtype}",
                f"at most {limits.array_bytes} bytes for a row of input (Limits.array_bytes)",
                member=clipped(name),
            )


def parse_nodes(metadata: Mapping[str, str], limits: Limits, file: str) -> tuple[Node, ...]:
    """Return the nodes of the graph in the metadata, not compared with the tensors."""
    return parse_graph(metadata[KEY], None, limits, file).nodes if KEY in metadata else ()
