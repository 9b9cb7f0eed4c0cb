"""How the nodes of a graph are cut into segments, and linked into calls."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

from arraynet._typing import Array, Kernel
from arraynet.backends.base import Backend
from arraynet.engine.forward import Forward, Step
from arraynet.engine.places import Places, host_reads, runs_on_host
from arraynet.errors import DtypeError, clipped
from arraynet.graph import Graph, Node, Value
from arraynet.ops import OPS
from arraynet.ops.registry import host_namespace
from arraynet.weights import FORMATS


@dataclass(frozen=True)
class Segment:
    """Nodes that run one after the other, with nothing read back and no branch in between.

    Attributes
    ----------
    fetches : tuple of str
        The values of the device that are read on the host before it runs.
    nodes : tuple of Node
        One alone where it is a branch or a loop.
    """

    fetches: tuple[str, ...]
    nodes: tuple[Node, ...]

    @property
    def control(self) -> bool:
        """Whether it is a branch or a loop."""
        return OPS[self.nodes[0].op].control if self.nodes else False


def cut(graph: Graph, places: Places) -> list[Segment]:
    """Return the nodes of a graph in segments: cut where a value must be read on the host."""
    segments: list[Segment] = []
    nodes: list[Node] = []
    fetches: list[str] = []
    made: set[str] = set()

    def close() -> None:
        if nodes or fetches:
            segments.append(Segment(tuple(fetches), tuple(nodes)))
        nodes.clear()
        fetches.clear()
        made.clear()

    fetched: set[str] = set()
    for node in graph.nodes:
        wanted = [n for n in host_reads(node) if n in places.fetched and n not in fetched]
        control = OPS[node.op].control
        if control or any(name in made for name in wanted):
            close()
        fetches.extend(wanted)
        fetched.update(wanted)
        nodes.append(node)
        made.update(node.gives)
        if control:
            close()
    close()
    return segments or [Segment((), ())]


Read: TypeAlias = tuple[str | None, bool]
"""What a call takes: a value's name, and whether it is read on the host."""


class Linker:
    """Links a segment's nodes: gives every value a slot and every node a function.

    Parameters
    ----------
    graph : Graph
    backend : Backend
    places : Places
    """

    def __init__(self, graph: Graph, backend: Backend, places: Places) -> None:
        self.graph, self.backend, self.places = graph, backend, places
        self.uploaded: dict[str, Array] = {}

    def forward(
        self,
        nodes: Sequence[Node],
        inputs: Sequence[Read],
        results: Sequence[str],
        *,
        admits: Sequence[Value] = (),
        final: bool = False,
    ) -> Forward:
        """Return a segment as a function of arrays.

        Parameters
        ----------
        nodes : sequence of Node
        inputs : sequence of (str, bool)
            The names of what it takes, and whether each is on the host.
        results : sequence of str
        admits : sequence of Value, optional
            What the inputs must be, where they come from the caller.
        final : bool
            Whether the results go to the caller: on the device, and nobody else's.
        """
        slots: dict[Read, int] = {read: slot for slot, read in enumerate(inputs)}
        values: list[Array | None] = [None] * len(slots)

        def slot_of(name: str | None, on_host: bool) -> int | None:
            if name is None:
                return None
            for place in ((name, on_host), (name, not on_host)):
                # A constant is in both places; what is on the host only is brought up.
                if place in slots and not (place[1] != on_host and name in self.graph.weights):
                    return slots[place]
            slots[name, on_host] = len(values)
            values.append(self.graph.weights[name] if on_host else self.upload(name))
            return slots[name, on_host]

        steps = []
        for group in self._groups(nodes, set(results)):
            reads = tuple(slot_of(*read) for read in self.arguments(group))
            node = group[-1]
            on_host = self.on_host(node)
            for name in node.gives:
                slots[name, on_host] = len(values)
                values.append(None)
            writes = (None if name is None else slots[name, on_host] for name in node.outputs)
            steps.append(
                Step(
                    name=" + ".join(node.op for node in group),
                    where=node.where,
                    function=self._function(group),
                    reads=reads,
                    writes=tuple(writes),
                    several=OPS[node.op].outputs != 1,
                )
            )
        found = tuple(slot_of(name, False) or 0 for name in results)
        borrowed = borrowed_names(self.graph) if final else set()
        return Forward(
            backend=self.backend,
            admits=tuple(admits),
            steps=_releasing(steps, values, found),
            values=values,
            results=found,
            copied=frozenset(
                slot for slot, name in zip(found, results, strict=True) if name in borrowed
            ),
            final=final,
            sizes=_largest_bytes(self.graph, nodes) if admits else {},
        )

    def upload(self, name: str) -> Array:
        """Return a constant on the device, once."""
        if name not in self.uploaded:
            try:
                self.uploaded[name] = self.backend.constant(self.graph.weights[name])
            except DtypeError as error:
                raise DtypeError(f"weight {clipped(name)}: {error}") from error
        return self.uploaded[name]

    def on_host(self, node: Node) -> bool:
        """Return whether a node's result is on the host."""
        return runs_on_host(node, self.places, self.graph)

    def arguments(self, group: Sequence[Node]) -> list[Read]:
        """Return what a group of nodes takes, in order."""
        if len(group) > 1:
            return [(name, False) for name in _reads(group)]
        (node,) = group
        if self.on_host(node) and not OPS[node.op].gives_host:
            return [(name, True) for name in node.inputs]
        op = OPS[node.op]
        single = [p.name for p in op.arrays if p.kind is not p.VAR_POSITIONAL]
        read = [
            place < len(single) and single[place] in op.host for place in range(len(node.inputs))
        ]
        return list(zip(node.inputs, read, strict=True))

    def _function(self, group: Sequence[Node]) -> Kernel:
        """Return one function of arrays for a node, or for a chain of elementwise ones."""
        bound = [bind(node, self.backend, on_host=self.on_host(node)) for node in group]
        arguments = self.arguments(group)
        lifted = self._lifted(group, arguments)
        if not self._fuses(group[0]):
            return _uploading(bound[0], lifted, self.backend)
        place = {name: position for position, (name, _) in enumerate(arguments)}
        calls = []
        for node, function in zip(group, bound, strict=True):
            calls.append((function, tuple(place[name] for name in node.inputs)))
            place[node.name] = len(place)
        fused = self.backend.fuse(_chain(calls), " + ".join(node.op for node in group))
        return _uploading(fused, lifted, self.backend)

    def _fuses(self, node: Node) -> bool:
        """Return whether a node may become one function with its neighbours."""
        native = node.op in self.backend.native
        return OPS[node.op].elementwise and not native and not self.on_host(node)

    def _groups(self, nodes: Iterable[Node], results: set[str]) -> list[list[Node]]:
        """Return the nodes in order, elementwise ones that feed only each other together."""
        groups: list[list[Node]] = []
        for node in nodes:
            before = groups[-1][-1] if groups else None
            if (
                before is not None
                and self._fuses(node)
                and self._fuses(before)
                and before.name not in results
                and None not in (*node.inputs, *before.inputs)
                and self.graph.uses[before.name] == node.inputs.count(before.name) > 0
            ):
                groups[-1].append(node)
            else:
                groups.append([node])
        return groups

    def _lifted(self, group: Sequence[Node], arguments: Sequence[Read]) -> tuple[int, ...]:
        """Return the places of arguments that are on the host and wanted on the device."""
        if self.on_host(group[0]):
            return ()
        only_there = self.places.host - set(self.graph.weights)
        return tuple(
            place
            for place, (name, on_host) in enumerate(arguments)
            if name in only_there and not on_host
        )


