"""Recurrent networks by loops over sequences, turns and gates, in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Vector = np.ndarray[Any, Any]
Function = Callable[[Vector], Vector]

ACTIVATIONS: dict[str, Callable[..., Vector]] = {
    "Affine": lambda x, a=1.0, b=0.0: a * x + b,
    "Elu": lambda x, a=1.0: np.where(x > 0, x, a * np.expm1(np.minimum(x, 0))),
    "HardSigmoid": lambda x, a=0.2, b=0.5: np.clip(a * x + b, 0, 1),
    "LeakyRelu": lambda x, a=0.01: np.where(x < 0, a * x, x),
    "Relu": lambda x: np.maximum(x, 0),
    "ScaledTanh": lambda x, a=1.0, b=1.0: a * np.tanh(b * x),
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Softplus": lambda x: np.log1p(np.exp(x)),
    "Softsign": lambda x: x / (1 + np.abs(x)),
    "Tanh": np.tanh,
    "ThresholdedRelu": lambda x, a=1.0: np.where(x > a, x, 0),
}


def recurrent(
    name: str,
    x: Vector,
    w: Vector,
    r: Vector,
    b: Vector,
    lengths: Sequence[int],
    initial: Sequence[Vector],
    functions: Sequence[Function],
    *,
    direction: str = "forward",
    clip: float | None = None,
    peephole: Vector | None = None,
    linear_before_reset: bool = False,
    input_forget: bool = False,
) -> list[Vector]:
    """Return y and the last states, in layout 0."""
    turns, batch, _ = x.shape
    directions, hidden = len(w), r.shape[2]
    y = np.zeros((turns, directions, batch, hidden))
    last = [np.zeros((directions, batch, hidden)) for _ in initial]
    held: Function = (lambda v: v) if clip is None else lambda v: np.clip(v, -clip, clip)
    count = len(functions) // directions
    for d in range(directions):
        chosen = [lambda v, f=f: f(held(v)) for f in functions[d * count : (d + 1) * count]]
        backwards = direction == "reverse" or d == 1
        for n in range(batch):
            states = [s[d, n] for s in initial]
            order = range(lengths[n])
            for t in reversed(order) if backwards else order:
                states = _step(
                    name, x[t, n], states, w[d], r[d], b[d], chosen,
                    None if peephole is None else peephole[d], linear_before_reset, input_forget,
                )  # fmt: skip
                y[t, d, n] = states[0]
            for place, state in enumerate(states):
                last[place][d, n] = state
    return [y, *last]


def _step(
    name: str, x: Vector, states: list[Vector], w: Vector, r: Vector, b: Vector,
    functions: Any, peephole: Any, linear_before_reset: bool, input_forget: bool,
) -> list[Vector]:  # fmt: skip
    h = states[0]
    gates = len(w) // len(h)
    W, R, B, RB = (np.split(v, gates) for v in (w, r, *np.split(b, 2)))
    if name == "rnn":
        return [functions[0](W[0] @ x + R[0] @ h + B[0] + RB[0])]
    f, g = functions[:2]
    if name == "gru":
        z, reset = (f(W[k] @ x + R[k] @ h + B[k] + RB[k]) for k in (0, 1))
        if linear_before_reset:
            new = g(W[2] @ x + reset * (R[2] @ h + RB[2]) + B[2])
        else:
            new = g(W[2] @ x + R[2] @ (reset * h) + RB[2] + B[2])
        return [(1 - z) * new + z * h]
    c = states[1]
    p = np.zeros((3, len(h))) if peephole is None else peephole.reshape(3, -1)
    total = [W[k] @ x + R[k] @ h + B[k] + RB[k] for k in range(4)]
    i = f(total[0] + p[0] * c)
    forget = 1 - i if input_forget else f(total[2] + p[2] * c)
    cell = forget * c + i * g(total[3])
    return [f(total[1] + p[1] * cell) * functions[2](cell), cell]
