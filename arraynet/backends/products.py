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

VECTOR = 64
"""Bytes of the widest vectors of present processors, and of a cache line."""


@dataclass(frozen=True)
class Part:
    """Some rows of the batch times some columns of the weight, as a weight of its own."""

    rows: slice
    columns: slice
    weight: HostArray


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

    def fortran(self, weight: HostArray) -> HostArray:
        """Return a weight with each column's elements side by side."""
        return self._once(weight, "fortran", lambda: np.asfortranarray(weight))

    def _once(self, weight: HostArray, kind: str, make: Callable[[], HostArray]) -> HostArray:
        entry = self._made.get((id(weight), kind))
        if entry is None:
            entry = self._made.setdefault((id(weight), kind), (weight, make()))
        return entry[1]


def is_wide(weight: HostArray) -> bool:
    """Return whether results are best kept with each column's elements side by side."""
    return weight.size >= WIDE


def parts(rows: int, weight: HostArray, layouts: Layouts) -> Iterator[Part]:
    """Yield the parts of a product of that many rows with a weight.

    Parameters
    ----------
    rows : int
    weight : numpy.ndarray, shape (in, out)
    layouts : Layouts
    """
    inner, columns = weight.shape
    everything = slice(0, columns)
    if is_wide(weight):
        # One row reads the weight once in any order; more are packed by columns.
        yield Part(slice(0, rows), everything, layouts.fortran(weight) if rows > 1 else weight)
        return
    tall = inner >= 4 * columns
    if rows == 1:
        # A dot product for each column reads memory in order, where columns are long.
        kept = layouts.fortran(weight) if tall else layouts.columns(weight, 0, columns)
        yield Part(slice(0, 1), everything, kept)
        return
    dotted = min(DOTTED // max(columns, 1), UNPACKED // max(inner * columns, 1))
    if tall and dotted >= 64:
        # So does it for as many rows at a time as these; and it sums in many short
        # chains, which is more exact than in one.
        size = -(-rows // -(-rows // dotted))
        for start in range(0, rows, size):
            chunk = slice(start, min(start + size, rows))
            yield Part(chunk, everything, layouts.fortran(weight))
        return
    # A few columns beyond whole vectors cost BLAS as much as a whole vector: they go
    # alone, and first: theirs is the quickest way to bring the rows near.
    odd = columns % (VECTOR // weight.itemsize)
    split = columns - odd if inner >= 256 and 0 < odd <= 4 < columns - odd else columns
    count = max(1, rows * inner * weight.itemsize // NEAR)
    size = -(-rows // count)
    if (unpacked := UNPACKED // (inner * columns) // 16 * 16) >= 96:
        size = min(size, unpacked)
    for start in range(0, rows, size):
        chunk = slice(start, min(start + size, rows))
        if split < columns:
            last = layouts.columns(weight, split, columns)
            yield Part(chunk, slice(split, columns), layouts.fortran(last))
        yield Part(chunk, slice(0, split), layouts.columns(weight, 0, split))
