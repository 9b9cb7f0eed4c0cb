"""What is inside a network, as a table."""

from __future__ import annotations

import html
from dataclasses import asdict, dataclass
from typing import Any

from arraynet.errors import clipped, shape_text
from arraynet.graph import Graph
from arraynet.tables import text_table

_HEADINGS = ("layer", "op", "output", "parameters", "bytes", "multiply-adds")


@dataclass(frozen=True)
class Row:
    """One node: what it gives, and what it costs for one row of input."""

    name: str
    op: str
    shape: tuple[int | str, ...]
    parameters: int
    bytes: int
    multiply_adds: int


@dataclass(frozen=True, repr=False)
class Summary:
    """The layers of a network, shown as a table.

    Attributes
    ----------
    rows : tuple of Row
        The nodes in order.
    input_shape : tuple of (int or str)
    dtype, backend, precision : str
        What the network computes in, and where.
    unfused : dict of str to str
        The ops that run unfused although the backend fuses, and why.
    """

    rows: tuple[Row, ...]
    input_shape: tuple[int | str, ...]
    dtype: str
    backend: str
    precision: str
    unfused: dict[str, str]

    @property
    def parameters(self) -> int:
        """How many numbers the network has learned."""
        return sum(row.parameters for row in self.rows)

    @property
    def bytes(self) -> int:
        """How many bytes those take."""
        return sum(row.bytes for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """How many multiply-adds one row of input costs."""
        return sum(row.multiply_adds for row in self.rows)

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
        cells = [
            (
                row.name,
                row.op,
                shape_text(row.shape),
                *(f"{n:,}" for n in (row.parameters, row.bytes, row.multiply_adds)),
            )
            for row in self.rows
        ]
        totals = (self.parameters, self.bytes, self.multiply_adds)
        return [*cells, ("total", "", "", *(f"{n:,}" for n in totals))]

    def _title(self) -> str:
        precision = "" if self.precision == "highest" else f", products in {self.precision}"
        return f"input {shape_text(self.input_shape)} {self.dtype} on {self.backend}{precision}"

    def _notes(self) -> list[str]:
        return [f"unfused: {name} ({reason})" for name, reason in self.unfused.items()]

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
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self._notes())
        return (
            f'<table class="arraynet-summary"><caption>{html.escape(self._title())}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"
        )


def summarize(
    graph: Graph, *, backend: str, precision: str = "highest", unfused: dict[str, str] | None = None
) -> Summary:
    """Return the summary of a graph that runs on a backend.

    Parameters
    ----------
    graph : Graph
    backend, precision : str
        What the summary says of the backend.
    unfused : dict of str to str, optional
        The ops that the backend could not fuse, and why.

    Returns
    -------
    Summary
    """
    rows = []
    left = dict(graph.weights)  # a weight that two nodes share counts with the first
    for node in graph.nodes:
        weights = [left.pop(name) for name in node.inputs if name in left]
        rows.append(
            Row(
                node.name,
                node.op,
                graph.shapes[node.name],
                sum(weight.size for weight in weights),
                sum(weight.nbytes for weight in weights),
                graph.multiply_adds(node),
            )
        )
    return Summary(
        tuple(rows), graph.inputs[0].shape, graph.dtype, backend, precision, unfused or {}
    )
