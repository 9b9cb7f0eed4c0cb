"""The graph of a multi-layer perceptron, from the names and shapes of its weights."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from inspect import Parameter
from numbers import Real
from typing import Any

import numpy as np

from arraynet.errors import DtypeError, GraphError, LoadError, ShapeError
from arraynet.formats.contents import Contents
from arraynet.formats.graph_json import KEY, graph_from_metadata
from arraynet.formats.limits import Limits, limits_or_default
from arraynet.formats.naming import LayerNames, layers_of
from arraynet.formats.stored import HostArray, clipped
from arraynet.graph import DTYPES, Graph, Node, Value, cast
from arraynet.node import is_one_of
from arraynet.ops import OPS, Op

LAYOUTS = ("in_out", "out_in")


def graph_from_contents(
    contents: Contents,
    *,
    file: object,
    hidden: str | None = None,
    output: str | None = None,
    layout: str | None = None,
    scale: float | None = None,
    limits: Limits | None = None,
) -> Graph:
    """Return the graph of a file: the one it holds, or one made from its weights.

    Parameters
    ----------
    contents : Contents
    file : path
        Named in errors.
    hidden, output, layout, scale
        As in `graph_from_weights`; a file that holds its graph takes none of them.
    limits : Limits, optional
        Budgets other than the default ones.

    Raises
    ------
    LoadError
        When the contents make no valid graph.
    """
    if KEY not in contents.metadata:
        graph = graph_from_weights(
            contents, file=file, hidden=hidden, output=output, layout=layout, scale=scale
        )
        most = limits_or_default(limits).nodes
        if len(graph.nodes) > most:
            found = f"layers that make {len(graph.nodes)} nodes"
            raise LoadError(file, found, f"at most {most} (Limits.nodes)")
        return graph
    given = {"hidden": hidden, "output": output, "layout": layout, "scale": scale}
    for name, value in given.items():
        if value is not None:
            raise LoadError(
                file, f"{name}={value!r}", f"no {name}=, for the file holds its whole graph"
            )
    return graph_from_metadata(contents.metadata, contents.tensors, file=file, limits=limits)


def graph_from_weights(
    contents: Contents,
    *,
    file: object,
    hidden: str | None = None,
    output: str | None = None,
    layout: str | None = None,
    scale: float | None = None,
) -> Graph:
    """Return the graph of a perceptron with these weights.

    Parameters
    ----------
    contents : Contents
        Tensors named ``W1, b1, …`` (in, out), or ``N.weight, N.bias`` (out, in).
    file : path
        Named in errors.
    hidden, output : str
        The activation after every layer but the last, and after the last.
        ``hidden`` may be absent if there is one layer.
    layout : {"in_out", "out_in"}, optional
        The axes of the weights, if their names do not tell it right.
    scale : float, optional
        What to multiply the input by first (1/255 for bytes).

    Returns
    -------
    Graph
        Its weights are ``W1, b1, …`` in layout (in, out), whatever the file says.

    Raises
    ------
    LoadError
        Naming the tensor, what it is and what was expected.
    """
    name = str(file)
    if layout is not None and not is_one_of(layout, LAYOUTS):
        raise LoadError(name, f"layout={clipped(layout)}", f"one of {', '.join(LAYOUTS)}")
    names, usual = layers_of(contents.tensors, name)
    activations = _activations(len(names), hidden, output, name)
    layers = [_layer(layer, contents, layout or usual, name) for layer in names]
    _check_dtypes(contents, name)
    factor = None if scale is None else _scale(scale, layers[0].weight.dtype, name)
    _check_chain(layers, activations, layout or usual, name)
    graph = _graph(layers, activations, factor)
    try:
        return graph.validated()
    except (GraphError, ShapeError, DtypeError) as error:
        raise LoadError(name, f"layers that make no graph ({error})", "ones that fit") from error


def _is_number(value: Any) -> bool:
    """Return whether a value is a real number; truth values are none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def _scale(value: Any, dtype: np.dtype[Any], file: str) -> HostArray:
    """Return a scale in the dtype of the weights, which must be able to hold it."""
    if _is_number(value):
        with contextlib.suppress(OverflowError, DtypeError):
            number = np.asarray(float(value))
            if np.isfinite(number):
                return cast("scale", number, dtype, nonzero=True)
    raise LoadError(file, f"scale={clipped(value)}", f"a finite number that {dtype} can hold")


@dataclass(frozen=True, slots=True)
class _Layer:
    """One layer: its names in the file, and its weight as (in, out)."""

    names: LayerNames
    weight: HostArray
    bias: HostArray


