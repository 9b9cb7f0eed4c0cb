"""Conversions between dtypes."""

from __future__ import annotations

import contextlib
from importlib import import_module
from typing import Any

from array_api_compat import is_numpy_namespace

from arraynet._typing import Array, Namespace
from arraynet.errors import DtypeError, GraphError, choices_text, shortened
from arraynet.ops.admission import FLOATING, KINDS, dtype_name
from arraynet.ops.precision import is_bool, is_floating, is_integral, narrowed, widened
from arraynet.ops.registry import op

KNOWN = (*FLOATING, *KINDS["integral"], "bool")


def dtype_of(where: str, name: str, xp: Namespace) -> Any:
    """Return a library's dtype of some name.

    Raises
    ------
    GraphError
        For no such name.
    DtypeError
        If the library lacks it.
    """
    if name not in KNOWN:
        raise GraphError(f"{where}: got {shortened(name)}, expected {choices_text(name, KNOWN)}")
    found = getattr(xp, name, None)
    if found is None and name == "bfloat16" and is_numpy_namespace(xp):
        with contextlib.suppress(ImportError):
            found = import_module("ml_dtypes").bfloat16  # NumPy has it from there
    if found is None:
        raise DtypeError(f"{where}: got {name}, expected a dtype that the library has")
    return found


@op(rowwise=True, dtypes=("numeric", "bool"), moves=("x",))
def cast(x: Array, *, to: str = "", xp: Namespace = None) -> Array:
    """Convert to another dtype.

    Floating numbers lose what is behind the point when they become integers; beyond the
    range of the dtype they become its end, and NaN 0. (ONNX leaves that open, and
    processors differ.) Integers wrap around. A truth value is whether a number is not 0.

    Parameters
    ----------
    to : str
        The name of the dtype; it has no default.

    Returns
    -------
    array, shape (…)
        Of the new dtype.

    Examples
    --------
    >>> import numpy as np
    >>> cast(np.array([-1.7, 2.9, 300.0]), to="int8")
    array([ -1,   2, 127], dtype=int8)
    """
    return _converted(x, dtype_of("cast", to, xp), to, xp)


@op(rowwise=True, dtypes=("numeric", "bool"))
def cast_like(x: Array, target: Array, *, xp: Namespace = None) -> Array:
    """Convert to the dtype of another array; see `cast`.

    Parameters
    ----------
    target : array
        Of any shape.

    Returns
    -------
    array, shape (…)
        Of the dtype of ``target``.

    Examples
    --------
    >>> import numpy as np
    >>> cast_like(np.array([0.0, 2.5]), np.array([True]))
    array([False,  True])
    """
    return _converted(x, target.dtype, dtype_name(target.dtype), xp)


def _converted(x: Array, dtype: Any, name: str, xp: Namespace) -> Array:
    if x.dtype == dtype:
        return x
    if name == "bool":
        return x != 0
    if name in KINDS["integral"] and is_floating(x):
        return _truncated(widened(x, xp), dtype, xp)
    if name in FLOATING and not is_bool(x):
        if is_integral(x) and name in ("float16", "bfloat16"):
            x = xp.astype(x, xp.float32)  # exact wherever the result is finite
        return narrowed(x, dtype, xp)
    return xp.astype(x, dtype)


def _truncated(x: Array, dtype: Any, xp: Namespace) -> Array:
    """Return the whole parts as integers, at the end of their range for what is beyond."""
    least, largest = int(xp.iinfo(dtype).min), int(xp.iinfo(dtype).max)
    # One more than the largest is a power of two, which every dtype from float32 on holds.
    below, above = x <= float(least), x >= float(largest + 1)
    inside = xp.where(below | above | (x != x), 0.0, x)
    whole = xp.astype(inside, dtype)
    return xp.where(above, largest, xp.where(below, least, whole))
