"""A graph as JSON in a file's metadata, beside the tensors that are its weights."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from arraynet.errors import (
    DtypeError,
    GraphError,
    LoadError,
    ShapeError,
    clipped,
    shape_text,
    shortened,
)
from arraynet.formats.json_text import parse_json
from arraynet.formats.limits import Limits, check_budget, limits_or_default
from arraynet.formats.stored import HostArray, check_name
from arraynet.graph import Graph, Node, Value

KEY = "arraynet.graph"
"""Under which name the metadata hold the graph."""

VERSION = 1

SAVED = "what this version of the format can hold: inputs of the graph's dtype, named outputs"

NOT_EMPTY = "no axis of size 0 (no trained network has one)"


def graph_to_metadata(graph: Graph) -> dict[str, str]:
    """Return the metadata that, beside the graph's weights, make it again.

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
    for name, weight in graph.weights.items():
        if not weight.size:
            raise GraphError(f"weight {name}: got shape {weight.shape}, expected {NOT_EMPTY}")
    for node in graph.nodes:
        if None in node.outputs:
            raise GraphError(f"{node.where}: got an output without a name, expected {SAVED}")
    for value in graph.inputs:
        if value.dtype != graph.dtype or not value.shape:
            raise GraphError(
                f"input {clipped(value.name)}: got {shape_text(value.shape)} {value.dtype}, "
                f"expected {SAVED}"
            )
    description = {
        "version": VERSION,
        "inputs": [{"name": v.name, "shape": v.shape} for v in graph.inputs],
        "nodes": [
            {"op": n.op, "inputs": n.inputs, "outputs": n.outputs, "attributes": dict(n.attributes)}
            for n in graph.nodes
        ],
        "outputs": graph.outputs,
    }
    try:
        return {KEY: json.dumps(description, separators=(",", ":"), allow_nan=False)}
    except (TypeError, ValueError) as error:
        raise GraphError(f"graph: got an attribute that JSON cannot hold ({error})") from error


def graph_from_metadata(
    metadata: Mapping[str, str],
    tensors: Mapping[str, HostArray],
    *,
    file: object,
    limits: Limits | None = None,
) -> Graph:
    """Return the graph that a file's metadata describe, with its tensors as weights.

    Raises
    ------
    LoadError
        When there is none, it is not well formed, or it does not fit the tensors:
        one is missing, one is not used, one is empty, dtypes or sizes do not fit.
    """
    name, limits = str(file), limits_or_default(limits)
    if KEY not in metadata:
        raise LoadError(name, "no graph", f"the metadata {KEY!r}", member=KEY)
    for tensor, weight in tensors.items():
        if not weight.size:  # its other sizes cost the file nothing, and may be huge
            raise LoadError(name, f"shape {weight.shape}", NOT_EMPTY, member=tensor)
    inputs, nodes, outputs = _Parts(limits, name).graph(metadata[KEY])
    graph = Graph(inputs, nodes, dict(tensors), outputs)
    try:
        graph.validated()
    except (GraphError, ShapeError, DtypeError) as error:
        found = f"a graph that is not valid ({error})"
        raise LoadError(name, found, "a valid one", member=KEY) from error
    _check_rows(graph, limits, name)
    used = {item for node in graph.nodes for item in node.inputs}
    for tensor in tensors:
        if tensor not in used:
            expected = "only the graph's weights"
            raise LoadError(name, "a tensor that no node reads", expected, member=tensor)
    return graph


def _check_rows(graph: Graph, limits: Limits, file: str) -> None:
    """Refuse values of which one row is larger than all tensors of a file may be."""
    width = np.dtype(graph.dtype).itemsize
    for name, shape in graph.shapes.items():
        row = [size for size in shape if isinstance(size, int)]
        if math.prod(row) * width > limits.array_bytes:
            found = f"a row of shape {clipped(shape_text(shape))} of {graph.dtype}"
            expected = f"at most {limits.array_bytes} bytes for a row of input (Limits.array_bytes)"
            raise LoadError(file, found, expected, member=clipped(name))


