"""Arithmetic of two arrays, signs, bounds, and running sums.

Arrays broadcast together. Integers stay integers, and wrap around where they overflow.
"""

from __future__ import annotations

import math

from arraynet._typing import Array, Namespace
from arraynet.errors import ShapeError
from arraynet.ops.meta import checked_axis
from arraynet.ops.placement import along
from arraynet.ops.precision import is_floating, is_integral, narrowed, widened
from arraynet.ops.registry import op


@op(
    elementwise=True,
    dtypes=("numeric",),
    scaling=lambda x, y, rank: (1.0, y if x is None else x),
)
def add(x: Array, y: Array, *, xp: Namespace = None) -> Array:
    """Sum ``x + y``.

    Examples
    --------
    >>> import numpy as np
    >>> add(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([10.0, 20.0]))
    array([[11., 22.],
           [13., 24.]])
    """
    return x + y


@op(
    elementwise=True,
    dtypes=("numeric",),
    scaling=lambda x, y, rank: (1.0, -y) if x is None else (-1.0, x),
)
def sub(x: Array, y: Array, *, xp: Namespace = None) -> Array:
    """Difference ``x - y``.

    Examples
    --------
    >>> import numpy as np
    >>> sub(np.array([5, 3]), np.array([1, 4]))
    array([ 4, -1])
    """
    return x - y


@op(
    elementwise=True,
    dtypes=("numeric",),
    scaling=lambda x, y, rank: (y if x is None else x, 0.0),
)
def mul(x: Array, y: Array, *, xp: Namespace = None) -> Array:
    """Product ``x * y``, element by element.

    Examples
    --------
    >>> import numpy as np
    >>> mul(np.array([2.0, 3.0]), np.array(4.0))
    array([ 8., 12.])
    """
    return x * y


@op(
    elementwise=True,
    dtypes=("numeric",),
    scaling=lambda x, y, rank: (1.0 / y, 0.0) if x is None else None,
)
def div(x: Array, y: Array, *, xp: Namespace = None) -> Array:
    """Quotient ``x / y``; of integers the whole part, rounded towards 0.

    Examples
    --------
    >>> import numpy as np
    >>> div(np.array([7.0, -7.0]), np.array(2.0)), div(np.array([7, -7]), np.array(2))
    (array([ 3.5, -3.5]), array([ 3, -3]))
    """
    if not is_integral(x):
        return x / y
    # The standard's quotient is rounded down: where something is left over, and the signs
    # differ, it is one too small.
    quotient = x // y
    inexact = (quotient * y != x) & ((x < 0) != (y < 0))
    return quotient + xp.astype(inexact, quotient.dtype)


@op(rowwise=True, dtypes=("numeric",))
def mod(x: Array, y: Array, *, fmod: bool = False, xp: Namespace = None) -> Array:
    """Remainder of ``x / y``.

    Parameters
    ----------
    fmod : bool
        Whether the result has the sign of ``x``, as in C; else it has the sign of ``y``, as
        in Python. By 0, and of infinity, it is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> mod(np.array([7, -7]), np.array(3)), mod(np.array([7, -7]), np.array(3), fmod=True)
    (array([1, 2]), array([ 1, -1]))
    """
    if is_floating(x):
        undefined = (y == 0) | (xp.abs(x) == math.inf)
        x, y = xp.where(undefined, math.nan, x), xp.where(undefined, 1.0, y)
    if not fmod:
        return xp.remainder(x, y)
    rest = xp.remainder(xp.abs(x), xp.abs(y))
    return xp.where(x < 0, -rest, rest)


@op(rowwise=True, dtypes=("numeric",))
def pow(x: Array, y: Array, *, xp: Namespace = None) -> Array:
    """Power ``x ** y``, in the dtype of ``x``.

    Parameters
    ----------
    y : array
        Of any numeric dtype; it must broadcast with ``x``. An integer to a power that is no
        integer is computed in the dtype of ``y``, and its whole part is taken.

    Examples
    --------
    >>> import numpy as np
    >>> pow(np.array([1.0, 2.0, 3.0]), np.array(2))
    array([1., 4., 9.])
    """
    if x.dtype == y.dtype:
        return xp.pow(x, y)
    if is_integral(x) and not is_integral(y):
        return xp.astype(xp.pow(xp.astype(x, y.dtype), y), x.dtype)
    return xp.pow(x, xp.astype(y, x.dtype))


