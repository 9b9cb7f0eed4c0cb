"""Activations that multiply a value with a gate between 0 and 1."""

from __future__ import annotations

import math
from typing import NamedTuple

from arraynet._typing import Array, Namespace
from arraynet.errors import GraphError, ShapeError
from arraynet.ops.gaussian import gaussian, precision, rational
from arraynet.ops.meta import checked_axis
from arraynet.ops.registry import op

_SQRT_2PI = math.sqrt(2.0 * math.pi)
# exp(-64) is lost beside 1 in every dtype, and subnormal in none that is computed in.
_FAR = -64.0
_EXP_M16 = math.exp(-16.0)
_LINEAR = 2.0 * math.sqrt(2.0 / math.pi)
_CUBIC = 0.044715 * _LINEAR


def _gated(value: Array, gate: Array, xp: Namespace) -> Array:
    """Return ``value * sigmoid(gate)``.

    What the sigmoid loses left of -64 is multiplied last, so that the product is
    rounded among the subnormal numbers once, and the sigmoid without the value never.
    """
    exponential = xp.exp(xp.maximum(xp.minimum(gate, 40.0), _FAR))
    sigmoid = exponential / (1.0 + exponential)
    return value * sigmoid * _rest_of_exponential(gate, xp)


def _rest_of_exponential(x: Array, xp: Namespace) -> Array:
    """Return ``exp(x) / exp(-64)`` left of -64, and 1 elsewhere."""
    return xp.exp(xp.minimum(x - _FAR, 0.0))


@op(elementwise=True, aliases=("swish",), bounds=(-0.2785, math.inf), widened=True)
def silu(x: Array, *, xp: Namespace = None) -> Array:
    """Sigmoid linear unit ``x * sigmoid(x)``, as ONNX's Swish with its default alpha of 1.

    Examples
    --------
    >>> import numpy as np
    >>> silu(np.array([-1000.0, 0.0, 1000.0]))
    array([  -0.,    0., 1000.])
    """
    # Left of -2000 the value is 0; inf * 0 would be NaN.
    limited = xp.maximum(x, -2000.0)
    return _gated(limited, limited, xp)


swish = silu


@op(elementwise=True, bounds=(-0.3089, math.inf), widened=True)
def mish(x: Array, *, xp: Namespace = None) -> Array:
    """Mish ``x * tanh(softplus(x))``.

    With ``n = exp(x)`` and ``w = n * (n + 2)``, ``tanh(log(1 + n))`` is ``w / (w + 2)``. From
    ``x = 20`` on that is 1 in every dtype, and in the left tail it is ``n``.

    References
    ----------
    D. Misra, Mish: A Self Regularized Non-Monotonic Activation Function, arXiv:1908.08681.

    Examples
    --------
    >>> import numpy as np
    >>> mish(np.array([-1000.0, 0.0, 1000.0]))
    array([  -0.,    0., 1000.])
    """
    limited = xp.maximum(x, -2000.0)
    exponential = xp.exp(xp.maximum(xp.minimum(limited, 20.0), _FAR))
    product = exponential * (exponential + 2.0)
    return limited * (product / (product + 2.0)) * _rest_of_exponential(limited, xp)


@op(
    elementwise=True,
    bounds=(-0.17005, math.inf),
    widened=True,
    choices={"approximate": ("none", "tanh")},
)
def gelu(x: Array, *, approximate: str = "none", xp: Namespace = None) -> Array:
    """Gaussian error linear unit: ``x`` times the normal distribution function of ``x``.

    ``max(x, 0) - |x| * Q(|x|)``, where ``Q`` is the upper tail of the normal distribution:
    ``1 + erf`` would cancel for negative ``x``.

    Parameters
    ----------
    approximate : {"none", "tanh"}
        "tanh" is ``x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))``. The
        default is that of ONNX's Gelu (and of PyTorch).

    Raises
    ------
    DtypeError
        If ``x`` is not floating.
    GraphError
        If ``approximate`` is neither of the two.

    References
    ----------
    D. Hendrycks and K. Gimpel, Gaussian Error Linear Units (GELUs), arXiv:1606.08415.

    Examples
    --------
    >>> import numpy as np
    >>> gelu(np.array([-10.0, 0.0, 10.0]))
    array([-7.61985302e-23,  0.00000000e+00,  1.00000000e+01])
    """
    if approximate == "tanh":
        return _gelu_tanh(x, xp)
    if approximate != "none":
        raise GraphError(f"gelu: got approximate={approximate!r}, expected 'none' or 'tanh'")
    constants = precision(x, xp)
    # max(x, -x) is |x| with the derivative 0 at 0, as the difference needs there.
    size = xp.minimum(xp.maximum(x, -x), 50.0)
    ratio = size / (_SQRT_2PI * size + 2.0 * rational(size, constants.mills))
    return xp.maximum(x, 0.0) - ratio * gaussian(size, 0.5, constants.grid, xp)


