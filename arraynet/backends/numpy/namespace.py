"""NumPy's namespace as programs use it: with the quickest form of some calls.

A formula asks for a product or a sum; here it is decided how NumPy is asked for it. A call
gets the same form whether it runs at once, is recorded, or is replayed from a plan, so that
all three agree in every bit.
"""

from __future__ import annotations

from typing import Any, Literal

import array_api_compat.numpy as compat
import numpy as np

from arraynet.admission import HostArray
from arraynet.backends.numpy.blas import reads_unpacked
from arraynet.backends.numpy.products import Layouts, is_wide, parts, piles
from arraynet.backends.numpy.recording import Recorded

SUMMED = 128
"""Longest row that is summed as a product with ones, quicker than a reduction."""


class NumpyNamespace:
    """The functions of array_api_compat.numpy, two of them in forms of their own.

    Attributes
    ----------
    layouts : Layouts
        The constants that programs have, and copies of them as products like them.
    """

    __name__ = "array_api_compat.numpy"

    def __init__(self) -> None:
        self.layouts = Layouts()

    def __getattr__(self, name: str) -> Any:
        function = getattr(compat, name)
        self.__dict__[name] = function  # found at once the next time
        return function

    def matmul(self, a: Any, b: Any, /) -> Any:
        """Return a matrix product; of a batch with a constant in the parts that suit BLAS."""
        if self.is_product(a, b):
            if isinstance(a, Recorded):
                return a.tape.append("product", self._product, (a, b))
            return self._product(a, b)
        return np.matmul(a, b)

    def sum(self, x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
        """Return the sum over axes; of short rows as a product with ones."""
        if dtype is None and is_row_sum(x, axis, keepdims):
            if isinstance(x, Recorded):
                return x.tape.append("row sum", row_sum, (x,))
            return row_sum(x)
        return compat.sum(x, axis=axis, dtype=dtype, keepdims=keepdims)

    def is_product(self, a: Any, b: Any) -> bool:
        """Return whether a batch of rows is multiplied with a constant weight."""
        return (
            isinstance(b, np.ndarray)
            and b.ndim == 2 == a.ndim
            and a.dtype == b.dtype
            and a.shape[1] == b.shape[0]
            and a.shape[0] > 0
            and self.layouts.holds(b)
        )

    def _product(self, a: HostArray, weight: HostArray) -> HostArray:
        """Return a product in parts."""
        order: Literal["C", "F"] = "F" if is_wide(weight) else "C"
        out: HostArray = np.ndarray((a.shape[0], weight.shape[1]), weight.dtype, order=order)
        for part in parts(a.shape[0], weight, self.layouts, unpacked=unpacked(weight)):
            target = piles(out[part.rows, part.columns], part.height)
            function = np.dot if target.ndim == 2 and target.flags.c_contiguous else np.matmul
            function(piles(a[part.rows], part.height), part.weight, target)
        return out


def unpacked(weight: HostArray) -> bool:
    """Return whether BLAS reads small operands of this dtype where they lie."""
    return weight.dtype.char in "fd" and reads_unpacked()


def is_row_sum(x: Any, axis: Any, keepdims: bool) -> bool:
    """Return whether each short row is summed to a number that keeps its place."""
    return (
        keepdims
        and x.ndim == 2
        and axis in (-1, 1, (-1,), (1,))
        and x.dtype.char in "fd"
        and 0 < x.shape[1] <= SUMMED
        and isinstance(x, np.ndarray | Recorded)
    )


def row_sum(x: HostArray, out: HostArray | None = None) -> HostArray:
    """Return the sum of each row."""
    total: HostArray = np.dot(x, np.ones((x.shape[1], 1), x.dtype), out)
    return total


NAMESPACE = NumpyNamespace()
"""The one of this process."""
