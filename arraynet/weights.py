"""The weights of a graph: arrays on the host that nobody writes to, and their dtypes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from arraynet.admission import HostArray
from arraynet.errors import DtypeError, GraphError, clipped
from arraynet.memory import telling_full_memory


class FloatFormat(NamedTuple):
    """A floating format: its bytes, the bits of its fraction, its least normal exponent."""

    bytes: int
    bits: int
    least: int

    @property
    def spacing(self) -> float:
        """The spacing of the numbers after 1."""
        return 2.0**-self.bits

    @property
    def largest(self) -> float:
        """The largest finite number."""
        return (2.0 - self.spacing) * 2.0 ** (1 - self.least)


FORMATS = {
    "float16": FloatFormat(2, 10, -14),
    "bfloat16": FloatFormat(2, 7, -126),
    "float32": FloatFormat(4, 23, -126),
    "float64": FloatFormat(8, 52, -1022),
}

DTYPES = tuple(FORMATS)
"""The dtypes that a network may compute in."""


def seal(array: HostArray) -> HostArray:
    """Return a view of an array that nobody else holds, and that nobody will write to.

    The array becomes read-only, as does what it is a view of: a graph keeps such an array
    without a copy.
    """
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner.setflags(write=False)
        owner = owner.base
    return array.view()


def is_sealed(array: HostArray) -> bool:
    """Return whether nobody can write to an array: neither to it nor to what it views."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            return False
        owner = owner.base
    return owner is None or isinstance(owner, bytes)


def kept(name: str, weight: Any) -> HostArray:
    """Return a weight as a graph keeps it: a view whose owner is read-only.

    Raises
    ------
    GraphError
        If it is no array of NumPy, or a masked one.
    """
    if not isinstance(weight, np.ndarray | np.generic) or hasattr(weight, "mask"):
        raise GraphError(
            f"weight {clipped(name)}: got {clipped(type(weight).__name__)}, expected a plain "
            f"NumPy array"
        )
    if type(weight) is np.ndarray and is_sealed(weight):
        return weight.view() if weight.base is None else weight
    with telling_full_memory(f"weight {clipped(name)}"):
        return seal(np.array(weight, order="K"))


def cast(what: str, values: HostArray, kind: np.dtype[Any], *, nonzero: bool = False) -> HostArray:
    """Return numbers in another dtype, unless it cannot hold one of them.

    Raises
    ------
    DtypeError
        If a finite number would be infinite or, with ``nonzero``, one would be 0 that is
        not; it names ``what``.
    """
    with np.errstate(over="ignore", under="ignore"):
        result = values.astype(kind, copy=False)
    lost = np.isinf(result) & np.isfinite(values)
    if nonzero:
        lost |= (result == 0) & (values != 0)
    if lost.any():
        raise DtypeError(
            f"{what}: got {values[lost][0]!s}, expected numbers that {kind} can hold "
            f"(choose a wider dtype)"
        )
    return result
