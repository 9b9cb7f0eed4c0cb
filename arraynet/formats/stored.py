"""A tensor inside a file: described, checked against the limits, not yet loaded."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from arraynet.errors import LoadError, shortened
from arraynet.formats.limits import Limits

HostArray: TypeAlias = np.ndarray[Any, Any]

KINDS = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
"""The element types, in NumPy's short names, that a file of tensors may hold."""

METADATA = "__metadata__"
"""What every format calls a file's metadata, and no tensor."""

CHUNK = 1 << 18


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A tensor inside an open file.

    Parameters
    ----------
    name : str
    shape : tuple of int
        The order of the axes in memory, if ``axes`` is given.
    dtype : numpy.dtype
        As in the file: it may be of the other byte order.
    fill : callable
        ``fill(buffer)`` writes the tensor's bytes into a buffer of that very size.
    fortran : bool
        Whether the first axis varies fastest.
    axes : tuple of int, optional
        How to transpose the tensor after that.
    file : str
        Named in errors.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fill: Callable[[memoryview], None]
    fortran: bool = False
    axes: tuple[int, ...] | None = None
    file: str = ""

    @property
    def final_shape(self) -> tuple[int, ...]:
        """The shape of the array that `load` gives."""
        return self.shape if self.axes is None else tuple(self.shape[axis] for axis in self.axes)

    @property
    def nbytes(self) -> int:
        """The size of the tensor in memory."""
        return math.prod(self.shape) * self.dtype.itemsize

    def load(self) -> HostArray:
        """Read the tensor into memory of its own, in this machine's byte order."""
        flat = np.empty(math.prod(self.shape), self.dtype)
        raw = flat.view(np.uint8)
        self._fill(raw.data)  # an empty one too: its checksum is checked there
        if self.dtype.kind == "b" and raw.size and raw.max() > 1:
            raise LoadError(self.file, f"a byte {raw.max()}", "0 or 1 (bool)", member=self.name)
        if not self.dtype.isnative:
            flat = flat.byteswap(inplace=True).view(self.dtype.newbyteorder("="))
        array = flat.reshape(self.shape, order="F" if self.fortran else "C")
        return array if self.axes is None else array.transpose(self.axes)

    def _fill(self, buffer: memoryview) -> None:
        try:
            self.fill(buffer)
        except LoadError:
            raise
        except ValueError as error:
            raise LoadError(
                self.file, str(error), f"{self.nbytes} bytes of data", member=self.name
            ) from error


def checked_size(
    shape: tuple[int, ...], dtype: np.dtype[Any], limits: Limits, file: str, member: str | None
) -> int:
    """Return a tensor's bytes, once its shape is known to keep to the limits.

    A size of zero does not excuse the others: (0, 10**18) is refused too.
    """
    if len(shape) > limits.dimensions:
        raise LoadError(
            file,
            f"{len(shape)} dimensions",
            f"at most {limits.dimensions} (Limits.dimensions)",
            member=member,
        )
    if any(size < 0 for size in shape):
        raise LoadError(file, f"shape {shortened(shape)}", "sizes of at least 0", member=member)
    most = min(limits.array_bytes, sys.maxsize)
    if math.prod(max(size, 1) for size in shape) * dtype.itemsize > most:
        raise LoadError(
            file,
            f"shape {shortened(shape)} of {dtype.name}",
            f"at most {most} bytes (Limits.array_bytes)",
            member=member,
        )
    return math.prod(shape) * dtype.itemsize


def check_name(name: str, limits: Limits, file: str, member: str | None = None) -> None:
    """Refuse a name that is empty, long, or would do something to a terminal."""
    if not name or not name.isprintable():
        raise LoadError(file, f"the name {shortened(name)}", "a printable name", member=member)
    if len(name) > limits.name_bytes:
        raise LoadError(
            file,
            f"a name of {len(name)} characters, {shortened(name)}",
            f"at most {limits.name_bytes} (Limits.name_bytes)",
            member=member,
        )


def check_total(total: int, limits: Limits, file: str) -> None:
    """Refuse tensors that are too large together."""
    if total > limits.array_bytes:
        raise LoadError(
            file,
            f"tensors of {total} bytes together",
            f"at most {limits.array_bytes} (Limits.array_bytes)",
        )


def check_expansion(size: int, compressed: int, limits: Limits, file: str) -> None:
    """Refuse a compressed file that grows far beyond its own size."""
    most = max(limits.expansion_floor, limits.expansion * compressed)
    if size > most:
        raise LoadError(
            file,
            f"{size} bytes out of {compressed} compressed ones",
            f"at most {most} (a decompression bomb? Limits.expansion)",
        )


def check_finite(array: HostArray, file: str, name: str) -> None:
    """Refuse NaN and infinity, naming the place of the first one in memory."""
    if array.dtype.kind in "biu":
        return
    flat = array.ravel(order="K")
    for start in range(0, flat.size, CHUNK):
        bad = ~np.isfinite(flat[start : start + CHUNK])
        if bad.any():
            first = start + int(bad.argmax())
            raise LoadError(
                file,
                f"{flat[first]} at index {_place(first, array)}",
                "finite values (allow_nonfinite=True to load it all the same)",
                member=name,
            )


def _place(number: int, array: HostArray) -> tuple[int, ...]:
    """Return the index of an element, counted as the elements lie in memory."""
    axes = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
    place = np.unravel_index(number, [array.shape[axis] for axis in axes]) if axes else ()
    found = dict(zip(axes, place, strict=True))
    return tuple(int(found[axis]) for axis in range(array.ndim))
