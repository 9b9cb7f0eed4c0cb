"""What constants and shapes decide is computed once, before any run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from arraynet.errors import ArraynetError
from arraynet.graph import Graph, HostArray, Node, Value
from arraynet.inference import SMALL, applied, trial
from arraynet.ops import OPS, Op
from arraynet.ops.meta import MetaArray, new_namespace
from arraynet.ops.registry import host_namespace
from arraynet.ops.symbols import UNRANKED, symbols_of
from arraynet.passes.draft import Budget, Draft

EXTREMES = (1, 2, 3, (1 << 20) + 7)
"""Further numbers for symbols: a size that is 100 at 257 may be smaller at 1."""

FAILURES = (ArraynetError, ValueError, TypeError, LookupError, ArithmeticError, MemoryError)
"""What a formula may raise that a run will raise as well."""


def fold_constants(graph: Graph, budget: Budget | None = None) -> Graph:
    """Compute what no input has a part in: of constants alone, or of sizes that are numbers.

    ``f(c) = c'``. It is computed with NumPy in the graph's own dtypes, as a program would.
    A size that a symbol has a part in is not known, and neither is what is computed from it:
    of ``shape(x)`` for an ``x`` of shape ("batch", 3, 4), the element 0 is left to the run,
    and ``gather(shape(x), 1)`` is 3. Numbers that are drawn at random, branches and loops are
    left to it too, as are outputs of the graph and what would make the network much larger:
    see `arraynet.passes.Budget`.
    """
    draft = Draft(graph, budget)
    sizes = _Sizes(graph)
    partly: dict[str, _Partly] = {}
    for node in graph.nodes:
        op = OPS[node.op]
        if op.control or op.random or not draft.has(node):
            continue
        if all(name in draft.weights for name in node.reads):
            results = None if _is_output(draft, node) else _computed(draft, node)
        else:
            told = _told(node, op, draft.weights, partly, sizes)
            partly.update(told)
            results = {n: value.numbers for n, value in told.items() if not value.unknown.any()}
            if len(results) < len(node.gives) or _is_output(draft, node):
                results = None
        if results is not None:
            draft.fold(node, results)
    return draft.graph()


def _is_output(draft: Draft, node: Node) -> bool:
    return any(name in draft.outputs for name in node.gives)


def _computed(draft: Draft, node: Node) -> dict[str, HostArray] | None:
    """Return what a node of constants gives, or None where that is too much or fails."""
    constants = [None if name is None else draft.weights[name] for name in node.inputs]
    xp = new_namespace()
    try:
        found = applied(node, list(constants), xp)
    except FAILURES:
        return None
    numbers = sum(c.size for c in constants if c is not None)
    told = [value for value in found if isinstance(value, MetaArray | np.ndarray)]
    if len(told) < len(found) and numbers > SMALL:  # only a run tells how much it gives
        return None
    new = sum(int(value.size) * int(value.dtype.itemsize) for value in told)
    numbers += sum(int(value.size) for value in told)
    freed = sum(draft.weights[n].nbytes for n in set(node.reads) if _reads_alone(draft, node, n))
    if not draft.budget.spend(numbers, xp.multiply_adds) or not draft.budget.grow(new - freed):
        return None
    try:
        results = _run(OPS[node.op], constants, node.attributes)
    except FAILURES:
        return None
    return {n: v for n, v in zip(node.outputs, results, strict=False) if n is not None}


def _reads_alone(draft: Draft, node: Node, name: str) -> bool:
    return draft.uses[name] == node.reads.count(name)


def _run(op: Op, arrays: Sequence[Any], attributes: Mapping[str, Any]) -> list[HostArray]:
    """Return what a formula gives for arrays on the host."""
    with np.errstate(all="ignore"):
        result = op.formula(*arrays, xp=host_namespace(), **attributes)
    return [np.asarray(part) for part in (result if isinstance(result, tuple) else (result,))]


@dataclass(frozen=True)
class _Partly:
    """A value of sizes, with a mark on each number that only a run can tell."""

    numbers: HostArray
    unknown: HostArray


def _told(
    node: Node,
    op: Op,
    constants: Mapping[str, HostArray],
    partly: Mapping[str, _Partly],
    sizes: _Sizes,
) -> dict[str, _Partly]:
    """Return what sizes and constants tell of what a node gives: nothing, mostly."""
    read = op.placed(node.inputs)
    if op.gives_host and not any(host for _, host in read):
        return sizes.told(node, op)
    given: list[_Partly | None] = []
    for name in node.inputs:
        if name is not None and name in constants and constants[name].size <= SMALL:
            known = constants[name]
            given.append(_Partly(known, np.zeros(known.shape, bool)))
        elif name is None or name in partly:
            given.append(None if name is None else partly[name])
        else:
            return {}
    places = [p.name in op.moves for p in op.arrays]
    places += places[-1:] * (len(given) - len(places))
    others = [g for g, moved in zip(given, places, strict=False) if not moved and g is not None]
    numbers = [None if g is None else g.numbers for g in given]
    try:
        if op.elementwise:
            found = _run(op, numbers, node.attributes)
            unknown = [_any_unknown(given, part.shape) for part in found]
        elif op.moves and not any(other.unknown.any() for other in others):
            marks = [
                g if g is None else g.unknown if moved else g.numbers
                for g, moved in zip(given, places, strict=False)
            ]
            found = _run(op, numbers, node.attributes)
            unknown = [part != 0 for part in _run(op, marks, node.attributes)]
        else:
            return {}
    except FAILURES:
        return {}
    told = zip(node.outputs, found, unknown, strict=False)
    return {n: _Partly(f, u) for n, f, u in told if n is not None and f.size <= SMALL}


def _any_unknown(given: Sequence[_Partly | None], shape: tuple[int, ...]) -> HostArray:
    """Return which elements are computed of one that is unknown."""
    marks = [np.broadcast_to(g.unknown, shape) for g in given if g is not None]
    return np.logical_or.reduce(marks) if marks else np.zeros(shape, bool)


class _Sizes:
    """The sizes of a graph's values that no symbol has a part in.

    What is the same at all numbers that are tried for the symbols counts as a number, as in
    `Graph.shapes`; here very small and very large ones are tried too.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._runs: list[Mapping[str, Any]] | None = None

    def told(self, node: Node, op: Op) -> dict[str, _Partly]:
        """Return what the shape of what a node reads tells of what it gives."""
        shape = self._shape(self._graph.values[node.reads[0]])
        if shape is None or len(node.gives) != 1:
            return {}
        # What depends on a size that is unknown differs when it does.
        xp, found = new_namespace(), []
        for far in (1009, 2027):
            sizes = [far + place if size is None else size for place, size in enumerate(shape)]
            try:
                result = op.formula(xp.array(sizes, "float32"), xp=xp, **node.attributes)
                found.append(np.asarray(result))
            except FAILURES:
                return {}
        return {node.name: _Partly(found[0], found[0] != found[1])}

    def _shape(self, value: Value) -> list[int | None] | None:
        """Return a shape, None for each size that is unknown; None if even their number is."""
        if value.shape == UNRANKED:
            return None
        shapes = [value.shape, *(run[value.name] for run in self._further() if value.name in run)]
        if any(len(shape) != len(value.shape) for shape in shapes):
            return None
        return [
            sizes[0] if isinstance(sizes[0], int) and len(set(sizes)) == 1 else None
            for sizes in zip(*shapes, strict=True)
        ]

    def _further(self) -> list[Mapping[str, Any]]:
        """Return the shapes of values at further numbers for the symbols, where these fit."""
        if self._runs is None:
            graph, self._runs = self._graph, []
            symbols = symbols_of(v.shape for v in graph.inputs if v.shape != UNRANKED)
            for number in EXTREMES if symbols else ():
                try:
                    found = trial(
                        graph.inputs, graph.nodes, graph.weights, dict.fromkeys(symbols, number)
                    )
                except FAILURES:
                    continue
                self._runs.append(
                    {
                        name: value.shape
                        for name, value in found.values.items()
                        if hasattr(value, "shape")
                    }
                )
        return self._runs
