"""Activations that multiply a value with a gate between 0 and 1."""

from __future__ import annotations

import math

from arraynet._typing import Array, Namespace
from arraynet.ops.registry import Shape, op


def _gated(value: Array, gate: Array, xp: Namespace) -> Array:
    """Return ``value * sigmoid(gate)``.

    A small sigmoid is split in two equal factors: their product with the value is
    then rounded among the subnormal numbers once, and not first without the value.
    """
    root = xp.exp(-0.5 * xp.abs(gate))
    factor = xp.where(gate >= 0, 1.0, root)
    return value * factor / (1.0 + root * root) * factor


@op(elementwise=True, aliases=("swish",), bounds=(-0.2785, math.inf), widened=True)
def silu(x: Array, *, xp: Namespace = None) -> Array:
    """Sigmoid linear unit ``x * sigmoid(x)``, as ONNX's Swish with its default alpha of 1.

    Parameters
    ----------
    x : array, shape (…)
        Floating.
    xp : namespace, optional
        The array's namespace; asked of it when None.

    Returns
    -------
    array, shape (…)
        Of the dtype of ``x``.

    Raises
    ------
    DtypeError
        If ``x`` is not floating.

    Examples
    --------
    >>> import numpy as np
    >>> silu(np.array([-1000.0, 0.0, 1000.0]))
    array([  -0.,    0., 1000.])
    """
    # Left of -2000 the value is 0; -inf * 0 would be NaN.
    limited = xp.maximum(x, -2000.0)
    return _gated(limited, limited, xp)


swish = silu


@op(elementwise=True, bounds=(-0.3089, math.inf), widened=True)
def mish(x: Array, *, xp: Namespace = None) -> Array:
    """Mish ``x * tanh(softplus(x))``.

    With ``n = exp(x)`` and ``w = n * (n + 2)``, ``tanh(log(1 + n))`` is ``w / (w + 2)``. From
    ``x = 20`` on that is 1 in every dtype; left of -40 it is ``n``, of which half the
    exponent is multiplied at a time, so that a subnormal ``n`` costs no accuracy.

    Parameters
    ----------
    x : array, shape (…)
        Floating.
    xp : namespace, optional
        The array's namespace; asked of it when None.

    Returns
    -------
    array, shape (…)
        Of the dtype of ``x``.

    Raises
    ------
    DtypeError
        If ``x`` is not floating.

    References
    ----------
    D. Misra, Mish: A Self Regularized Non-Monotonic Activation Function, arXiv:1908.08681.

    Examples
    --------
    >>> import numpy as np
    >>> mish(np.array([-1000.0, 0.0, 1000.0]))
    array([  -0.,    0., 1000.])
    """
    limited = xp.minimum(xp.maximum(x, -2000.0), 20.0)
    root = xp.exp(0.5 * limited)
    exponential = root * root
    product = exponential * (exponential + 2.0)
    gate = product / (product + 2.0)
    return xp.where(x < -40.0, limited * root * root, xp.maximum(x, -40.0) * gate)


def _halved(x: Shape, *, axis: int = -1) -> Shape:
    """Return the shape with one axis halved."""
    if not -len(x) <= axis < len(x):
        raise ValueError(f"axis {axis} does not exist in {x}")
    size = x[axis]
    if not isinstance(size, int) or size % 2:
        raise ValueError(f"axis {axis} has {size} features, and halves need an even number")
    halved = list(x)
    halved[axis] = size // 2
    return tuple(halved)


@op(rowwise=True, shape=_halved, widened=True)
def glu(x: Array, *, axis: int = -1, xp: Namespace = None) -> Array:
    """Gated linear unit: the first half of an axis times the sigmoid of the second.

    Parameters
    ----------
    x : array, shape (…)
        Floating.
    axis : int
        The axis to halve; the default is that of PyTorch's GLU.
    xp : namespace, optional
        The array's namespace; asked of it when None.

    Returns
    -------
    array, shape (…)
        Of the dtype of ``x``.

    Raises
    ------
    DtypeError
        If ``x`` is not floating.

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
    axis %= x.ndim
    size = x.shape[axis] // 2
    before = (slice(None),) * axis
    value, gate = x[(*before, slice(None, size))], x[(*before, slice(size, None))]
    return _gated(value, gate, xp)