def parse_nodes(metadata: Mapping[str, str], limits: Limits, file: str) -> tuple[Node, ...]:
    """Return the nodes of the graph in the metadata, not compared with the tensors."""
    return _Parts(limits, file).graph(metadata[KEY])[1] if KEY in metadata else ()


class _Parts:
    """Makes the parts of a graph from JSON, each once it is known to be what it stands for."""

    def __init__(self, limits: Limits, file: str) -> None:
        self.limits = limits
        self.file = file

    def graph(self, text: str) -> tuple[tuple[Value, ...], tuple[Node, ...], tuple[str, ...]]:
        value = parse_json(text, self.limits, self.file, KEY)
        version, *parts = self.fields(value, "graph", "version", "inputs", "nodes", "outputs")
        if type(version) is not int or version != VERSION:
            found = f"version {shortened(version)} of the graph"
            expected = f"version {VERSION} (a newer arraynet may have written it)"
            raise LoadError(self.file, found, expected, member=KEY)
        for part, what in zip(parts, ("inputs", "nodes", "outputs"), strict=True):
            found = f"{len(self.items(part, what))} {what} of the graph"
            check_budget(self.limits, "nodes", len(part), found, self.file, KEY)
        inputs = tuple(map(self.value, parts[0]))
        nodes = tuple(map(self.node, parts[1]))
        outputs = self.names(parts[2], "outputs")
        if not inputs or not nodes or not outputs:
            raise LoadError(self.file, "an empty graph", "inputs, nodes and outputs", member=KEY)
        return inputs, nodes, outputs

    def value(self, item: Any) -> Value:
        name, shape = self.fields(item, "input", "name", "shape")
        found = f"an input of {len(self.items(shape, 'shape'))} dimensions"
        check_budget(self.limits, "dimensions", len(shape), found, self.file, KEY)
        numbers = [size for size in shape if not isinstance(size, str)]
        sizes_fit = all(type(size) is int and 0 < size < 1 << 40 for size in numbers)
        if not isinstance(name, str) or not sizes_fit:
            raise self.error(item, "a name and a shape of sizes and symbols")
        self.check_names(name, *(size for size in shape if isinstance(size, str)))
        if not shape:
            found = f"input {clipped(name)}: got a number"
            raise LoadError(self.file, found, "at least one axis", member=KEY)
        return Value(name, tuple(shape))

    def node(self, item: Any) -> Node:
        op, inputs, outputs, attributes = self.fields(
            item, "node", "op", "inputs", "outputs", "attributes"
        )
        named = [op, *(name for name in self.items(inputs, "inputs") if name is not None)]
        if not isinstance(attributes, dict) or not all(isinstance(name, str) for name in named):
            raise self.error(item, "an op, names and attributes")
        self.check_names(*named, *attributes)
        if not self.names(outputs, "outputs"):
            raise self.error(item, "a node with an output")
        return Node(op, tuple(inputs), tuple(outputs), attributes)

    def fields(self, item: Any, what: str, *wanted: str) -> list[Any]:
        if not isinstance(item, dict) or set(item) != set(wanted):
            raise self.error(item, f"the {what}'s {', '.join(sorted(wanted))}")
        return [item[name] for name in wanted]

    def items(self, item: Any, what: str) -> list[Any]:
        if not isinstance(item, list):
            raise self.error(item, f"a list of {what}")
        return item

    def names(self, item: Any, what: str) -> tuple[str, ...]:
        names = self.items(item, what)
        if not all(isinstance(name, str) for name in names):
            raise self.error(item, f"the names of {what}")
        self.check_names(*names)
        return tuple(names)

    def check_names(self, *names: str) -> None:
        for name in names:
            check_name(name, self.limits, self.file, KEY)

    def error(self, item: Any, expected: str) -> LoadError:
        return LoadError(self.file, shortened(item), expected, member=KEY)