@op(
    elementwise=True,
    dtypes=("numeric",),
    scaling=lambda x, rank: (-1.0, 0.0),
)
def neg(x: Array, *, xp: Namespace = None) -> Array:
    """Negative ``-x``.

    Examples
    --------
    >>> import numpy as np
    >>> neg(np.array([1, -2]))
    array([-1,  2])
    """
    return -x


@op(elementwise=True, dtypes=("numeric",))
def abs(x: Array, *, xp: Namespace = None) -> Array:
    """Magnitude ``|x|``.

    Examples
    --------
    >>> import numpy as np
    >>> abs(np.array([1.5, -2.0]))
    array([1.5, 2. ])
    """
    return xp.abs(x)


@op(rowwise=True, dtypes=("numeric",))
def sign(x: Array, *, xp: Namespace = None) -> Array:
    """Sign: -1, 0 or 1; that of NaN is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> sign(np.array([-3.0, 0.0, 0.5]))
    array([-1.,  0.,  1.])
    """
    return xp.sign(x)


@op(elementwise=True, dtypes=("numeric",))
def clip(
    x: Array, lower: Array | None = None, upper: Array | None = None, *, xp: Namespace = None
) -> Array:
    """Hold numbers between two bounds, ``minimum(maximum(x, lower), upper)``.

    Parameters
    ----------
    lower, upper : array, optional
        Of the dtype of ``x``; numbers without axes. None is no bound. Where they cross, the
        upper one holds, as in ONNX.

    Examples
    --------
    >>> import numpy as np
    >>> clip(np.array([-2.0, 0.5, 9.0]), np.array(0.0), np.array(1.0))
    array([0. , 0.5, 1. ])
    >>> clip(np.array([-2.0, 0.5, 9.0]), None, np.array(1.0))
    array([-2. ,  0.5,  1. ])
    """
    if lower is not None:
        x = xp.maximum(x, lower)
    return x if upper is None else xp.minimum(x, upper)


@op(dtypes=("numeric",), host=("axis",))
def cum_sum(
    x: Array, axis: Array, *, exclusive: bool = False, reverse: bool = False, xp: Namespace = None
) -> Array:
    """Sum the elements so far along an axis.

    Parameters
    ----------
    axis : array of integers, shape ()
        On the host.
    exclusive : bool
        Whether an element's own number is left out of its sum.
    reverse : bool
        Whether to go from the end of the axis to its start.

    Examples
    --------
    >>> import numpy as np
    >>> cum_sum(np.array([1.0, 2.0, 3.0]), 0), cum_sum(np.array([1, 2, 3]), 0, reverse=True)
    (array([1., 3., 6.]), array([6, 5, 3]))
    """
    return _running("cumulative_sum", x, axis, exclusive, reverse, xp)


@op(dtypes=("numeric",), host=("axis",))
def cum_prod(
    x: Array, axis: Array, *, exclusive: bool = False, reverse: bool = False, xp: Namespace = None
) -> Array:
    """Multiply the elements so far along an axis.

    Parameters
    ----------
    axis : array of integers, shape ()
        On the host.
    exclusive : bool
        Whether an element's own number is left out of its product.
    reverse : bool
        Whether to go from the end of the axis to its start.

    Examples
    --------
    >>> import numpy as np
    >>> cum_prod(np.array([2.0, 3.0, 4.0]), 0, exclusive=True)
    array([1., 2., 6.])
    """
    return _running("cumulative_prod", x, axis, exclusive, reverse, xp)


def _running(
    name: str, x: Array, axis: Array, exclusive: bool, reverse: bool, xp: Namespace
) -> Array:
    """Return the standard's running sum or product, in either direction."""
    if axis.size != 1:
        raise ShapeError(f"{axis.size} axes, and it goes along one")
    place = checked_axis(int(axis.item()), x.shape)
    wide = widened(x, xp)
    if reverse:
        wide = xp.flip(wide, axis=place)
    result = getattr(xp, name)(wide, axis=place, dtype=wide.dtype, include_initial=exclusive)
    if exclusive:
        result = result[along(place, slice(x.shape[place]))]
    if reverse:
        result = xp.flip(result, axis=place)
    return narrowed(result, x.dtype, xp)
