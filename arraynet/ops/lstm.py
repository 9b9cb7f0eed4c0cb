"""Long short-term memory.

The inputs of all turns go through one product; each turn has one of its own, of its state.
Weights are (directions, gates * hidden, …), as in ONNX.
"""

from __future__ import annotations

from typing import Any

from arraynet._typing import Array, Namespace
from arraynet.ops.recurrence import DIRECTIONS, Options, Weights, unrolled
from arraynet.ops.registry import op

_CHOICES = {"direction": DIRECTIONS}


@op(dtypes=("any",), outputs=3, choices=_CHOICES)
def lstm(
    x: Array,
    w: Array,
    r: Array,
    b: Array | None = None,
    sequence_lens: Array | None = None,
    initial_h: Array | None = None,
    initial_c: Array | None = None,
    p: Array | None = None,
    *,
    activation_alpha: tuple[float, ...] = (),
    activation_beta: tuple[float, ...] = (),
    activations: tuple[str, ...] = (),
    clip: Any = None,
    direction: str = "forward",
    hidden_size: int | None = None,
    input_forget: bool = False,
    layout: int = 0,
    xp: Namespace = None,
) -> tuple[Array, Array, Array]:
    """Long short-term memory.

    With gates i (input), o (output) and f (forget) of each turn,
    ``c = f * c + i * g(x @ w_cᵀ + h @ r_cᵀ + b)`` and ``h = o * h(c)``.

    Parameters
    ----------
    x : array, shape (turns, batch, features)
        Floating; with ``layout=1``, (batch, turns, features).
    w : array, shape (directions, 4 * hidden, features)
        Of the dtype of ``x``; the gates are i, o, f and the new cell.
    r : array, shape (directions, 4 * hidden, hidden)
        Of the dtype of ``x``.
    b : array, shape (directions, 2 * 4 * hidden), optional
        The bias of ``w``'s product, then that of ``r``'s.
    sequence_lens : array of integers, shape (batch,), optional
        The length of each sequence; behind its end the result is 0.
    initial_h, initial_c : array, shape (directions, batch, hidden), optional
        The first states; with ``layout=1``, (batch, directions, hidden).
    p : array, shape (directions, 3 * hidden), optional
        Peepholes: what the cell adds to the inputs of i, o and f.
    activations : tuple of str
        f (of gates), g and h for each direction, sigmoid, tanh, tanh by default:
        relu, tanh, sigmoid, affine, leaky_relu, thresholded_relu, scaled_tanh,
        hard_sigmoid, elu, softsign or softplus.
    activation_alpha, activation_beta : tuple of float
        Parameters of the activations that have them, in their order.
    clip : float, optional
        The largest magnitude of an activation's input.
    direction : {"forward", "reverse", "bidirectional"}
    hidden_size : int, optional
        It must be that of ``r``.
    input_forget : bool
        Whether f is 1 - i.
    layout : {0, 1}
        With 1, the batch is the first axis of ``x``, ``y`` and the states.

    Returns
    -------
    y : array, shape (turns, directions, batch, hidden)
        With ``layout=1``, (batch, turns, directions, hidden).
    y_h, y_c : array, shape (directions, batch, hidden)
        The last states; with ``layout=1``, (batch, directions, hidden).

    References
    ----------
    S. Hochreiter and J. Schmidhuber, Long short-term memory, Neural Computation 9 (1997)
    1735-1780. F. A. Gers et al., Learning precise timing with LSTM recurrent networks, JMLR
    3 (2002) 115-143.

    Examples
    --------
    >>> import numpy as np
    >>> x, w, r = np.ones((2, 1, 1)), np.zeros((1, 4, 1)), np.zeros((1, 4, 1))
    >>> lstm(x, w, r, None, None, None, np.full((1, 1, 1), 8.0))[2].ravel()
    array([2.])
    """
    options = Options(
        "lstm",
        4,
        ("sigmoid", "tanh", "tanh"),
        activations,
        activation_alpha,
        activation_beta,
        clip,
        direction,
        hidden_size,
        layout,
    )
    size = r.shape[-1]

    def step(projected: Array, states: tuple[Array, ...], weights: Weights) -> tuple[Array, ...]:
        (hidden, cell), (f, g, h) = states, weights.functions
        total = projected + xp.matmul(hidden, weights.recurrent)
        i, o, forget, new = (total[:, k * size : (k + 1) * size] for k in range(4))
        if weights.peephole is not None:
            i = i + weights.peephole[:size] * cell
            forget = forget + weights.peephole[2 * size :] * cell
        i = f(i)
        cell = (1.0 - i if input_forget else f(forget)) * cell + i * g(new)
        if weights.peephole is not None:
            o = o + weights.peephole[size : 2 * size] * cell
        return f(o) * h(cell), cell

    states = [initial_h, initial_c]
    y, y_h, y_c = unrolled(step, options, x, w, r, b, sequence_lens, states, p, xp=xp)
    return y, y_h, y_c
