"""A forward pass in float64 NumPy, with a bound on what rounding may do to it.

Nothing here uses arraynet's formulas: only its graphs, as data. Each formula is the
textbook's, made safe from overflow.

Beside each value runs an error bound in units of the network's eps (the spacing of
its numbers after 1). A product adds the magnitudes of its terms, an activation passes
an error on by its steepest slope and adds its own rounding. A result is right when it
is within `FACTOR` eps times that bound. Where a function jumps (a step, a hard
threshold) and the input is within its error of the jump, the row is not certain.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from arraynet.graph import Graph, Node

Array: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"

FACTOR = 1.0
"""How many eps times the bound a result may be off."""

EPS = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}

ROUNDING = 8.0
"""The error of an activation's own formula, in eps of its result."""

_erf = np.vectorize(math.erf, otypes=[np.float64])
_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def _sigmoid(x: Array) -> Array:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def _softplus(x: Array) -> Array:
    return np.logaddexp(0.0, x)


def _elu(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0.0)))


def _gelu(x: Array, approximate: str = "none") -> Array:
    if approximate == "tanh":
        # (1 + tanh(u)) / 2 is sigmoid(2 u), which does not cancel.
        return x * _sigmoid(2.0 * math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3))
    return 0.5 * x * _erfc(-x / math.sqrt(2.0))


def _selu(
    x: Array, alpha: float = 1.67326319217681884765625, gamma: float = 1.05070102214813232421875
) -> Array:
    return gamma * _elu(x, alpha)


@dataclass(frozen=True)
class Formula:
    """An elementwise function, its steepest slope, and where it jumps."""

    value: Callable[..., Array]
    slope: Callable[..., float] = lambda **_: 1.13
    jumps: Callable[..., tuple[float, ...]] = lambda **_: ()
    floor: float = 0.0


ELEMENTWISE: Mapping[str, Formula] = {
    "step": Formula(lambda x: np.where(x > 0, 1.0, 0.0), lambda **_: 0.0, lambda **_: (0.0,)),
    # Inside a network a sigmoid may be computed by way of tanh: absolute precision.
    "sigmoid": Formula(_sigmoid, lambda **_: 0.25, floor=1.0),
    "tanh": Formula(np.tanh),
    "log_sigmoid": Formula(lambda x: -_softplus(-x)),
    "softplus": Formula(_softplus),
    "softsign": Formula(lambda x: x / (1.0 + np.abs(x))),
    "squareplus": Formula(lambda x, b=4.0: 0.5 * (x + np.sqrt(x * x + b))),
    "identity": Formula(lambda x: x, lambda **_: 1.0),
    "linear": Formula(lambda x: x, lambda **_: 1.0),
    "dropout": Formula(lambda x, ratio=0.5: x, lambda **_: 1.0),
    "relu": Formula(lambda x: np.maximum(x, 0.0)),
    "relu6": Formula(lambda x: np.clip(x, 0.0, 6.0)),
    "leaky_relu": Formula(
        lambda x, alpha=0.01: np.where(x >= 0, x, alpha * x),
        lambda alpha=0.01: max(1.0, abs(alpha)),
    ),
    "thresholded_relu": Formula(
        lambda x, alpha=1.0: np.where(x > alpha, x, 0.0), jumps=lambda alpha=1.0: (alpha,)
    ),
    "hard_tanh": Formula(lambda x, lower=-1.0, upper=1.0: np.clip(x, lower, upper)),
    "hard_sigmoid": Formula(
        lambda x, alpha=0.2, beta=0.5: np.clip(alpha * x + beta, 0.0, 1.0), floor=1.0
    ),
    "hard_silu": Formula(lambda x: x * np.clip(x / 6.0 + 0.5, 0.0, 1.0), lambda **_: 1.5),
    "elu": Formula(_elu, lambda alpha=1.0: max(1.0, abs(alpha))),
    "selu": Formula(_selu, lambda alpha=1.68, gamma=1.06: abs(gamma) * max(1.0, abs(alpha))),
    "celu": Formula(
        lambda x, alpha=1.0: np.maximum(x, 0.0) + alpha * np.expm1(np.minimum(x, 0.0) / alpha)
    ),
    "gelu": Formula(_gelu),
    "silu": Formula(lambda x: x * _sigmoid(x)),
    "mish": Formula(lambda x: x * np.tanh(_softplus(x))),
    "tanh_shrink": Formula(lambda x: x - np.tanh(x), floor=0.1),
    "soft_shrink": Formula(
        lambda x, lambd=0.5: np.sign(x) * np.maximum(np.abs(x) - lambd, 0.0), floor=0.1
    ),
    "hard_shrink": Formula(
        lambda x, lambd=0.5: np.where(np.abs(x) > lambd, x, 0.0),
        jumps=lambda lambd=0.5: (-lambd, lambd),
    ),
    "erf": Formula(_erf),
    "erfc": Formula(_erfc),
}
"""The functions of one array, each element by itself."""


