"""A graph bound to a backend: something to call.

What can be decided when the network is loaded is decided here: weights go to the
device once, each op becomes one function of arrays, neighbouring elementwise ops
become one function (which the backend may fuse into one kernel), and each
intermediate is let go after its last use.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from arraynet._typing import Array, Kernel
from arraynet.backends.base import Backend
from arraynet.errors import DtypeError, GraphError, clipped
from arraynet.forward import Forward, Step
from arraynet.graph import Graph, Node, cuttable
from arraynet.ops import OPS
from arraynet.passes import split_affine
from arraynet.weights import FORMATS


class Program:
    """A graph that runs on a backend.

    Parameters
    ----------
    graph : Graph
        A valid graph with one input and one output.
    backend : Backend

    Attributes
    ----------
    forward : Forward
        The forward pass as it is, call by call.
    run : callable
        ``run(x)`` → the output, on the device. ``x`` has shape (batch, ...), and is
        an array of this device, or anything on the host that becomes a NumPy array.
    """

    def __init__(self, graph: Graph, backend: Backend) -> None:
        if len(graph.inputs) != 1 or len(graph.outputs) != 1:
            raise GraphError(
                f"program: got {len(graph.inputs)} inputs and {len(graph.outputs)} outputs, "
                f"expected one of each"
            )
        self.backend = backend
        self.dtype = graph.dtype
        self.input_shape = graph.inputs[0].shape
        self.output_shape = graph.shapes[graph.outputs[0]]
        self.row_bytes = _row_bytes(graph, with_input=not backend.reads_host)
        self.multiply_adds = sum(graph.multiply_adds(node) for node in graph.nodes)
        self._slots = {graph.inputs[0].name: 0}
        with backend.active():
            self._blank: list[Array | None] = [None, *self._upload(graph)]
            self.steps = self._link(split_affine(graph))
        self.forward = Forward(
            backend=backend,
            dtype=self.dtype,
            input_shape=self.input_shape,
            steps=self.steps,
            values=self._blank,
            result=self._slots[graph.outputs[0]],
            copied=_returns_input(graph),
            together=not cuttable(graph),
            sizes=_largest_bytes(graph),
        )
        self.run: Kernel = backend.capture(self.forward)

    def suited(self, x: Any) -> Any:
        """Return a block of an array in a dtype that the library has: its own, if it may be."""
        if not self.backend.owns(x):
            try:
                self.backend.dtype(x.dtype.name)
            except DtypeError:
                return self.backend.asarray(x, self.dtype)
        return x

    def _upload(self, graph: Graph) -> list[Array]:
        """Return the weights on the device, and give each of them a slot."""
        arrays = []
        for name, weight in graph.weights.items():
            self._slots[name] = len(self._slots)
            try:
                arrays.append(self.backend.asarray(weight, graph.dtype))
            except DtypeError as error:
                raise DtypeError(f"weight {clipped(name)}: {error}") from error
        return arrays

    def _link(self, graph: Graph) -> tuple[Step, ...]:
        """Return the steps of a graph, each with its function and slots."""
        groups = _groups(graph, self.backend)
        first_free = len(self._slots)
        last_use = {}
        for group in groups:
            last_use.update({name: group[-1].name for node in group for name in _inputs(node)})
            self._slots[group[-1].name] = len(self._slots)
            self._blank.append(None)
        kept = {self._slots[name] for name in graph.outputs}
        steps = []
        for group in groups:
            reads = _inputs(group[0]) if len(group) == 1 else _outside(group)
            ending = {self._slots[n] for n in reads if last_use[n] == group[-1].name} - kept
            steps.append(
                Step(
                    name=" + ".join(node.op for node in group),
                    function=self._function(group, reads),
                    reads=tuple(self._slots[name] for name in reads),
                    writes=self._slots[group[-1].name],
                    releases=tuple(s for s in ending if s == 0 or s >= first_free),
                )
            )
        return tuple(steps)

    def _function(self, group: Sequence[Node], reads: Sequence[str]) -> Kernel:
        """Return one function of arrays for a node, or for a chain of elementwise ones."""
        bound = [self._bind(node) for node in group]
        if not OPS[group[0].op].elementwise or group[0].op in self.backend.native:
            return bound[0]
        place = {name: position for position, name in enumerate(reads)}
        calls = []
        for node, function in zip(group, bound, strict=True):
            calls.append((function, tuple(place[name] for name in _inputs(node))))
            place[node.name] = len(place)
        return self.backend.fuse(_chain(calls), " + ".join(node.op for node in group))

    def _bind(self, node: Node) -> Kernel:
        """Return a node's op as a function of arrays alone."""
        native = self.backend.native.get(node.op)
        if native is not None:
            return partial(native, **node.attributes)
        return partial(OPS[node.op].formula, xp=self.backend.xp, **node.attributes)


