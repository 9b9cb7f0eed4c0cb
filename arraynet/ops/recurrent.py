"""Simple recurrent networks, and gated recurrent units.

The inputs of all turns go through one product; each turn has one of its own, of its state.
Weights are (directions, gates * hidden, …), as in ONNX.
"""

from __future__ import annotations

from typing import Any

from arraynet._typing import Array, Namespace
from arraynet.ops.recurrence import DIRECTIONS, Options, Weights, unrolled
from arraynet.ops.registry import op

_CHOICES = {"direction": DIRECTIONS}


@op(dtypes=("any",), outputs=2, choices=_CHOICES)
def rnn(
    x: Array,
    w: Array,
    r: Array,
    b: Array | None = None,
    sequence_lens: Array | None = None,
    initial_h: Array | None = None,
    *,
    activation_alpha: tuple[float, ...] = (),
    activation_beta: tuple[float, ...] = (),
    activations: tuple[str, ...] = (),
    clip: Any = None,
    direction: str = "forward",
    hidden_size: int | None = None,
    layout: int = 0,
    xp: Namespace = None,
) -> tuple[Array, Array]:
    """Run a simple recurrent network, ``h = f(x @ wᵀ + h @ rᵀ + b)`` turn by turn.

    Parameters
    ----------
    x : array, shape (turns, batch, features)
        Floating; with ``layout=1``, (batch, turns, features).
    w : array, shape (directions, hidden, features)
        Of the dtype of ``x``.
    r : array, shape (directions, hidden, hidden)
        Of the dtype of ``x``.
    b : array, shape (directions, 2 * hidden), optional
        The bias of ``w``'s product, then that of ``r``'s.
    sequence_lens : array of integers, shape (batch,), optional
        The length of each sequence; behind its end the result is 0.
    initial_h : array, shape (directions, batch, hidden), optional
        The first state; with ``layout=1``, (batch, directions, hidden).
    activations : tuple of str
        One for each direction, tanh by default:
        relu, tanh, sigmoid, affine, leaky_relu, thresholded_relu, scaled_tanh,
        hard_sigmoid, elu, softsign or softplus.
    activation_alpha, activation_beta : tuple of float
        Parameters of the activations that have them, in their order.
    clip : float, optional
        The largest magnitude of an activation's input.
    direction : {"forward", "reverse", "bidirectional"}
    hidden_size : int, optional
        It must be that of ``r``.
    layout : {0, 1}
        With 1, the batch is the first axis of ``x``, ``y`` and the states.

    Returns
    -------
    y : array, shape (turns, directions, batch, hidden)
        With ``layout=1``, (batch, turns, directions, hidden).
    y_h : array, shape (directions, batch, hidden)
        The last state; with ``layout=1``, (batch, directions, hidden).

    Examples
    --------
    >>> import numpy as np
    >>> x, one = np.ones((3, 1, 1)), np.ones((1, 1, 1))
    >>> rnn(x, one, one, activations=("relu",))[0].ravel()
    array([1., 2., 3.])
    """
    options = Options(
        "rnn",
        1,
        ("tanh",),
        activations,
        activation_alpha,
        activation_beta,
        clip,
        direction,
        hidden_size,
        layout,
    )

    def step(projected: Array, states: tuple[Array, ...], weights: Weights) -> tuple[Array, ...]:
        (f,) = weights.functions
        return (f(projected + xp.matmul(states[0], weights.recurrent)),)

    y, y_h = unrolled(step, options, x, w, r, b, sequence_lens, [initial_h], xp=xp)
    return y, y_h


