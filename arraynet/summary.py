"""What is inside a network, as a table."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from arraynet.admission import whole_number
from arraynet.engine.places import places_of
from arraynet.errors import ArraynetError, choices_text, clipped, shape_text, shortened
from arraynet.graph import Graph, HostArray, Node, Value
from arraynet.inference import trial
from arraynet.ops.symbols import UNKNOWN, UNRANKED, Shape, symbols_of
from arraynet.tables import text_table

_HEADINGS = ("layer", "op", "output", "parameters", "bytes", "multiply-adds")

SHOWN_SIZES = 16
"""Most sizes of layers in the line that says what a network is."""


@dataclass(frozen=True)
class Row:
    """One node: what it gives, and what it costs.

    Attributes
    ----------
    name, op : str
    shape : tuple of (int or str)
        Of its first output; ``("…",)`` where only a run can tell.
    parameters, bytes : int
        The numbers that it has learned.
    multiply_adds : int or None
        None where only a run can tell.
    others : tuple of Value
        Its outputs but the first.
    depth : int
        In how many graphs inside nodes it stands.
    """

    name: str
    op: str
    shape: Shape
    parameters: int
    bytes: int
    multiply_adds: int | None
    others: tuple[Value, ...] = ()
    depth: int = 0


@dataclass(frozen=True, repr=False)
class Summary:
    """The layers of a network, shown as a table.

    Attributes
    ----------
    rows : tuple of Row
        The nodes in order; those of a graph inside a node after it.
    inputs, outputs : tuple of Value
    sizes : dict of str to int
        For which sizes of the inputs multiply-adds are counted.
    dtype, backend, precision : str
        What the network computes in, and where.
    unfused : dict of str to str
        The ops that run unfused although the backend fuses, and why.
    fetched : dict of str to str
        The values that are read back to the host, with the node that wants each.
    """

    rows: tuple[Row, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    sizes: dict[str, int]
    dtype: str
    backend: str
    precision: str
    unfused: dict[str, str] = field(default_factory=dict)
    fetched: dict[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> int:
        """How many numbers the network has learned."""
        return sum(row.parameters for row in self.rows)

    @property
    def bytes(self) -> int:
        """How many bytes those take."""
        return sum(row.bytes for row in self.rows)

    @property
    def multiply_adds(self) -> int | None:
        """How many multiply-adds inputs of those sizes cost; None where only a run can tell.

        A graph inside a node counts once, whether it is run or not, and however often.
        """
        counts = [row.multiply_adds for row in self.rows]
        return None if None in counts else sum(count for count in counts if count is not None)

    def to_dict(self) -> dict[str, Any]:
        """Return the summary in types that JSON has."""
        return {
            **asdict(self),
            "parameters": self.parameters,
            "bytes": self.bytes,
            "multiply_adds": self.multiply_adds,
        }

    def _cells(self) -> list[tuple[str, ...]]:
        """Return the table's rows, the totals last."""
        cells: list[tuple[str, ...]] = []
        for row in self.rows:
            inside = "  " * row.depth
            cells.append((f"{inside}{row.name}", row.op, shape_text(row.shape), *_counts(row)))
            cells += [
                (f"{inside}{value.name}", "", shape_text(value.shape), "", "", "")
                for value in row.others
            ]
        return [*cells, ("total", "", "", *_counts(self))]

    def _title(self) -> str:
        precision = "" if self.precision == "highest" else f", products in {self.precision}"
        where = f"{self.dtype} on {self.backend}{precision}"
        if len(self.inputs) == len(self.outputs) == 1 and self.inputs[0].dtype == self.dtype:
            return f"input {shape_text(self.inputs[0].shape)} {where}"
        kinds = (("input", self.inputs), ("output", self.outputs))
        return "\n".join([where, *(_described(kind, v) for kind, values in kinds for v in values)])

    def _notes(self) -> list[str]:
        notes = [f"unfused: {name} ({reason})" for name, reason in self.unfused.items()]
        for name, node in self.fetched.items():
            notes.append(f"read back to the host: {clipped(name)}, for {clipped(node)}")
        if any(size != 1 for size in self.sizes.values()) or len(self.sizes) > 1:
            listed = ", ".join(f"{clipped(name)} = {n}" for name, n in self.sizes.items())
            notes.append(f"multiply-adds: for {listed}")
        return notes

    def __str__(self) -> str:
        table = text_table(_HEADINGS, self._cells(), right=_HEADINGS[3:])
        return "\n".join([self._title(), table, *self._notes()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the table for a notebook."""
        head = "".join(f'<th scope="col">{name}</th>' for name in _HEADINGS)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(clipped(cell))}</td>" for cell in row) + "</tr>"
            for row in self._cells()
        )
        title = "<br/>".join(html.escape(part) for part in self._title().split("\n"))
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self._notes())
        return (
            f'<table class="arraynet-summary"><caption>{title}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"
        )


def _counts(counted: Row | Summary) -> tuple[str, str, str]:
    """Return parameters, bytes and multiply-adds as text."""
    work = counted.multiply_adds
    return (
        f"{counted.parameters:,}",
        f"{counted.bytes:,}",
        UNKNOWN if work is None else f"{work:,}",
    )


def _described(kind: str, value: Value) -> str:
    """Return an input or output on one line."""
    return f"{kind} {clipped(value.name)} {shape_text(value.shape)} {value.dtype or UNKNOWN}"


def summarize(
    graph: Graph,
    *,
    backend: str,
    precision: str = "highest",
    unfused: dict[str, str] | None = None,
    sizes: Mapping[str, int] | None = None,
) -> Summary:
    """Return the summary of a graph that runs on a backend.

    Parameters
    ----------
    graph : Graph
    backend, precision : str
        What the summary says of the backend.
    unfused : dict of str to str, optional
        The ops that the backend could not fuse, and why.
    sizes : mapping of str to int, optional
        For which sizes of the inputs multiply-adds are counted; 1 where there is none.

    Returns
    -------
    Summary

    Raises
    ------
    ArraynetError
        For a size that the inputs do not have.
    ShapeError
        For one that is no whole number, or that the graph does not take.

    Examples
    --------
    >>> import arraynet
    >>> net = arraynet.load_pretrained("digits")
    >>> summarize(net.graph, backend="cpu", sizes={"batch": 100}).multiply_adds
    920000
    """
    counted = _sizes(graph, sizes or {})
    left = dict(graph.weights)  # a weight that two nodes share counts with the first
    return Summary(
        tuple(_rows(graph, left, counted, must_fit=bool(sizes))),
        graph.inputs,
        tuple(graph.values[name] for name in graph.outputs),
        counted,
        graph.dtype,
        backend,
        precision,
        unfused or {},
        _fetched(graph),
    )


def _sizes(graph: Graph, given: Mapping[str, int]) -> dict[str, int]:
    """Return a number for each symbol of the inputs."""
    symbols = symbols_of(value.shape for value in graph.inputs if value.shape != UNRANKED)
    for name in given:
        if name not in symbols:
            raise ArraynetError(
                f"summary: got a size of {shortened(name)}, expected one of the inputs' sizes: "
                f"{choices_text(name, symbols) or 'they are all numbers'}"
            )
    return {
        symbol: whole_number(f"sizes[{symbol!r}]", given.get(symbol, 1), least=0)
        for symbol in symbols
    }


def _rows(
    graph: Graph,
    left: dict[str, HostArray],
    sizes: Mapping[str, int],
    *,
    must_fit: bool = False,
    depth: int = 0,
) -> Iterator[Row]:
    """Yield a row for each node, and those of the graphs inside it."""
    costs: Mapping[str, int] = {}
    try:
        costs = trial(graph.inputs, graph.nodes, graph.weights, sizes).multiply_adds
    except ArraynetError:
        if must_fit:
            raise
    known = _known(graph)
    for node in graph.nodes:
        weights = [left.pop(name) for name in node.reads if name in left]
        first, *others = (known.get(name, Value(name, UNRANKED)) for name in node.gives)
        yield Row(
            node.name,
            node.op,
            first.shape,
            sum(weight.size for weight in weights),
            sum(weight.nbytes for weight in weights),
            costs.get(node.name),
            tuple(others),
            depth,
        )
        for inner in _graphs(node):
            symbols = symbols_of(v.shape for v in inner.inputs if v.shape != UNRANKED)
            numbers = {symbol: sizes.get(symbol, 1) for symbol in symbols}
            yield from _rows(inner, dict(inner.weights), numbers, depth=depth + 1)


def _known(graph: Graph) -> Mapping[str, Value]:
    """Return what is known of the values of a graph; of one inside a node that may be nothing."""
    try:
        return graph.values
    except ArraynetError:
        return {}


def _graphs(node: Node) -> list[Graph]:
    """Return the graphs inside a node."""
    return [value for value in node.attributes.values() if isinstance(value, Graph)]


def _fetched(graph: Graph) -> dict[str, str]:
    """Return the values that are read back to the host, those of graphs inside nodes too."""
    found = dict(places_of(graph).fetched)
    for node in graph.nodes:
        for inner in _graphs(node):
            inside = _fetched(inner)
            found.update({f"{node.name}/{name}": reader for name, reader in inside.items()})
    return found


def line(graph: Graph) -> str:
    """Return what a network is on one line: its inputs, its layers with weights, its outputs.

    Examples
    --------
    >>> import arraynet
    >>> line(arraynet.load_pretrained("digits").graph)
    '64 → 50 → 100 → 10'
    """
    if len(graph.inputs) == len(graph.outputs) == 1:
        names = [node.name for node in graph.nodes if node.inputs[1:]]
        parts = [_row_text(v.shape) for v in (*graph.inputs, *(graph.values[n] for n in names))]
    else:
        outputs = [graph.values[name] for name in graph.outputs]
        parts = [_listed(graph.inputs), f"{len(graph.nodes)} nodes", _listed(outputs)]
    if len(parts) > SHOWN_SIZES:
        parts[SHOWN_SIZES - 1 : -1] = ["…"]
    return " → ".join(parts)


def _row_text(shape: Shape) -> str:
    """Return the sizes of one row: 784, or 3×32×32; a value without axes is one number."""
    sizes = shape if shape == UNRANKED else shape[1:] or shape[:1] or (1,)
    return clipped("×".join(str(size) for size in sizes), 20)


def _listed(values: list[Value] | tuple[Value, ...]) -> str:
    """Return values by name, a few of them."""
    shown = [f"{clipped(v.name, 20)} {_row_text(v.shape)}" for v in values[:4]]
    return ", ".join([*shown, *["…"] * (len(values) > 4)]) or "nothing"
