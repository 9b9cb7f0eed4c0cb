"""Builders of graphs: dense layers, scales, and chains of them with activations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from arraynet import ops
from arraynet.admission import HostArray, real_array
from arraynet.backends.base import Backend
from arraynet.errors import DtypeError, GraphError, ShapeError, choices_text, shortened
from arraynet.graph import DTYPES, Graph, Node, Value, cast, seal
from arraynet.memory import telling_full_memory
from arraynet.network import Network
from arraynet.node import is_one_of
from arraynet.ops import OPS
from arraynet.weights import FORMATS


class Dense:
    """A dense layer, ``x @ W + b``: every output is connected with every input.

    Parameters
    ----------
    W : array_like, shape (in, out)
        The weights. With ``layout="out_in"``, shape (out, in), as PyTorch keeps them.
        Copied. Integers become the dtype of ``b`` where that is floating, else float64.
    b : array_like, shape (out,), optional
        The biases, of the dtype of ``W``; a list, or integers, become it. Zero when absent.
    layout : {"in_out", "out_in"}

    Raises
    ------
    ShapeError
        If ``W`` has not two axes, or ``b`` not one number for each output.
    DtypeError
        If they are not real numbers, not of one dtype, or integers that it cannot hold.

    Examples
    --------
    >>> Dense([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [0.5, 0.5])
    Dense(3 → 2)
    """

    def __init__(
        self, W: npt.ArrayLike, b: npt.ArrayLike | None = None, *, layout: str = "in_out"
    ) -> None:
        if not is_one_of(layout, ("in_out", "out_in")):
            raise GraphError(
                f"Dense: got layout {shortened(layout)}, expected 'in_out' or 'out_in'"
            )
        weight = _copied("Dense: W", W)
        bias = None if b is None else _copied("Dense: b", b)
        kind = weight.dtype
        if kind.name not in DTYPES:
            kind = bias.dtype if bias is not None and bias.dtype.name in DTYPES else _FLOAT64
            weight = _exactly("Dense: W", weight, kind)
        if weight.ndim != 2:
            raise ShapeError(f"Dense: got W of shape {weight.shape}, expected (in, out)")
        self.weight = seal(weight.T if layout == "out_in" else weight)
        outputs = self.weight.shape[1]
        if bias is None:
            bias = np.zeros(outputs, kind)
        elif bias.dtype.name not in DTYPES or not hasattr(b, "dtype"):
            bias = _exactly("Dense: b", bias, kind)
        self.bias = seal(bias)
        if self.bias.shape != (outputs,):
            wanted = f"({outputs},) (W of shape {self.weight.shape} gives {outputs} outputs)"
            raise ShapeError(f"Dense: got b of shape {self.bias.shape}, expected {wanted}")
        if self.bias.dtype != kind:
            found = f"b of {self.bias.dtype} beside W of {kind}"
            raise DtypeError(f"Dense: got {found}, expected one dtype")

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
        self.scale = _copied("Scale: scale", scale, _FLOAT64)
        self.shift = _copied("Scale: shift", shift, _FLOAT64)
        if self.scale.ndim > 1 or self.shift.ndim > 1:
            found = f"shapes {self.scale.shape} and {self.shift.shape}"
            raise ShapeError(f"Scale: got {found}, expected numbers or one for each feature")

    def __repr__(self) -> str:
        return f"Scale({_text(self.scale)}, {_text(self.shift)})"


_FLOAT64 = np.dtype(np.float64)

Activation: TypeAlias = str | Callable[..., Any]
"""An op's name, in the way of any framework ("ReLU", "leaky_relu"), or the op itself."""

Layer: TypeAlias = Dense | Scale | Activation | tuple[Activation, Mapping[str, Any]]
"""A layer of `Sequential`: an activation alone, or (activation, attributes)."""


def Sequential(  # noqa: N802 (reads like a class, as in every framework)
    *layers: Layer | Iterable[Layer], backend: str | Backend = "cpu", optimize: bool = True
) -> Network:
    """Return the network of layers one after the other.

    Parameters
    ----------
    *layers : Dense, Scale, str, op, (str or op, dict), or one list of these
        Activations are ops or their names, with their attributes where they need any:
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
    weight = _copied("perceptron: w", w, _FLOAT64)
    bias = _copied("perceptron: b", b, _FLOAT64)
    if weight.ndim != 1 or bias.ndim != 0:
        found = f"w of shape {weight.shape} and b of shape {bias.shape}"
        raise ShapeError(f"perceptron: got {found}, expected (inputs,) and a number")
    return Sequential(Dense(weight[:, np.newaxis], bias[np.newaxis]), "step", backend=backend)


def sequential_graph(*given: Layer | Iterable[Layer]) -> Graph:
    """Return the graph of layers one after the other; see `Sequential`."""
    only = given[0] if len(given) == 1 else None
    listed = isinstance(only, list | tuple | Iterator) and not _names_activation(only)
    layers: tuple[Any, ...] = tuple(only) if listed else given  # type: ignore[arg-type]
    dense = [layer for layer in layers if isinstance(layer, Dense)]
    if not dense:
        raise GraphError("Sequential: got no Dense layer, expected at least one")
    dtype, value = dense[0].weight.dtype, "x"
    counts: Counter[str] = Counter()
    nodes: list[Node] = []
    weights: dict[str, HostArray] = {}
    for layer in layers:
        op, attributes = _op_of(layer)
        counts[op] += 1
        number = counts[op]
        own: dict[str, HostArray] = {}
        if isinstance(layer, Dense):
            own = {f"W{number}": layer.weight, f"b{number}": layer.bias}
        elif isinstance(layer, Scale):
            suffix = "" if number == 1 else str(number)
            own[f"scale{suffix}"] = cast("Scale: scale", layer.scale, dtype, nonzero=True)
            own[f"shift{suffix}"] = cast("Scale: shift", layer.shift, dtype)
        weights.update(own)
        nodes.append(Node(op, (value, *own), (f"{op}{number}",), attributes))
        value = f"{op}{number}"
    inputs = (Value("x", ("batch", _features(layers, dense[0]))),)
    return Graph(inputs, tuple(nodes), weights, (value,)).validated()


def layer_ops() -> list[str]:
    """Return the names of the ops that can be layers: those of one array."""
    return sorted(
        name
        for name, op in OPS.items()
        if op.outputs == 1 and len([p for p in op.arrays if p.default is p.empty]) == 1
    )


def _op_of(layer: Any) -> tuple[str, dict[str, Any]]:
    """Return the op and the attributes of a layer, after checking that it is one."""
    if isinstance(layer, Dense | Scale):
        return "affine" if isinstance(layer, Dense) else "scale_shift", {}
    found, attributes = layer if _names_activation(layer) else (layer, {})
    known = layer_ops()
    name = getattr(found, "__name__", None)
    if isinstance(name, str) and getattr(ops, name, None) is found:
        found = name
    if isinstance(found, str):
        folded = {_folded(name): name for name in known}
        if op := folded.get(_folded(found[:100])):
            plain = {
                key: value.item() if isinstance(value, np.generic) else value
                for key, value in attributes.items()
            }
            return OPS[op].name, plain
    raise GraphError(
        f"Sequential: got layer {shortened(layer)}, expected Dense, Scale, or an activation, "
        f"alone or as (name, attributes): {choices_text(found, known)}"
    )


def _names_activation(layer: Any) -> bool:
    """Return whether a layer is an activation with its attributes."""
    return isinstance(layer, tuple) and len(layer) == 2 and isinstance(layer[1], Mapping)


def _folded(name: str) -> str:
    """Return a name without what frameworks write differently: ReLU, Leaky-ReLU, leaky_relu."""
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def _features(layers: tuple[Layer, ...], first: Dense) -> int:
    """Return how many features the network takes."""
    for layer in layers:
        if isinstance(layer, Dense):
            break
        if isinstance(layer, Scale) and (sizes := layer.scale.shape + layer.shift.shape):
            return int(max(sizes))
    return int(first.weight.shape[0])


def _copied(what: str, values: npt.ArrayLike, kind: np.dtype[Any] | None = None) -> HostArray:
    """Return a copy of real numbers, in another dtype where there is one."""
    array = real_array(what, values)
    with telling_full_memory(what):
        return array.astype(array.dtype if kind is None else kind, order="K")


def _exactly(what: str, values: HostArray, kind: np.dtype[Any]) -> HostArray:
    """Return numbers in a floating dtype, unless they are integers that it cannot hold."""
    if values.dtype.kind in "biu" and values.size:
        largest = max(int(values.max()), -int(values.min()))
        if largest > 2 / FORMATS[kind.name].spacing:
            raise DtypeError(
                f"{what}: got whole numbers up to {largest}, expected ones that {kind} holds "
                f"exactly (choose a wider dtype)"
            )
    return cast(what, values, kind)


def _text(values: HostArray) -> str:
    return f"{float(values):g}" if values.ndim == 0 else f"{values.size} values"