def _largest_bytes(graph: Graph, nodes: Sequence[Node]) -> dict[int, int]:
    """Return the bytes of the largest values, by how often their shapes hold the batch."""
    batch = graph.inputs[0].shape[0] if graph.inputs and graph.inputs[0].shape else None
    largest = {0: 0}
    for name in (name for node in nodes for name in node.gives):
        shape = graph.shapes[name]
        size = FORMATS[graph.dtype].bytes * math.prod(s for s in shape if isinstance(s, int))
        power = shape.count(batch) if isinstance(batch, str) else 0
        largest[power] = max(size, largest.get(power, 0))
    return largest


def borrowed_names(graph: Graph) -> set[str]:
    """Return the names of inputs and constants, and of what may be one of them as it is."""
    borrowed = {*graph.weights, *(value.name for value in graph.inputs)}
    for node in graph.nodes:
        same = OPS[node.op].droppable and node.inputs[0] in borrowed
        if same or OPS[node.op].control or OPS[node.op].views:
            borrowed.update(node.gives)
    return borrowed


def _releasing(
    steps: Sequence[Step], values: Sequence[Array | None], results: Sequence[int]
) -> tuple[Step, ...]:
    """Return the steps, each with the slots that nothing reads after it."""
    last: dict[int, int] = {}
    for place, step in enumerate(steps):
        last.update(dict.fromkeys((s for s in (*step.reads, *step.writes) if s is not None), place))
    kept = {*results, *(slot for slot, value in enumerate(values) if value is not None)}
    endings: dict[int, list[int]] = {}
    for slot, place in last.items():
        if slot not in kept:
            endings.setdefault(place, []).append(slot)
    return tuple(
        replace(step, releases=tuple(endings.get(place, ()))) for place, step in enumerate(steps)
    )


def bind(node: Node, backend: Backend, *, on_host: bool = False) -> Kernel:
    """Return a node's op as a function of arrays alone, on the device or on the host."""
    native = None if on_host else backend.native.get(node.op)
    if native is not None:
        return partial(native, **node.attributes)
    xp = host_namespace() if on_host else backend.xp
    return partial(OPS[node.op].formula, xp=xp, **node.attributes)


def _reads(group: Sequence[Node]) -> list[str]:
    """Return the names that a group reads and does not make itself, each once."""
    made = {name for node in group for name in node.gives}
    names = [name for node in group for name in node.reads if name not in made]
    return list(dict.fromkeys(names))


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


def _uploading(function: Kernel, places: tuple[int, ...], backend: Backend) -> Kernel:
    """Return a function that first brings some of its arguments to the device."""
    if not places:
        return function

    def uploading(*arrays: Any) -> Any:
        lifted = list(arrays)
        for place in places:
            lifted[place] = backend.asarray(lifted[place])
        return function(*lifted)

    return uploading
