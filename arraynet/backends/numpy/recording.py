"""Record what a function asks of NumPy, so that it can be asked again without it.

A forward pass makes the same NumPy calls each time it sees arrays of the same shapes.
Once its inputs are `Recorded` arrays, which compute as any array does and write each call
down on a `Tape`. `arraynet.backends.numpy.replay` then plans the buffers and repeats the
bare calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from arraynet.admission import HostArray

_REDUCTIONS: dict[Any, np.ufunc] = {
    np.max: np.maximum,
    np.min: np.minimum,
    np.sum: np.add,
    np.prod: np.multiply,
    np.any: np.logical_or,
    np.all: np.logical_and,
}
"""NumPy functions that are one reduction of a ufunc inside: that is what is recorded."""


class NotRecordableError(Exception):
    """The function did something that a tape cannot hold."""


@dataclass(eq=False, slots=True)
class Slot:
    """The place of an array that differs from call to call."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


@dataclass(slots=True)
class Call:
    """One NumPy call; its arguments are slots, constant arrays, plain values, or lists of them.

    ``kind`` says how its result can be put into a given buffer: "ufunc" and "reduce" take
    ``out=``, "where" and "cast" are `numpy.copyto`, "product" and "row sum" are asked for
    in a form of their own, a "view" takes no memory, and of an "other" call the result is
    copied.
    """

    kind: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    result: Slot
    reads: list[Slot] = field(init=False)
    """The slots among its arguments."""

    def __post_init__(self) -> None:
        self.reads = [a for a in _flat(self.arguments) if isinstance(a, Slot)]


@dataclass
class Tape:
    """The calls of one run, in order."""

    sources: tuple[Slot, ...]
    calls: list[Call] = field(default_factory=list)
    results: tuple[Any, ...] = ()
    """Slots; a result that no input decides is an array."""
    several: bool = False

    def append(
        self,
        kind: str,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        /,
        **keywords: Any,
    ) -> Recorded:
        """Make the call, write it down, and return its result to go on with."""
        values = tuple(map(_value, arguments))
        value = function(*values, **keywords)
        if not isinstance(value, np.ndarray):
            if not isinstance(value, np.generic):
                raise NotRecordableError(f"{function} returned {type(value).__name__}")
            value = np.asarray(value)
        if kind == "other" and _is_view(value, values):
            kind = "view"
        written = tuple(self._written(argument, values, kind) for argument in arguments)
        call = Call(kind, function, written, keywords, Slot(value.shape, value.dtype))
        self.calls.append(call)
        return Recorded(value, self, call.result)

    def _written(self, argument: Any, values: Sequence[Any], kind: str) -> Any:
        """Return how a call's argument is written down."""
        if isinstance(argument, Recorded):
            if argument.tape is not self:
                raise NotRecordableError("an array came from another run")
            return argument.slot
        if isinstance(argument, list | tuple) and any(isinstance(a, Recorded) for a in argument):
            return [self._written(item, values, "other") for item in argument]
        if kind == "ufunc" and type(argument) in (int, float):
            # A ufunc converts a Python scalar at each call, which takes longer than
            # a small array's arithmetic does.
            kinds = {value.dtype for value in values if isinstance(value, np.ndarray)}
            if len(kinds) == 1 and (dtype := kinds.pop()).kind not in "biu":
                return np.asarray(argument, dtype=dtype)
        return argument


