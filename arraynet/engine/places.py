"""Which values of a graph live on the host, and where a value of the device is read there.

What a shape gives is on the host, and so is what is computed from such values alone: it is
small, and its numbers decide sizes and axes. All else lives on the device.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from arraynet.graph import Graph, Node
from arraynet.ops import OPS


@dataclass
class Places:
    """Where the values of a graph live.

    Attributes
    ----------
    host : set of str
        The values whose numbers are on the host: computed there, or fetched.
    fetched : dict of str to str
        The values of the device that are read on the host, with the node that reads each
        first.
    """

    host: set[str] = field(default_factory=set)
    fetched: dict[str, str] = field(default_factory=dict)


def read_on_host(node: Node) -> tuple[bool, ...]:
    """Return of each input of a node whether the formula reads its numbers."""
    op = OPS[node.op]
    single = [p.name in op.host for p in op.arrays if p.kind is not p.VAR_POSITIONAL]
    return tuple((*single, *[False] * len(node.inputs))[: len(node.inputs)])


def host_reads(node: Node) -> tuple[str, ...]:
    """Return the names of what a node reads on the host: sizes, axes, a condition."""
    pairs = zip(node.inputs, read_on_host(node), strict=True)
    return tuple(name for name, on_host in pairs if name is not None and on_host)


def device_reads(node: Node) -> tuple[str, ...]:
    """Return the names of what a node computes with, in the place where it runs."""
    pairs = zip(node.inputs, read_on_host(node), strict=True)
    return tuple(name for name, on_host in pairs if name is not None and not on_host)


def places_of(graph: Graph) -> Places:
    """Return where the values of a graph live, decided once."""
    places = Places(host=set(graph.weights))
    for node in graph.nodes:
        for name in host_reads(node):
            if name not in places.host:
                places.fetched.setdefault(name, node.name)
        if runs_on_host(node, places, graph):
            places.host.update(node.gives)
    return places


def runs_on_host(node: Node, places: Places, graph: Graph) -> bool:
    """Return whether a node's work is done on the host.

    It is where its result is there by its nature, where it reads nothing (and so has no array
    beside which it could make one on the device), and where all that it reads is there and
    some of it is no constant: constants alone are folded, or computed where they are used.
    """
    op = OPS[node.op]
    if op.gives_host or not (node.reads or op.control):
        return True
    if op.control:
        return False
    known = places.host | set(places.fetched)
    integral = graph.values[node.name].dtype not in ("float16", "bfloat16", "float32", "float64")
    decided = any(name not in graph.weights for name in node.reads)
    return (
        decided and all(n in known for n in node.reads) and (integral or bool(device_reads(node)))
    )
