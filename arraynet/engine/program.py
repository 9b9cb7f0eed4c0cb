"""A graph bound to a backend: something to call.

What can be decided when the network is loaded is decided here: where each value lives,
which constants go to the device, which function each op becomes, which neighbouring
elementwise ops become one, and after which use an intermediate is let go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from arraynet._typing import Array, Kernel
from arraynet.backends.base import Backend
from arraynet.engine.forward import Forward, Step, admitted
from arraynet.engine.places import places_of
from arraynet.engine.segments import Linker, Read, Segment, borrowed_names, cut
from arraynet.graph import Graph, Node
from arraynet.inference import function_attributes, subgraph
from arraynet.ops import OPS
from arraynet.ops.admission import dtype_name
from arraynet.ops.meta import MetaArray
from arraynet.passes import split_affine

KEPT_CAPTURES = 64
"""Sets of numbers read on the host for which a segment's recorded calls are kept."""


class Program:
    """A graph that runs on a backend.

    Parameters
    ----------
    graph : Graph
        A valid graph.
    backend : Backend
    inner : bool
        Whether it is a graph inside a node, whose results stay where they are.

    Attributes
    ----------
    run : callable
        ``run(*inputs)`` → the output on the device, or a tuple of several. An input is an
        array of this device, or anything on the host that becomes a NumPy array.
    forward : callable
        The same, as it is before the backend records or compiles it.
    constants : mapping of str to array
        The constants that are on the device.
    fetched : dict of str to str
        The values that are read back to the host, with the node that wants each.
    """

    def __init__(self, graph: Graph, backend: Backend, *, inner: bool = False) -> None:
        self.backend = backend
        self.graph = graph
        self.dtype = graph.dtype
        written = split_affine(graph)
        places = places_of(written)
        self.fetched = dict(places.fetched)
        names = tuple(value.name for value in graph.inputs)
        with backend.active():
            linker = Linker(written, backend, places)
            self.constants: Mapping[str, Array] = linker.uploaded
            segments = cut(written, places)
            if len(segments) == 1 and not segments[0].control and not segments[0].fetches:
                forward = linker.forward(
                    segments[0].nodes,
                    [(name, False) for name in names],
                    graph.outputs,
                    admits=graph.inputs,
                    final=not inner,
                )
                self.steps = forward.steps
                self.forward: Kernel = forward
                self.run = backend.capture(forward)
            else:
                parts = linked(segments, linker)
                self.steps = tuple(step for part in parts for step in part.steps)
                self.run = self.forward = Through(graph, backend, parts, final=not inner)


class Through:
    """A program of several segments: runs one after the other, and reads back in between.

    An object of its own for the same reason as `Forward`.
    """

    def __init__(
        self, graph: Graph, backend: Backend, parts: Sequence[_Part], *, final: bool
    ) -> None:
        self.inputs, self.outputs = graph.inputs, graph.outputs
        self.backend, self.parts, self.final = backend, parts, final
        self._borrowed = borrowed_names(graph) & set(graph.outputs)

    def __call__(self, *arrays: Any) -> Any:
        """Return the output on the device; several as a tuple."""
        with self.backend.active():
            device = dict(
                zip(
                    (value.name for value in self.inputs),
                    admitted(self.inputs, arrays, self.backend),
                    strict=True,
                )
            )
            host: dict[str, Any] = {}
            for part in self.parts:
                part.run(host, device)
            found = tuple(self._result(name, host, device) for name in self.outputs)
            return found[0] if len(found) == 1 else found

    def _result(self, name: str, host: Mapping[str, Any], device: Mapping[str, Any]) -> Array:
        value = device.get(name, host.get(name))
        if not self.final:
            return value
        there = value if self.backend.owns(value) else self.backend.asarray(value)
        return self.backend.copied(there) if name in self._borrowed else there


class _Part:
    """A segment with what it reads, gives and lets go, by name.

    Attributes
    ----------
    steps : tuple of Step
        None for a branch or a loop.
    """

    def __init__(
        self,
        segment: Segment,
        linker: Linker,
        gives: Sequence[str],
        releases: Sequence[str],
        branch: MakesBranch,
    ) -> None:
        self._backend = linker.backend
        self._fetches, self._gives, self._releases = segment.fetches, gives, releases
        self._on_host = {
            name for node in segment.nodes if linker.on_host(node) for name in node.gives
        }
        self._reads = _outside(segment, linker)
        weights = linker.graph.weights
        self._constants = {
            (name, on_host): weights[name] if on_host else linker.upload(name)
            for name, on_host in self._reads
            if name is not None and name in weights
        }
        self.steps: tuple[Step, ...] = ()
        if segment.control:
            self._call: Kernel = _control(segment.nodes[0], linker.backend, branch)
        else:
            forward = linker.forward(segment.nodes, self._reads, gives)
            self.steps = forward.steps
            hosts = sum(on_host for _, on_host in self._reads)
            self._call = _Captures(forward, hosts) if hosts else linker.backend.capture(forward)

    def run(self, host: dict[str, Any], device: dict[str, Any]) -> None:
        """Run the segment on values by name, and put what it gives among them."""
        for name in self._fetches:
            host[name] = self._backend.to_host(device[name])
        arrays = [self._value(*read, host, device) for read in self._reads]
        result = self._call(*arrays)
        parts = result if len(self._gives) != 1 else (result,)
        for name, value in zip(self._gives, parts, strict=True):
            (host if name in self._on_host else device)[name] = value
        for name in self._releases:
            host.pop(name, None)
            device.pop(name, None)

    def _value(
        self, name: str | None, on_host: bool, host: dict[str, Any], device: dict[str, Any]
    ) -> Any:
        """Return a value from where it is wanted, else from where it is; or a constant."""
        for values in (host, device) if on_host else (device, host):
            if name in values:
                return values[name]
        return None if name is None else self._constants[name, on_host]


