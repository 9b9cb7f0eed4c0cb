"""A network from what a file holds: the graph in it, or a chain of its layers."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from arraynet.errors import (
    DtypeError,
    GraphError,
    LoadError,
    ShapeError,
    shortened,
)
from arraynet.graph import Graph, cast
from arraynet.layers import Dense, Layer, Scale, sequential_graph
from arraynet.node import is_one_of
from arraynet.ops import OPS

if TYPE_CHECKING:
    from arraynet.formats import Contents, Limits
    from arraynet.formats.weights import DenseWeights


@dataclass(frozen=True, slots=True)
class Chain:
    """How the layers of a file make a network, as far as its weights do not say it.

    Parameters
    ----------
    hidden, output, layout, scale, dtype
        As in `arraynet.load`.
    """

    hidden: str | None = None
    output: str | None = None
    layout: str | None = None
    scale: float | None = None
    dtype: str | None = None


def graph_from_contents(
    contents: Contents, *, file: object, chain: Chain | None = None, limits: Limits | None = None
) -> Graph:
    """Return the graph of a file: the one it holds, or a chain of its layers.

    Raises
    ------
    LoadError
        When the contents make no valid graph, or hold one and are told another.
    DtypeError
        If the dtype that is asked for cannot hold the weights.
    """
    from arraynet.formats.graph_json import KEY, graph_from_metadata
    from arraynet.formats.limits import limits_or_default

    chain, name = chain or Chain(), str(file)
    if KEY in contents.metadata:
        for option in ("hidden", "output", "layout", "scale"):
            value = getattr(chain, option)
            if value is not None:
                expected = f"no {option}=, for the file holds its whole graph"
                raise LoadError(name, f"{option}={shortened(value)}", expected)
        graph = graph_from_metadata(contents.metadata, contents.tensors, file=name, limits=limits)
    else:
        graph = _chained(contents, chain, limits_or_default(limits).nodes, name)
    return graph if chain.dtype is None else graph.astype(chain.dtype)


def _chained(contents: Contents, chain: Chain, most: int, file: str) -> Graph:
    """Return the graph of the layers one after the other."""
    from arraynet.formats.weights import LAYOUTS, dense_weights

    def build(layout: str | None) -> Graph:
        layers = dense_weights(
            contents.tensors, file=file, layout=layout, mixed=chain.dtype is not None
        )
        return _graph(layers, chain, most, file)

    def fits(layout: str) -> bool:
        try:
            return bool(build(layout))
        except LoadError:
            return False

    try:
        return build(chain.layout)
    except LoadError as error:
        layout = next(filter(fits, LAYOUTS), None) if chain.layout is None else None
        if layout is None:
            raise
        expected = f"{error.expected.partition(';')[0]} (or layout={layout!r}, in which all fit)"
        raise LoadError(file, error.found, expected, member=error.member) from None


class _Layer(Dense):
    """A layer of a file: it is checked and sealed already, and need not be copied."""

    def __init__(self, layer: DenseWeights) -> None:
        self.weight, self.bias = layer.weight, layer.bias


def _graph(layers: list[DenseWeights], chain: Chain, most: int, file: str) -> Graph:
    """Return the graph of the layers with their activations, and what comes before them."""
    activations = _activations(len(layers), chain, file)
    first: list[Layer] = (
        [] if chain.scale is None else [Scale(_scale(chain.scale, layers[0].weight.dtype, file))]
    )
    count = len(first) + 2 * len(layers)
    if count > most:
        raise LoadError(file, f"layers that make {count} nodes", f"at most {most} (Limits.nodes)")
    _check_sizes(layers, activations, file)
    for layer, activation in zip(layers, activations, strict=True):
        first += [_Layer(layer), activation]
    try:
        return sequential_graph(*first)
    except (GraphError, ShapeError, DtypeError) as error:
        raise LoadError(file, f"layers that make no graph ({error})", "ones that fit") from error


def _check_sizes(layers: list[DenseWeights], activations: list[str], file: str) -> None:
    """Refuse a layer that does not take what the one before it gives, by its name in the file."""
    for before, op, layer in zip(layers, activations, layers[1:], strict=False):
        try:
            given = OPS[op].shape(("batch", before.weight.shape[1]))[-1]
        except ValueError as error:
            raise LoadError(
                file, str(error), f"sizes that {op} takes", member=before.name
            ) from error
        if layer.weight.shape[0] != given:
            raise LoadError(
                file,
                f"{layer.weight.shape[0]} inputs",
                f"{given}, as many as {before.name} gives",
                member=layer.name,
            )


def _scale(value: Any, dtype: np.dtype[Any], file: str) -> float:
    """Return a scale that the dtype of the weights can hold."""
    if _is_number(value):
        with contextlib.suppress(OverflowError, DtypeError):
            number = np.asarray(float(value))
            if np.isfinite(number):
                return float(cast("scale", number, dtype, nonzero=True))
    raise LoadError(file, f"scale={shortened(value)}", f"a finite number that {dtype} can hold")


def _is_number(value: Any) -> bool:
    """Return whether a value is a real number; truth values are none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def known_activations() -> list[str]:
    """Return the names of the ops that may stand after a layer: one array in, features out."""
    rewrites = {op.within.inner for op in OPS.values() if op.within}
    return sorted(
        name
        for name, op in OPS.items()
        if op.of_rows is not None and len(op.of_rows) == 2 and name not in rewrites
    )


def _activations(count: int, chain: Chain, file: str) -> list[str]:
    """Return the activation after each layer."""
    given = {"hidden": chain.hidden, "output": chain.output}
    needed = ["hidden", "output"] if count > 1 else ["output"]
    missing = [f"{name}=" for name in needed if given[name] is None]
    if missing:
        raise LoadError(
            file,
            "weights without a graph",
            f"{' and '.join(missing)} to say the activations "
            "(for example hidden='sigmoid', output='softmax'; arraynet.ops has all)",
        )
    from arraynet.formats.weights import one_of

    known = known_activations()
    for name, value in given.items():
        if value is not None and not is_one_of(value, known):
            raise LoadError(file, f"{name}={shortened(value)}", one_of(value, known))
    return [str(given["hidden"])] * (count - 1) + [str(given["output"])]