def known_activations() -> list[str]:
    """Return the names of the ops that may stand after a layer: one array in, features out."""
    rewrites = {op.within.inner for op in OPS.values() if op.within}
    return sorted(name for name, op in OPS.items() if _activates(op) and name not in rewrites)


def _activates(op: Op) -> bool:
    of_one = [p.kind for p in op.arrays] == [Parameter.POSITIONAL_OR_KEYWORD]
    return of_one and op.floating and op.rowwise and len(op.shape(("batch", 2))) == 2


def _activations(count: int, hidden: str | None, output: str | None, file: str) -> list[str]:
    """Return the op after each layer, under its own name."""
    known = known_activations()
    choice = f"one of {', '.join(known)}"
    missing = [
        f"{name}="
        for name, value in (("hidden", hidden), ("output", output))
        if value is None and not (name == "hidden" and count == 1)
    ]
    if missing:
        raise LoadError(
            file,
            "weights without a graph",
            f"{' and '.join(missing)} to say the activations: {choice} "
            "(for example hidden='sigmoid', output='softmax')",
        )
    for name, value in (("hidden", hidden), ("output", output)):
        if value is not None and not is_one_of(value, known):
            raise LoadError(file, f"{name}={clipped(value)}", choice)
    return [OPS[str(value)].name for value in [*[hidden] * (count - 1), output]]


def _layer(names: LayerNames, contents: Contents, layout: str, file: str) -> _Layer:
    weight, bias = contents.tensors[names.weight], contents.tensors[names.bias]
    shape = clipped(weight.shape)
    if weight.ndim == 4:
        raise LoadError(
            file,
            f"a convolution's weight of shape {shape}",
            "shape (in, out) of a dense layer (convolution is not supported yet)",
            member=names.weight,
        )
    if weight.ndim != 2 or 0 in weight.shape:
        raise LoadError(file, f"shape {shape}", "(in, out), not empty", member=names.weight)
    if layout == "out_in":
        weight = weight.T
    if bias.shape != weight.shape[1:]:
        raise LoadError(
            file,
            f"shape {clipped(bias.shape)}",
            f"({weight.shape[1]},), as {names.weight} is {shape} in layout {layout}",
            member=names.bias,
        )
    return _Layer(names, weight, bias)


def _check_dtypes(contents: Contents, file: str) -> None:
    first: tuple[str, str] | None = None
    for name, tensor in contents.tensors.items():
        dtype = tensor.dtype.name
        if dtype not in DTYPES:
            raise LoadError(
                file, f"dtype {dtype}", f"one of {', '.join(DTYPES)} (convert it)", member=name
            )
        first = first or (name, dtype)
        if dtype != first[1]:
            raise LoadError(file, f"dtype {dtype}", f"{first[1]}, as {first[0]} has", member=name)


def _check_chain(layers: list[_Layer], activations: list[str], layout: str, file: str) -> None:
    """Refuse a layer that does not take what the one before it gives."""
    other = LAYOUTS[layout == LAYOUTS[0]]
    for before, op, layer in zip(layers, activations, layers[1:], strict=False):
        try:
            given = OPS[op].shape(("batch", before.weight.shape[1]))[-1]
        except ValueError as error:
            raise LoadError(
                file, str(error), f"sizes that {op} takes", member=before.names.weight
            ) from error
        if layer.weight.shape[0] != given:
            raise LoadError(
                file,
                f"{layer.weight.shape[0]} inputs in layout {layout}",
                f"{given}, as many as {before.names.weight} gives (or layout={other!r}?)",
                member=layer.names.weight,
            )


def _graph(layers: list[_Layer], activations: list[str], scale: HostArray | None) -> Graph:
    weights: dict[str, HostArray] = {}
    nodes: list[Node] = []
    counts: dict[str, int] = {}

    def add(op: str, *inputs: str) -> str:
        counts[op] = counts.get(op, 0) + 1
        nodes.append(Node(op, inputs, (f"{op}{counts[op]}",)))
        return nodes[-1].name

    value = "x"
    dtype = layers[0].weight.dtype
    if scale is not None:
        weights.update(scale=scale, shift=np.asarray(0, dtype))
        value = add("scale_shift", value, "scale", "shift")
    for number, (layer, op) in enumerate(zip(layers, activations, strict=True), start=1):
        weights.update({f"W{number}": layer.weight, f"b{number}": layer.bias})
        value = add("affine", value, f"W{number}", f"b{number}")
        value = add(op, value)
    inputs = (Value("x", ("batch", layers[0].weight.shape[0])),)
    return Graph(inputs, tuple(nodes), weights, (value,))
