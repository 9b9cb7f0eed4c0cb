"""The array API of CuPy, with products on the fast path.

`cupy.matmul` hands two matrices to cuBLAS as they are. With more dimensions it
copies operands, ignores TF32 and converts float16 to float32: so a stack of rows
times one matrix is computed as one product here.
"""

from __future__ import annotations

import math
import threading
from types import ModuleType
from typing import Any

from arraynet._typing import Array, Kernel, Namespace

_compute_type_lock = threading.RLock()


def namespace(cupy: Any, xp: Namespace, precision: str) -> Namespace:
    """Return CuPy's array-API namespace with a ``matmul`` of that precision."""
    result = ModuleType(xp.__name__)
    result.__dict__.update({key: getattr(xp, key) for key in dir(xp)})
    vars(result)["matmul"] = _flattened(_precise(cupy, precision))
    return result


def _flattened(product: Kernel) -> Kernel:
    """Return a product that treats rows stacked in many dimensions as one matrix."""

    def matmul(x1: Array, x2: Array, /) -> Array:
        if x1.ndim <= 2 or x2.ndim != 2:
            return product(x1, x2)
        rows = x1.reshape(math.prod(x1.shape[:-1]), x1.shape[-1])
        return product(rows, x2).reshape(*x1.shape[:-1], x2.shape[1])

    return matmul


def _precise(cupy: Any, precision: str) -> Kernel:
    """Return a product whose float32 arithmetic has exactly that precision.

    CuPy keeps one setting for the whole process, which CUPY_TF32 presets. It is
    changed for the moment of the launch, under a lock.
    """
    linalg = cupy._core._routines_linalg
    wanted = linalg.COMPUTE_TYPE_TF32 if precision == "tf32" else linalg.COMPUTE_TYPE_DEFAULT
    read, write, float32 = linalg.get_compute_type, linalg.set_compute_type, cupy.float32

    def product(x1: Array, x2: Array) -> Array:
        if x1.dtype != float32:
            return cupy.matmul(x1, x2)
        with _compute_type_lock:
            before = read(float32)
            if before == wanted:
                return cupy.matmul(x1, x2)
            write(float32, wanted)
            try:
                return cupy.matmul(x1, x2)
            finally:
                write(float32, before)

    return product
