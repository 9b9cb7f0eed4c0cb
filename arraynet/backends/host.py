"""What may come in from the host, and what its dtype is called."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from array_api_compat import device as device_of
from array_api_compat import is_array_api_obj

from arraynet.errors import DeviceMismatchError, DtypeError, ShapeError

HostArray: TypeAlias = np.ndarray[Any, Any]

DTYPES = (
    "bool",
    *(f"{sign}int{bits}" for bits in (8, 16, 32, 64) for sign in ("", "u")),
    *("float16", "float32", "float64", "bfloat16"),
)
"""The names of every dtype that a backend may know."""


def bfloat16() -> np.dtype[Any]:
    """Return NumPy's bfloat16, which the package ml_dtypes adds to it.

    Raises
    ------
    DtypeError
        If ml_dtypes is not installed.
    """
    try:
        import ml_dtypes
    except ImportError as error:
        raise DtypeError(
            "bfloat16: got a NumPy without it, expected the package ml_dtypes "
            "(python -m pip install ml_dtypes)"
        ) from error
    kind: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
    return kind


def host_dtype(name: str) -> np.dtype[Any]:
    """Return NumPy's dtype of that name, or raise DtypeError."""
    if name == "bfloat16":
        return bfloat16()
    if name not in DTYPES:
        raise DtypeError(f"dtype: got {name!r}, expected one of {', '.join(DTYPES)}")
    return np.dtype(name)


def host_array(x: Any, backend: str) -> HostArray:
    """Return what the host holds as a plain NumPy array of a dtype in `DTYPES`.

    Never copies an array of native byte order. ``backend`` is the name of the one
    that the array is meant for, for the message.

    Raises
    ------
    DeviceMismatchError
        If ``x`` is an array of another library, or of another device.
    DtypeError
        If it holds objects, text, dates, complex or extended-precision numbers.
    ShapeError
        If it is a nested list whose rows differ in length.
    """
    if not isinstance(x, np.ndarray | np.generic) and _is_foreign(x):
        raise DeviceMismatchError(
            f"input: got {_where(x)}, expected a NumPy array or one of backend {backend!r} "
            f"(nothing crosses by itself: move the network there with .to(...), or copy the "
            f"array to the host first)"
        )
    if isinstance(x, np.ma.MaskedArray):
        raise DtypeError(
            "input: got a masked array, expected a plain one (say what the masked "
            "elements are with its method filled)"
        )
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise ShapeError(f"input: got {type(x).__name__}, expected an array ({error})") from error
    if array.dtype.name not in DTYPES:
        raise DtypeError(
            f"input: got {type(x).__name__} of {array.dtype}, expected real numbers "
            f"({', '.join(DTYPES)})"
        )
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _is_foreign(x: Any) -> bool:
    """Return whether ``x`` is the array of a library other than NumPy."""
    return is_array_api_obj(x) or hasattr(x, "__cuda_array_interface__")


def _where(x: Any) -> str:
    """Say whose array ``x`` is, and on which device."""
    library = type(x).__module__.partition(".")[0]
    try:
        device = device_of(x)
    except Exception:  # a library without devices: its name alone must do
        return f"an array of {library}"
    return f"an array of {library} on {device}"
