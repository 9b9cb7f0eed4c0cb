"""A graph as boxes with a few lines of text each: inputs, nodes, and runs of small nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from arraynet.errors import ArraynetError, clipped, shape_text
from arraynet.graph import Graph, Node, Value, functions_of
from arraynet.ops.symbols import UNRANKED

APART = 30  # nodes that have a box each; in larger graphs small ones join the one before
RUN = 4  # nodes in a box at most
LETTERS = 40  # of a line at most


@dataclass(frozen=True)
class Box:
    """What is drawn as one box.

    Attributes
    ----------
    title : str
    lines : tuple of str
        What stands below the title.
    reads, gives : tuple of str
        Names of values. One that is read twice stands there twice.
    learned, given : bool
        Whether it has parameters, and whether it is an input of the graph.
    """

    title: str
    lines: tuple[str, ...]
    reads: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    learned: bool = False
    given: bool = False


def boxes_of(graph: Graph) -> list[Box]:
    """Return the boxes of a graph, each after those whose values it reads.

    In a graph of many nodes a run of them is one box: each reads what the one before
    gives, which nothing else does, and only the first has a matrix or kernels of weights.
    """
    known = known_values(graph)
    inputs = [
        Box(clipped(v.name, LETTERS), (_text(v, graph, "input"),), gives=(v.name,), given=True)
        for v in graph.inputs
    ]
    runs: list[list[Node]] = []
    for node in graph.nodes:
        if runs and len(graph.nodes) > APART and _goes_on(graph, runs[-1], node):
            runs[-1].append(node)
        else:
            runs.append([node])
    return [*inputs, *(_box(graph, run, known) for run in runs)]


def known_values(graph: Graph) -> Mapping[str, Value]:
    """Return what is known of the values of a graph; of one inside a node that may be nothing."""
    try:
        return graph.values
    except ArraynetError:
        return {}


def _goes_on(graph: Graph, run: list[Node], node: Node) -> bool:
    """Return whether a node joins a run."""
    last = run[-1]
    read = [name for name in node.reads if name not in graph.weights]
    joined = len(last.gives) == 1 and read == [last.name] and graph.uses[last.name] == 1
    large = any(weight.ndim > 1 for weight in graph.weights_of(node))
    inside = functions_of(last) or functions_of(node)
    return joined and not large and not inside and len(run) < RUN


def _box(graph: Graph, run: list[Node], known: Mapping[str, Value]) -> Box:
    """Return a box for one node or several that follow one another."""
    first, last = run[0], run[-1]
    weights = [weight for node in run for weight in graph.weights_of(node)]
    count = sum(weight.size for weight in weights)
    inside = ", ".join(functions_of(first))
    parameters = f", {count:,} parameter{'s' * (count != 1)}" if weights else ""
    more = [clipped(f"{node.name} ({node.op})", LETTERS) for node in run[1:]]
    more += [clipped(f"with {inside}", LETTERS)] if inside else []
    values = [known.get(name, Value(name, UNRANKED)) for name in last.gives]
    facts = [_text(value, graph, value.name if value is not values[0] else "") for value in values]
    return Box(
        clipped(first.name, LETTERS),
        (f"{first.op}{parameters}", *more, *facts[:RUN], *["…"] * (len(facts) > RUN)),
        tuple(name for name in first.reads if name not in graph.weights),
        last.gives,
        bool(weights),
    )


def _text(value: Value, graph: Graph, name: str) -> str:
    """Return a value on a line: whether it is an output, its shape, and an unusual dtype."""
    dtype = "" if value.dtype in (graph.dtype, None) else value.dtype
    output = "output" if value.name in graph.outputs else ""
    words = [output, clipped(name, LETTERS // 2), clipped(shape_text(value.shape), LETTERS), dtype]
    return " ".join(word for word in words if word)
