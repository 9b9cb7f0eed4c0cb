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
from arraynet.formats.limits import Limits, limits_or_default
from arraynet.formats.stored import HostArray, check_name
from arraynet.graph import Graph, Node, Value

KEY = "arraynet.graph"
"""Under which name the metadata hold the graph."""

VERSION = 1

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
    value = {
        "version": VERSION,
        "inputs": [{"name": v.name, "shape": list(v.shape)} for v in graph.inputs],
        "nodes": [
            {
                "op": node.op,
                "inputs": list(node.inputs),
                "outputs": list(node.outputs),
                "attributes": dict(node.attributes),
            }
            for node in graph.nodes
        ],
        "outputs": list(graph.outputs),
    }
    try:
        return {KEY: json.dumps(value, separators=(",", ":"), allow_nan=False)}
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
    name = str(file)
    if KEY not in metadata:
        raise LoadError(name, "no graph", f"the metadata {KEY!r}", member=KEY)
    for tensor, weight in tensors.items():
        if not weight.size:  # its other sizes cost the file nothing, and may be huge
            raise LoadError(name, f"shape {weight.shape}", NOT_EMPTY, member=tensor)
    limits = limits_or_default(limits)
    graph = _parse(metadata[KEY], tensors, limits, name)
    try:
        graph.validated()
    except (GraphError, ShapeError, DtypeError) as error:
        raise LoadError(
            name, f"a graph that is not valid ({error})", "a valid one", member=KEY
        ) from error
    _check_rows(graph, limits, name)
    used = {item for node in graph.nodes for item in node.inputs}
    for tensor in tensors:
        if tensor not in used:
            raise LoadError(
                name, "a tensor that no node reads", "only the graph's weights", member=tensor
            )
    return graph


def _check_rows(graph: Graph, limits: Limits, file: str) -> None:
    """Refuse values of which one row is larger than all tensors of a file may be."""
    width = np.dtype(graph.dtype).itemsize
    for name, shape in graph.shapes.items():
        row = [size for size in shape if isinstance(size, int)]
        if math.prod(row) * width > limits.array_bytes:
            raise LoadError(
                file,
                f"a row of shape {clipped(shape_text(shape))} of {graph.dtype}",
                f"at most {limits.array_bytes} bytes for a row of input (Limits.array_bytes)",
                member=clipped(name),
            )


def parse_nodes(metadata: Mapping[str, str], limits: Limits, file: str) -> tuple[Node, ...]:
    """Return the nodes of the graph in the metadata, not compared with the tensors."""
    if KEY not in metadata:
        return ()
    return _parse(metadata[KEY], {}, limits, file).nodes


def _parse(text: str, tensors: Mapping[str, HostArray], limits: Limits, file: str) -> Graph:
    value = parse_json(text, limits, file, KEY)
    fields = _fields(value, {"version", "inputs", "nodes", "outputs"}, "graph", file)
    if type(fields["version"]) is not int or fields["version"] != VERSION:
        raise LoadError(
            file,
            f"version {shortened(fields['version'])} of the graph",
            f"version {VERSION} (a newer arraynet may have written it)",
            member=KEY,
        )
    for part in ("inputs", "nodes", "outputs"):
        count = len(_list(fields[part], part, file))
        if count > limits.nodes:
            found = f"{count} {part} of the graph"
            raise LoadError(file, found, f"at most {limits.nodes} (Limits.nodes)", member=KEY)
    inputs = tuple(_value(item, limits, file) for item in fields["inputs"])
    nodes = tuple(_node(item, limits, file) for item in fields["nodes"])
    outputs = _names(fields["outputs"], "outputs", limits, file)
    if not inputs or not nodes or not outputs:
        raise LoadError(file, "an empty graph", "inputs, nodes and outputs", member=KEY)
    return Graph(inputs, nodes, dict(tensors), outputs)


def _value(item: Any, limits: Limits, file: str) -> Value:
    fields = _fields(item, {"name", "shape"}, "input", file)
    shape = _list(fields["shape"], "shape", file)
    if len(shape) > limits.dimensions:
        found = f"an input of {len(shape)} dimensions"
        raise LoadError(file, found, f"at most {limits.dimensions}", member=KEY)
    for size in shape:
        if isinstance(size, str):
            check_name(size, limits, file, KEY)
        elif type(size) is not int or not 0 < size < 1 << 40:
            raise _error(item, "a name and a shape of sizes and symbols", file)
    if not isinstance(fields["name"], str):
        raise _error(item, "a name and a shape of sizes and symbols", file)
    check_name(fields["name"], limits, file, KEY)
    return Value(fields["name"], tuple(shape))


def _node(item: Any, limits: Limits, file: str) -> Node:
    fields = _fields(item, {"op", "inputs", "outputs", "attributes"}, "node", file)
    op, attributes = fields["op"], fields["attributes"]
    inputs = _list(fields["inputs"], "inputs", file)
    named = [name for name in inputs if name is not None]
    if not isinstance(attributes, dict) or not all(isinstance(name, str) for name in [op, *named]):
        raise _error(item, "an op, names and attributes", file)
    for name in (op, *named, *attributes):
        check_name(name, limits, file, KEY)
    outputs = _names(fields["outputs"], "outputs", limits, file)
    if not outputs:
        raise _error(item, "a node with an output", file)
    return Node(op, tuple(inputs), outputs, attributes)


def _fields(item: Any, wanted: set[str], what: str, file: str) -> dict[str, Any]:
    if not isinstance(item, dict) or set(item) != wanted:
        raise _error(item, f"the {what}'s {', '.join(sorted(wanted))}", file)
    return item


def _list(item: Any, what: str, file: str) -> list[Any]:
    if not isinstance(item, list):
        raise _error(item, f"a list of {what}", file)
    return item


def _names(item: Any, what: str, limits: Limits, file: str) -> tuple[str, ...]:
    names = _list(item, what, file)
    if not all(isinstance(name, str) for name in names):
        raise _error(item, f"the names of {what}", file)
    for name in names:
        check_name(name, limits, file, KEY)
    return tuple(names)


def _error(item: Any, expected: str, file: str) -> LoadError:
    return LoadError(file, shortened(item), expected, member=KEY)
