"""What recurrent networks have in common: directions, lengths, layouts, activations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from arraynet._typing import Array, Namespace
from arraynet.errors import DtypeError, GraphError, ShapeError, choices_text, shape_text, shortened
from arraynet.ops.activations import sigmoid, softplus, softsign, tanh
from arraynet.ops.admission import check_choice, dtype_name
from arraynet.ops.exponential_units import elu
from arraynet.ops.placement import beside
from arraynet.ops.precision import check_integral, is_floating, narrowed, widened
from arraynet.ops.rectifiers import hard_sigmoid, leaky_relu, relu, thresholded_relu

Function = Callable[[Array], Array]
Step = Callable[[Array, tuple[Array, ...], "Weights"], tuple[Array, ...]]
"""From what the input of a turn contributes to all gates, and the states, to the new states."""

DIRECTIONS = ("forward", "reverse", "bidirectional")


def _affine(x: Array, *, alpha: float = 1.0, beta: float = 0.0, xp: Namespace) -> Array:
    return alpha * x + beta


def _scaled_tanh(x: Array, *, alpha: float = 1.0, beta: float = 1.0, xp: Namespace) -> Array:
    return alpha * tanh(beta * x, xp=xp)


_ACTIVATIONS: dict[str, tuple[Callable[..., Array], tuple[str, ...]]] = {
    "affine": (_affine, ("alpha", "beta")),
    "elu": (elu, ("alpha",)),
    "hardsigmoid": (hard_sigmoid, ("alpha", "beta")),
    "leakyrelu": (leaky_relu, ("alpha",)),
    "relu": (relu, ()),
    "scaledtanh": (_scaled_tanh, ("alpha", "beta")),
    "sigmoid": (sigmoid, ()),
    "softplus": (softplus, ()),
    "softsign": (softsign, ()),
    "tanh": (tanh, ()),
    "thresholdedrelu": (thresholded_relu, ("alpha",)),
}
"""The activations of ONNX's recurrent operators, and the parameters of each."""


@dataclass(frozen=True)
class Weights:
    """What one direction computes with.

    Attributes
    ----------
    recurrent : array, shape (hidden, gates * hidden)
    bias : array, shape (gates * hidden,), optional
        Of the recurrent product.
    peephole : array, shape (3 * hidden,), optional
    functions : tuple of callable
        The activations, without arrays of their own.
    """

    recurrent: Array
    bias: Array | None
    peephole: Array | None
    functions: tuple[Function, ...]


@dataclass(frozen=True)
class Options:
    """The attributes that the operators share, as a caller gives them."""

    name: str
    gates: int
    defaults: tuple[str, ...]
    activations: Sequence[str]
    alpha: Sequence[float]
    beta: Sequence[float]
    clip: float | None
    direction: str
    hidden_size: int | None
    layout: int
    separate_bias: bool = False
    """Whether the bias of the recurrent product is not one with the other."""


def unrolled(
    step: Step,
    options: Options,
    x: Array,
    w: Array,
    r: Array,
    b: Array | None,
    lengths: Array | None,
    initial: Sequence[Array | None],
    peephole: Array | None = None,
    *,
    xp: Namespace,
) -> tuple[Array, ...]:
    """Return the hidden state of every turn, and every state after the last.

    Parameters
    ----------
    step : callable
    options : Options
    x, w, r, b, lengths, initial, peephole
        As the operators have them; of ``initial`` the first is the hidden state.
    """
    check_choice(options.name, "direction", options.direction, DIRECTIONS)
    check_choice(options.name, "layout", options.layout, (0, 1))
    directions = 2 if options.direction == "bidirectional" else 1
    dtype = x.dtype
    _check_floating(options.name, (x, w, r, b, peephole, *initial))
    x, w, r = (widened(array, xp) for array in (x, w, r))
    b, peephole, *initial = (
        None if array is None else widened(array, xp) for array in (b, peephole, *initial)
    )
    if options.layout == 1:
        x = xp.permute_dims(x, (1, 0, 2)) if x.ndim == 3 else x
        initial = [s if s is None else xp.permute_dims(s, (1, 0, 2)) for s in initial]
    _check_shapes(options, directions, x, w, r, b, lengths, initial, peephole)
    functions = _functions(options, directions, xp)
    hidden, batch = r.shape[2], x.shape[1]
    zero = beside(x, xp.zeros, (batch, hidden))
    parts = []
    for direction in range(directions):
        bias, recurrent_bias = _biases(options, b, direction)
        weights = Weights(
            xp.matrix_transpose(r[direction, ...]),
            recurrent_bias,
            None if peephole is None else peephole[direction, ...],
            functions[direction],
        )
        states = tuple(zero if s is None else s[direction, ...] for s in initial)
        projected = _projected(x, w[direction, ...], bias, xp)
        backwards = options.direction == "reverse" or direction == 1
        parts.append(_turns(step, projected, states, weights, lengths, backwards, xp))
    return _gathered(parts, options.layout, dtype, xp)


def _projected(x: Array, w: Array, bias: Array | None, xp: Namespace) -> Array:
    """Return what the inputs of all turns contribute: one product."""
    turns, batch, features = x.shape
    rows = xp.reshape(x, (turns * batch, features))
    product = xp.matmul(rows, xp.matrix_transpose(w))
    if bias is not None:
        product = product + bias
    return xp.reshape(product, (turns, batch, w.shape[0]))


