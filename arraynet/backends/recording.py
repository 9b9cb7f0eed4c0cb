"""Record what a function asks of NumPy, so that it can be asked again without it.

A forward pass makes the same NumPy calls each time it sees a batch of the same
size. The first time, its input is a `Recorded` array, which computes as any array
does and writes down each call on a `Tape`. `arraynet.backends.replay` then plans
the buffers and repeats the bare calls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from arraynet.admission import HostArray

DECOMPOSED = frozenset({np.max, np.min, np.sum, np.prod, np.clip})
"""NumPy functions that are a few ufunc calls inside: those are what is recorded."""


class NotRecordableError(Exception):
    """The function did something that a tape cannot hold."""


@dataclass(eq=False, slots=True)
class Slot:
    """The place of an array that differs from call to call."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


@dataclass(slots=True)
class Call:
    """One NumPy call; its arguments are slots, constant arrays or plain values.

    ``kind`` says how its result can be put into a given buffer: "ufunc" and
    "reduce" take ``out=``, "where" and "cast" are `numpy.copyto`, and of an
    "other" call the result is copied.
    """

    kind: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    result: Slot
    reads: list[Slot] = field(init=False)
    """The slots among its arguments."""

    def __post_init__(self) -> None:
        self.reads = [argument for argument in self.arguments if isinstance(argument, Slot)]


@dataclass
class Tape:
    """The calls of one run, in order."""

    source: Slot
    calls: list[Call] = field(default_factory=list)
    result: Slot | None = None

    def append(
        self,
        kind: str,
        function: Callable[..., Any],
        arguments: tuple[Any, ...],
        /,
        **keywords: Any,
    ) -> Recorded:
        """Make the call, write it down, and return its result to go on with."""
        values = [_value(argument) for argument in arguments]
        value = function(*values, **keywords)
        if not isinstance(value, np.ndarray):
            if not isinstance(value, np.generic):
                raise NotRecordableError(f"{function} returned {type(value).__name__}")
            value = np.asarray(value)
        call = Call(
            kind,
            function,
            tuple(self._written(argument, values, kind) for argument in arguments),
            keywords,
            Slot(value.shape, value.dtype),
        )
        self.calls.append(call)
        return self.view(value, call.result)

    def view(self, value: HostArray, slot: Slot) -> Recorded:
        """Return the array as one whose use this tape records."""
        recorded = value.view(Recorded)
        recorded.tape, recorded.slot = self, slot
        return recorded

    def _written(self, argument: Any, values: list[Any], kind: str) -> Any:
        """Return how a call's argument is written down."""
        if isinstance(argument, Recorded):
            if argument.tape is not self or argument.slot is None:
                raise NotRecordableError("an array came from a call that was not recorded")
            return argument.slot
        if kind == "ufunc" and type(argument) in (int, float):
            # A ufunc converts a Python scalar at each call, which takes longer than
            # a small array's arithmetic does.
            kinds = {value.dtype for value in values if isinstance(value, np.ndarray)}
            if len(kinds) == 1 and (dtype := kinds.pop()).kind not in "biu":
                return np.asarray(argument, dtype=dtype)
        return argument


class Recorded(np.ndarray[Any, Any]):
    """An array that writes each NumPy call on it down on its tape."""

    tape: Tape | None
    slot: Slot | None

    def __array_finalize__(self, source: Any) -> None:
        # A view that NumPy made by itself has no slot: `_written` refuses it.
        self.tape, self.slot = getattr(source, "tape", None), None

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        tape = _tape(inputs)
        if any(array is not None for array in keywords.pop("out", ())):
            raise NotRecordableError(f"{ufunc.__name__} was asked to write into an array")
        if method == "reduce":
            return tape.append("reduce", ufunc.reduce, inputs, **keywords)
        if method != "__call__" or ufunc.nout != 1:
            raise NotRecordableError(f"{ufunc.__name__}.{method} is not recorded")
        plain = not keywords and ufunc.signature is None
        return tape.append("ufunc" if plain else "other", ufunc, inputs, **keywords)

    def __array_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        arguments: Any,
        keywords: Any,
    ) -> Any:
        if function in DECOMPOSED:
            return super().__array_function__(function, types, arguments, keywords)
        if function is np.where and len(arguments) == 3:
            return _tape(arguments).append("where", function, arguments)
        if any(isinstance(value, Recorded) for value in keywords.values()):
            raise NotRecordableError(f"{function.__name__} got an array by keyword")
        return _tape(arguments).append("other", function, arguments, **keywords)

    def astype(self, dtype: Any, *arguments: Any, copy: bool = True, **keywords: Any) -> Any:  # type: ignore[override]
        """Record a conversion."""
        kind = np.dtype(dtype)
        if kind == self.dtype and not copy:
            return self
        return _tape((self,)).append("cast", _cast, (self, kind))

    def reshape(self, *shape: Any, **keywords: Any) -> Any:
        """Record a change of shape."""
        sizes = shape[0] if len(shape) == 1 else shape
        return _tape((self,)).append("other", np.reshape, (self, sizes), **keywords)

    def __getitem__(self, key: Any) -> Any:
        return _tape((self,)).append("other", _item, (self, key))

    def __bool__(self) -> bool:
        raise NotRecordableError("a branch depends on the values of an array")

    @property
    def T(self) -> Any:  # noqa: N802 (NumPy's name)
        """Record a transposition."""
        return np.transpose(self)

    @property
    def mT(self) -> Any:  # noqa: N802
        """Record a transposition of the last two axes."""
        return np.swapaxes(self, -1, -2)


def record(function: Callable[[Any], Any], x: HostArray) -> tuple[Any, Tape]:
    """Run the function on ``x``; return its result, and the tape of its calls.

    Raises
    ------
    NotRecordableError
        If the tape would not give the same result on other arrays of this shape.
    """
    tape = Tape(Slot(x.shape, x.dtype))
    result = function(tape.view(np.asarray(x), tape.source))
    if not isinstance(result, Recorded) or result.slot is None:
        raise NotRecordableError(f"the result, {type(result).__name__}, was not recorded")
    tape.result = result.slot
    return np.asarray(result), tape


def _tape(arguments: tuple[Any, ...]) -> Tape:
    for argument in arguments:
        if isinstance(argument, Recorded) and argument.tape is not None:
            return argument.tape
    raise NotRecordableError("an array was used in a list or a tuple")


def _value(argument: Any) -> Any:
    return argument.view(np.ndarray) if isinstance(argument, Recorded) else argument


def _cast(x: HostArray, dtype: np.dtype[Any]) -> HostArray:
    return x.astype(dtype)


def _item(x: HostArray, key: Any) -> Any:
    return x[key]
