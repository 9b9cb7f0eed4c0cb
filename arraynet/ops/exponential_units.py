"""Rectifiers with an exponential on the left."""

from __future__ import annotations

import math

from arraynet._typing import Array, Namespace
from arraynet.ops.registry import op

# So near the end of the range that a factor's rounding does not lead beyond it.
_LARGEST_SINGLE = 2.0**128 * (1.0 - 2.0**-21)
_LARGEST_DOUBLE = 2.0 * (1.0 - 2.0**-50) * 2.0**1023


@op(elementwise=True, widened=True)
def elu(x: Array, *, alpha: float = 1.0, xp: Namespace = None) -> Array:
    """Exponential linear unit: ``x`` where ``x > 0``, else ``alpha * (exp(x) - 1)``.

    Parameters
    ----------
    alpha : float
        Minus the limit on the left; the default is that of ONNX's Elu (and of PyTorch).

    Examples
    --------
    >>> import numpy as np
    >>> elu(np.array([-1000.0, 0.0, 2.0]))
    array([-1.,  0.,  2.])
    """
    return xp.maximum(x, 0.0) + alpha * xp.expm1(xp.minimum(x, 0.0))


@op(elementwise=True, widened=True)
def selu(
    x: Array,
    *,
    alpha: float = 1.67326319217681884765625,
    gamma: float = 1.05070102214813232421875,
    xp: Namespace = None,
) -> Array:
    """Scaled exponential linear unit: ``gamma`` times `elu`.

    Where the value is beyond the dtype's range, it stays at its end.

    Parameters
    ----------
    alpha, gamma : float
        The defaults are those of ONNX's Selu.

    References
    ----------
    G. Klambauer et al., Self-Normalizing Neural Networks, arXiv:1706.02515.

    Examples
    --------
    >>> import numpy as np
    >>> selu(np.array([-1000.0, 0.0, 2.0]))
    array([-1.75809935,  0.        ,  2.10140204])
    """
    largest = (_LARGEST_SINGLE if x.dtype == xp.float32 else _LARGEST_DOUBLE) / max(gamma, 1.0)
    right = gamma * xp.minimum(xp.maximum(x, 0.0), largest)
    left = (gamma * alpha) * xp.expm1(xp.minimum(x, 0.0))
    return xp.where(x == math.inf, x, right + left)


@op(elementwise=True, widened=True)
def celu(x: Array, *, alpha: float = 1.0, xp: Namespace = None) -> Array:
    """Continuously differentiable ELU, ``max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)``.

    Parameters
    ----------
    alpha : float
        Minus the limit on the left; positive. The default is that of ONNX's Celu (and
        of PyTorch).

    References
    ----------
    J. T. Barron, Continuously Differentiable Exponential Linear Units, arXiv:1704.07483.

    Examples
    --------
    >>> import numpy as np
    >>> celu(np.array([-1000.0, 0.0, 2.0]), alpha=0.5)
    array([-0.5,  0. ,  2. ])
    """
    # Left of -1000 * alpha the exponential is 0; the quotient might overflow.
    left = xp.maximum(xp.minimum(x, 0.0), -1000.0 * alpha)
    return xp.maximum(x, 0.0) + alpha * xp.expm1(left / alpha)
