"""Dtypes inside a formula: what is summed in more bits, and what is rounded back."""

from __future__ import annotations

import math
from typing import Any

from arraynet._typing import Array, Namespace
from arraynet.errors import DtypeError
from arraynet.ops.admission import FLOATING, KINDS, dtype_name

_SHORT = ("float16", "bfloat16")

_OVERFLOWS = {
    "float16": 2.0**16 * (1 - 2.0**-12),
    "bfloat16": 2.0**128 * (1 - 2.0**-9),
    "float32": 2.0**128 * (1 - 2.0**-25),
}
"""What rounds to infinity: half-way from the largest number to the next power of two."""


def is_integral(x: Array) -> bool:
    """Return whether an array is of integers."""
    return dtype_name(x.dtype) in KINDS["integral"]


def is_floating(x: Array) -> bool:
    """Return whether an array is of real floating numbers."""
    return dtype_name(x.dtype) in FLOATING


def is_bool(x: Array) -> bool:
    """Return whether an array is of truth values."""
    return dtype_name(x.dtype) == "bool"


def check_integral(where: str, x: Array) -> None:
    """Refuse indices and lengths that are no integers.

    Raises
    ------
    DtypeError
    """
    if not is_integral(x):
        raise DtypeError(f"{where}: got an array of {dtype_name(x.dtype)}, expected integers")


def widened(x: Array, xp: Namespace) -> Array:
    """Return 16-bit floats in float32, and any other array as it is."""
    return xp.astype(x, xp.float32) if dtype_name(x.dtype) in _SHORT else x


def narrowed(x: Array, dtype: Any, xp: Namespace) -> Array:
    """Return an array rounded to a floating dtype; beyond its range it is infinite.

    NumPy would warn of an overflow there.
    """
    if x.dtype == dtype:
        return x
    end = _OVERFLOWS.get(dtype_name(dtype), math.inf)
    if is_floating(x) and end < _OVERFLOWS.get(dtype_name(x.dtype), math.inf):
        x = xp.where(x >= end, math.inf, xp.where(x <= -end, -math.inf, x))
    return xp.astype(x, dtype)
