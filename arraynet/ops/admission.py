"""What an op takes from a caller: which arrays, and which attributes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from arraynet.admission import host_array
from arraynet.errors import DtypeError, GraphError, choices_text, shortened

FLOATING = ("float16", "bfloat16", "float32", "float64")
"""The floating dtypes that ops and networks compute in."""

_INTEGRAL = tuple(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
_COMPLEX = ("complex64", "complex128")

KINDS: Mapping[str, tuple[str, ...]] = {
    "real floating": FLOATING,
    "integral": _INTEGRAL,
    "bool": ("bool",),
    "numeric": (*FLOATING, *_INTEGRAL),
    "complex floating": _COMPLEX,
}
"""The names of the dtypes of each kind, as the array API standard calls the kinds."""


def dtype_name(dtype: Any) -> str:
    """Return the name of any library's dtype, such as "float32".

    Examples
    --------
    >>> dtype_name(np.dtype("float32")), dtype_name(np.float32)
    ('float32', 'float32')
    """
    if isinstance(dtype, type):  # so namespaces like NumPy's name them
        return dtype.__name__
    # In NumPy's text the order of bytes stands too.
    return getattr(dtype, "name", None) or str(dtype).rpartition(".")[2]


def host_numbers(name: str, value: Any) -> Any:
    """Return what a formula reads the numbers of (sizes, axes) as an array of NumPy.

    Raises
    ------
    DtypeError
        If it is on a device, or not of numbers.
    """
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DtypeError(
            f"{name}: got {shortened(value)}, expected numbers on the host (a tuple, a list or an "
            f"array of NumPy)"
        ) from error
    if array.dtype.kind not in "biuf":
        raise DtypeError(f"{name}: got {shortened(value)}, expected numbers")
    return array


def plain(name: str, array: Any) -> Any:
    """Return an array of NumPy without rules of its own, and any other library's as it is."""
    return host_array(name, array) if isinstance(array, np.ndarray | np.generic) else array


def namespace_of(name: str, arrays: Iterable[Any], kinds: tuple[str, ...]) -> Any:
    """Return the one namespace of arrays, after checking their kinds and dtypes.

    Raises
    ------
    DtypeError
        If something is no array, arrays are of two libraries, or a dtype is of no such
        kind.
    """
    given = [array for array in arrays if array is not None]
    try:
        xp = array_namespace(*given)
    except TypeError as error:
        found = ", ".join(type(array).__name__ for array in given) or "nothing"
        raise DtypeError(
            f"{name}: got {found}, expected arrays of one array-API library "
            f"(NumPy, CuPy, PyTorch …; wrap lists and numbers with its asarray)"
        ) from error
    if "any" not in kinds:
        for array in given:
            _check_dtype(name, array, kinds)
    return xp


def _check_dtype(name: str, array: Any, kinds: tuple[str, ...]) -> None:
    found = dtype_name(getattr(array, "dtype", type(array).__name__))
    if any(found in KINDS[kind] for kind in kinds):
        return
    expected = " or ".join("a floating" if kind == "real floating" else kind for kind in kinds)
    some = KINDS[kinds[0]]
    raise DtypeError(
        f"{name}: got an array of {found}, expected {expected} dtype "
        f"({', '.join(some[:-1])} or {some[-1]}; convert it first)"
    )


def attribute(name: str, key: str, defaults: Mapping[str, Any], value: Any) -> Any:
    """Return an attribute's value as Python's own, if it is of its default's kind.

    A default of None takes a value of any kind: the formula judges it.

    Raises
    ------
    GraphError
    """
    if key not in defaults:
        raise TypeError(f"{name}() got an unexpected keyword argument {key!r}")
    default = defaults[key]
    if default is None:
        return value
    if isinstance(value, bool) is isinstance(default, bool):
        if isinstance(default, float) and isinstance(value, Real):
            with contextlib.suppress(OverflowError):
                return float(value)
        if isinstance(default, int) and isinstance(value, Integral):
            return type(default)(value)
        if isinstance(default, str) and isinstance(value, str):
            return value
        if isinstance(default, tuple) and isinstance(value, list | tuple):
            return tuple(value)
    raise GraphError(f"{name}: got {key}={shortened(value)}, expected a value like {default!r}")


def check_choice(name: str, key: str, value: Any, choices: Iterable[Any]) -> None:
    """Refuse an attribute that is not one of some words or numbers.

    Raises
    ------
    GraphError
    """
    known = tuple(choices)
    if value not in known:
        raise GraphError(
            f"{name}: got {key}={shortened(value)}, expected {choices_text(value, map(str, known))}"
        )
