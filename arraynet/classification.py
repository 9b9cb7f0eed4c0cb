"""Networks whose output is an answer: a class of so many."""

from __future__ import annotations

from arraynet.errors import ArraynetError, ShapeError, clipped, shape_text
from arraynet.graph import Graph
from arraynet.ops import OPS, Op
from arraynet.ops.admission import FLOATING


def classes_of(graph: Graph) -> int | None:
    """Return how many classes the one output of a graph tells apart; None where it is no answer.

    Two, no (0) and yes (1), of a single output that is between 0 and 1 element by element.
    """
    if len(graph.outputs) != 1:
        return None
    value = graph.values[graph.outputs[0]]
    if value.dtype not in FLOATING or len(value.shape) < 2 or not isinstance(value.shape[-1], int):
        return None
    if value.shape[-1] != 1:
        return value.shape[-1]
    return 2 if _last(graph).elementwise and gives_probabilities(graph) else None


def gives_probabilities(graph: Graph) -> bool:
    """Return whether every number of the one output is between 0 and 1, whatever the input."""
    return len(graph.outputs) == 1 and tuple(_last(graph).bounds) == (0, 1)


def _last(graph: Graph) -> Op:
    """Return the op that gives the output, before any that return their input."""
    node = graph.producers[graph.outputs[0]]
    while OPS[node.op].droppable:
        before = graph.producers.get(node.inputs[0] or "")
        if before is None:
            break
        node = before
    return OPS[node.op]


def checked_classes(graph: Graph, function: str, *, rank: int | None = None) -> int:
    """Return how many classes a network tells apart, which must give an answer.

    Parameters
    ----------
    graph : Graph
    function : str
        What was called, for messages.
    rank : int, optional
        How many axes its output must have.

    Raises
    ------
    ArraynetError
        If it has several inputs or outputs.
    ShapeError
        If its output is no answer.
    """
    for name, values in (("inputs", graph.inputs), ("outputs", graph.outputs)):
        if len(values) != 1:
            raise ArraynetError(
                f"{function}: got a network with {len(values)} {name}, expected one (predict "
                f"takes and gives any number of them)"
            )
    (output,) = graph.outputs
    shape, classes = graph.shapes[output], classes_of(graph)
    rows = graph.inputs[0].shape[:1] == shape[:1]
    if classes is not None and (rank is None or (rank == len(shape) and rows)):
        return classes
    if len(shape) > 1 and shape[-1] == 1 and classes is None:
        raise ShapeError(
            f"{function}: got a network with one output, of {clipped(output)}, "
            f"expected one between 0 and 1, which says yes above a half (put 'sigmoid' last), or "
            f"more outputs than one"
        )
    found = f"from {shape_text(graph.inputs[0].shape)} to {shape_text(shape)}"
    raise ShapeError(f"{function}: got a network {found}, expected (batch, classes)")
