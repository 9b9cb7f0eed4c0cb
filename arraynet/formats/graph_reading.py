"""A graph from its JSON, as a stranger may have written it: both versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arraynet.admission import DTYPES
from arraynet.errors import LoadError, shortened
from arraynet.formats.graph_attributes import attribute_from_json
from arraynet.formats.json_text import parse_json
from arraynet.formats.limits import Limits
from arraynet.formats.stored import HostArray, check_name
from arraynet.graph import Graph, Node, Value
from arraynet.node import is_one_of
from arraynet.ops.symbols import symbols_of

KEY = "arraynet.graph"
"""Under which name the metadata hold the graph."""

PARTS = ("inputs", "nodes", "outputs")


def parse_graph(
    text: str, tensors: Mapping[str, HostArray] | None, limits: Limits, file: str
) -> Graph:
    """Return the graph that JSON describes, not validated.

    Parameters
    ----------
    text : str
    tensors : mapping of str to numpy.ndarray, optional
        Those of the file, its constants. None: only the nodes are looked at.
    limits : Limits
    file : str
        Named in errors.

    Raises
    ------
    LoadError
    """
    value = parse_json(text, limits, file, KEY)
    version = value.get("version") if isinstance(value, dict) else None
    if type(version) is int and version == 2:
        return _Reader(tensors, limits, file).network(value)
    if version is not None and (type(version) is not int or version != 1):
        raise LoadError(
            file,
            f"version {shortened(version)} of the graph",
            "version 1 or 2 (a newer arraynet may have written it)",
            member=KEY,
        )
    fields = _fields(value, {"version", *PARTS}, "graph", file)
    if version is None:
        raise _error(value, "the version of the graph", file)
    _check_counts([fields], limits, file)
    inputs = tuple(_value(item, limits, file) for item in fields["inputs"])
    nodes = tuple(_node(item, limits, file) for item in fields["nodes"])
    outputs = _names(fields["outputs"], "outputs", limits, file)
    if not inputs or not nodes or not outputs:
        raise LoadError(file, "an empty graph", "inputs, nodes and outputs", member=KEY)
    return Graph(inputs, nodes, dict(tensors or {}), outputs)


class _Reader:
    """Reads the graphs of version 2, each of which names those before it.

    Parameters
    ----------
    tensors, limits, file
        As for `parse_graph`.
    """

    def __init__(self, tensors: Mapping[str, HostArray] | None, limits: Limits, file: str) -> None:
        self._tensors, self._limits, self._file = tensors, limits, file
        self._unused: dict[int, tuple[Graph, int]] = {}
        self._claimed: set[str] = set()
        self._deepest = 0

    def network(self, value: Any) -> Graph:
        """Return the last graph, once every other is an attribute in one of those behind it."""
        limits, file = self._limits, self._file
        graphs = _list(
            _fields(value, {"version", "graphs"}, "graph", file)["graphs"], "graphs", file
        )
        described = [_fields(item, {*PARTS, "constants"}, "graph", file) for item in graphs]
        _check_counts(described, limits, file)
        if not described or not all(described[-1][part] for part in PARTS):
            raise LoadError(file, "an empty graph", "inputs, nodes and outputs", member=KEY)
        for place, fields in enumerate(described[:-1]):
            self._deepest = 0
            graph = self._graph(fields, {})
            self._unused[place] = graph, self._deepest + 1
        self._deepest = 0
        others = dict(self._tensors or {})
        last = self._graph(described[-1], others)
        if self._unused:
            found = f"graph {min(self._unused)}, which no node names"
            raise LoadError(file, found, "each graph named by one node", member=KEY)
        return last

    def _graph(self, fields: dict[str, Any], others: dict[str, HostArray]) -> Graph:
        """Return one graph; the last has the tensors that no graph before it claimed."""
        limits, file = self._limits, self._file
        inputs = tuple(_value(item, limits, file, with_dtype=True) for item in fields["inputs"])
        nodes = tuple(self._node(item) for item in fields["nodes"])
        outputs = _names(fields["outputs"], "outputs", limits, file)
        constants = self._constants(fields["constants"])
        free = {name: a for name, a in others.items() if name not in self._claimed}
        return Graph(inputs, nodes, {**free, **constants}, outputs)

    def _constants(self, item: Any) -> dict[str, HostArray]:
        """Return the tensors that are a graph's constants, by the names that it has for them."""
        found = {}
        if not isinstance(item, dict) or not all(isinstance(t, str) for t in item.values()):
            raise _error(item, "names of tensors by the names of constants", self._file)
        for name, tensor in item.items():
            for one in (name, tensor):
                check_name(one, self._limits, self._file, KEY)
            if tensor in self._claimed:
                raise _error(tensor, "a tensor that is no other constant", self._file)
            self._claimed.add(tensor)
            if self._tensors is not None:
                if tensor not in self._tensors:
                    raise LoadError(
                        self._file, "no tensor of that name", "each constant", member=tensor
                    )
                found[name] = self._tensors[tensor]
        return found

    def _node(self, item: Any) -> Node:
        """Return a node with its graphs."""
        node = _node(item, self._limits, self._file, absent=True)
        try:
            attributes = {
                name: attribute_from_json(value, self._taken)
                for name, value in node.attributes.items()
            }
        except ValueError as error:
            raise _error(item, str(error), self._file) from error
        return Node(node.op, node.inputs, node.outputs, attributes)

    def _taken(self, number: Any) -> Graph:
        """Return a graph before this one, which no other node may name."""
        if type(number) is not int or number not in self._unused:
            raise ValueError("the number of a graph before it, which no other node names")
        graph, depth = self._unused.pop(number)
        self._deepest = max(self._deepest, depth)
        if depth > self._limits.depth:
            raise LoadError(
                self._file,
                f"graphs nested {depth} deep in nodes",
                f"at most {self._limits.depth} (Limits.depth)",
                member=KEY,
            )
        return graph