def _softmax(x: Array, axis: int) -> Array:
    exponential = np.exp(x - x.max(axis=axis, keepdims=True))
    return exponential / exponential.sum(axis=axis, keepdims=True)


def _sparsemax(x: Array, axis: int) -> Array:
    rows = np.moveaxis(x, axis, -1)
    result = np.empty_like(rows)
    for place in np.ndindex(rows.shape[:-1]):
        ordered = np.sort(rows[place])[::-1]
        counts = np.arange(1, len(ordered) + 1)
        support = counts[1.0 + counts * ordered > np.cumsum(ordered)][-1]
        threshold = (ordered[:support].sum() - 1.0) / support
        result[place] = np.maximum(rows[place] - threshold, 0.0)
    return np.moveaxis(result, -1, axis)


@dataclass
class Values:
    """A value, its error bound in eps, and which rows are certain."""

    value: Array
    error: Array
    certain: np.ndarray[Any, np.dtype[np.bool_]]

    def first(self, rows: int) -> Values:
        """Return the values of the first rows alone."""
        return Values(self.value[:rows], self.error[:rows], self.certain[:rows])


def forward(graph: Graph, x: Any, *, dtype: str | None = None) -> Values:
    """Return a graph's output for a batch; ``dtype`` is what the errors are rounded in."""
    return values(graph, x, dtype=dtype)[graph.outputs[0]]


def values(graph: Graph, x: Any, *, dtype: str | None = None) -> dict[str, Values]:
    """Return every value of a graph for a batch, by name."""
    eps = EPS[dtype or graph.dtype]
    batch = np.asarray(x).astype(np.float64)
    known = {graph.inputs[0].name: _exact(batch, len(batch))}
    # Among the subnormal numbers, which only float16 has within reach, every value and every
    # weight that is folded is rounded to their one spacing: the smallest normal number's eps.
    spacing = 2.0**-14 if (dtype or graph.dtype) == "float16" else 0.0
    for name, weight in graph.weights.items():
        exact = _exact(weight.astype(np.float64), len(batch))
        known[name] = replace(exact, error=np.full_like(exact.value, spacing))
    for node in graph.nodes:
        operands = [known[name] for name in node.inputs if name is not None]
        result = _apply(node, operands, eps)
        known[node.name] = replace(result, error=result.error + spacing)
    return known


def _exact(value: Array, rows: int) -> Values:
    return Values(value, np.zeros_like(value), np.ones(rows, np.bool_))


def _apply(node: Node, operands: list[Values], eps: float) -> Values:
    certain = np.logical_and.reduce([operand.certain for operand in operands])
    formula = ELEMENTWISE.get(node.op)
    if formula is not None:
        return _elementwise(formula, operands[0], dict(node.attributes), eps, certain)
    value, error = _OTHERS[node.op](*operands, **node.attributes)
    if node.op == "hardmax":
        certain = certain & _clear_winner(operands[0], eps, **node.attributes)
    return Values(value, error, certain)


def _elementwise(
    formula: Formula, x: Values, attributes: dict[str, Any], eps: float, certain: Any
) -> Values:
    value = formula.value(x.value, **attributes)
    error = formula.slope(**attributes) * x.error + ROUNDING * np.maximum(
        np.abs(value), formula.floor
    )
    if formula.value is ELEMENTWISE["identity"].value or "ratio" in attributes:
        error = x.error
    for jump in formula.jumps(**attributes):
        unclear = np.abs(x.value - jump) <= FACTOR * eps * (x.error + 1.0)
        certain = certain & ~unclear.reshape(len(value), -1).any(axis=1)
    return Values(value, error, certain)


def _clear_winner(x: Values, eps: float, axis: int = -1) -> Any:
    ordered = np.sort(np.moveaxis(x.value, axis, -1), axis=-1)
    if ordered.shape[-1] == 1:
        return np.ones(len(x.value), np.bool_)
    gap = ordered[..., -1] - ordered[..., -2]
    clear = gap > 2 * FACTOR * eps * (x.error.max(axis=axis) + np.abs(x.value).max(axis=axis))
    if axis % x.value.ndim == 0:  # the rows meet: one unclear winner concerns them all
        return np.full(len(x.value), clear.all())
    return clear.reshape(len(x.value), -1).all(axis=1)


