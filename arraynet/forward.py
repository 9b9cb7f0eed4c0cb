"""The forward pass of a program: one call after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from arraynet._typing import Array, Kernel
from arraynet.backends.base import Backend
from arraynet.errors import ShapeError, shape_text, shortened

ADDRESSABLE = 1 << 47
"""Most bytes of a value: so many are in the address space of a process (128 TiB)."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call: a function of arrays, where they stand, and which end there."""

    name: str
    function: Kernel
    reads: tuple[int, ...]
    writes: int
    releases: tuple[int, ...]


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Forward:
    """The forward pass, one step after the other.

    An object of its own, which holds no `arraynet.program.Program`: a program holds
    it, and what the backend makes of it. So a dropped network is gone at once.

    Attributes
    ----------
    values : list of (array or None)
        The weights in their slots, and room for the input and the intermediates.
    result : int
        The slot of the output.
    copied : bool
        Whether the output is the input or a weight, of which the caller gets a copy.
    together : bool
        Whether the rows of a batch belong together, so that there must be some.
    sizes : mapping of int to int
        The bytes of the largest values: of those that grow with the batch (1), with its
        square (2) …, for a batch of one row.
    """

    backend: Backend
    dtype: str
    input_shape: tuple[int | str, ...]
    steps: tuple[Step, ...]
    values: list[Array | None]
    result: int
    copied: bool
    together: bool
    sizes: Mapping[int, int]

    def __call__(self, x: Any) -> Array:
        """Return the output for a batch, on the device."""
        with self.backend.active():
            values = self.values.copy()
            values[0] = self.admit(x)
            for step in self.steps:
                result = step.function(*[values[slot] for slot in step.reads])
                for slot in step.releases:
                    values[slot] = None
                values[step.writes] = result
            if self.copied:
                return self.backend.xp.asarray(values[self.result], copy=True)
            return values[self.result]

    def admit(self, x: Any) -> Array:
        """Return the batch on the device in the network's dtype, after checking its shape.

        Raises
        ------
        ShapeError
            If it is not (batch, features) with the network's number of features, or has
            no row although rows belong together.
        DtypeError
            If its elements are not real numbers.
        DeviceMismatchError
            If it lives on another device, or in another library.
        MemoryError
            If a value would have more bytes than a process can address: some libraries
            end the process over that.
        """
        array = self.backend.asarray(x, self.dtype)
        shape = tuple(array.shape)
        check_shape(shape, self.input_shape)
        most = max(size * shape[0] ** power for power, size in self.sizes.items())
        if most > ADDRESSABLE:
            raise MemoryError(f"a value of {shortened(most)} bytes")
        if self.together and 0 in shape[:1]:
            raise ShapeError(
                f"input: got shape {shape}, expected at least one row (this network's rows "
                f"belong together)"
            )
        return array


def check_shape(found: tuple[int, ...], expected: tuple[int | str, ...]) -> None:
    """Refuse an input that is not a batch of rows of the network's size.

    Raises
    ------
    ShapeError
    """
    fits = len(found) == len(expected) and all(
        isinstance(size, str) or size == have for have, size in zip(found, expected, strict=True)
    )
    if fits:
        return
    advice = "one row for each example"
    if found == tuple(expected[1:]):
        advice = "for one example, pass x[None, :]"
    elif len(found) > 2 and len(expected) == 2:
        advice = "flatten each image: x.reshape(len(x), -1)"
    raise ShapeError(f"input: got shape {found}, expected {shape_text(expected)} ({advice})")
