"""May a batch be cut? Whether each row of the outputs depends on its own row of the inputs.

An op says whether it treats rows alone (`arraynet.ops.Op.rowwise`). Of an op that only moves
elements (a reshape, a slice, a concatenation) the formula itself tells: it runs on arrays that
hold the number of each row, and every number must come out in its own row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from arraynet.admission import HostArray
from arraynet.errors import ArraynetError, clipped, shape_text
from arraynet.graph import Graph, Node
from arraynet.inference import Known, trial
from arraynet.ops import OPS
from arraynet.ops.meta import MetaArray
from arraynet.ops.registry import host_namespace
from arraynet.ops.symbols import UNRANKED, symbols_of, trials

_ROWS = (3, 5)
"""Two sizes of a batch: what follows from the one and not from the other is no row's own."""

_LABELS = ((10, 11, 12), (12, 10, 11), (0, 0, 0))
"""What the rows hold, three times over: numbers, others, and none (a mask that drops all)."""


def batch_of(graph: Graph) -> str:
    """Return the symbol that is the first axis of every input, and no other axis; "" if none."""
    first = {value.shape[:1] for value in graph.inputs}
    rest = {size for value in graph.inputs for size in value.shape[1:]}
    shared = first.pop() if len(first) == 1 else ()
    if not shared or shared == UNRANKED or not isinstance(shared[0], str) or shared[0] in rest:
        return ""
    return shared[0]


def whole_because(graph: Graph) -> str:
    """Return why the rows of a batch must stay together; "" where it may be cut.

    Each row of each output must depend on its own row of every input alone, whatever the
    number of rows.
    """
    batch = batch_of(graph)
    if not batch:
        shapes = ", ".join(f"{clipped(v.name)} {shape_text(v.shape)}" for v in graph.inputs[:4])
        return f"its inputs ({shapes or 'none'}) share no first axis of any size"
    (symbols, *_) = trials(symbols_of(value.shape for value in graph.inputs))
    sizes = [{**symbols, batch: rows} for rows in _ROWS]
    try:
        tried = [trial(graph.inputs, graph.nodes, graph.weights, each).values for each in sizes]
    except ArraynetError as error:
        return f"it does not take {_ROWS[0]} rows: {clipped(str(error), 120)}"
    runs: list[Mapping[str, Known]] = [{**graph.weights, **values} for values in tried]
    rows = {value.name for value in graph.inputs}
    measured: set[str] = set()
    for node in graph.nodes:
        reads = _Reads([n for n in node.reads if n in rows], measured.intersection(node.reads))
        if not (reads.rows or reads.measured):
            continue
        if _sizes_alone(node, runs):
            measured.update(name for name in node.gives if _differs(name, runs))
            continue
        if not _keeps_rows(node, runs, reads):
            return f"its rows meet in {node.where}"
        rows.update(node.gives)
    strangers = [name for name in graph.outputs if name not in rows]
    return f"output {clipped(strangers[0])} is not of its rows" if strangers else ""


@dataclass(frozen=True)
class _Reads:
    """What a node reads of the rows, and of what their number decides."""

    rows: Sequence[str]
    measured: set[str]


def _sizes_alone(node: Node, runs: Sequence[Mapping[str, Known]]) -> bool:
    """Return whether sizes and constants decide all that a node gives."""
    return all(isinstance(run[name], np.ndarray) for run in runs for name in node.gives)


def _differs(name: str, runs: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a value that sizes decide differs with the number of rows."""
    first, second = (run[name] for run in runs)
    return not np.array_equal(first, second)


def _keeps_rows(node: Node, runs: Sequence[Mapping[str, Known]], reads: _Reads) -> bool:
    """Return whether each row that a node gives depends on its own row alone."""
    for name in node.gives:
        found = [run[name] for run in runs]
        if not all(isinstance(value, MetaArray) and value.shape for value in found):
            return False
        first, second = (value.shape for value in found if isinstance(value, MetaArray))
        if (first[0], second[0]) != _ROWS or first[1:] != second[1:]:
            return False
    op = OPS[node.op]
    if op.rowwise:
        return not reads.measured and _treats_rows_alone(node, runs[0], reads.rows)
    return op.dtypes == ("any",) and not op.control and _moves_within_rows(node, runs[0], reads)


def _treats_rows_alone(node: Node, run: Mapping[str, Any], rows: Sequence[str]) -> bool:
    """Return whether a rowwise op meets rows with rows, and does not touch their axis."""
    op = OPS[node.op]
    rank = len(run[node.name].shape)
    if op.elementwise:
        return all(len(run[name].shape) == rank for name in rows)
    axis = node.attributes.get("axis", op.defaults.get("axis"))
    touched = axis in (0, -len(run[rows[0]].shape))
    return rows == [node.inputs[0]] and not touched


def _moves_within_rows(node: Node, run: Mapping[str, Known], reads: _Reads) -> bool:
    """Return whether an op that moves elements leaves each in its row."""
    results = []
    for labels in _LABELS:
        arrays: list[Any] = []
        for name in node.inputs:
            value = None if name is None else run[name]
            if name in reads.rows and isinstance(value, MetaArray):
                value = _labelled(labels, value.shape)
            if value is not None and not isinstance(value, np.ndarray):
                return False  # numbers of which nothing is known
            arrays.append(value)
        try:
            found = OPS[node.op].formula(*arrays, xp=host_namespace(), **node.attributes)
        except (ArraynetError, ArithmeticError, IndexError, TypeError, ValueError):
            return False
        results.append(found if isinstance(found, tuple) else (found,))
    return all(_in_their_rows(parts) for parts in zip(*results, strict=True))


def _labelled(labels: Sequence[int], shape: tuple[int, ...]) -> HostArray:
    """Return an array of some shape in which each row holds its label."""
    column = np.array(labels, np.uint8).reshape(-1, *[1] * (len(shape) - 1))
    return np.broadcast_to(column, shape)


def _in_their_rows(parts: Sequence[HostArray]) -> bool:
    """Return whether each element is its row's label each time, or the same constant."""
    shapes = {part.shape for part in parts}
    if len(shapes) != 1 or parts[0].shape[:1] != (_ROWS[0],):
        return False
    own = np.logical_and.reduce(
        [p == _labelled(labels, p.shape) for p, labels in zip(parts, _LABELS, strict=True)]
    )
    first, *others = parts
    constant = ~np.isin(first, _LABELS[0])
    for part in others:
        constant &= part == first
    return bool((own | constant).all())
