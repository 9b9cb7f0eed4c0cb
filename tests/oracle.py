"""What the operations should give: their definitions in mpmath, and errors in ulps.

Nothing here uses arraynet. Each definition is the textbook's, whatever it costs:
`exact` evaluates it with so many digits that no cancellation matters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import mpmath
import numpy as np
from mpmath import mp, mpf

Vector = np.ndarray[Any, Any]

SELU_ALPHA = mpf("1.67326319217681884765625")
SELU_GAMMA = mpf("1.05070102214813232421875")


def _number(written: float) -> mpf:
    """Return a parameter as it is written: 0.2 is a fifth."""
    return mpf(str(written))


def _sigmoid(x: mpf) -> mpf:
    return 1 / (1 + mp.exp(-x))


def _softplus(x: mpf) -> mpf:
    return mp.log(1 + mp.exp(x))


def _clamp(x: mpf, lower: float, upper: float) -> mpf:
    return min(max(x, _number(lower)), _number(upper))


def _elu(x: mpf, alpha: float = 1.0) -> mpf:
    return x if x > 0 else _number(alpha) * (mp.exp(x) - 1)


def _celu(x: mpf, alpha: float = 1.0) -> mpf:
    scale = _number(alpha)
    return max(x, mpf(0)) + min(mpf(0), scale * (mp.exp(min(x, mpf(0)) / scale) - 1))


def _gelu(x: mpf, approximate: str = "none") -> mpf:
    if approximate == "tanh":
        inner = mp.sqrt(2 / mp.pi) * (x + mpf("0.044715") * x**3)
        return x / 2 * (1 + mp.tanh(inner))
    return x / 2 * (1 + mp.erf(x / mp.sqrt(2)))


def _soft_shrink(x: mpf, lambd: float = 0.5) -> mpf:
    away = abs(x) - _number(lambd)
    return mp.sign(x) * max(away, mpf(0))


ELEMENTWISE: Mapping[str, Callable[..., mpf]] = {
    "celu": _celu,
    "dropout": lambda x, ratio=0.5: x,
    "elu": _elu,
    "erf": mp.erf,
    "erfc": lambda x: 1 - mp.erf(x),
    "gelu": _gelu,
    "hard_shrink": lambda x, lambd=0.5: x if abs(x) > lambd else mpf(0),
    "hard_sigmoid": lambda x, alpha=0.2, beta=0.5: _clamp(_number(alpha) * x + _number(beta), 0, 1),
    "hard_silu": lambda x: x * _clamp(x / 6 + mpf(1) / 2, 0, 1),
    "hard_tanh": lambda x, lower=-1.0, upper=1.0: _clamp(x, lower, upper),
    "identity": lambda x: x,
    "leaky_relu": lambda x, alpha=0.01: x if x >= 0 else _number(alpha) * x,
    "log_sigmoid": lambda x: mp.log(_sigmoid(x)),
    "mish": lambda x: x * mp.tanh(_softplus(x)),
    "relu": lambda x: max(x, mpf(0)),
    "relu6": lambda x: _clamp(x, 0, 6),
    "selu": lambda x, alpha=SELU_ALPHA, gamma=SELU_GAMMA: gamma * _elu(x, alpha),
    "sigmoid": _sigmoid,
    "silu": lambda x: x * _sigmoid(x),
    "soft_shrink": _soft_shrink,
    "softplus": _softplus,
    "softsign": lambda x: x / (1 + abs(x)),
    "squareplus": lambda x, b=4.0: (x + mp.sqrt(x * x + _number(b))) / 2,
    "step": lambda x: mpf(1 if x > 0 else 0),
    "tanh": mp.tanh,
    "tanh_shrink": lambda x: x - mp.tanh(x),
    "thresholded_relu": lambda x, alpha=1.0: x if x > alpha else mpf(0),
}
"""The definition of each elementwise op of one array."""


def _softmax(row: Sequence[mpf]) -> list[mpf]:
    powers = [mp.exp(x) for x in row]
    return [power / sum(powers) for power in powers]


def _logsumexp(row: Sequence[mpf]) -> mpf:
    return mp.log(sum(mp.exp(x) for x in row))


def _sparsemax(row: Sequence[mpf]) -> list[mpf]:
    """Find the threshold of the projection on the simplex by bisection."""
    low, high = min(row) - 1, max(row)
    for _ in range(200):
        middle = (low + high) / 2
        enough = sum(max(x - middle, mpf(0)) for x in row) >= 1
        low, high = (middle, high) if enough else (low, middle)
    return [max(x - low, mpf(0)) for x in row]


ROWS: Mapping[str, Callable[[Sequence[mpf]], Any]] = {
    "hardmax": lambda row: [mpf(int(i == row.index(max(row)))) for i in range(len(row))],
    "log_softmax": lambda row: [x - _logsumexp(row) for x in row],
    "logsumexp": lambda row: [_logsumexp(row)],
    "softmax": _softmax,
    "softmin": lambda row: _softmax([-x for x in row]),
    "sparsemax": _sparsemax,
}
"""The definition of each op of a row; logsumexp gives a row of one."""


class Exact(NamedTuple):
    """Real numbers ``(high + low) * 2**exponent`` with 1/2 <= |high| < 1, to 100 bits."""

    high: Vector
    low: Vector
    exponent: Vector

    @property
    def rounded(self) -> Vector:
        """The numbers in float64."""
        with np.errstate(over="ignore", under="ignore"):
            return np.ldexp(self.high, self.exponent)


def _packed(values: Sequence[mpf]) -> Exact:
    """Return the numbers in parts; those far below float64's range become 0."""
    magnitude = [mpmath.mag(value) if value else -math.inf for value in values]
    exponent = np.array([int(m) if m > -5000 else 0 for m in magnitude])
    scaled = [
        mp.ldexp(value, -int(e)) if m > -5000 else mpf(0)
        for value, m, e in zip(values, magnitude, exponent, strict=True)
    ]
    high = np.array([float(value) for value in scaled])
    low = np.array([float(value - mpf(h)) for value, h in zip(scaled, high, strict=True)])
    return Exact(high, low, exponent)


