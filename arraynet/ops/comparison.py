"""Comparisons, truth values, and choices between arrays, element by element."""

from __future__ import annotations

import math

from arraynet._typing import Array, Namespace
from arraynet.errors import DtypeError
from arraynet.ops.admission import dtype_name
from arraynet.ops.precision import is_bool, is_integral
from arraynet.ops.registry import op


@op(elementwise=True, dtypes=("numeric", "bool"))
def equal(x: Array, y: Array, *, xp: Namespace = None) -> Array:
    """Whether ``x == y``; NaN equals nothing.

    Returns
    -------
    array of bool, shape (…)

    Examples
    --------
    >>> import numpy as np
    >>> equal(np.array([1, 2]), np.array(2))
    array([False,  True])
    """
    return x == y


@op(elementwise=True, dtypes=("numeric",))
def less(x: Array, y: Array, *, xp: Namespace = None) -> Array:
    """Whether ``x < y``.

    Returns
    -------
    array of bool, shape (…)

    Examples
    --------
    >>> import numpy as np
    >>> less(np.array([1, 2, 3]), np.array(2))
    array([ True, False, False])
    """
    return x < y


@op(elementwise=True, dtypes=("numeric",))
def less_or_equal(x: Array, y: Array, *, xp: Namespace = None) -> Array:
    """Whether ``x <= y``.

    Returns
    -------
    array of bool, shape (…)

    Examples
    --------
    >>> import numpy as np
    >>> less_or_equal(np.array([1, 2, 3]), np.array(2))
    array([ True,  True, False])
    """
    return x <= y


@op(elementwise=True, dtypes=("numeric",))
def greater(x: Array, y: Array, *, xp: Namespace = None) -> Array:
    """Whether ``x > y``.

    Returns
    -------
    array of bool, shape (…)

    Examples
    --------
    >>> import numpy as np
    >>> greater(np.array([1, 2, 3]), np.array(2))
    array([False, False,  True])
    """
    return x > y


@op(elementwise=True, dtypes=("numeric",))
def greater_or_equal(x: Array, y: Array, *, xp: Namespace = None) -> Array:
    """Whether ``x >= y``.

    Returns
    -------
    array of bool, shape (…)

    Examples
    --------
    >>> import numpy as np
    >>> greater_or_equal(np.array([1, 2, 3]), np.array(2))
    array([False,  True,  True])
    """
    return x >= y


@op(rowwise=True, dtypes=("bool",))
def logical_and(x: Array, y: Array, *, xp: Namespace = None) -> Array:
    """Whether both are true.

    Examples
    --------
    >>> import numpy as np
    >>> logical_and(np.array([True, False]), np.array(True))
    array([ True, False])
    """
    return xp.logical_and(x, y)


@op(rowwise=True, dtypes=("bool",))
def logical_or(x: Array, y: Array, *, xp: Namespace = None) -> Array:
    """Whether one is true, or both.

    Examples
    --------
    >>> import numpy as np
    >>> logical_or(np.array([True, False]), np.array(False))
    array([ True, False])
    """
    return xp.logical_or(x, y)


@op(rowwise=True, dtypes=("bool",))
def logical_xor(x: Array, y: Array, *, xp: Namespace = None) -> Array:
    """Whether one is true, but not both.

    Examples
    --------
    >>> import numpy as np
    >>> logical_xor(np.array([True, False]), np.array(True))
    array([False,  True])
    """
    return xp.logical_xor(x, y)


@op(rowwise=True, dtypes=("bool",))
def logical_not(x: Array, *, xp: Namespace = None) -> Array:
    """Whether it is false.

    Examples
    --------
    >>> import numpy as np
    >>> logical_not(np.array([True, False]))
    array([False,  True])
    """
    return xp.logical_not(x)


@op(elementwise=True, dtypes=("numeric",))
def is_nan(x: Array, *, xp: Namespace = None) -> Array:
    """Whether it is NaN, not a number; no integer is.

    Returns
    -------
    array of bool, shape (…)

    Examples
    --------
    >>> import numpy as np
    >>> is_nan(np.array([1.0, np.nan, np.inf]))
    array([False,  True, False])
    """
    return x != x


@op(elementwise=True, dtypes=("numeric",))
def is_inf(
    x: Array,
    *,
    detect_negative: bool = True,
    detect_positive: bool = True,
    xp: Namespace = None,
) -> Array:
    """Whether it is infinite; no integer is.

    Parameters
    ----------
    detect_negative, detect_positive : bool
        Which of the two infinities count.

    Returns
    -------
    array of bool, shape (…)

    Examples
    --------
    >>> import numpy as np
    >>> is_inf(np.array([1.0, -np.inf, np.inf]), detect_negative=False)
    array([False, False,  True])
    """
    if is_integral(x):
        return x != x
    if detect_negative and detect_positive:
        return xp.abs(x) == math.inf
    if detect_positive:
        return x == math.inf
    # Nothing is less than -infinity.
    return x == -math.inf if detect_negative else x < -math.inf


@op(elementwise=True, dtypes=("any",))
def where(condition: Array, x: Array, y: Array, *, xp: Namespace = None) -> Array:
    """Elements of ``x`` where a condition holds, else of ``y``; all broadcast together.

    Parameters
    ----------
    condition : array of bool, shape (…)
    x, y : array, shape (…)
        Of one dtype, whatever it is.

    Returns
    -------
    array, shape (…)
        Of the dtype of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> where(np.array([True, False]), np.array([1, 2]), np.array([10, 20]))
    array([ 1, 20])
    """
    if not is_bool(condition):
        raise DtypeError(
            f"where: got a condition of {dtype_name(condition.dtype)}, expected bool "
            f"(compare it first)"
        )
    return xp.where(condition, x, y)
