"""A graph as JSON in a file's metadata, beside the tensors that are its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from arraynet.errors import DtypeError, GraphError, LoadError, ShapeError
from arraynet.formats.json_text import parse_json
from arraynet.formats.limits import Limits, limits_or_default
from arraynet.formats.stored import HostArray, clipped
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
            raise LoadError(name, f"shape {clipped(weight.shape)}", NOT_EMPTY, member=tensor)
    graph = _parse(metadata[KEY], tensors, limits_or_default(limits), name)
    try:
        graph.validated()
    except (GraphError, ShapeError, DtypeError) as error:
        raise LoadError(
            name, f"a graph that is not valid ({error})", "a valid one", member=KEY
        ) from error
    used = {item for node in graph.nodes for item in node.inputs}
    for tensor in tensors:
        if tensor not in used:
            raise LoadError(
                name, "a tensor that no node reads", "only the graph's weights", member=tensor
            )
    return graph


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
            f"version {clipped(fields['version'])} of the graph",
            f"version {VERSION} (a newer arraynet may have written it)",
            member=KEY,
        )
    for part in ("inputs", "nodes", "outputs"):
        count = len(_list(fields[part], part, file))
        if count > limits.nodes:
            found = f"{count} {part} of the graph"
            raise LoadError(file, found, f"at most {limits.nodes} (Limits.nodes)", member=KEY)
    inputs = tuple(_value(item, limits, file) for item in fields["inputs"])
    nodes = tuple(_node(item, file) for item in fields["nodes"])
    outputs = _names(fields["outputs"], "outputs", file)
    if not inputs or not nodes or not outputs:
        raise LoadError(file, "an empty graph", "inputs, nodes and outputs", member=KEY)
    return Graph(inputs, nodes, dict(tensors), outputs)


def _value(item: Any, limits: Limits, file: str) -> Value:
    fields = _fields(item, {"name", "shape"}, "input", file)
    shape = _list(fields["shape"], "shape", file)
    if len(shape) > limits.dimensions:
        found = f"an input of {len(shape)} dimensions"
        raise LoadError(file, found, f"at most {limits.dimensions}", member=KEY)
    sizes = all(_is_name(s) or (type(s) is int and 0 < s < 1 << 40) for s in shape)
    if not _is_name(fields["name"]) or not sizes:
        raise _error(item, "a name and a shape of sizes and symbols", file)
    return Value(fields["name"], tuple(shape))


def _node(item: Any, file: str) -> Node:
    fields = _fields(item, {"op", "inputs", "outputs", "attributes"}, "node", file)
    inputs = _list(fields["inputs"], "inputs", file)
    attributes = fields["attributes"]
    if (
        not _is_name(fields["op"])
        or not all(name is None or _is_name(name) for name in inputs)
        or not isinstance(attributes, dict)
    ):
        raise _error(item, "an op, names and attributes", file)
    outputs = _names(fields["outputs"], "outputs", file)
    if not outputs:
        raise _error(item, "a node with an output", file)
    return Node(fields["op"], tuple(inputs), outputs, attributes)


def _fields(item: Any, wanted: set[str], what: str, file: str) -> dict[str, Any]:
    if not isinstance(item, dict) or set(item) != wanted:
        raise _error(item, f"the {what}'s {', '.join(sorted(wanted))}", file)
    return item


def _list(item: Any, what: str, file: str) -> list[Any]:
    if not isinstance(item, list):
        raise _error(item, f"a list of {what}", file)
    return item


def _names(item: Any, what: str, file: str) -> tuple[str, ...]:
    names = _list(item, what, file)
    if not all(_is_name(name) for name in names):
        raise _error(item, f"the names of {what}", file)
    return tuple(names)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value != "" and value.isprintable()


def _error(item: Any, expected: str, file: str) -> LoadError:
    return LoadError(file, clipped(item), expected, member=KEY)
