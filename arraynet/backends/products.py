"""How a product of a batch with a weight is asked for, so that BLAS is quick with it.

The rules were measured on OpenBLAS, and are the same for every network. Each changes
how a product is asked for, never what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from arraynet.backends.host import HostArray

WIDE = 1 << 20
"""Weights from which on a product is bound by reading them, not by multiplying."""

NEAR = 640 << 10
"""Bytes of a batch that stay in the cache beside everything else, even twice as many."""

UNPACKED = 1_000_000
"""Multiply-adds up to which OpenBLAS reads operands where they lie, unpacked."""

DOTTED = 1120
"""Results up to which OpenBLAS makes a product of dot products."""

ALONE = 1 << 26
"""Multiply-adds up to which one thread does not take much longer than BLAS's own threads."""

STEP = 12
"""Rows that OpenBLAS multiplies at once when it reads operands unpacked."""

VECTOR = 64
"""Bytes of the widest vectors of present processors, and of a cache line."""


@dataclass(frozen=True)
class Part:
    """Some rows of the batch times some columns of the weight, as a weight of its own.

    Attributes
    ----------
    rows, columns : slice
        Which part of the result.
    weight : numpy.ndarray, shape (in, columns)
    height : int
        Into how many rows at a time BLAS gets them, all in one call of NumPy's.
    """

    rows: slice
    columns: slice
    weight: HostArray
    height: int


class Layouts:
    """Copies of weights in the memory order that a product is quickest with.

    Made once each, and shared by every plan of a network.
    """

    def __init__(self) -> None:
        # Each entry keeps the weight too, so that its id cannot be used again.
        self._made: dict[tuple[int, str], tuple[HostArray, HostArray]] = {}

    def columns(self, weight: HostArray, start: int, stop: int) -> HostArray:
        """Return some columns of a weight, each row's elements side by side."""
        part = weight[:, start:stop]
        return self._once(weight, f"{start}:{stop}", lambda: np.ascontiguousarray(part))

    def aligned(self, weight: HostArray) -> HostArray:
        """Return a weight each of whose rows starts at a cache line."""
        return self._once(weight, "aligned", lambda: _aligned(weight))

    def fortran(self, weight: HostArray) -> HostArray:
        """Return a weight with each column's elements side by side."""
        return self._once(weight, "fortran", lambda: np.asfortranarray(weight))

    def _once(self, weight: HostArray, kind: str, make: Callable[[], HostArray]) -> HostArray:
        entry = self._made.get((id(weight), kind))
        if entry is None:
            entry = self._made.setdefault((id(weight), kind), (weight, make()))
        return entry[1]


def _aligned(weight: HostArray) -> HostArray:
    rows, columns = weight.shape
    width = -(-columns * weight.itemsize // VECTOR) * VECTOR
    lines = aligned_bytes(rows * width).reshape(rows, width).view(weight.dtype)
    result = lines[:, :columns]
    result[...] = weight
    return result


def aligned_bytes(size: int) -> HostArray:
    """Return so many bytes of new memory that starts at a cache line."""
    raw = np.empty(size + VECTOR, np.uint8)
    start = -raw.ctypes.data % VECTOR
    return raw[start : start + size]


def is_wide(weight: HostArray) -> bool:
    """Return whether results are best kept with each column's elements side by side."""
    return weight.size >= WIDE


def parts(
    rows: int, weight: HostArray, layouts: Layouts, *, near: bool = False, unpacked: bool
) -> Iterator[Part]:
    """Yield the parts of a product of that many rows with a weight.

    Parameters
    ----------
    rows : int
    weight : numpy.ndarray, shape (in, out)
    layouts : Layouts
    near : bool
        Whether no part may have more rows than stay in the cache.
    unpacked : bool
        Whether BLAS reads small operands where they lie; see
        `arraynet.backends.blas.reads_unpacked`.
    """
    inner, columns = weight.shape
    if is_wide(weight):
        # One row reads the weight once in any order; more are packed by columns.
        kept = layouts.fortran(weight) if rows > 1 else weight
        yield Part(slice(0, rows), slice(0, columns), kept, rows)
        return
    tall = inner >= 4 * columns
    if rows == 1:
        # A dot product for each column reads memory in order, where columns are long.
        kept = layouts.fortran(weight) if tall else layouts.columns(weight, 0, columns)
        yield Part(slice(0, 1), slice(0, columns), kept, 1)
        return
    count = max(1, rows * inner * weight.itemsize // NEAR)
    block = -(-rows // count)
    most = block if near else rows
    size = max(inner * columns, 1)
    dotted = min(DOTTED // max(columns, 1), UNPACKED // size)
    if tall and dotted >= 64:
        # So does it for as many rows at a time as these; and it sums in many short
        # chains, which is more exact than in one.
        yield from _piled(rows, most, -(-rows // -(-rows // dotted)), layouts.fortran(weight))
        return
    height = UNPACKED // size // STEP * STEP
    if height >= 8 * STEP and rows > height:
        yield from _piled(rows, most, height, layouts.columns(weight, 0, columns))
        return
    if unpacked and height and rows > block and rows * size <= ALONE:
        yield from _piled(rows, most, height, layouts.aligned(weight))
        return
    # A few columns beyond whole vectors cost BLAS as much as a whole vector: they go
    # alone, and first: theirs is the quickest way to bring the rows near.
    odd = columns % (VECTOR // weight.itemsize)
    if not (unpacked and inner >= 256 and 0 < odd <= 4 < columns - odd):
        yield from _piled(rows, most, block, layouts.columns(weight, 0, columns))
        return
    for start in range(0, rows, block):
        chunk = slice(start, min(start + block, rows))
        height, split = chunk.stop - start, columns - odd
        last = layouts.fortran(layouts.columns(weight, split, columns))
        yield Part(chunk, slice(split, columns), last, height)
        yield Part(chunk, slice(0, split), layouts.columns(weight, 0, split), height)


def _piled(rows: int, most: int, height: int, weight: HostArray) -> Iterator[Part]:
    """Yield parts of at most so many rows, of equal heights, and one of what is left over."""
    height = min(height, most)
    most -= most % height
    everything = slice(0, weight.shape[1])
    piled = rows - rows % height
    for start in range(0, piled, most):
        yield Part(slice(start, min(start + most, piled)), everything, weight, height)
    if piled < rows:
        yield Part(slice(piled, rows), everything, weight, rows - piled)
