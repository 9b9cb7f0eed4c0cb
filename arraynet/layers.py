"""Builders of graphs: dense layers, scales, and chains of them with activations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from array_api_compat import is_array_api_obj

from arraynet.backends.base import Backend
from arraynet.errors import DtypeError, GraphError, ShapeError
from arraynet.graph import DTYPES, Graph, HostArray, Node, Value, cast, seal
from arraynet.network import Network
from arraynet.node import is_one_of
from arraynet.ops import OPS


class Dense:
    """A dense layer, ``x @ W + b``: every output is connected with every input.

    Parameters
    ----------
    W : array_like, shape (in, out)
        The weights, floating. With ``layout="out_in"``, shape (out, in), as PyTorch
        keeps them. Copied.
    b : array_like, shape (out,), optional
        The biases, of the dtype of ``W``; zero when absent.
    layout : {"in_out", "out_in"}

    Raises
    ------
    ShapeError
        If ``W`` has not two axes, or ``b`` not one number for each output.
    DtypeError
        If they are not floating, or not of one dtype.

    Examples
    --------
    >>> Dense([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [0.5, 0.5])
    Dense(3 → 2)
    """

    def __init__(
        self, W: npt.ArrayLike, b: npt.ArrayLike | None = None, *, layout: str = "in_out"
    ) -> None:
        if not is_one_of(layout, ("in_out", "out_in")):
            raise GraphError(f"Dense: got layout {layout!r}, expected 'in_out' or 'out_in'")
        weight = _floating("Dense: W", W)
        if weight.ndim != 2:
            raise ShapeError(f"Dense: got W of shape {weight.shape}, expected (in, out)")
        self.weight = weight.T if layout == "out_in" else weight
        outputs = self.weight.shape[1]
        self.bias = _floating("Dense: b", np.zeros(outputs, weight.dtype) if b is None else b)
        if self.bias.shape != (outputs,):
            raise ShapeError(
                f"Dense: got b of shape {self.bias.shape}, expected ({outputs},) "
                f"(W of shape {self.weight.shape} gives {outputs} outputs)"
            )
        if self.bias.dtype != weight.dtype:
            raise DtypeError(
                f"Dense: got b of {self.bias.dtype} beside W of {weight.dtype}, expected one dtype"
            )

    def __repr__(self) -> str:
        inputs, outputs = self.weight.shape
        return f"Dense({inputs} → {outputs})"


class Scale:
    """Scale and shift of each feature, ``x * scale + shift``, such as pixels / 255.

    Parameters
    ----------
    scale, shift : float or array_like, shape (features,)

    Examples
    --------
    >>> Scale(1 / 255)
    Scale(0.00392157, 0)
    """

    def __init__(self, scale: npt.ArrayLike, shift: npt.ArrayLike = 0.0) -> None:
        self.scale = _numbers("Scale: scale", scale)
        self.shift = _numbers("Scale: shift", shift)
        if self.scale.ndim > 1 or self.shift.ndim > 1:
            raise ShapeError(
                f"Scale: got shapes {self.scale.shape} and {self.shift.shape}, expected numbers "
                f"or one for each feature"
            )

    def __repr__(self) -> str:
        return f"Scale({_text(self.scale)}, {_text(self.shift)})"


Layer: TypeAlias = Dense | Scale | str | tuple[str, Mapping[str, Any]]
"""A layer of `Sequential`: an activation is its op's name, or (name, attributes)."""


def Sequential(  # noqa: N802 (reads like a class, as in every framework)
    *layers: Layer, backend: str | Backend = "cpu", optimize: bool = True
) -> Network:
    """Return the network of layers one after the other.

    Parameters
    ----------
    *layers : Dense, Scale, str or (str, dict)
        Activations are names of ops, with their attributes where they need any:
        ``("leaky_relu", {"alpha": 0.1})``. At least one is a `Dense`.
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
        For an unknown activation or attribute.
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
    return Network(sequential_graph(*layers), backend, optimize=optimize)


def perceptron(w: npt.ArrayLike, b: float, *, backend: str | Backend = "cpu") -> Network:
    """Return a perceptron: 1 where ``w · x + b`` is above 0, else 0.

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
    """
    weight, bias = _numbers("perceptron: w", w), _numbers("perceptron: b", b)
    if weight.ndim != 1 or bias.ndim != 0:
        raise ShapeError(
            f"perceptron: got w of shape {weight.shape} and b of shape {bias.shape}, expected "
            f"(inputs,) and a number"
        )
    return Sequential(Dense(weight[:, np.newaxis], bias[np.newaxis]), "step", backend=backend)


def sequential_graph(*layers: Layer) -> Graph:
    """Return the graph of layers one after the other; see `Sequential`."""
    dense = [layer for layer in layers if isinstance(layer, Dense)]
    if not dense:
        raise GraphError("Sequential: got no Dense layer, expected at least one")
    builder = _Builder(dense[0].weight.dtype)
    for layer in layers:
        builder.add(layer)
    inputs = (Value("x", ("batch", _features(layers, dense[0]))),)
    return Graph(inputs, tuple(builder.nodes), builder.weights, (builder.value,)).validated()


class _Builder:
    """Nodes and weights so far, and the name of the last value."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.value = "x"
        self.nodes: list[Node] = []
        self.weights: dict[str, HostArray] = {}
        self._counts: Counter[str] = Counter()

    def add(self, layer: Layer) -> None:
        """Append a layer."""
        if isinstance(layer, Dense):
            number = self._counts["affine"] + 1
            self._append("affine", {f"W{number}": layer.weight, f"b{number}": layer.bias})
        elif isinstance(layer, Scale):
            number = self._counts["scale_shift"] + 1
            suffix = "" if number == 1 else str(number)
            scale = cast("Scale: scale", layer.scale, self.dtype, nonzero=True)
            shift = cast("Scale: shift", layer.shift, self.dtype)
            self._append("scale_shift", {f"scale{suffix}": scale, f"shift{suffix}": shift})
        else:
            name, attributes = _activation(layer)
            self._append(OPS[name].name, {}, attributes)

    def _append(
        self, op: str, weights: dict[str, HostArray], attributes: Mapping[str, Any] | None = None
    ) -> None:
        self._counts[op] += 1
        name = f"{op}{self._counts[op]}"
        self.weights.update(weights)
        self.nodes.append(Node(op, (self.value, *weights), (name,), dict(attributes or {})))
        self.value = name


def _activation(layer: Any) -> tuple[str, Mapping[str, Any]]:
    """Return the op and the attributes that a layer names, after checking that it does."""
    parts = (layer, {}) if isinstance(layer, str) else layer
    if isinstance(parts, tuple) and len(parts) == 2:
        name, attributes = parts
        if isinstance(name, str) and name in OPS and isinstance(attributes, Mapping):
            return name, {key: _plain(value) for key, value in attributes.items()}
    raise GraphError(
        f"Sequential: got layer {layer!r}, expected Dense, Scale, or an activation: one of "
        f"{', '.join(sorted(OPS))}, alone or as (name, attributes)"
    )


def _features(layers: tuple[Layer, ...], first: Dense) -> int:
    """Return how many features the network takes."""
    for layer in layers:
        if isinstance(layer, Dense):
            break
        if isinstance(layer, Scale) and (sizes := layer.scale.shape + layer.shift.shape):
            return int(max(sizes))
    return int(first.weight.shape[0])


def _floating(what: str, values: npt.ArrayLike) -> HostArray:
    """Return a read-only copy as an array of a floating dtype that networks have."""
    array = _copied(what, values)
    if array.dtype.name not in DTYPES:
        raise DtypeError(
            f"{what}: got dtype {array.dtype}, expected one of {', '.join(DTYPES)} "
            f"(convert it, for example with .astype('float32'))"
        )
    return seal(array)


def _numbers(what: str, values: npt.ArrayLike) -> HostArray:
    """Return a float64 copy of real numbers, whole ones too."""
    array = _copied(what, values)
    if array.dtype.kind not in "biuf" and array.dtype.name not in DTYPES:
        raise DtypeError(f"{what}: got {array.dtype}, expected real numbers")
    return array.astype(np.float64)


def _copied(what: str, values: npt.ArrayLike) -> HostArray:
    """Return a copy as a plain NumPy array in this machine's byte order."""
    if isinstance(values, np.ma.MaskedArray):
        raise DtypeError(
            f"{what}: got a masked array, expected a plain one (say what the masked elements "
            f"are with its method filled)"
        )
    if is_array_api_obj(values) and not isinstance(values, np.ndarray | np.generic):
        library = type(values).__module__.partition(".")[0]
        raise DtypeError(
            f"{what}: got an array of {library}, expected one of NumPy (copy it to the host first)"
        )
    try:
        array = np.array(values)
    except ValueError as error:
        raise ShapeError(f"{what}: got rows of different lengths, expected an array") from error
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _plain(value: Any) -> Any:
    """Return a NumPy scalar as Python's number, and anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def _text(values: HostArray) -> str:
    return f"{float(values):g}" if values.ndim == 0 else f"{values.size} values"