def _biases(options: Options, b: Array | None, direction: int) -> tuple[Array | None, Array | None]:
    """Return the bias of the inputs' product and that of the recurrent one, if it is apart."""
    if b is None:
        return None, None
    half = b.shape[1] // 2
    first, second = b[direction, :half], b[direction, half:]
    return (first, second) if options.separate_bias else (first + second, None)


def _turns(
    step: Step,
    projected: Array,
    states: tuple[Array, ...],
    weights: Weights,
    lengths: Array | None,
    backwards: bool,
    xp: Namespace,
) -> tuple[Array, ...]:
    """Return the hidden state of every turn (turns, batch, hidden), and the last states.

    Beyond the end of its sequence a state stays what it was, and the output is 0. So from
    the back, too, a sequence begins at its own end.
    """
    count = projected.shape[0]
    outputs: list[Array] = [states[0]] * count
    for turn in range(count - 1, -1, -1) if backwards else range(count):
        new = step(projected[turn, ...], states, weights)
        if lengths is None:
            states, outputs[turn] = new, new[0]
            continue
        going = xp.expand_dims(lengths > turn, axis=1)
        states = tuple(xp.where(going, n, s) for n, s in zip(new, states, strict=True))
        outputs[turn] = xp.where(going, new[0], 0.0)
    if not count:
        return xp.expand_dims(states[0], axis=0)[:0, ...], *states
    return xp.stack(outputs, axis=0), *states


def _gathered(
    parts: Sequence[tuple[Array, ...]], layout: int, dtype: Any, xp: Namespace
) -> tuple[Array, ...]:
    """Return the directions of each output side by side, in a layout."""
    every, *last = zip(*parts, strict=True)
    y = xp.stack(every, axis=1)
    states = [xp.stack(s, axis=0) for s in last]
    if layout == 1:
        y = xp.permute_dims(y, (2, 0, 1, 3))
        states = [xp.permute_dims(s, (1, 0, 2)) for s in states]
    return tuple(narrowed(array, dtype, xp) for array in (y, *states))


def _functions(options: Options, directions: int, xp: Namespace) -> list[tuple[Function, ...]]:
    """Return the activations of each direction."""
    count = len(options.defaults)
    names = list(options.activations) or list(options.defaults) * directions
    if len(names) == count:
        names *= directions
    if len(names) != count * directions:
        raise GraphError(
            f"{options.name}: got {len(names)} activations, expected {count} for each direction"
        )
    alpha, beta = iter(options.alpha), iter(options.beta)
    found = [_function(options, name, {"alpha": alpha, "beta": beta}, xp) for name in names]
    return [tuple(found[d * count : (d + 1) * count]) for d in range(directions)]


def _function(options: Options, name: str, numbers: dict[str, Any], xp: Namespace) -> Function:
    """Return an activation with its parameters, taken in order, and the clip before it."""
    key = str(name).lower().replace("_", "")
    if key not in _ACTIVATIONS:
        raise GraphError(
            f"{options.name}: got the activation {shortened(name)}, expected "
            f"{choices_text(name, _ACTIVATIONS)}"
        )
    formula, parameters = _ACTIVATIONS[key]
    given = {p: next(numbers[p], None) for p in parameters}
    function = partial(formula, xp=xp, **{p: float(v) for p, v in given.items() if v is not None})
    if options.clip is None:
        return function
    bound = float(options.clip)
    return lambda x: function(xp.minimum(xp.maximum(x, -bound), bound))


def _check_floating(name: str, arrays: Sequence[Array | None]) -> None:
    for array in arrays:
        if array is not None and (not is_floating(array) or array.dtype != arrays[0].dtype):  # type: ignore[union-attr]
            raise DtypeError(
                f"{name}: got an array of {dtype_name(array.dtype)}, expected one floating dtype"
            )


def _check_shapes(
    options: Options,
    directions: int,
    x: Array,
    w: Array,
    r: Array,
    b: Array | None,
    lengths: Array | None,
    initial: Sequence[Array | None],
    peephole: Array | None,
) -> None:
    if x.ndim != 3 or r.ndim != 3:
        raise ShapeError(f"x {shape_text(x.shape)} and r {shape_text(r.shape)} need three axes")
    (_, batch, features), hidden = x.shape, r.shape[2]
    rows = options.gates * hidden
    wanted: list[tuple[str, Array | None, tuple[int, ...]]] = [
        ("w", w, (directions, rows, features)),
        ("r", r, (directions, rows, hidden)),
        ("b", b, (directions, 2 * rows)),
        ("sequence_lens", lengths, (batch,)),
        ("p", peephole, (directions, 3 * hidden)),
    ]
    for key, state in zip(("initial_h", "initial_c"), initial, strict=False):
        wanted.append((key, state, (directions, batch, hidden)))
    for key, array, shape in wanted:
        if array is not None and tuple(array.shape) != shape:
            raise ShapeError(f"{key} {shape_text(array.shape)} needs shape {shape_text(shape)}")
    if options.hidden_size not in (None, hidden):
        raise ShapeError(f"r is of {hidden} hidden numbers, and hidden_size={options.hidden_size}")
    if lengths is not None:
        check_integral(options.name, lengths)