def intermediates(graph: Graph, backend: Backend, x: Any) -> dict[str, Array]:
    """Return every value of a graph for a batch, by name, each op applied as it stands.

    Parameters
    ----------
    graph : Graph
    backend : Backend
    x : array
        As for `Program.run`.

    Returns
    -------
    dict of str to array
        The input first, then each node's output, on the device.
    """
    program = Program(graph, backend)
    with backend.active():
        values: dict[str, Array] = {graph.inputs[0].name: program.forward.admit(x)}
        known = {n: backend.asarray(w, graph.dtype) for n, w in graph.weights.items()}
        for node in graph.nodes:
            arrays = [values[n] if n in values else known[n] for n in _inputs(node)]
            values[node.name] = program._bind(node)(*arrays)
        return values


def _groups(graph: Graph, backend: Backend) -> list[list[Node]]:
    """Return the nodes in order, elementwise ones that feed only each other together."""
    groups: list[list[Node]] = []
    for node in graph.nodes:
        before = groups[-1][-1] if groups else None
        if (
            before is not None
            and all(OPS[n.op].elementwise and n.op not in backend.native for n in (before, node))
            and graph.uses[before.name] == node.inputs.count(before.name) > 0
        ):
            groups[-1].append(node)
        else:
            groups.append([node])
    return groups


def _chain(calls: list[tuple[Kernel, tuple[int, ...]]]) -> Kernel:
    """Return the functions as one; each reads the arguments and earlier results by place."""
    if len(calls) == 1:
        return calls[0][0]

    def chained(*arrays: Array) -> Array:
        values = list(arrays)
        for function, reads in calls:
            values.append(function(*[values[place] for place in reads]))
        return values[-1]

    return chained


def _returns_input(graph: Graph) -> bool:
    """Return whether the output is the input, or a weight, as it stands."""
    name = graph.outputs[0]
    while name in graph.producers and OPS[graph.producers[name].op].droppable:
        name = graph.producers[name].inputs[0] or ""
    return name not in graph.producers


def _inputs(node: Node) -> list[str]:
    return [name for name in node.inputs if name is not None]


def _outside(group: Sequence[Node]) -> list[str]:
    """Return the names that a group reads and does not make itself, each once."""
    made = {node.name for node in group}
    names = [name for node in group for name in _inputs(node) if name not in made]
    return list(dict.fromkeys(names))


def _largest_bytes(graph: Graph) -> dict[int, int]:
    """Return the bytes of the largest values, by how often their shapes hold the batch."""
    batch = graph.inputs[0].shape[0]
    largest = {0: 0}
    for node in graph.nodes:
        shape = graph.shapes[node.name]
        size = FORMATS[graph.dtype].bytes * math.prod(
            size for size in shape if isinstance(size, int)
        )
        power = shape.count(batch) if isinstance(batch, str) else 0
        largest[power] = max(size, largest.get(power, 0))
    return largest


def _row_bytes(graph: Graph, *, with_input: bool) -> int:
    """Return about how many bytes the intermediates of one row take, and the row itself."""
    inputs = [graph.inputs[0].shape] if with_input else []
    shapes = (*inputs, *(graph.shapes[node.name] for node in graph.nodes))
    return FORMATS[graph.dtype].bytes * sum(
        math.prod(size for size in shape[1:] if isinstance(size, int)) for shape in shapes
    )