@op(dtypes=("any",), outputs=2, choices=_CHOICES)
def gru(
    x: Array,
    w: Array,
    r: Array,
    b: Array | None = None,
    sequence_lens: Array | None = None,
    initial_h: Array | None = None,
    *,
    activation_alpha: tuple[float, ...] = (),
    activation_beta: tuple[float, ...] = (),
    activations: tuple[str, ...] = (),
    clip: Any = None,
    direction: str = "forward",
    hidden_size: int | None = None,
    layout: int = 0,
    linear_before_reset: bool = False,
    xp: Namespace = None,
) -> tuple[Array, Array]:
    """Gated recurrent units.

    With gates z (update) and r (reset) of each turn, ``h = (1 - z) * new + z * h``, and
    ``new = g(x @ w_hᵀ + (r * h) @ r_hᵀ + b)``.

    Parameters
    ----------
    x : array, shape (turns, batch, features)
        Floating; with ``layout=1``, (batch, turns, features).
    w : array, shape (directions, 3 * hidden, features)
        Of the dtype of ``x``; the gates are z, r and the new state.
    r : array, shape (directions, 3 * hidden, hidden)
        Of the dtype of ``x``.
    b : array, shape (directions, 2 * 3 * hidden), optional
        The bias of ``w``'s product, then that of ``r``'s.
    sequence_lens : array of integers, shape (batch,), optional
        The length of each sequence; behind its end the result is 0.
    initial_h : array, shape (directions, batch, hidden), optional
        The first state; with ``layout=1``, (batch, directions, hidden).
    activations : tuple of str
        f (of gates) and g for each direction, sigmoid and tanh by default:
        relu, tanh, sigmoid, affine, leaky_relu, thresholded_relu, scaled_tanh,
        hard_sigmoid, elu, softsign or softplus.
    activation_alpha, activation_beta : tuple of float
        Parameters of the activations that have them, in their order.
    clip : float, optional
        The largest magnitude of an activation's input.
    direction : {"forward", "reverse", "bidirectional"}
    hidden_size : int, optional
        It must be that of ``r``.
    linear_before_reset : bool
        Whether r multiplies the product, ``r * (h @ r_hᵀ + b_r)``, as in PyTorch and cuDNN.
    layout : {0, 1}
        With 1, the batch is the first axis of ``x``, ``y`` and the states.

    Returns
    -------
    y : array, shape (turns, directions, batch, hidden)
        With ``layout=1``, (batch, turns, directions, hidden).
    y_h : array, shape (directions, batch, hidden)
        The last state; with ``layout=1``, (batch, directions, hidden).

    References
    ----------
    K. Cho et al., Learning phrase representations using RNN encoder-decoder for statistical
    machine translation, EMNLP 2014, arXiv:1406.1078.

    Examples
    --------
    >>> import numpy as np
    >>> x, w, r = np.ones((2, 1, 1)), np.zeros((1, 3, 1)), np.zeros((1, 3, 1))
    >>> gru(x, w, r, None, None, np.full((1, 1, 1), 8.0))[0].ravel()
    array([4., 2.])
    """
    options = Options(
        "gru",
        3,
        ("sigmoid", "tanh"),
        activations,
        activation_alpha,
        activation_beta,
        clip,
        direction,
        hidden_size,
        layout,
        separate_bias=linear_before_reset,
    )
    size = r.shape[-1]

    def gates(part: Array, f: Any) -> tuple[Array, Array]:
        both = f(part)
        return both[:, :size], both[:, size:]

    def reset_first(
        projected: Array, states: tuple[Array, ...], weights: Weights
    ) -> tuple[Array, ...]:
        (h,), (f, g) = states, weights.functions
        recurrent = xp.matmul(h, weights.recurrent[:, : 2 * size])
        z, reset = gates(projected[:, : 2 * size] + recurrent, f)
        new = xp.matmul(reset * h, weights.recurrent[:, 2 * size :])
        new = g(projected[:, 2 * size :] + new)
        return (new + z * (h - new),)

    def linear_first(
        projected: Array, states: tuple[Array, ...], weights: Weights
    ) -> tuple[Array, ...]:
        (h,), (f, g) = states, weights.functions
        recurrent = xp.matmul(h, weights.recurrent)
        if weights.bias is not None:
            recurrent = recurrent + weights.bias
        z, reset = gates(projected[:, : 2 * size] + recurrent[:, : 2 * size], f)
        new = g(projected[:, 2 * size :] + reset * recurrent[:, 2 * size :])
        return (new + z * (h - new),)

    step = linear_first if linear_before_reset else reset_first
    y, y_h = unrolled(step, options, x, w, r, b, sequence_lens, [initial_h], xp=xp)
    return y, y_h
