"""Rectifiers, and the piecewise linear functions that stand for smooth ones."""

from __future__ import annotations

import math

from arraynet._typing import Array, Namespace
from arraynet.ops.registry import op


@op(elementwise=True, bounds=(0, math.inf))
def relu(x: Array, *, xp: Namespace = None) -> Array:
    """Rectifier ``max(x, 0)``.

    Examples
    --------
    >>> import numpy as np
    >>> relu(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 3.])
    """
    return xp.maximum(x, 0.0)


@op(elementwise=True, bounds=(0, 6))
def relu6(x: Array, *, xp: Namespace = None) -> Array:
    """Rectifier that saturates at 6, ``min(max(x, 0), 6)``.

    Examples
    --------
    >>> import numpy as np
    >>> relu6(np.array([-2.0, 3.0, 8.0]))
    array([0., 3., 6.])
    """
    return xp.minimum(xp.maximum(x, 0.0), 6.0)


@op(elementwise=True, widened=True)
def leaky_relu(x: Array, *, alpha: float = 0.01, xp: Namespace = None) -> Array:
    """Rectifier with a slope on the left, ``x`` where ``x >= 0``, else ``alpha * x``.

    Parameters
    ----------
    alpha : float
        The slope; the default is that of ONNX's LeakyRelu (and of PyTorch).

    Examples
    --------
    >>> import numpy as np
    >>> leaky_relu(np.array([-2.0, 0.0, 3.0]))
    array([-0.02,  0.  ,  3.  ])
    """
    if alpha == 0:
        return xp.maximum(x, 0.0)
    if 0 < alpha <= 1:
        return xp.maximum(x, alpha * x)
    return xp.maximum(x, 0.0) + alpha * xp.minimum(x, 0.0)


@op(elementwise=True, widened=True)
def prelu(x: Array, slope: Array, *, xp: Namespace = None) -> Array:
    """Rectifier with a learned slope, ``x`` where ``x >= 0``, else ``slope * x``.

    Parameters
    ----------
    slope : array
        Of the dtype of ``x``; it must broadcast with it.

    Examples
    --------
    >>> import numpy as np
    >>> prelu(np.array([-2.0, 3.0]), np.array([0.5, 0.25]))
    array([-1.,  3.])
    """
    return xp.maximum(x, 0.0) + slope * xp.minimum(x, 0.0)


@op(elementwise=True)
def thresholded_relu(x: Array, *, alpha: float = 1.0, xp: Namespace = None) -> Array:
    """``x`` where ``x > alpha``, else 0.

    Parameters
    ----------
    alpha : float
        The threshold; the default is that of ONNX's ThresholdedRelu.

    Examples
    --------
    >>> import numpy as np
    >>> thresholded_relu(np.array([0.5, 1.0, 1.5]))
    array([0. , 0. , 1.5])
    """
    return xp.where(x <= alpha, 0.0, x)


@op(elementwise=True)
def hard_tanh(x: Array, *, lower: float = -1.0, upper: float = 1.0, xp: Namespace = None) -> Array:
    """``x`` held between two bounds.

    Parameters
    ----------
    lower, upper : float
        The bounds; the defaults are those of PyTorch's Hardtanh.

    Examples
    --------
    >>> import numpy as np
    >>> hard_tanh(np.array([-3.0, 0.5, 3.0]))
    array([-1. ,  0.5,  1. ])
    """
    return xp.minimum(xp.maximum(x, lower), upper)


@op(elementwise=True, bounds=(0, 1), widened=True)
def hard_sigmoid(x: Array, *, alpha: float = 0.2, beta: float = 0.5, xp: Namespace = None) -> Array:
    """Piecewise linear sigmoid ``min(max(alpha * x + beta, 0), 1)``.

    Written ``alpha * (x + beta / alpha)``, which is exact where the sum is near 0.

    Parameters
    ----------
    alpha, beta : float
        Slope and value at 0; the defaults are those of ONNX's HardSigmoid.
        (PyTorch's slope is 1/6.)

    Examples
    --------
    >>> import numpy as np
    >>> hard_sigmoid(np.array([-3.0, 0.0, 1.0, 3.0]))
    array([0. , 0.5, 0.7, 1. ])
    """
    # The quotient must be a number of the dtype: not so where the line is all but level.
    steep = abs(beta) < 1e30 * abs(alpha)
    line = alpha * (x + beta / alpha) if steep else alpha * x + beta
    return xp.minimum(xp.maximum(line, 0.0), 1.0)


@op(elementwise=True, aliases=("hard_swish",), bounds=(-0.375, math.inf), widened=True)
def hard_silu(x: Array, *, xp: Namespace = None) -> Array:
    """Piecewise quadratic SiLU ``x * min(max(x / 6 + 1/2, 0), 1)``, as ONNX's HardSwish.

    Written with ``x + 3``, which is exact near -3, where ``x / 6 + 1/2`` cancels.

    Examples
    --------
    >>> import numpy as np
    >>> hard_silu(np.array([-4.0, -1.5, 0.0, 4.0]))
    array([-0.   , -0.375,  0.   ,  4.   ])
    """
    # Left of -3 the value is 0; -inf * 0 would be NaN.
    limited = xp.maximum(x, -3.0)
    return limited * (xp.minimum(limited + 3.0, 6.0) / 6.0)


hard_swish = hard_silu
