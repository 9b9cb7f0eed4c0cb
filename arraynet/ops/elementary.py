"""Exponentials, roots and rounding, element by element."""

from __future__ import annotations

from arraynet._typing import Array, Namespace
from arraynet.ops.registry import op


@op(elementwise=True)
def exp(x: Array, *, xp: Namespace = None) -> Array:
    """Exponential.

    Examples
    --------
    >>> import numpy as np
    >>> exp(np.array([0.0, 1.0]))
    array([1.        , 2.71828183])
    """
    return xp.exp(x)


@op(elementwise=True)
def log(x: Array, *, xp: Namespace = None) -> Array:
    """Natural logarithm; that of 0 is -infinity, that of a negative number NaN.

    Examples
    --------
    >>> import numpy as np
    >>> log(np.array([1.0, np.e]))
    array([0., 1.])
    """
    return xp.log(x)


@op(elementwise=True)
def sqrt(x: Array, *, xp: Namespace = None) -> Array:
    """Square root; that of a negative number is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> sqrt(np.array([4.0, 2.0]))
    array([2.        , 1.41421356])
    """
    return xp.sqrt(x)


@op(elementwise=True)
def reciprocal(x: Array, *, xp: Namespace = None) -> Array:
    """Reciprocal ``1 / x``.

    Examples
    --------
    >>> import numpy as np
    >>> reciprocal(np.array([2.0, -4.0]))
    array([ 0.5 , -0.25])
    """
    return 1.0 / x


@op(rowwise=True)
def floor(x: Array, *, xp: Namespace = None) -> Array:
    """Largest whole number that is not above ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> floor(np.array([1.5, -1.5]))
    array([ 1., -2.])
    """
    return xp.floor(x)


@op(rowwise=True)
def ceil(x: Array, *, xp: Namespace = None) -> Array:
    """Smallest whole number that is not below ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> ceil(np.array([1.5, -1.5]))
    array([ 2., -1.])
    """
    return xp.ceil(x)


@op(rowwise=True)
def round(x: Array, *, xp: Namespace = None) -> Array:
    """Nearest whole number; of two as near, the even one.

    Examples
    --------
    >>> import numpy as np
    >>> round(np.array([0.5, 1.5, -2.5]))
    array([ 0.,  2., -2.])
    """
    return xp.round(x)
