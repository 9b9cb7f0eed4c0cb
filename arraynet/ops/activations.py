"""Activations that saturate or bend once: the step, the sigmoid and their kin."""

from __future__ import annotations

import math

from arraynet._typing import Array, Namespace
from arraynet.ops.registry import Rescaled, op


@op(elementwise=True, bounds=(0, 1))
def step(x: Array, *, xp: Namespace = None) -> Array:
    """Step function of the perceptron: 1 where ``x > 0``, else 0.

    At 0 it gives 0, as a perceptron's neuron fires only above its threshold. NaN stays NaN.

    Examples
    --------
    >>> import numpy as np
    >>> step(np.array([-0.25, 0.0, 0.25]))
    array([0., 0., 1.])
    """
    return xp.where(x > 0, 1.0, xp.where(x <= 0, 0.0, x))


@op(elementwise=True, bounds=(0, 1), rescaled=Rescaled("tanh", 0.5, 0.5, 0.5), widened=True)
def sigmoid(x: Array, *, xp: Namespace = None) -> Array:
    """Logistic function ``1 / (1 + exp(-x))``.

    Written as ``n / (1 + n)`` with ``n = exp(x)``, which keeps the relative accuracy of
    the left tail. From ``x = 40`` on, the value is 1 in every dtype; holding ``x`` there
    keeps ``n`` finite.

    Examples
    --------
    >>> import numpy as np
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    >>> float(sigmoid(np.array(-80.0, "float32")))
    1.8048...e-35
    """
    exponential = xp.exp(xp.minimum(x, 40.0))
    return exponential / (1.0 + exponential)


@op(elementwise=True, bounds=(-1, 1))
def tanh(x: Array, *, xp: Namespace = None) -> Array:
    """Hyperbolic tangent.

    Examples
    --------
    >>> import numpy as np
    >>> tanh(np.array([-100.0, 0.0, 100.0]))
    array([-1.,  0.,  1.])
    """
    return xp.tanh(x)


@op(elementwise=True, bounds=(-math.inf, 0), widened=True)
def log_sigmoid(x: Array, *, xp: Namespace = None) -> Array:
    """Logarithm of the sigmoid, ``-log(1 + exp(-x))``.

    Both tails are exact: -1000 gives -1000, and 50 gives ``-exp(-50)``.

    Examples
    --------
    >>> import numpy as np
    >>> log_sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([-1.00000000e+03, -6.93147181e-01,  0.00000000e+00])
    """
    # min(x, -x) is -|x| with the derivative 0 at 0, as the sum needs there.
    return xp.minimum(x, 0.0) - xp.log1p(xp.exp(xp.minimum(x, -x)))


@op(elementwise=True, bounds=(0, math.inf), widened=True)
def softplus(x: Array, *, xp: Namespace = None) -> Array:
    """Smooth rectifier ``log(1 + exp(x))``.

    Examples
    --------
    >>> import numpy as np
    >>> softplus(np.array([-1000.0, 0.0, 1000.0]))
    array([0.00000000e+00, 6.93147181e-01, 1.00000000e+03])
    """
    # min(x, -x) is -|x| with the derivative 0 at 0, as the sum needs there.
    return xp.maximum(x, 0.0) + xp.log1p(xp.exp(xp.minimum(x, -x)))


@op(elementwise=True, bounds=(-1, 1), widened=True)
def softsign(x: Array, *, xp: Namespace = None) -> Array:
    """Softsign ``x / (1 + |x|)``.

    Infinity gives 1, its limit.

    Examples
    --------
    >>> import numpy as np
    >>> softsign(np.array([-1.0, 0.0, 3.0]))
    array([-0.5 ,  0.  ,  0.75])
    """
    # Beyond 1e30 the quotient is 1 in every dtype; inf / inf would be NaN.
    limited = xp.maximum(xp.minimum(x, 1e30), -1e30)
    return limited / (1.0 + xp.abs(limited))


@op(elementwise=True, bounds=(0, math.inf), widened=True)
def squareplus(x: Array, *, b: float = 4.0, xp: Namespace = None) -> Array:
    """Smooth rectifier without an exponential, ``(x + sqrt(x**2 + b)) / 2``.

    For negative ``x`` the sum cancels, and ``b / (sqrt(x**2 + b) - x) / 2`` is taken in
    its stead. ``x**2`` cannot overflow: beyond 1e15 the root is ``|x|``.

    Parameters
    ----------
    b : float
        How wide the bend is; positive. The default, 4, is that of the paper (and of
        JAX; neither ONNX nor PyTorch has this function).

    References
    ----------
    J. T. Barron, Squareplus: A Softplus-Like Algebraic Rectifier, arXiv:2112.11687.

    Examples
    --------
    >>> import numpy as np
    >>> squareplus(np.array([-1.5, 0.0, 1.5]))
    array([0.5, 1. , 2. ])
    """
    half = 0.5 * xp.abs(x)
    limited = xp.minimum(half, 1e15)
    root = half + xp.maximum(half, xp.sqrt(limited * limited + 0.25 * b))
    return xp.where(x >= 0, root, (0.25 * b) / root)
