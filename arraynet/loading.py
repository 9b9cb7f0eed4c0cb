"""From files to networks."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from arraynet.backends import Backend
from arraynet.errors import (
    ArraynetError,
    DtypeError,
    GraphError,
    LoadError,
    OutOfMemoryError,
    ShapeError,
    choices_text,
    shortened,
)
from arraynet.graph import Graph, cast
from arraynet.layers import Dense, Layer, Scale, sequential_graph
from arraynet.network import Network
from arraynet.node import is_one_of
from arraynet.ops import OPS, Op
from arraynet.ops.registry import parameters_of

if TYPE_CHECKING:
    from arraynet.formats import Contents, Limits
    from arraynet.formats.weights import DenseWeights

PRETRAINED = {"digits": "digits_mlp.safetensors"}
"""The networks that come with arraynet: their names, and their files."""


def load(
    path: str | os.PathLike[str],
    *,
    hidden: str | None = None,
    output: str | None = None,
    layout: str | None = None,
    scale: float | None = None,
    backend: str | Backend = "cpu",
    dtype: str | None = None,
    optimize: bool = True,
    limits: Limits | None = None,
    allow_nonfinite: bool = False,
) -> Network:
    """Load a trained network from a file, without running anything in it.

    Parameters
    ----------
    path : str or os.PathLike
        ``.safetensors``, ``.npz``, or ``.pkl``. A pickle is read, never executed.
    hidden, output : str, optional
        The activations after every layer but the last, and after the last, for a
        file that holds weights alone. One that `Network.save` wrote knows them.
    layout : {"in_out", "out_in"}, optional
        The axes of the weights. Names such as ``W1, b1, …``, ``l0/W, l0/b``, or
        ``dense/kernel:0`` mean (in, out), and ``N.weight, N.bias`` mean (out, in). A list
        of arrays is weight, bias, weight, bias, (in, out).
    scale : float, optional
        What to multiply the input by first: 1/255 makes the network take bytes.
    backend : str or Backend
        Where it runs; see `arraynet.get_backend`.
    dtype : str, optional
        What it computes in: float16, bfloat16, float32 or float64; None keeps the
        dtype of the weights, which must be one. Given, it also takes mixed dtypes and
        integers.
    optimize : bool
        Whether passes may rewrite the graph to one that costs less.
    limits : Limits, optional
        How much a file may ask for; see `arraynet.formats.Limits`.
    allow_nonfinite : bool
        Whether weights may be NaN or infinite.

    Returns
    -------
    Network

    Raises
    ------
    LoadError
        If the file is not a network; it names the file and the tensor.
    DtypeError
        If ``dtype`` cannot hold the weights.
    BackendUnavailableError
        If the backend cannot work on this machine.
    """
    from arraynet.formats import read

    contents = read(path, limits=limits, allow_nonfinite=allow_nonfinite).sealed()
    chain = Chain(hidden, output, layout, scale, dtype)
    graph = graph_from_contents(contents, file=path, chain=chain, limits=limits)
    try:
        return Network(graph, backend, optimize=optimize)
    except GraphError as error:
        raise LoadError(path, f"a graph that is no network ({error})", "one that is") from error
    except OutOfMemoryError:
        raise
    except MemoryError as error:
        raise LoadError(
            path, "not enough memory", "a network that fits into memory (or optimize=False)"
        ) from error


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    hidden: str | None = None,
    output: str | None = None,
    layout: str | None = None,
    scale: float | None = None,
    dtype: str | None = None,
    limits: Limits | None = None,
    allow_nonfinite: bool = False,
) -> Graph:
    """Read a network from one file and write it to another, with its graph.

    Parameters
    ----------
    source : path
        A file that `arraynet.load` takes.
    target : path
        A ``.safetensors`` or ``.npz`` file. It is written whole or not at all, and
        may be the source itself.
    hidden, output, layout, scale, dtype
        As in `arraynet.load`.
    limits : Limits, optional
        Budgets other than the default ones.
    allow_nonfinite : bool
        Accept NaN and infinity among the weights.

    Returns
    -------
    Graph
        What was written.

    Raises
    ------
    LoadError
        When the source cannot be read, or makes no network.
    ArraynetError
        When the target has another suffix, could not be read again, or is no file.
    OSError
        When the target cannot be written; the old one is as it was.
    """
    from arraynet.formats import graph_to_metadata, read, write
    from arraynet.formats.graph_json import KEY
    from arraynet.formats.writing import check_suffix

    check_suffix(target)
    contents = read(source, limits=limits, allow_nonfinite=allow_nonfinite).sealed()
    chain = Chain(hidden, output, layout, scale, dtype)
    graph = graph_from_contents(contents, file=source, chain=chain, limits=limits)
    kept = {name: text for name, text in contents.metadata.items() if name != KEY}
    write(target, graph.weights, kept | graph_to_metadata(graph), limits=limits)
    return graph


@dataclass(frozen=True, slots=True)
class Chain:
    """How the layers of a file make a network, as far as its weights do not say it.

    Parameters
    ----------
    hidden, output, layout, scale, dtype
        As in `load`.
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
    return sorted(name for name, op in OPS.items() if _activates(op) and name not in rewrites)


def _activates(op: Op) -> bool:
    parameters = parameters_of(op.formula)
    arrays = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    required = [p for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    return len(arrays) == 1 and not required and len(op.shape(("batch", 2))) == 2


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
    known = known_activations()
    for name, value in given.items():
        if value is not None and not is_one_of(value, known):
            raise LoadError(
                file, f"{name}={shortened(value)}", f"a known one ({choices_text(value, known)})"
            )
    return [str(given["hidden"])] * (count - 1) + [str(given["output"])]


def load_pretrained(name: str = "digits", *, backend: str | Backend = "cpu") -> Network:
    """Load a network that comes with arraynet.

    Parameters
    ----------
    name : str
        ``"digits"``: a 64-50-100-10 perceptron with sigmoids and a softmax, which
        reads the 8x8 images of `arraynet.datasets.load_digits`.
    backend : str or Backend

    Returns
    -------
    Network

    Raises
    ------
    ArraynetError
        If there is no network of that name.

    Examples
    --------
    >>> load_pretrained("digits")
    <arraynet network 64 → 50 → 100 → 10, float32 on cpu>
    """
    from importlib import resources

    if name not in tuple(PRETRAINED):
        raise ArraynetError(
            f"load_pretrained: got {shortened(name)}, expected one of "
            f"{', '.join(map(repr, PRETRAINED))}"
        )
    source = resources.files("arraynet.datasets") / PRETRAINED[name]
    with resources.as_file(source) as path:
        if not path.exists():
            raise LoadError(path, "no such file", "the file that comes with arraynet (reinstall)")
        return load(path, backend=backend)
