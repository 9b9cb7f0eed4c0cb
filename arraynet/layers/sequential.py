"""Chains of layers: what a person lists, made into a graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from arraynet import ops
from arraynet.admission import HostArray
from arraynet.backends.base import Backend
from arraynet.errors import GraphError, ShapeError, choices_text, clipped, shape_text, shortened
from arraynet.graph import Graph, Node, Value
from arraynet.inference import trial
from arraynet.layers.layer import Layer, in_windows
from arraynet.layers.weighted import FLOAT64, BatchNormalization, Conv, Dense, Scale, copied
from arraynet.network import Network
from arraynet.ops import OPS
from arraynet.ops.symbols import UNRANKED, Shape

Activation: TypeAlias = str | Callable[..., Any]
"""An op's name, in the way of any framework ("ReLU", "leaky_relu"), or the op itself."""

LayerLike: TypeAlias = Layer | Activation | tuple[Activation, Mapping[str, Any]]
"""A layer of `Sequential`: an op of one array alone, or (op, attributes), is one too."""

SPATIAL = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
"""What the sizes of images are called that only the images themselves tell."""

LARGEST = 1 << 16
"""The longest side of images that is tried."""


def Sequential(  # noqa: N802 (reads like a class, as in every framework)
    *layers: LayerLike | Iterable[LayerLike],
    input_shape: Sequence[int | str] | None = None,
    backend: str | Backend = "cpu",
    optimize: bool = True,
) -> Network:
    """Return the network of layers one after the other.

    Parameters
    ----------
    *layers : layer, str, op, (str or op, dict), or one list of these
        `Dense`, `Conv`, `BatchNormalization` and `Scale` have weights; at least one of the
        first three is there. Every op of one array is a layer: itself or its name, with
        its attributes where it needs any, ``("leaky_relu", {"alpha": 0.1})``. So
        `MaxPool`, `AveragePool` and `Flatten` are ``"max_pool"``, ``"average_pool"`` and
        ``"flatten"``.
    input_shape : sequence of int or str, optional
        The shape of one example, such as (1, 28, 28). None: what the layers tell. A
        convolution takes images of any size; where a dense layer follows, it is the
        smallest of equal sides that gives it as many features as it takes.
    backend : str or Backend
        Where the network runs; see `arraynet.get_backend`.
    optimize : bool
        Whether passes may rewrite the graph to one that costs less.

    Returns
    -------
    Network

    Raises
    ------
    GraphError
        For an unknown layer or attribute.
    ShapeError
        If a layer does not take what the one before it gives; it names both.

    Examples
    --------
    Exclusive or, as two layers of perceptrons:

    >>> import numpy as np
    >>> hidden = Dense([[0.5, -0.5], [0.5, -0.5]], [-0.2, 0.7])  # OR and NAND
    >>> xor = Sequential(hidden, "step", Dense([[0.5], [0.5]], [-0.7]), "step")  # AND
    >>> xor(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))[:, 0]
    array([0., 1., 1., 0.])
    """
    graph = sequential_graph(*layers, input_shape=input_shape)
    return Network(graph, backend, optimize=optimize)


def perceptron(w: npt.ArrayLike, b: float, *, backend: str | Backend = "cpu") -> Network:
    """Return a perceptron: 1 where ``w · x + b`` is above 0, else 0.

    `Network.classify` gives the same as labels: 1 is yes, 0 is no.

    Parameters
    ----------
    w : array_like, shape (inputs,)
    b : float
    backend : str or Backend

    Examples
    --------
    >>> import numpy as np
    >>> AND = perceptron([0.5, 0.5], -0.7)
    >>> AND(np.array([[0.0, 1.0], [1.0, 1.0]]))[:, 0]
    array([0., 1.])
    >>> AND.classify([[0.0, 1.0], [1.0, 1.0]])
    array([0, 1])
    """
    weight = copied("perceptron: w", w, FLOAT64)
    bias = copied("perceptron: b", b, FLOAT64)
    if weight.ndim != 1 or bias.ndim != 0:
        raise ShapeError(
            f"perceptron: got w of shape {weight.shape} and b of shape {bias.shape}, expected "
            f"(inputs,) and a number"
        )
    return Sequential(Dense(weight[:, np.newaxis], bias[np.newaxis]), "step", backend=backend)


