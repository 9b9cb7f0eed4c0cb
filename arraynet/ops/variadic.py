"""Sums, means, maxima and minima of any number of arrays, which broadcast together."""

from __future__ import annotations

import functools
import operator

from arraynet._typing import Array, Namespace
from arraynet.ops.registry import op


@op(elementwise=True, dtypes=("numeric",))
def sum(*arrays: Array, xp: Namespace = None) -> Array:
    """Sum of arrays, element by element.

    Parameters
    ----------
    *arrays : arrays
        At least one; of one dtype.

    Examples
    --------
    >>> import numpy as np
    >>> sum(np.array([1.0, 2.0]), np.array([10.0, 20.0]), np.array(100.0))
    array([111., 122.])
    """
    return functools.reduce(operator.add, arrays)


@op(elementwise=True, widened=True)
def mean(*arrays: Array, xp: Namespace = None) -> Array:
    """Mean of arrays, element by element.

    Parameters
    ----------
    *arrays : arrays
        At least one; floating.

    Examples
    --------
    >>> import numpy as np
    >>> mean(np.array([1.0, 2.0]), np.array([3.0, 6.0]))
    array([2., 4.])
    """
    return functools.reduce(operator.add, arrays) / len(arrays)


@op(elementwise=True, dtypes=("numeric",))
def max(*arrays: Array, xp: Namespace = None) -> Array:
    """Largest of arrays, element by element; NaN where one is NaN.

    Parameters
    ----------
    *arrays : arrays
        At least one; of one dtype.

    Examples
    --------
    >>> import numpy as np
    >>> max(np.array([1, 5]), np.array([3, 2]))
    array([3, 5])
    """
    return functools.reduce(xp.maximum, arrays)


@op(elementwise=True, dtypes=("numeric",))
def min(*arrays: Array, xp: Namespace = None) -> Array:
    """Smallest of arrays, element by element; NaN where one is NaN.

    Parameters
    ----------
    *arrays : arrays
        At least one; of one dtype.

    Examples
    --------
    >>> import numpy as np
    >>> min(np.array([1, 5]), np.array([3, 2]))
    array([1, 2])
    """
    return functools.reduce(xp.minimum, arrays)
