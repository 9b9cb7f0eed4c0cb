"""A network from what a file holds: the graph in it, or a chain of its layers."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from arraynet.admission import HostArray
from arraynet.errors import (
    DtypeError,
    GraphError,
    LoadError,
    ShapeError,
    choices_text,
    shortened,
)
from arraynet.graph import Graph, cast
from arraynet.layers import WEIGHTED, Layer, LayerLike, Scale, sequential_graph, weighted_layer
from arraynet.node import is_one_of
from arraynet.ops import OPS

if TYPE_CHECKING:
    from arraynet.formats import Contents, LayerWeights, Limits


@dataclass(frozen=True, slots=True)
class Chain:
    """How the layers of a file make a network, as far as its weights do not say it.

    Parameters
    ----------
    hidden, output, layout, scale, dtype, layers, input_shape
        As in `arraynet.load`.
    """

    hidden: str | None = None
    output: str | None = None
    layout: str | None = None
    scale: float | None = None
    dtype: str | None = None
    layers: Sequence[LayerLike] | None = None
    input_shape: Sequence[int | str] | None = None


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
        for option in ("hidden", "output", "layers", "layout", "scale", "input_shape"):
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
    from arraynet.formats.weights import LAYOUTS

    def build(layout: str | None) -> Graph:
        return _graph(contents.tensors, replace(chain, layout=layout), most, file)

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


def _graph(tensors: Mapping[str, HostArray], chain: Chain, most: int, file: str) -> Graph:
    """Return the graph of the layers, each with its weights, and of what comes before them."""
    from arraynet.formats.weights import Wanted, layer_weights

    wanted = None
    if chain.layers is not None:
        listed = _listed(chain, file)
        named = [one for layer in listed if (one := weighted_layer(layer))]
        wanted = [Wanted(op, attributes.get("bias") is not False) for op, attributes in named]
    found = layer_weights(
        tensors, file=file, wanted=wanted, layout=chain.layout, mixed=chain.dtype is not None
    )
    if chain.layers is None:
        listed = _perceptron(len(found), chain, file)
    layers, members = _with_weights(listed, found, file)
    if chain.scale is not None and found:
        first = found[0].arrays[0]
        assert first is not None  # a layer has its weight
        layers.insert(0, Scale(_scale(chain.scale, first.dtype, file)))
    if len(layers) > most:
        found_nodes = f"layers that make {len(layers)} nodes"
        raise LoadError(file, found_nodes, f"at most {most} (Limits.nodes)")
    try:
        return sequential_graph(*layers, input_shape=chain.input_shape, where="layers")
    except (GraphError, ShapeError, DtypeError) as error:
        raise _of_file(str(error), members, file) from error


def _listed(chain: Chain, file: str) -> list[LayerLike]:
    """Return the layers that were listed, once it is known that they are a list alone."""
    for option in ("hidden", "output"):
        if (value := getattr(chain, option)) is not None:
            raise LoadError(file, f"{option}={shortened(value)} beside layers=", "one or the other")
    if isinstance(chain.layers, list | tuple) and chain.layers:
        return list(chain.layers)
    raise LoadError(
        file,
        f"layers={shortened(chain.layers)}",
        "a list of layers, such as ['conv', 'relu', 'flatten', 'affine', 'softmax']",
    )


def _perceptron(count: int, chain: Chain, file: str) -> list[LayerLike]:
    """Return the layers of a perceptron: dense ones, each with its activation."""
    activations = _activations(count, chain, file)
    return [layer for activation in activations for layer in ("affine", activation)]


def _with_weights(
    listed: Sequence[LayerLike], found: Sequence[LayerWeights], file: str
) -> tuple[list[LayerLike], dict[str, str]]:
    """Return layers with weights for those that were named, and the tensor of each node."""
    weights = iter(found)
    layers: list[LayerLike] = []
    members: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for layer in listed:
        if named := weighted_layer(layer):
            one = next(weights)
            layer = _made(*named, one, file)
            members[f"{layer.op}{counts[layer.op] + 1}"] = one.name
        if isinstance(layer, Layer):
            counts[layer.op] += 1
        layers.append(layer)
    return layers, members


def _made(op: str, attributes: Mapping[str, Any], weights: LayerWeights, file: str) -> Layer:
    """Return a layer of an op with the weights of a file."""
    kind = WEIGHTED[op]
    options = (*kind.options, *(["bias"] if op != "batch_normalization" else []))
    for name, value in attributes.items():
        if name not in options or (name == "bias" and not isinstance(value, bool)):
            raise LoadError(
                file,
                f"{shortened(name)}: {shortened(value)} for the layer {op!r}",
                f"bias=True or False, or its attributes: {choices_text(name, options)}",
                member=f"layers, {weights.name}",
            )
    given = {name: value for name, value in attributes.items() if name != "bias"}
    try:
        return kind(*weights.arrays, **given)  # type: ignore[arg-type]
    except (GraphError, ShapeError, DtypeError) as error:
        raise _of_file(str(error), {}, file, weights.name) from error


def _of_file(
    message: str, members: Mapping[str, str], file: str, tensor: str | None = None
) -> LoadError:
    """Return the error for a message about a layer: it names the file, and the tensor."""
    where, _, rest = message.partition(": got ")
    found, _, expected = rest.partition(", expected ")
    tensor = tensor or members.get(where.partition(" ")[0])
    place = where if tensor is None else f"{tensor}, for {where}"
    return LoadError(file, found or message, expected or "layers that fit", member=place)


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
            "(for example hidden='sigmoid', output='softmax'; arraynet.ops has all), or "
            "layers= to list all",
        )
    from arraynet.formats.weights import one_of

    known = known_activations()
    for name, value in given.items():
        if value is not None and not is_one_of(value, known):
            raise LoadError(file, f"{name}={shortened(value)}", one_of(value, known))
    return [str(given["hidden"])] * (count - 1) + [str(given["output"])]
