"""The functions that rebuild NumPy arrays from a pickle, done by hand on inert values.

Each takes what the pickle gives it, checks it, and returns a value of `pickle_values`, or
None for arguments that NumPy does not write. Sizes are compared with the data in the file;
nothing is allocated.

References
----------
``array_reduce``, ``array_setstate`` and ``arraydescr_setstate`` in NumPy's
``numpy/_core/src/multiarray``.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from arraynet.errors import LoadError, shortened
from arraynet.formats.pickle_values import (
    Dtype,
    Payload,
    PickledArray,
    Sequence,
    Symbol,
    describe,
)
from arraynet.formats.stored import KINDS, Stored, checked_size, is_numeric

if TYPE_CHECKING:
    from arraynet.formats.pickle_machine import Machine

Arguments = tuple[Any, ...]


def _reconstruct(machine: Machine, arguments: Arguments) -> PickledArray | None:
    """_reconstruct(ndarray, (0,), b"b"): an array that waits for its state."""
    match arguments:
        case (Symbol("ndarray"), Sequence((0,)), Payload() as code) if code.data == b"b":
            return PickledArray()
    return None


def _dtype(machine: Machine, arguments: Arguments) -> Dtype | None:
    """dtype("f4", False, True): an element type that waits for its byte order."""
    match arguments:
        case (Payload() as code, 0 | 1, 1):  # without the copy, NumPy ignores a byte order
            kind = machine.name(code)
            if kind not in KINDS:
                expected = f"a numeric dtype ({', '.join(KINDS)})"
                raise machine.error(f"dtype {shortened(kind)}", expected)
            return Dtype(kind)
    return None


def _scalar(machine: Machine, arguments: Arguments) -> PickledArray | None:
    """scalar(dtype, data): an array without dimensions."""
    match arguments:
        case (Dtype() as dtype, Payload() as data):
            return PickledArray(_stored(machine, (), dtype, data))
    return None


def _frombuffer(machine: Machine, arguments: Arguments) -> PickledArray | None:
    """_frombuffer(data, dtype, shape, order, axes=None): an array of protocol 5."""
    match arguments:
        case (Payload() as data, Dtype() as dtype, shape, Payload() as order, *rest) if (
            len(rest) < 2
        ):
            letter, sizes = machine.name(order), _integers(machine, shape)
            axes = rest[0] if rest else None
            if letter == "K" and axes is not None:
                axes = _integers(machine, axes)
                known = sorted(axes) == [*range(len(sizes))]
            else:
                known = letter in ("C", "F") and axes is None
            if not known:
                expected = "C, F, or K with a list of all axes"
                raise machine.error(f"memory order {shortened(letter)}", expected)
            fortran = letter == "F"
            return PickledArray(_stored(machine, sizes, dtype, data, fortran=fortran, axes=axes))
    return None


def _encode(machine: Machine, arguments: Arguments) -> Payload | None:
    """encode(text, "latin1"): bytes, as protocols 0 to 2 of Python 3 write them."""
    match arguments:
        case (Payload(is_text=True) as text, Payload() as codec):
            if machine.name(codec) in ("latin1", "latin-1"):
                return text.as_bytes()
    return None


def _bytes(machine: Machine, arguments: Arguments) -> Payload | None:
    """bytes(): empty ones, as protocols 0 to 2 of Python 3 write them."""
    return None if arguments else Payload(machine.source, "raw", 0, 0, is_text=False, data=b"")


def _bytearray(machine: Machine, arguments: Arguments) -> Payload | None:
    """bytearray(), bytearray(data) and bytearray(text, "latin-1")."""
    match arguments:
        case (Payload(is_text=False) as data,):
            return data
    return _encode(machine, arguments) or _bytes(machine, arguments)


def _ordered_dict(machine: Machine, arguments: Arguments) -> dict[str, Any]:
    """Ordered{}, filled afterwards; Python 2 gives it a list of pairs."""
    result: dict[str, Any] = {}
    match arguments:
        case ():
            return result
        case (list() as pairs,) if all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
            machine.set_items([part for pair in pairs for part in pair], result)
            return result
    raise arguments_error(machine, "the name 'collections.OrderedDict'", arguments)


MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")  # NumPy 1 and NumPy 2
BUILTINS = ("builtins", "__builtin__")  # Python 3 and Python 2

SYMBOLS = {
    (module, symbol.name): symbol
    for symbol, modules in (
        (Symbol("_reconstruct", _reconstruct), MULTIARRAY),
        (Symbol("scalar", _scalar), MULTIARRAY),
        (Symbol("_frombuffer", _frombuffer), ("numpy.core.numeric", "numpy._core.numeric")),
        (Symbol("ndarray", None), ("numpy",)),
        (Symbol("dtype", _dtype), ("numpy",)),
        (Symbol("encode", _encode), ("_codecs",)),
        (Symbol("bytearray", _bytearray), BUILTINS),
        (Symbol("bytes", _bytes), BUILTINS),
        (Symbol("OrderedDict", _ordered_dict), ("collections",)),
    )
    for module in modules
}
"""All that a pickle may name: exact pairs of module and name."""


def build(machine: Machine, state: Any, target: Any) -> None:
    """Give a dtype or an array its state, once."""
    items = state.items if isinstance(state, Sequence) else ()
    match target, items:
        case Dtype(dtype=None), (3, Payload() as letter, None, None, None, -1, -1, 0):
            order = machine.name(letter)
            if not is_numeric(order, target.kind):
                found = f"byte order {shortened(order)} of {target.kind}"
                raise machine.error(found, "< or >")
            target.dtype = np.dtype(f"{order}{target.kind}")
        case (
            PickledArray(stored=None),
            (1, shape, Dtype() as dtype, 0 | 1 as fortran, Payload() as data),
        ):
            sizes = _integers(machine, shape)
            target.stored = _stored(machine, sizes, dtype, data, fortran=bool(fortran))
        case Dtype(dtype=None) | PickledArray(stored=None), _:
            raise arguments_error(machine, f"the state of {describe(target)}", items)
        case _:
            raise machine.error(f"a state for {describe(target)}", "one for a new array or dtype")


def _stored(
    machine: Machine,
    shape: tuple[int, ...],
    dtype: Dtype,
    data: Payload,
    *,
    fortran: bool = False,
    axes: tuple[int, ...] | None = None,
) -> Stored:
    """Return the tensor of that data."""
    if dtype.dtype is None:
        raise machine.error("a dtype without its state", "a byte order")
    source, kind = machine.source, dtype.dtype
    try:
        size = checked_size(shape, kind, machine.limits, source.path, None)
    except LoadError as error:  # only then: to find the tensor's name takes a while
        raise machine.error(error.found, error.expected) from None
    if not data.could_hold(size):
        expected = f"{size} for shape {shortened(shape)} of {kind.name}"
        raise machine.error(f"{data.length} bytes of data", expected)
    return Stored("", shape, kind, data.fill, fortran, axes, source.path)


def _integers(machine: Machine, value: Any) -> tuple[int, ...]:
    if isinstance(value, Sequence) and all(type(item) is int for item in value.items):
        return value.items
    raise machine.error(f"{describe(value)} as a shape", "a tuple of ints")


def arguments_error(machine: Machine, what: str, arguments: Arguments) -> LoadError:
    """Return the error for a call with arguments that NumPy does not write."""
    shown = ", ".join(describe(item) for item in itertools.islice(arguments, 9))
    return machine.error(f"{what} with ({shown})", "what NumPy writes for an array of numbers")