class Recorded(NDArrayOperatorsMixin):
    """An array that writes each NumPy call on it down on its tape.

    It has numbers and hands none out: a formula that reads one would be right on the first
    call and wrong on every later one.
    """

    __slots__ = ("array", "slot", "tape")

    device = "cpu"

    def __init__(self, array: HostArray, tape: Tape, slot: Slot) -> None:
        self.array, self.tape, self.slot = array, tape, slot

    shape = property(lambda self: self.array.shape)
    dtype = property(lambda self: self.array.dtype)
    ndim = property(lambda self: self.array.ndim)
    size = property(lambda self: self.array.size)

    def __array_namespace__(self, api_version: str | None = None) -> Any:
        from arraynet.backends.numpy.namespace import NAMESPACE

        return NAMESPACE

    def __len__(self) -> int:
        return len(self.array)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        tape = _tape(inputs)
        if any(array is not None for array in keywords.pop("out", ())):
            raise NotRecordableError(f"{ufunc.__name__} was asked to write into an array")
        if method == "reduce":
            return tape.append("reduce", ufunc.reduce, inputs, **keywords)
        if method != "__call__" or ufunc.nout != 1:
            raise NotRecordableError(f"{ufunc.__name__}.{method} is not recorded")
        return tape.append("ufunc" if not keywords else "other", ufunc, inputs, **keywords)

    def __array_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        arguments: Any,
        keywords: Any,
    ) -> Any:
        if function in _REDUCTIONS and len(arguments) == 1:
            return _reduced(_REDUCTIONS[function], arguments[0], **keywords)
        if any(isinstance(value, Recorded) for value in keywords.values()):
            raise NotRecordableError(f"{function.__name__} got an array by keyword")
        tape = _tape(arguments)
        if function is np.where and len(arguments) == 3:
            return tape.append("where", function, arguments)
        return tape.append("other", function, arguments, **keywords)

    def astype(self, dtype: Any, *, copy: bool = True, **keywords: Any) -> Any:
        """Record a conversion."""
        kind = np.dtype(dtype)
        if kind == self.dtype and not copy:
            return self
        return self.tape.append("cast", _cast, (self, kind))

    def reshape(self, *shape: Any, **keywords: Any) -> Any:
        """Record a change of shape."""
        sizes = shape[0] if len(shape) == 1 else shape
        return self.tape.append("other", np.reshape, (self, sizes), **keywords)

    def __getitem__(self, key: Any) -> Any:
        parts = key if isinstance(key, tuple) else (key,)
        if any(isinstance(part, Recorded) for part in parts):
            return self.tape.append("other", _item_at, (self, list(parts)))
        return self.tape.append("other", _item, (self, key))

    @property
    def T(self) -> Any:  # noqa: N802 (NumPy's name)
        """Record a transposition."""
        return np.transpose(self)

    @property
    def mT(self) -> Any:  # noqa: N802
        """Record a transposition of the last two axes."""
        return np.swapaxes(self, -1, -2)

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise NotRecordableError(
            "a number of an array was asked for, which differs from call to call"
        )

    __bool__ = __float__ = __int__ = __index__ = __complex__ = __array__ = __iter__ = _refuse
    item = tolist = tobytes = _refuse

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotRecordableError(f"an array's {name} is not recorded")


def record(function: Callable[..., Any], *arrays: HostArray) -> tuple[Any, Tape]:
    """Run the function on arrays; return its result, and the tape of its calls.

    Raises
    ------
    NotRecordableError
        If the tape would not give the same result on other arrays of these shapes.
    """
    tape = Tape(tuple(Slot(x.shape, x.dtype) for x in arrays))
    given = zip(arrays, tape.sources, strict=True)
    result = function(*(Recorded(np.asarray(x), tape, slot) for x, slot in given))
    tape.several = isinstance(result, tuple)
    results = result if isinstance(result, tuple) else (result,)
    for found in results:
        if not isinstance(found, Recorded | np.ndarray):
            raise NotRecordableError(f"the result, {type(found).__name__}, was not recorded")
    tape.results = tuple(r.slot if isinstance(r, Recorded) else r for r in results)
    values = tuple(map(_value, results))
    return (values if tape.several else values[0]), tape


def _tape(arguments: Sequence[Any]) -> Tape:
    for argument in _flat(arguments):
        if isinstance(argument, Recorded):
            return argument.tape
    raise NotRecordableError("an array was used in a nested list")


def _flat(arguments: Sequence[Any]) -> Iterator[Any]:
    """Yield arguments, and the members of those that are lists."""
    for argument in arguments:
        if isinstance(argument, list | tuple):
            yield from argument
        else:
            yield argument


def _value(argument: Any) -> Any:
    """Return an argument with arrays in the place of recorded ones."""
    if isinstance(argument, list | tuple) and any(isinstance(a, Recorded) for a in argument):
        return [_value(item) for item in argument]
    return argument.array if isinstance(argument, Recorded) else argument


def _is_view(value: HostArray, values: Sequence[Any]) -> bool:
    """Return whether a call of one array gave another view of it."""
    array, *others = values
    if not isinstance(array, np.ndarray) or any(isinstance(a, np.ndarray) for a in _flat(others)):
        return False
    return value.base is not None and bool(np.may_share_memory(value, array))


def _reduced(ufunc: np.ufunc, x: Any, axis: Any = None, **keywords: Any) -> Any:
    return ufunc.reduce(x, axis=axis, **keywords)


def _cast(x: HostArray, dtype: np.dtype[Any]) -> HostArray:
    return x.astype(dtype)


def _item(x: HostArray, key: Any) -> HostArray:
    found: HostArray = x[key]
    return found


def _item_at(x: HostArray, parts: list[Any]) -> HostArray:
    found: HostArray = x[tuple(parts)]
    return found