def sequential_graph(
    *given: LayerLike | Iterable[LayerLike],
    input_shape: Sequence[int | str] | None = None,
    where: str = "Sequential",
) -> Graph:
    """Return the graph of layers one after the other; see `Sequential`.

    Messages about a layer begin with ``where``.
    """
    only = given[0] if len(given) == 1 else None
    listed = isinstance(only, list | tuple | Iterator) and not _has_attributes(only)
    listed_layers: tuple[Any, ...] = tuple(only) if listed else given  # type: ignore[arg-type]
    layers = [_layer(layer, where) for layer in listed_layers]
    kinds = [dtype_of(layer) for layer in layers if not isinstance(layer, Scale)]
    dtype = next((kind for kind in kinds if kind is not None), None)
    if dtype is None:
        raise GraphError(f"{where}: got no Dense or Conv layer, expected at least one")
    builder = _Builder(dtype, _input_shape(layers, input_shape, where), where)
    for layer in layers:
        builder.add(layer)
    return builder.graph().validated()


def dtype_of(layer: Layer) -> np.dtype[Any] | None:
    """Return the dtype of a layer's weights, or None where it has none."""
    return next((array.dtype for array in layer.parameters.values()), None)


class _Builder:
    """Nodes and weights so far, the name of the last value, and what is known of it.

    Parameters
    ----------
    dtype : numpy.dtype
        Of all weights.
    shape : tuple of (int or str)
        Of the input.
    where : str
        What messages begin with.
    """

    def __init__(self, dtype: np.dtype[Any], shape: Shape, where: str) -> None:
        self.dtype = dtype
        self.shape = shape
        self.where = where
        self.images = len(shape) > 3 or shape[2:] == SPATIAL[1]
        self.value = "x"
        self.nodes: list[Node] = []
        self.weights: dict[str, HostArray] = {}
        self._counts: Counter[str] = Counter()

    def graph(self) -> Graph:
        """Return the graph so far."""
        return Graph((Value("x", self.shape),), tuple(self.nodes), self.weights, (self.value,))

    def add(self, layer: Layer) -> None:
        """Append a layer."""
        parameters = layer.parameters
        if isinstance(layer, Scale):
            parameters = layer.in_dtype(self.dtype, self._rank() if layer.features else 2)
        if isinstance(layer, Dense) and self.images:
            self._check_rows(layer)
        self.images |= layer.spatial is not None
        self._append(layer.op, parameters, layer.attributes)

    def _append(
        self, op: str, parameters: Mapping[str, HostArray], attributes: Mapping[str, Any]
    ) -> None:
        self._counts[op] += 1
        name = f"{op}{self._counts[op]}"
        # Weights are numbered as layers that have such ones come: W1 of a Conv, W2 of a Dense.
        first = f"{next(iter(parameters), '')} of"
        self._counts[first] += 1
        number = self._counts[first]
        suffix = "" if op == "scale_shift" and number == 1 else number
        weights = {f"{stem}{suffix}": array for stem, array in parameters.items()}
        self.weights.update(weights)
        self.nodes.append(Node(op, (self.value, *weights), (name,), attributes))
        self.value = name

    def _rank(self) -> int:
        """Return how many axes the last value has; 2 where it is no image, or untold."""
        if not self.images:
            return 2
        shape = self.graph().shapes[self.value]
        return 2 if shape == UNRANKED else len(shape)

    def _check_rows(self, dense: Dense) -> None:
        """Refuse images before a dense layer, and find their size where rows were made of them."""
        shape = self.graph().shapes[self.value]
        if shape == UNRANKED:
            return
        if len(shape) != 2:
            raise ShapeError(
                f"{self.where}: got {self.value} {shape_text(shape)} before {dense!r}, expected "
                f"(batch, {dense.features}): rows of features ('flatten' between them makes "
                f"rows of images)"
            )
        self.images = False
        if isinstance(shape[-1], str):
            self._choose_size(dense.features)

    def _choose_size(self, wanted: int) -> None:
        """Give images the least sides, all equal, that make so many features."""
        low, high = 1, 1
        while high < LARGEST and self._features(high) < wanted:
            low, high = high + 1, 2 * high
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self._features(middle) < wanted else (low, middle)
        if self._features(low) != wanted:
            raise ShapeError(
                f"{self.where}: got {wanted} features for the dense layer after {self.value}, "
                f"expected those of images with equal sides (or input_shape=, the shape of one)"
            )
        self.shape = tuple(
            low if isinstance(size, str) and place else size
            for place, size in enumerate(self.shape)
        )

    def _features(self, side: int) -> int:
        """Return how many features images of such sides become; 0 where they are too small."""
        sizes = {size: side for size in self.shape if isinstance(size, str)}
        value = Value("x", self.shape, self.dtype.name)
        try:
            found = trial((value,), self.nodes, self.weights, {**sizes, "batch": 1})
        except ShapeError:
            return 0
        shape = getattr(found.values[self.value], "shape", (0,))
        return int(shape[-1])