class _Captures:
    """A segment that reads numbers on the host: its calls are recorded for each set of them.

    Only for numbers that come again: a recording costs more than a call.
    """

    def __init__(self, forward: Forward, hosts: int) -> None:
        self._forward, self._hosts = forward, hosts
        self._seen: dict[Any, Kernel | None] = {}

    def __call__(self, *arrays: Any) -> Any:
        host, device = arrays[: self._hosts], arrays[self._hosts :]
        key = tuple((a.tobytes(), a.shape, a.dtype.str) for a in map(np.asarray, host))
        if key not in self._seen:
            if len(self._seen) >= KEPT_CAPTURES:
                self._seen.pop(next(iter(self._seen)), None)
            self._seen[key] = None
            return self._forward(*arrays)
        function = self._seen[key]
        if function is None:
            bound = partial(self._forward, *host)
            function = self._seen[key] = self._forward.backend.capture(bound)
        return function(*device)


class Branch:
    """A graph inside a node, as a function of arrays: on the device, or host values as such."""

    def __init__(self, graph: Graph, backend: Backend, condition: int | None) -> None:
        self._graph, self._backend, self._condition = graph, backend, condition
        self._program = Program(graph, backend, inner=True)

    def __call__(self, *arrays: Any) -> tuple[Any, ...]:
        """Return the outputs, the condition among them on the host."""
        result = self._program.run(*arrays)
        results = list(result if len(self._graph.outputs) != 1 else (result,))
        if self._condition is not None and self._backend.owns(results[self._condition]):
            results[self._condition] = self._backend.to_host(results[self._condition])
        return tuple(results)

    def like(self, *arrays: Any) -> tuple[Any, ...]:
        """Return what the outputs would be, without numbers: of a loop that makes no turn."""
        return subgraph(self._graph)(*[MetaArray(a.shape, dtype_name(a.dtype)) for a in arrays])


MakesBranch: TypeAlias = Callable[[Node, Graph, Backend], Kernel]
"""Makes a function of arrays of a graph inside a node."""


def branch_of(node: Node, graph: Graph, backend: Backend) -> Kernel:
    """Return a graph inside a node as a function of arrays."""
    return Branch(graph, backend, OPS[node.op].condition)


def _control(node: Node, backend: Backend, branch: MakesBranch) -> Kernel:
    """Return a branch or a loop as a function of arrays."""
    attributes = function_attributes(node, lambda graph: branch(node, graph, backend))
    formula = partial(OPS[node.op].formula, xp=backend.xp, **attributes)
    wanted = [place for place, name in enumerate(node.outputs) if name is not None]

    def call(*arrays: Any) -> Any:
        result = formula(*arrays)
        found = tuple(result[place] for place in wanted)
        return found[0] if len(found) == 1 else found

    return call


def _outside(segment: Segment, linker: Linker) -> list[Read]:
    """Return what a segment reads from before it: host values first, each once."""
    if segment.control:
        return linker.arguments(segment.nodes)
    made = {name for node in segment.nodes for name in node.gives}
    known = made | set(linker.graph.weights)
    reads = [read for node in segment.nodes for read in linker.arguments([node])]
    found = dict.fromkeys(read for read in reads if read[0] is not None and read[0] not in known)
    return sorted(found, key=lambda read: not read[1])


def linked(
    segments: Sequence[Segment], linker: Linker, branch: MakesBranch = branch_of
) -> list[_Part]:
    """Return the segments linked, each with what later ones read of it."""
    outputs = set(linker.graph.outputs)
    reads = [
        {name for node in segment.nodes for name in node.reads} | set(segment.fetches)
        for segment in segments
    ]
    parts = []
    for place, segment in enumerate(segments):
        later = outputs.union(*reads[place + 1 :])
        gives = [name for node in segment.nodes for name in node.gives]
        if not segment.control:
            gives = [name for name in gives if name in later]
        ending = (reads[place] | set(gives)) - later
        parts.append(_Part(segment, linker, gives, sorted(ending), branch))
    return parts
