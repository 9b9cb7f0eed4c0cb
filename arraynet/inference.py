"""What is known of a graph's values before it runs: shapes, dtypes, and what they cost.

The graph runs on arrays without numbers (`arraynet.ops.meta`). What is computed from
shapes and constants alone has numbers all the same: sizes, axes, the shape to reshape to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from arraynet.admission import HostArray
from arraynet.errors import DtypeError, ShapeError, clipped, shape_text
from arraynet.node import Node, Value
from arraynet.ops import OPS, Op
from arraynet.ops.admission import FLOATING
from arraynet.ops.meta import MetaArray, NeedsValueError, new_namespace
from arraynet.ops.registry import host_namespace
from arraynet.ops.symbols import UNRANKED, in_symbols, numbers, symbols_of, trials

SMALL = 1 << 10
"""Most numbers of a value that is computed before a run: sizes and axes are few."""


class _Unknown:
    """A value of which only a run can tell the shape."""


UNTOLD = _Unknown()

Known: TypeAlias = MetaArray | HostArray | _Unknown


@dataclass(frozen=True)
class Trial:
    """One run of a graph without numbers.

    Attributes
    ----------
    values : dict
        What each input is, and each value that a node gives: a `MetaArray`, or an array on
        the host where shapes and constants decide its numbers.
    multiply_adds : dict of str to int
        By the names of nodes.
    nodes : dict of str to Node
        The nodes that ran, by name.
    """

    values: dict[str, Known]
    multiply_adds: dict[str, int]
    nodes: dict[str, Node]


def trial(
    inputs: Sequence[Value],
    nodes: Sequence[Node],
    constants: Mapping[str, HostArray],
    sizes: Mapping[str, int],
    before: Trial | None = None,
) -> Trial:
    """Run nodes on arrays without numbers, with a number for each symbol.

    Parameters
    ----------
    inputs, nodes, constants
        Of a graph.
    sizes : mapping of str to int
    before : Trial, optional
        Of a graph with the same inputs, in which each value of the same name is the same:
        nodes that ran there do not run again.

    Raises
    ------
    ShapeError, DtypeError
        If what a node reads does not fit; it names the node.
    """
    xp = new_namespace()
    values: dict[str, Known] = {
        value.name: xp.array(numbers(value.shape, sizes), value.dtype)
        if value.shape != UNRANKED
        else UNTOLD
        for value in inputs
    }
    costs: dict[str, int] = {}
    for node in nodes:
        if before is not None and before.nodes.get(node.name) is node:
            values.update({name: _within(before.values[name], xp) for name in node.gives})
            costs[node.name] = before.multiply_adds[node.name]
            continue
        cost = xp.multiply_adds
        given = [
            None if name is None else values[name] if name in values else constants[name]
            for name in node.inputs
        ]
        try:
            results = applied(node, given, xp)
        except (DtypeError, ShapeError) as error:
            raise type(error)(f"{error}{_context(node, nodes)}") from error
        costs[node.name] = xp.multiply_adds - cost
        named = zip(node.outputs, results, strict=False)
        values.update({name: result for name, result in named if name is not None})
    return Trial(values, costs, {node.name: node for node in nodes})


def _within(value: Known, xp: Any) -> Known:
    """Return a value of another trial as one of this: its operators count multiply-adds here."""
    return xp.array(value.shape, value.dtype) if isinstance(value, MetaArray) else value


def applied(node: Node, given: list[Any], xp: Any) -> Sequence[Known]:
    """Return what a node gives for arrays without numbers, or some of them with.

    Raises
    ------
    ShapeError, DtypeError
    """
    op = OPS[node.op]
    if any(value is UNTOLD for value in given):
        return [UNTOLD] * len(node.outputs)
    try:
        result = _run(op, given, function_attributes(node, subgraph), xp)
    except NeedsValueError:
        return [UNTOLD] * len(node.outputs)
    except DtypeError as error:
        found = _found(node, [f"of {v.dtype}" if v is not None else "" for v in given])
        raise DtypeError(f"{node.where}: got {found}, {clipped(str(error), 200)}") from error
    except (ValueError, TypeError, IndexError, ArithmeticError, AttributeError) as error:
        found = _found(node, [shape_text(v.shape) if v is not None else "" for v in given])
        reason = clipped(str(error), 200) or "their sizes do not fit"
        raise ShapeError(
            f"{node.where}: got {found}, expected shapes that fit each other: {reason}"
        ) from error
    results = result if isinstance(result, tuple) else (result,)
    if len(results) < len(node.outputs):
        raise ShapeError(
            f"{node.where}: got {len(results)} results, expected {len(node.outputs)}, as many as "
            f"it has outputs"
        )
    return results


def _run(op: Op, given: list[Any], attributes: Mapping[str, Any], xp: Any) -> Any:
    """Run a formula: on the host where all numbers are known and few, else without numbers."""
    if op.floating:
        _check_one_dtype([value for value, host in op.placed(given) if not host])
    known = [value for value in given if value is not None]
    few = all(isinstance(v, np.ndarray) and v.size <= SMALL for v in known)
    if not known or not few or op.control:
        return _without_numbers(op, given, attributes, xp)
    try:  # few numbers may ask for many
        result = _without_numbers(op, given, attributes, xp)
    except NeedsValueError:
        result = ()
    parts = result if isinstance(result, tuple) else (result,)
    if any(part.size > SMALL for part in parts):
        return result
    with np.errstate(all="ignore"):
        result = op.formula(*given, xp=host_namespace(), **attributes)
    return tuple(np.asarray(part) for part in (result if isinstance(result, tuple) else (result,)))


def _without_numbers(op: Op, given: list[Any], attributes: Mapping[str, Any], xp: Any) -> Any:
    """Run a formula without numbers, but for those that it reads on the host."""
    arrays = []
    for value, host in op.placed(given):
        if host and isinstance(value, MetaArray) and not op.control:
            raise NeedsValueError("what decides the shape is only known when the graph runs")
        without = isinstance(value, np.ndarray) and not host
        arrays.append(xp.array(value.shape, value.dtype) if without else value)
    return op.formula(*arrays, xp=xp, **attributes)


def _check_one_dtype(given: Sequence[Any]) -> None:
    """Refuse floating arrays of several dtypes: one would be converted in silence."""
    kinds = {value.dtype.name for value in given if value is not None}
    if len(kinds) > 1:
        found = " and ".join(sorted(kinds))
        raise DtypeError(f"expected one dtype, not {found} (convert with .astype)")
    if kinds - set(FLOATING):
        raise DtypeError(f"expected a floating dtype, not {kinds.pop()}")


def function_attributes(node: Node, made: Callable[[Any], Any]) -> dict[str, Any]:
    """Return a node's attributes, those that are graphs as functions of arrays."""
    return {
        name: made(value) if hasattr(value, "nodes") else value
        for name, value in node.attributes.items()
    }