class _Cubic(NamedTuple):
    """How to make ``v = linear * x + cubic * x**3`` exactly, but for a small rest.

    ``linear`` is ``2 * sqrt(2 / pi)`` and ``cubic`` is 0.044715 times that; each is
    split into leading bits and a rest.
    """

    grid: float
    product_grid: float
    linear: float
    linear_rest: float
    cubic: float
    cubic_rest: float


_SINGLE = _Cubic(
    grid=1.5 * 2.0**19,
    product_grid=1.5 * 2.0**11,
    linear=418321 / 2.0**18,
    linear_rest=1.1467522150867598e-06,
    cubic=73 / 2.0**10,
    cubic_rest=6.575377260024877e-05,
)
_DOUBLE = _Cubic(
    grid=1.5 * 2.0**44,
    product_grid=1.5 * 2.0**19,
    linear=13707552379 / 2.0**33,
    linear_rest=-5.5120230375072935e-11,
    cubic=9353 / 2.0**17,
    cubic_rest=-2.9107781810012236e-06,
)


def _gelu_tanh(x: Array, xp: Namespace) -> Array:
    """Return GELU's tanh form, ``max(x, 0) - |x| / (1 + exp(v))``.

    ``v`` is up to 745, and its rounding would cost as many ulp. With ``|x|`` on a
    coarse grid, the leading bits of the coefficients give an exact cubic. Shifting
    the exponent by 16 keeps the factors above the subnormal numbers.
    """
    constants = _SINGLE if x.dtype == xp.float32 else _DOUBLE
    size = xp.minimum(xp.maximum(x, -x), 30.0)
    coarse = (size + constants.grid) - constants.grid
    fine = size - coarse
    square = coarse * coarse
    factor = constants.linear + constants.cubic * square
    leading_factor = (factor + constants.product_grid) - constants.product_grid
    slope = _LINEAR + _CUBIC * (3.0 * square + fine * (3.0 * coarse + fine))
    rest = fine * slope + coarse * (
        (factor - leading_factor) + (constants.linear_rest + constants.cubic_rest * square)
    )
    leading = coarse * leading_factor
    shifted = xp.exp(16.0 - leading) * xp.exp(-rest)
    return xp.maximum(x, 0.0) - size * shifted / (1.0 + _EXP_M16 * shifted) * _EXP_M16


@op(rowwise=True, widened=True)
def glu(x: Array, *, axis: int = -1, xp: Namespace = None) -> Array:
    """Gated linear unit: the first half of an axis times the sigmoid of the second.

    Parameters
    ----------
    axis : int
        The axis to halve; the default is that of PyTorch's GLU.

    References
    ----------
    Y. N. Dauphin et al., Language Modeling with Gated Convolutional Networks,
    arXiv:1612.08083.

    Examples
    --------
    >>> import numpy as np
    >>> glu(np.array([[2.0, 4.0, 0.0, 1000.0]]))
    array([[1., 4.]])
    """
    axis = checked_axis(axis, x.shape)
    if x.shape[axis] % 2:
        raise ShapeError(
            f"axis {axis} has {x.shape[axis]} features, and halves need an even number"
        )
    size = x.shape[axis] // 2
    before = (slice(None),) * axis
    value, gate = x[(*before, slice(None, size), ...)], x[(*before, slice(size, None), ...)]
    return _gated(value, gate, xp)