def _digits(x: mpf) -> int:
    """Return how many digits a definition needs at x.

    ``1 + exp(x)`` cancels |x| / log(10) of them, ``1 - erf(x)`` its square's share, the
    tanh in GELU its cube's; ``x - tanh(x)`` and ``x + sqrt(x**2 + b)`` twice those of x.
    Beyond 400 the results are 0 in every dtype.
    """
    if x == 0:
        return 40
    size = abs(x)
    cancelled = 400 if size > 1e3 else min(0.45 * max(size, size**2, size**3 / 14), 400)
    return 40 + int(cancelled) + 2 * abs(int(mp.log10(size)))


@cache
def _elementwise(name: str, points: tuple[float, ...], attributes: tuple[Any, ...]) -> Exact:
    values = []
    for point in points:
        with mp.workdps(_digits(mpf(point))):
            values.append(ELEMENTWISE[name](mpf(point), **dict(attributes)))
    with mp.workdps(60):
        return _packed([+value for value in values])


def exact(name: str, points: Vector, **attributes: Any) -> Exact:
    """Return an elementwise op's values at finite numbers; computed once for each sample."""
    return _elementwise(name, tuple(map(float, points)), tuple(attributes.items()))


@cache
def _rows(name: str, rows: tuple[tuple[float, ...], ...]) -> Exact:
    values: list[mpf] = []
    with mp.workdps(400):
        for row in rows:
            values += ROWS[name]([mpf(x) for x in row])
    with mp.workdps(60):
        return _packed([+value for value in values])


def exact_rows(name: str, rows: Vector) -> Exact:
    """Return a row op's values at finite rows (rows, columns), flattened.

    They are to 25 digits or more while no two scores of a row are 800 apart.
    """
    return _rows(name, tuple(tuple(map(float, row)) for row in rows))


def ulps(got: Vector, wanted: Exact, dtype: str | None = None) -> Vector:
    """Return how far each number is from the wanted one, in units of its last place.

    The unit is the spacing of the dtype's numbers at the wanted value; among the
    subnormal numbers, the smallest of them. What is not finite is infinitely far.
    """
    kind = np.finfo(dtype or got.dtype)
    flat = np.ravel(got).astype(np.float64)
    unit = np.maximum(wanted.exponent - 1, kind.minexp) - kind.nmant
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        # Half the scaling at a time: 2.0**exponent itself may be beyond float64.
        half = -wanted.exponent // 2
        scaled = np.ldexp(np.ldexp(flat, half), -wanted.exponent - half)
        error = np.abs((scaled - wanted.high) - wanted.low)
        distance = np.ldexp(error, wanted.exponent - unit)
    zero = wanted.high == 0
    with np.errstate(over="ignore"):
        distance[zero] = np.abs(np.ldexp(flat[zero], kind.nmant - kind.minexp))
    distance[~np.isfinite(flat)] = np.inf
    return distance