def _input_shape(layers: Sequence[Layer], given: Any, where: str) -> Shape:
    """Return the shape of the input: what was said, or what the first layers tell."""
    if given is not None:
        return ("batch", *_one_example(given, where))
    features = spatial = None
    for layer in layers:
        if isinstance(layer, Dense) and spatial is not None:
            break
        features = layer.features if features is None else features
        spatial = layer.spatial if spatial is None else spatial
        if features is not None and (spatial is not None or isinstance(layer, Dense)):
            break
    if features is None:
        raise GraphError(
            f"{where}: got layers that do not tell what they take, expected input_shape=, the "
            f"shape of one example, such as (1, 28, 28)"
        )
    axes = tuple(f"size{n}" for n in range(1, (spatial or 0) + 1))
    return ("batch", features, *SPATIAL.get(spatial or 0, axes))


def _one_example(given: Any, where: str) -> Shape:
    """Return the shape of one example as it was given, once it is known to be one."""
    shape = tuple(given) if isinstance(given, list | tuple) else ()
    whole = [_plain(size) for size in shape]
    for size in whole:
        symbol = isinstance(size, str) and size.isidentifier() and size != "batch"
        if not (symbol or (type(size) is int and size > 0)):
            whole = []
            break
    if not whole:
        raise ShapeError(
            f"{where}: got input_shape={shortened(given)}, expected that of one example: whole "
            f"numbers or names of sizes, such as (1, 28, 28)"
        )
    return tuple(whole)


def layer_ops() -> list[str]:
    """Return the names of the ops that can be layers: those of one array."""
    return sorted(
        name
        for name, op in OPS.items()
        if op.outputs == 1 and len([p for p in op.arrays if p.default is p.empty]) == 1
    )


WEIGHTED: Mapping[str, type[Layer]] = {
    "affine": Dense,
    "conv": Conv,
    "batch_normalization": BatchNormalization,
}
"""The layers whose weights a file has, by their ops."""


def weighted_layer(layer: Any) -> tuple[str, Mapping[str, Any]] | None:
    """Return the op of `WEIGHTED` that a layer names, and its attributes; None for others."""
    name, attributes = layer if _has_attributes(layer) else (layer, {})
    known = {"dense": "affine", **{_folded(op): op for op in WEIGHTED}}
    op = known.get(_folded(name[:100])) if isinstance(name, str) else None
    return None if op is None else (op, attributes)


def _layer(layer: Any, where: str) -> Layer:
    """Return a layer: itself, or the op and the attributes that it names."""
    if isinstance(layer, Layer):
        return layer
    if found := weighted_layer(layer):
        raise GraphError(
            f"{where}: got layer {shortened(layer)}, expected one with weights: "
            f"arraynet.{WEIGHTED[found[0]].__name__}(…)"
        )
    name, attributes = _named(layer, where)
    plain = {key: _plain(value) for key, value in attributes.items()}
    if "kernel_shape" in OPS[name].defaults and plain.get("kernel_shape") is not None:
        plain = in_windows(f"{where}: {name}", **plain)
    return Layer(OPS[name].name, {}, plain)


def _named(layer: Any, where: str) -> tuple[str, Mapping[str, Any]]:
    """Return the op and the attributes that a layer names, after checking that it does."""
    found, attributes = layer if _has_attributes(layer) else (layer, {})
    known = layer_ops()
    name = getattr(found, "__name__", None)
    if isinstance(name, str) and getattr(ops, name, None) is found:
        found = name
    if isinstance(found, str):
        folded = {_folded(name): name for name in known}
        if op := folded.get(_folded(found[:100])):
            return op, {clipped(str(key)): value for key, value in attributes.items()}
    raise GraphError(
        f"{where}: got layer {shortened(layer)}, expected Dense, Conv, Scale, or an op of one "
        f"array, alone or as (name, attributes): {choices_text(found, known)}"
    )


def _has_attributes(layer: Any) -> bool:
    """Return whether a layer is an op with its attributes."""
    return isinstance(layer, tuple) and len(layer) == 2 and isinstance(layer[1], Mapping)


def _folded(name: str) -> str:
    """Return a name without what frameworks write differently: ReLU, Leaky-ReLU, leaky_relu."""
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def _plain(value: Any) -> Any:
    """Return a NumPy scalar as Python's number, a list as a tuple, and anything else as it is."""
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    return value.item() if isinstance(value, np.generic) else value