def _check_counts(graphs: list[dict[str, Any]], limits: Limits, file: str) -> None:
    """Refuse more inputs, nodes or outputs than may be, and more symbols, in all graphs."""
    for part in PARTS:
        count = sum(len(_list(fields[part], part, file)) for fields in graphs)
        if max(count, len(graphs) - 1) > limits.nodes:
            found = f"{max(count, len(graphs) - 1)} {part} of the graph"
            raise LoadError(file, found, f"at most {limits.nodes} (Limits.nodes)", member=KEY)
    symbols = 0
    for fields in graphs:
        shapes = [
            item["shape"]
            for item in fields["inputs"]
            if isinstance(item, dict) and isinstance(item.get("shape"), list)
        ]
        symbols += len(symbols_of(tuple(shape) for shape in shapes))
    if symbols > 2 * limits.dimensions:
        raise LoadError(
            file,
            f"{symbols} symbols as sizes of inputs",
            f"at most {2 * limits.dimensions} (twice Limits.dimensions)",
            member=KEY,
        )


def _value(item: Any, limits: Limits, file: str, *, with_dtype: bool = False) -> Value:
    fields = _fields(item, {"name", "shape", *(["dtype"] * with_dtype)}, "input", file)
    if with_dtype and not is_one_of(fields["dtype"], DTYPES):
        raise _error(item, f"a dtype among {', '.join(DTYPES)}", file)
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
    if not shape and not with_dtype:  # the first version has no numbers
        found = f"input {fields['name']}: got a number"
        raise LoadError(file, found, "at least one axis", member=KEY)
    return Value(fields["name"], tuple(shape), fields.get("dtype"))


def _node(item: Any, limits: Limits, file: str, *, absent: bool = False) -> Node:
    fields = _fields(item, {"op", "inputs", "outputs", "attributes"}, "node", file)
    op, attributes = fields["op"], fields["attributes"]
    inputs = _list(fields["inputs"], "inputs", file)
    named = [name for name in inputs if name is not None]
    if not isinstance(attributes, dict) or not all(isinstance(name, str) for name in [op, *named]):
        raise _error(item, "an op, names and attributes", file)
    for name in (op, *named, *attributes):
        check_name(name, limits, file, KEY)
    given = _list(fields["outputs"], "outputs", file)
    outputs = _names([n for n in given if not (absent and n is None)], "outputs", limits, file)
    if not outputs:
        raise _error(item, "a node with an output", file)
    return Node(op, tuple(inputs), tuple(given), attributes)


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
