"""Sizes, and what is made of numbers on the host alone: it stays there.

The one file of formulas that names NumPy.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from arraynet._typing import Array, Namespace
from arraynet.errors import GraphError, ShapeError, shape_text, shortened
from arraynet.ops.meta import on_host
from arraynet.ops.registry import op


def integers(numbers: Array) -> list[int]:
    """Return numbers on the host as Python's integers."""
    return [int(number) for number in numbers.reshape(-1).tolist()]


@op(dtypes=("any",), gives_host=True)
def shape(x: Array, *, start: int = 0, end: int | None = None, xp: Namespace = None) -> Array:
    """Tell the sizes of an array, as integers on the host.

    Parameters
    ----------
    start, end : int
        From which axis to which; as in a slice.

    Returns
    -------
    numpy.ndarray of int64, shape (axes,)

    Examples
    --------
    >>> import numpy as np
    >>> shape(np.ones((2, 3, 4)), start=1)
    array([3, 4])
    """
    return np.asarray(tuple(x.shape)[start:end], np.int64)


@op(dtypes=("any",), gives_host=True)
def size(x: Array, *, xp: Namespace = None) -> Array:
    """Tell how many elements an array has, as an integer on the host.

    Returns
    -------
    numpy.ndarray of int64, shape ()

    Examples
    --------
    >>> import numpy as np
    >>> int(size(np.ones((2, 3, 4))))
    24
    """
    return np.asarray(math.prod(x.shape), np.int64)


@op(dtypes=("any",), host=("shape",), gives_host=True)
def constant_of_shape(shape: Array, *, value: Any = None, xp: Namespace = None) -> Array:
    """Make an array of one number.

    Parameters
    ----------
    shape : array of integers
        On the host.
    value : number or numpy.ndarray of one element, optional
        The number; 0 in float32 by default. A Python float is of float32, an int of int64.

    Returns
    -------
    numpy.ndarray
        Of the dtype of ``value``.

    Examples
    --------
    >>> import numpy as np
    >>> constant_of_shape((2, 2), value=7)
    array([[7, 7],
           [7, 7]])
    """
    sizes = integers(shape)
    if min(sizes, default=0) < 0:
        raise ShapeError(f"a size of {shape_text(sizes)} is negative")
    if value is None or type(value) is float:
        value = np.float32(value or 0.0)
    number = np.asarray(value)
    if number.size != 1:
        raise GraphError(f"constant_of_shape: got value={shortened(value)}, expected one number")
    return on_host(xp).full(tuple(sizes), number.reshape(()), dtype=number.dtype)


@op(dtypes=("any",), host=("start", "limit", "delta"), gives_host=True)
def range(start: Array, limit: Array, delta: Array, *, xp: Namespace = None) -> Array:
    """Count from a start to before a limit.

    Parameters
    ----------
    start, limit, delta : array, shape ()
        Of one dtype; on the host.

    Returns
    -------
    numpy.ndarray, shape (n,)
        Of the dtype of ``start``; n is ``ceil((limit - start) / delta)``, or 0.

    Examples
    --------
    >>> import numpy as np
    >>> range(10, 4, -2)
    array([10,  8,  6])
    """
    if delta == 0:
        raise ShapeError("delta is 0, and would never reach the limit")
    first, last, step = (number.reshape(()) for number in (start, limit, delta))
    return on_host(xp).arange(first, last, step, dtype=start.dtype)
