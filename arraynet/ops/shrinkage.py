"""Shrinkage functions: they bring small inputs to 0."""

from __future__ import annotations

from arraynet._typing import Array, Namespace
from arraynet.ops.registry import op


@op(elementwise=True, widened=True)
def soft_shrink(x: Array, *, lambd: float = 0.5, xp: Namespace = None) -> Array:
    """Bring ``x`` nearer to 0 by ``lambd``; smaller values become 0.

    Parameters
    ----------
    lambd : float
        Not negative; the default is that of PyTorch's Softshrink.

    Examples
    --------
    >>> import numpy as np
    >>> soft_shrink(np.array([-2.0, 0.25, 2.0]))
    array([-1.5,  0. ,  1.5])
    """
    return x - xp.minimum(xp.maximum(x, -lambd), lambd)


@op(elementwise=True)
def hard_shrink(x: Array, *, lambd: float = 0.5, xp: Namespace = None) -> Array:
    """``x`` where ``|x| > lambd``, else 0.

    Parameters
    ----------
    lambd : float
        The threshold; the default is that of ONNX's Shrink, whose bias of 0 this is
        (and of PyTorch's Hardshrink).

    Examples
    --------
    >>> import numpy as np
    >>> hard_shrink(np.array([-2.0, 0.25, 2.0]))
    array([-2.,  0.,  2.])
    """
    return xp.where(xp.abs(x) <= lambd, 0.0, x)


@op(elementwise=True, widened=True)
def tanh_shrink(x: Array, *, xp: Namespace = None) -> Array:
    """``x - tanh(x)``, with full relative accuracy near 0.

    The difference cancels for small ``x``. There, with ``y = x**2``, Lambert's continued
    fraction ``tanh(x) = x / (1 + y / (3 + y / (5 + …)))`` gives ``x * f / (1 + f)`` with
    ``f = y / (3 + y / (5 + …))``, a formula of positive terms.

    References
    ----------
    NIST Digital Library of Mathematical Functions, 4.39.1 (of tan, with x for ix).

    Examples
    --------
    >>> import numpy as np
    >>> tanh_shrink(np.array([1e-5, 100.0]))
    array([3.33333333e-16, 9.90000000e+01])
    """
    limited = xp.minimum(xp.abs(x), 2.0)
    square = limited * limited
    fraction = 19.0 + square * (1.0 / 21.0)
    for odd in (17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0):
        fraction = odd + square / fraction
    fraction = square / fraction
    return xp.where(limited < 1.5, x * (fraction / (1.0 + fraction)), x - xp.tanh(x))
