"""The forward pass of a program, or of a segment of it: one call after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from arraynet._typing import Array, Kernel
from arraynet.admission import DTYPES
from arraynet.backends.base import Backend
from arraynet.errors import DtypeError, ShapeError, clipped, shape_text, shortened
from arraynet.node import Value
from arraynet.ops.admission import FLOATING, dtype_name
from arraynet.ops.symbols import UNRANKED

ADDRESSABLE = 1 << 47
"""Most bytes of a value: so many are in the address space of a process (128 TiB)."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call: a function of arrays, where they stand, and where its results end.

    Attributes
    ----------
    name : str
        The ops, for people.
    where : str
        The node, for messages.
    reads : tuple of (int or None)
        The slots of its arguments; None where an optional one is absent.
    writes : tuple of (int or None)
        The slots of its results; one alone is no tuple.
    releases : tuple of int
        The slots that nothing reads any more.
    """

    name: str
    where: str
    function: Kernel
    reads: tuple[int | None, ...]
    writes: tuple[int | None, ...]
    releases: tuple[int, ...] = ()
    several: bool = False


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Forward:
    """Steps one after the other, from some arrays to others.

    An object of its own, which holds no `Program`: a program holds it, and what the
    backend makes of it. So a dropped network is gone at once.

    Attributes
    ----------
    admits : tuple of Value
        What the arrays must be, where they come from the caller. They stand in the first
        slots.
    steps : tuple of Step
    values : list of (array or None)
        The constants in their slots, and room for the inputs and the intermediates.
    results : tuple of int
        The slots of the results.
    copied : frozenset of int
        The slots of inputs and constants, of which the caller gets copies.
    final : bool
        Whether the results go to the caller, and must be on the device.
    sizes : mapping of int to int
        The bytes of the largest values for a batch of one row: of those that grow with the
        batch (1), with its square (2) …
    """

    backend: Backend
    admits: tuple[Value, ...]
    steps: tuple[Step, ...]
    values: list[Array | None]
    results: tuple[int, ...]
    copied: frozenset[int]
    final: bool
    sizes: Mapping[int, int]

    def __call__(self, *arrays: Any) -> Any:
        """Return the result on the device; several as a tuple."""
        with self.backend.active():
            values = self.values.copy()
            values[: len(arrays)] = taken = admitted(self.admits, arrays, self.backend)
            self._check_sizes(taken)
            for step in self.steps:
                result = _applied(step, values)
                for slot in step.releases:
                    values[slot] = None
                for place, part in zip(step.writes, result, strict=False):
                    if place is not None and place not in step.releases:
                        values[place] = part
            found = tuple(self._result(slot, values[slot]) for slot in self.results)
            return found[0] if len(found) == 1 else found

    def _check_sizes(self, arrays: Sequence[Any]) -> None:
        """Refuse what no process can address: some libraries end the process over that."""
        rows = arrays[0].shape[0] if self.admits and arrays[0].shape else 1
        most = max((size * rows**power for power, size in self.sizes.items()), default=0)
        if most > ADDRESSABLE:
            raise MemoryError(f"a value of {shortened(most)} bytes")

    def _result(self, slot: int, value: Any) -> Array:
        """Return a result: for the caller on the device, and a copy of what is not its own."""
        if not self.final:
            return value
        there = value if self.backend.owns(value) else self.backend.asarray(value)
        return self.backend.copied(there) if slot in self.copied else there


def _applied(step: Step, values: Sequence[Any]) -> tuple[Any, ...]:
    """Return what a step gives, as a tuple."""
    arrays = [None if slot is None else values[slot] for slot in step.reads]
    try:
        result = step.function(*arrays)
    except ShapeError as error:
        raise ShapeError(f"{step.where}: {error}") from error
    return result if step.several else (result,)


def admitted(inputs: Sequence[Value], arrays: Sequence[Any], backend: Backend) -> Sequence[Any]:
    """Return the caller's arrays as the network takes them; those of no caller as they are.

    Raises
    ------
    ShapeError, DtypeError, DeviceMismatchError
        As `admit` does, and if one symbol would have two sizes.
    """
    if not inputs:
        return arrays
    found = [admit(value, x, backend) for value, x in zip(inputs, arrays, strict=True)]
    if len(found) > 1:
        check_together(inputs, found)
    return found


def admit(value: Value, x: Any, backend: Backend) -> Array:
    """Return a caller's array on the device in the input's dtype, after checking its shape.

    Raises
    ------
    ShapeError
        If its shape is not the input's.
    DtypeError
        If its elements are not real numbers, or not the input's integers.
    DeviceMismatchError
        If it lives on another device, or in another library.
    """
    if value.dtype in FLOATING:
        array = backend.asarray(x, value.dtype)
    else:
        array = _exact(value, backend.asarray(x), backend)
    check_shape(tuple(array.shape), value.shape, value.name)
    return array


def _exact(value: Value, array: Array, backend: Backend) -> Array:
    """Return integers or truth values in the input's dtype, if that holds all of theirs."""
    found, wanted = dtype_name(array.dtype), str(value.dtype)
    if found == wanted:
        return array
    exact = found in DTYPES and found not in FLOATING and wanted != "bool"
    if exact and np.can_cast(found, wanted):
        return backend.asarray(array, wanted)
    raise DtypeError(
        f"input {clipped(value.name)}: got {found}, expected {wanted} (convert it first, for "
        f"example with .astype({wanted!r}))"
    )


def check_shape(found: tuple[int, ...], expected: tuple[int | str, ...], name: str = "") -> None:
    """Refuse an input that is not of the shape that the network takes.

    Raises
    ------
    ShapeError
    """
    fits = len(found) == len(expected) and all(
        isinstance(size, str) or size == have for have, size in zip(found, expected, strict=True)
    )
    if fits or expected == UNRANKED:
        return
    advice = "one row for each example"
    if found == tuple(expected[1:]):
        advice = f"for one example, pass x[None, {'...' if found[1:] else ':'}]"
    elif len(found) > 2 and len(expected) == 2:
        advice = "flatten each image: x.reshape(len(x), -1)"
    elif len(found) == 2 and len(expected) == 4:
        advice = "images: x.reshape(-1, channels, height, width)"
    where = "input" if name in ("", "x") else f"input {clipped(name)}"
    raise ShapeError(f"{where}: got shape {found}, expected {shape_text(expected)} ({advice})")


def check_together(inputs: Sequence[Value], arrays: Sequence[Any]) -> None:
    """Refuse inputs that give one symbol two sizes.

    Raises
    ------
    ShapeError
    """
    known: dict[str, tuple[int, str]] = {}
    for value, array in zip(inputs, arrays, strict=True):
        if value.shape == UNRANKED:
            continue
        for symbol, size in zip(value.shape, array.shape, strict=True):
            if not isinstance(symbol, str):
                continue
            first, name = known.setdefault(symbol, (size, value.name))
            if size != first:
                raise ShapeError(
                    f"input {clipped(value.name)}: got shape {tuple(array.shape)}, expected "
                    f"{symbol} = {first} as in {clipped(name)}"
                )