def subgraph(graph: Any) -> Callable[..., tuple[Known, ...]]:
    """Return a graph as a function of arrays without numbers."""

    def function(*arrays: Any) -> tuple[Known, ...]:
        inputs = [
            Value(value.name, array.shape, array.dtype.name)
            for value, array in zip(graph.inputs, arrays, strict=True)
        ]
        ran = trial(inputs, graph.nodes, graph.weights, {})
        found = tuple(
            ran.values[name] if name in ran.values else graph.weights[name]
            for name in graph.outputs
        )
        if any(value is UNTOLD for value in found):
            raise NeedsValueError("only a run can tell the shapes of a branch")
        return tuple(
            MetaArray(value.shape, value.dtype) if isinstance(value, np.ndarray) else value
            for value in found
        )

    return function


def _found(node: Node, facts: Sequence[str]) -> str:
    """Return what a node reads, each with a fact about it."""
    pairs = zip(node.inputs, facts, strict=True)
    return ", ".join(f"{clipped(name)} {fact}" for name, fact in pairs if name is not None)


def _context(node: Node, nodes: Sequence[Node]) -> str:
    """Say which layer stands before a node, so that an error names both."""
    producers = {name: earlier for earlier in nodes for name in earlier.gives}
    before = producers.get(next(iter(node.reads), ""))
    while before is not None and OPS[before.op].elementwise:
        earlier = producers.get(next(iter(before.reads), ""))
        if earlier is None:
            break
        before = earlier
    return "" if before is None else f" (the layer before it is {before.where})"


def tried(
    inputs: Sequence[Value],
    nodes: Sequence[Node],
    constants: Mapping[str, HostArray],
    before: Sequence[Trial] = (),
) -> list[Trial]:
    """Return a graph's trials, at the numbers for its symbols that `trials` gives.

    ``before`` are those of a graph in which each value of the same name is the same.

    Raises
    ------
    ShapeError, DtypeError
        If what a node reads does not fit; it names the node.
    """
    return [
        trial(inputs, nodes, constants, sizes, before[place] if before else None)
        for place, sizes in enumerate(_sizes(inputs))
    ]


def infer(
    inputs: Sequence[Value], constants: Mapping[str, HostArray], runs: Sequence[Trial]
) -> dict[str, Value]:
    """Return what a graph's trials tell of every input, constant and value."""
    sizes = _sizes(inputs)
    known = {
        name: _combined(name, [run.values[name] for run in runs], sizes) for name in runs[0].values
    }
    known.update({name: Value(name, c.shape, c.dtype.name) for name, c in constants.items()})
    return {**known, **{value.name: value for value in inputs}}


def _sizes(inputs: Sequence[Value]) -> list[dict[str, int]]:
    """Return the numbers at which the symbols of inputs are tried."""
    return trials(symbols_of(value.shape for value in inputs if value.shape != UNRANKED))


def _combined(name: str, found: Sequence[Any], tried: Sequence[Mapping[str, int]]) -> Value:
    """Return what several trials tell of one value."""
    if any(value is UNTOLD for value in found):
        return Value(name, UNRANKED)
    dtype = found[0].dtype.name
    if len({len(value.shape) for value in found}) > 1:
        return Value(name, UNRANKED, dtype)
    sizes = zip(*(value.shape for value in found), strict=True)
    return Value(name, tuple(in_symbols(size, tried) for size in sizes), dtype)