def _affine(x: Values, weight: Values, bias: Values | None = None) -> tuple[Array, Array]:
    offset = np.zeros(weight.value.shape[1]) if bias is None else bias.value
    terms = np.abs(x.value) @ (np.abs(weight.value) + weight.error) + np.abs(offset)
    terms += weight.error.max(initial=0.0)
    rounding = (2.0 + math.sqrt(weight.value.shape[0])) * terms
    return x.value @ weight.value + offset, x.error @ np.abs(weight.value) + rounding


def _scale_shift(x: Values, scale: Values, shift: Values) -> tuple[Array, Array]:
    product = x.value * scale.value
    rounding = 2.0 * (np.abs(product) + np.abs(shift.value) + shift.error)
    rounding += np.abs(x.value) * scale.error
    return product + shift.value, x.error * np.abs(scale.value) + rounding


def _add(x: Values, y: Values) -> tuple[Array, Array]:
    return x.value + y.value, x.error + y.error + np.abs(x.value + y.value)


def _prelu(x: Values, slope: Values) -> tuple[Array, Array]:
    value = np.where(x.value >= 0, x.value, slope.value * x.value)
    steepest = np.maximum(1.0, np.abs(slope.value))
    return value, x.error * steepest + ROUNDING * np.abs(value)


def _probabilities(x: Values, sign: float, axis: int = -1) -> tuple[Array, Array]:
    scores = sign * x.value
    value = _softmax(scores, axis)
    distance = scores.max(axis=axis, keepdims=True) - scores
    passed = 2.0 * x.error.max(axis=axis, keepdims=True)
    return value, value * (passed + ROUNDING + distance + math.sqrt(x.value.shape[axis]))


def _log_softmax(x: Values, axis: int = -1) -> tuple[Array, Array]:
    value = x.value - _log_sum(x.value, axis)
    passed = 2.0 * x.error.max(axis=axis, keepdims=True)
    return value, passed + ROUNDING * (np.abs(value) + 1.0)


def _log_sum(x: Array, axis: int) -> Array:
    largest = x.max(axis=axis, keepdims=True)
    return largest + np.log(np.exp(x - largest).sum(axis=axis, keepdims=True))


def _logsumexp(x: Values, axis: int = -1, keepdims: bool = False) -> tuple[Array, Array]:
    value = _log_sum(x.value, axis)
    size = np.abs(x.value).max(axis=axis, keepdims=True)
    error = x.error.max(axis=axis, keepdims=True) + ROUNDING * (size + 1.0)
    if keepdims:
        return value, error
    return value.squeeze(axis), error.squeeze(axis)


def _sparse(x: Values, axis: int = -1) -> tuple[Array, Array]:
    value = _sparsemax(x.value, axis)
    error = 2.0 * x.error.max(axis=axis, keepdims=True) + ROUNDING + x.value.shape[axis]
    return value, np.broadcast_to(error, value.shape).copy()


def _hardmax(x: Values, axis: int = -1) -> tuple[Array, Array]:
    best = np.expand_dims(x.value.argmax(axis=axis), axis)
    value = np.zeros_like(x.value)
    np.put_along_axis(value, best, 1.0, axis)
    return value, np.zeros_like(value)


def _glu(x: Values, axis: int = -1) -> tuple[Array, Array]:
    (v, g), (dv, dg) = (np.split(part, 2, axis=axis) for part in (x.value, x.error))
    value = v * _sigmoid(g)
    return value, dv * _sigmoid(g) + 0.25 * np.abs(v) * dg + ROUNDING * np.abs(value)


_OTHERS: Mapping[str, Callable[..., tuple[Array, Array]]] = {
    "affine": _affine,
    "matmul": _affine,
    "scale_shift": _scale_shift,
    "add": _add,
    "prelu": _prelu,
    "softmax": lambda x, **a: _probabilities(x, 1.0, **a),
    "unguarded_softmax": lambda x, **a: _probabilities(x, 1.0, **a),
    "softmin": lambda x, **a: _probabilities(x, -1.0, **a),
    "log_softmax": _log_softmax,
    "logsumexp": _logsumexp,
    "sparsemax": _sparse,
    "hardmax": _hardmax,
    "glu": _glu,
}
"""The functions of several arrays, or of whole rows."""


def assert_right(found: Any, expected: Values, dtype: str, *, factor: float = FACTOR) -> None:
    """Assert that an output is the expected one, to the bound; uncertain rows are left out."""
    assert found.shape == expected.value.shape
    tolerance = factor * EPS[dtype] * expected.error + np.finfo(np.float32).tiny
    off = np.abs(np.asarray(found, np.float64) - expected.value) / tolerance
    worst = off[expected.certain].max(initial=0.0)
    assert worst <= 1.0, f"off by {worst:.3g} times the bound"
