"""New arrays beside those that a formula was given: on their device, in their dtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from array_api_compat import device

from arraynet._typing import Array, Namespace


def beside(x: Array, make: Callable[..., Array], *arguments: Any, dtype: Any = None) -> Array:
    """Return a new array on the device of ``x``, in its dtype where none is given.

    Parameters
    ----------
    x : array
    make : callable
        What makes an array in the array API: ``xp.zeros``, ``xp.arange``, ``xp.asarray`` …
    *arguments
        What it is given.
    dtype : object, optional
        The library's own dtype.

    Examples
    --------
    >>> import numpy as np
    >>> beside(np.float32([1.0]), np.zeros, 3)
    array([0., 0., 0.], dtype=float32)
    """
    return make(*arguments, dtype=x.dtype if dtype is None else dtype, device=device(x))


def index_dtype(xp: Namespace) -> Any:
    """Return the dtype of a library's indices: int64, and int32 where it has no 64 bits."""
    return xp.__array_namespace_info__().default_dtypes()["indexing"]


def along(axis: int, part: slice) -> tuple[Any, ...]:
    """Return the index of a part of one axis, counted from the front.

    Examples
    --------
    >>> along(1, slice(2, 5))
    (slice(None, None, None), slice(2, 5, None), Ellipsis)
    """
    return (*[slice(None)] * axis, part, ...)
