"""How a product of a batch with a weight is asked for, so that BLAS is quick with it.

The rules were measured on OpenBLAS, and are the same for every network. Each changes
how a product is asked for, never what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from arraynet.admission import HostArray

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
    """Return the parts of a product of that many rows with a weight: what the first rule says.

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
    product = _Product(rows, weight, layouts, near=near, unpacked=unpacked)
    found = (rule(product) for rule in RULES)
    return next(said for said in found if said is not None)


class _Product:
    """A product of a batch with a weight, and what the rules look at."""

    def __init__(
        self, rows: int, weight: HostArray, layouts: Layouts, *, near: bool, unpacked: bool
    ) -> None:
        self.rows, self.weight, self.layouts, self.unpacked = rows, weight, layouts, unpacked
        inner, self.columns = weight.shape
        self.long = inner >= 256
        self.tall = inner >= 4 * self.columns
        # Multiply-adds for each row.
        self.work = max(weight.size, 1)
        # Rows that stay in the cache, in blocks of one size; most of one part.
        self.block = -(-rows // max(1, rows * inner * weight.itemsize // NEAR))
        self.most = self.block if near else rows
        # Rows at a time for which BLAS reads everything where it lies.
        self.height = UNPACKED // self.work // STEP * STEP

    def whole(self, weight: HostArray) -> Iterator[Part]:
        """Yield the product as one part."""
        yield Part(slice(0, self.rows), slice(0, self.columns), weight, self.rows)

    def piled(self, height: int, weight: HostArray) -> Iterator[Part]:
        """Yield parts of equal heights, each at most so many rows, and one of what is left."""
        height = min(height, self.most)
        most = self.most - self.most % height
        everything = slice(0, self.columns)
        piled = self.rows - self.rows % height
        for start in range(0, piled, most):
            yield Part(slice(start, min(start + most, piled)), everything, weight, height)
        if piled < self.rows:
            yield Part(slice(piled, self.rows), everything, weight, self.rows - piled)

    def by_rows(self) -> HostArray:
        """Return the weight with each row's elements side by side."""
        return self.layouts.columns(self.weight, 0, self.columns)


def _wide(product: _Product) -> Iterator[Part] | None:
    """Ask for a large weight at once: one row reads it in any order, more by columns."""
    if not is_wide(product.weight):
        return None
    one = product.rows == 1
    return product.whole(product.weight if one else product.layouts.fortran(product.weight))


def _one_row(product: _Product) -> Iterator[Part] | None:
    """Have a dot product for each column read memory in order, where columns are long."""
    if product.rows > 1:
        return None
    fortran = product.layouts.fortran
    return product.whole(fortran(product.weight) if product.tall else product.by_rows())


def _dotted(product: _Product) -> Iterator[Part] | None:
    """Have dot products do so for as many rows at a time as OpenBLAS makes them for.

    They sum in many short chains, which is more exact than in one.
    """
    most = min(DOTTED // max(product.columns, 1), UNPACKED // product.work)
    if not product.tall or most < 64:
        return None
    turns = -(-product.rows // most)
    return product.piled(-(-product.rows // turns), product.layouts.fortran(product.weight))


def _small(product: _Product) -> Iterator[Part] | None:
    """Have so many rows at a time that a small weight and they are read unpacked."""
    if product.height < 8 * STEP or product.rows <= product.height:
        return None
    return product.piled(product.height, product.by_rows())


def _unpacked(product: _Product) -> Iterator[Part] | None:
    """Do so with a larger weight where that is quick, and one thread's work."""
    alone = product.rows * product.work <= ALONE
    if not (product.unpacked and product.height and product.rows > product.block and alone):
        return None
    return product.piled(product.height, product.layouts.aligned(product.weight))


def _odd_columns(product: _Product) -> Iterator[Part] | None:
    """Ask alone for a few columns beyond whole vectors, which cost as much as a vector.

    And first: theirs is the quickest way to bring the rows near.
    """
    odd = product.columns % (VECTOR // product.weight.itemsize)
    split = product.columns - odd
    if not (product.unpacked and product.long and 0 < odd <= 4 < split):
        return None
    return _split(product, split)


def _split(product: _Product, split: int) -> Iterator[Part]:
    """Yield the columns from one on, then those before it, block by block."""
    weight, layouts = product.weight, product.layouts
    last = layouts.fortran(layouts.columns(weight, split, product.columns))
    first = layouts.columns(weight, 0, split)
    for start in range(0, product.rows, product.block):
        rows = slice(start, min(start + product.block, product.rows))
        height = rows.stop - start
        yield Part(rows, slice(split, product.columns), last, height)
        yield Part(rows, slice(0, split), first, height)


def _blocks(product: _Product) -> Iterator[Part]:
    """Ask for as many rows at a time as stay in the cache."""
    return product.piled(product.block, product.by_rows())


RULES: tuple[Callable[[_Product], Iterator[Part] | None], ...] = (
    *(_wide, _one_row, _dotted, _small, _unpacked, _odd_columns, _blocks),
)
"""The first that has an answer gives it; the last one always has."""
