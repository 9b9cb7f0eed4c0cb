"""What may come in from outside: one admission of arrays for all that computes with them.

What it lets in is computed with as it says; everything else is refused by name. Nothing
loses its mask, its axes, its precision or its device on the way.
"""

from __future__ import annotations

import operator
from typing import Any, TypeAlias

import numpy as np
from array_api_compat import device as device_of
from array_api_compat import is_array_api_obj

from arraynet.errors import DeviceMismatchError, DtypeError, ShapeError, clipped, shortened
from arraynet.memory import telling_full_memory

HostArray: TypeAlias = np.ndarray[Any, Any]

DTYPES = (
    "bool",
    *(f"{sign}int{bits}" for bits in (8, 16, 32, 64) for sign in ("", "u")),
    *("float16", "float32", "float64", "bfloat16"),
)
"""The names of every dtype that is computed with."""

HOST_MEMORY = (1, 3)
"""DLPack's numbers of the host's memory: as it is, and pinned for CUDA."""

ON_THE_HOST = "an array on the host (copy it there first: net.predict and net.classify do)"
"""What is wanted of an array, but for the input of a network."""


def host_array(name: str, x: Any, *, wanted: str = ON_THE_HOST) -> HostArray:
    """Return what the host holds as a plain NumPy array in this machine's byte order.

    Never copies what NumPy can view: its own arrays in native byte order, and through
    DLPack those of any library whose memory is the host's.

    Parameters
    ----------
    name : str
        What the caller calls it.
    x : array_like
    wanted : str
        What the message says of an array on another device: where it should be, and how
        it gets there.

    Raises
    ------
    DeviceMismatchError
        If ``x`` is another library's array that NumPy cannot view where it is.
    DtypeError
        If it is masked, or holds what is.
    ShapeError
        If it is a nested list whose rows differ in length.

    Examples
    --------
    >>> host_array("x", np.array([[1, 2]]).view(np.matrix))
    array([[1, 2]])
    """
    if _is_masked(x):
        advice = "say what the masked elements are with its method filled"
        raise DtypeError(f"{name}: got a masked array, expected a plain one ({advice})")
    foreign = not isinstance(x, np.ndarray | np.generic) and _is_foreign(x)
    with telling_full_memory(name):
        array = _viewed(name, x, wanted) if foreign else _converted(name, x, wanted)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def real_array(name: str, x: Any, *, wanted: str = ON_THE_HOST) -> HostArray:
    """Return what the host holds as a plain NumPy array of a dtype in `DTYPES`.

    Parameters and errors are those of `host_array`.

    Raises
    ------
    DtypeError
        Also if it holds objects, text, dates, complex numbers, or reals of a precision
        that is not computed with (longdouble, float8).
    """
    array = host_array(name, x, wanted=wanted)
    if array.dtype.name not in DTYPES:
        found = f"{clipped(type(x).__name__)} of {clipped(str(array.dtype))}"
        raise DtypeError(f"{name}: got {found}, expected real numbers ({', '.join(DTYPES)})")
    return array


def host_dtype(name: str) -> np.dtype[Any]:
    """Return NumPy's dtype of a name in `DTYPES`; the package ml_dtypes adds bfloat16 to it.

    Raises
    ------
    DtypeError
        For another name, or for bfloat16 without ml_dtypes.
    """
    if name not in DTYPES:
        raise DtypeError(f"dtype: got {shortened(name)}, expected one of {', '.join(DTYPES)}")
    if name != "bfloat16":
        return np.dtype(name)
    try:
        import ml_dtypes
    except ImportError as error:
        wanted = "the package ml_dtypes (python -m pip install ml_dtypes)"
        raise DtypeError(f"bfloat16: got a NumPy without it, expected {wanted}") from error
    kind: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
    return kind


def whole_number(
    name: str, value: Any, *, least: int = 1, most: int | None = None, context: str = ""
) -> int:
    """Return a count, once it is known to be one.

    ``least`` and ``most`` belong to the range; ``context`` is what the message adds.

    Raises
    ------
    ShapeError
        If it is not a whole number in that range.

    Examples
    --------
    >>> whole_number("batch_size", 100)
    100
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least or (most is not None and number > most):
        wanted = f"a whole number of at least {least}" if most is None else f"{least} to {most}"
        raise ShapeError(f"{name}: got {shortened(value)}, expected {wanted}{context}")
    return number


def _is_masked(x: Any, depth: int = 64) -> bool:
    """Return whether this is a masked array, or a list that holds one."""
    if not isinstance(x, list | tuple) or not depth:
        return isinstance(x, np.ma.MaskedArray)
    kinds = set(map(type, x))
    if any(issubclass(kind, np.ma.MaskedArray) for kind in kinds):
        return True
    nested = any(issubclass(kind, list | tuple) for kind in kinds)
    return nested and any(_is_masked(item, depth - 1) for item in x)


def _is_foreign(x: Any) -> bool:
    """Return whether ``x`` is the array of a library other than NumPy."""
    return is_array_api_obj(x) or hasattr(x, "__cuda_array_interface__")


def _converted(name: str, x: Any, wanted: str) -> HostArray:
    """Return what NumPy makes of what is no other library's array."""
    try:
        return np.asarray(x)
    except ValueError as error:
        found = f"rows of different lengths, expected an array ({clipped(str(error), 160)})"
        raise ShapeError(f"{name}: got {found}") from error
    except (TypeError, RuntimeError) as error:
        raise _elsewhere(name, x, wanted) from error


def _viewed(name: str, x: Any, wanted: str) -> HostArray:
    """Return another library's array as NumPy's, where its memory is the host's."""
    # Both are asked: a library may stand in for a device that it does not have.
    try:
        device = x.__dlpack_device__()[0], str(device_of(x)).lower()
    except Exception as error:  # each library has its own kind
        raise _elsewhere(name, x, wanted) from error
    if device[0] not in HOST_MEMORY or "cpu" not in device[1]:
        raise _elsewhere(name, x, wanted)
    try:
        return np.from_dlpack(x)
    except (BufferError, RuntimeError, TypeError, ValueError) as error:
        raise _elsewhere(name, x, wanted, f" that NumPy cannot view ({error})") from error


def _elsewhere(name: str, x: Any, wanted: str, reason: str = "") -> DeviceMismatchError:
    """Return the error for an array that is not where it should be; it names both places."""
    library = type(x).__module__.partition(".")[0]
    try:
        place = f" on {device_of(x)}"
    except Exception:  # a library without devices: its name alone must do
        place = " on a device"
    kind = f" of {dtype}" if (dtype := getattr(x, "dtype", None)) is not None else ""
    found = f"{clipped(type(x).__name__)}{clipped(kind)} of {library}{place}{clipped(reason, 160)}"
    return DeviceMismatchError(f"{name}: got {found}, expected {wanted}")
