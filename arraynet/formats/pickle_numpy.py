"""The functions that rebuild NumPy arrays from a pickle, done by hand on inert values.

Each takes what the pickle gives it, checks it, and returns a value of
`pickle_values`. Sizes are compared with the data in the file; nothing is allocated.

References
----------
``array_reduce``, ``array_setstate`` and ``arraydescr_setstate`` in NumPy's
``numpy/_core/src/multiarray``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from arraynet.errors import LoadError, shortened
from arraynet.formats.pickle_values import (
    Dict,
    Dtype,
    List,
    Payload,
    PickledArray,
    Sequence,
    Symbol,
    describe,
)
from arraynet.formats.stored import KINDS, Stored, checked_size

if TYPE_CHECKING:
    from arraynet.formats.pickle_machine import Machine

CORES = ("numpy.core", "numpy._core")  # NumPy 1 and NumPy 2
BUILTINS = ("builtins", "__builtin__")  # Python 3 and Python 2

_NAMES = {
    "_reconstruct": [f"{core}.multiarray" for core in CORES],
    "scalar": [f"{core}.multiarray" for core in CORES],
    "_frombuffer": [f"{core}.numeric" for core in CORES],
    "ndarray": ["numpy"],
    "dtype": ["numpy"],
    "encode": ["_codecs"],
    "bytearray": [*BUILTINS],
    "bytes": [*BUILTINS],
    "OrderedDict": ["collections"],
}

SYMBOLS = {(module, name): Symbol(name) for name, modules in _NAMES.items() for module in modules}
"""All that a pickle may name: exact pairs of module and name."""


def _reconstruct(machine: Machine, arguments: tuple[Any, ...]) -> PickledArray:
    """_reconstruct(ndarray, (0,), b"b"): an array that waits for its state."""
    match arguments:
        case (Symbol("ndarray"), Sequence((0,)), Payload() as code) if code.data == b"b":
            return PickledArray()
    raise _arguments_error(machine, "_reconstruct", arguments)


def _dtype(machine: Machine, arguments: tuple[Any, ...]) -> Dtype:
    """dtype("f4", False, True): an element type that waits for its byte order."""
    match arguments:
        case (Payload() as code, 0 | 1, 1):  # without the copy, NumPy ignores a byte order
            kind = machine.name(code)
            if kind not in KINDS:
                raise machine.error(
                    f"dtype {shortened(kind)}", f"a numeric dtype ({', '.join(KINDS)})"
                )
            return Dtype(kind)
    raise _arguments_error(machine, "dtype", arguments)


def _scalar(machine: Machine, arguments: tuple[Any, ...]) -> PickledArray:
    """scalar(dtype, data): an array without dimensions."""
    match arguments:
        case (Dtype() as dtype, Payload() as data):
            return _array(machine, (), dtype, data)
    raise _arguments_error(machine, "scalar", arguments)


def _frombuffer(machine: Machine, arguments: tuple[Any, ...]) -> PickledArray:
    """_frombuffer(data, dtype, shape, order, axes=None): an array of protocol 5."""
    axes: Any = None
    match arguments:
        case (Payload() as data, Dtype() as dtype, shape, Payload() as order):
            pass
        case (Payload() as data, Dtype() as dtype, shape, Payload() as order, axes):
            pass
        case _:
            raise _arguments_error(machine, "_frombuffer", arguments)
    letter = machine.name(order)
    sizes = _integers(machine, shape)
    if letter in ("C", "F") and axes is None:
        return _array(machine, sizes, dtype, data, fortran=letter == "F")
    if letter == "K" and axes is not None:
        order_of_axes = _integers(machine, axes)
        if sorted(order_of_axes) == list(range(len(sizes))):
            return _array(machine, sizes, dtype, data, axes=order_of_axes)
    raise machine.error(f"memory order {shortened(letter)}", "C, F, or K with a list of all axes")


def _encode(machine: Machine, arguments: tuple[Any, ...]) -> Payload:
    """encode(text, "latin1"): bytes, as protocols 0 to 2 of Python 3 write them."""
    match arguments:
        case (Payload(is_text=True) as text, Payload() as codec):
            if machine.name(codec) in ("latin1", "latin-1"):
                return text.as_bytes()
    raise _arguments_error(machine, "encode", arguments)


def _bytes(machine: Machine, arguments: tuple[Any, ...]) -> Payload:
    """bytes(): empty ones, as protocols 0 to 2 of Python 3 write them."""
    if arguments:
        raise _arguments_error(machine, "bytes", arguments)
    return Payload(machine.source, "raw", 0, 0, is_text=False, data=b"")


def _bytearray(machine: Machine, arguments: tuple[Any, ...]) -> Payload:
    """bytearray(), bytearray(data) and bytearray(text, "latin-1")."""
    match arguments:
        case ():
            return _bytes(machine, ())
        case (Payload(is_text=False) as data,):
            return data
        case (Payload(is_text=True), Payload()):
            return _encode(machine, arguments)
    raise _arguments_error(machine, "bytearray", arguments)


def _ordered_dict(machine: Machine, arguments: tuple[Any, ...]) -> Dict:
    """OrderedDict(), filled afterwards; Python 2 gives it a list of pairs."""
    result = Dict()
    match arguments:
        case ():
            return result
        case (List(items=pairs),) if all(
            isinstance(pair, List) and len(pair.items) == 2 for pair in pairs
        ):
            machine.set_items(result, [part for pair in pairs for part in pair.items])
            return result
    raise _arguments_error(machine, "the name 'collections.OrderedDict'", arguments)


FUNCTIONS: dict[str, Callable[[Machine, tuple[Any, ...]], Any]] = {
    "_reconstruct": _reconstruct,
    "dtype": _dtype,
    "scalar": _scalar,
    "_frombuffer": _frombuffer,
    "encode": _encode,
    "bytes": _bytes,
    "bytearray": _bytearray,
    "OrderedDict": _ordered_dict,
}
"""What this reader does where the file calls one of the known symbols."""


def build(machine: Machine, target: Any, state: Any) -> None:
    """Give a dtype or an array its state, once."""
    items = state.items if isinstance(state, Sequence) else ()
    if isinstance(target, Dtype) and target.dtype is None:
        _set_dtype(machine, target, items)
    elif isinstance(target, PickledArray) and target.stored is None:
        _set_array(machine, target, items)
    else:
        raise machine.error(f"a state for {describe(target)}", "one for a new array or dtype")


def _set_dtype(machine: Machine, target: Dtype, items: tuple[Any, ...]) -> None:
    match items:
        case (3, Payload() as letter, None, None, None, -1, -1, 0):
            order = machine.name(letter)
            if order in ("<", ">", "|") and (order == "|") == (target.kind[1:] == "1"):
                target.dtype = np.dtype(f"{order}{target.kind}")
                return
            raise machine.error(f"byte order {shortened(order)} of {target.kind}", "< or >")
    raise _arguments_error(machine, "the state of a dtype", items)


def _set_array(machine: Machine, target: PickledArray, items: tuple[Any, ...]) -> None:
    match items:
        case (1, shape, Dtype() as dtype, 0 | 1 as fortran, Payload() as data):
            array = _array(machine, _integers(machine, shape), dtype, data, fortran=bool(fortran))
            target.stored = array.stored
            return
    raise _arguments_error(machine, "the state of an array", items)


def _array(
    machine: Machine,
    shape: tuple[int, ...],
    dtype: Dtype,
    data: Payload,
    *,
    fortran: bool = False,
    axes: tuple[int, ...] | None = None,
) -> PickledArray:
    if dtype.dtype is None:
        raise machine.error("a dtype without its state", "a byte order")
    source, kind = machine.source, dtype.dtype
    try:
        size = checked_size(shape, kind, machine.limits, source.path, None)
    except LoadError as error:  # only then: to find the tensor's name takes a while
        raise machine.error(error.found, error.expected) from None
    if not data.could_hold(size):
        raise machine.error(
            f"{data.length} bytes of data", f"{size} for shape {shortened(shape)} of {kind.name}"
        )
    return PickledArray(Stored("", shape, kind, data.fill, fortran, axes, source.path))


def _integers(machine: Machine, value: Any) -> tuple[int, ...]:
    if isinstance(value, Sequence) and all(type(item) is int for item in value.items):
        return value.items
    raise machine.error(f"{describe(value)} as a shape", "a tuple of ints")


def _arguments_error(machine: Machine, what: str, arguments: tuple[Any, ...]) -> LoadError:
    shown = ", ".join(describe(item) for item in itertools.islice(arguments, 9))
    return machine.error(f"{what} with ({shown})", "what NumPy writes for an array of numbers")
