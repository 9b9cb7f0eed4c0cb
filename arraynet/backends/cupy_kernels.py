"""Kernels of the GPU that replace an op's formula.

Each is held to the formula by a test. Sums are kept in float32 for the narrow
dtypes, so a float16 row adds up to one.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable
from typing import Any

from arraynet._typing import Array, Kernel
from arraynet.errors import DtypeError

SOFTMAX = r"""
#include <cuda_fp16.h>
#include <cuda_bf16.h>

// What a type is computed in: float for itself and for the narrower ones.
template <typename T> struct Wide {
    typedef float type;
    static __device__ float largest() { return 3.402823466e+38f; }
};
template <> struct Wide<double> {
    typedef double type;
    static __device__ double largest() { return 1.7976931348623157e+308; }
};

template <typename W> __device__ W larger(W a, W b) { return a > b ? a : b; }
template <typename W> __device__ W plus(W a, W b) { return a + b; }

// One value for a row from the values of its threads: first within each warp, then,
// where a row has several warps (and so a block of its own), through shared memory.
template <typename W, W (*join)(W, W)> __device__ W reduce(W value, W* shared)
{
    for (int step = 16; step > 0; step >>= 1)
        value = join(value, __shfl_xor_sync(0xffffffffu, value, step));
    if (blockDim.x > 32) {
        if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = value;
        __syncthreads();
        value = shared[0];
        for (int warp = 1; warp < blockDim.x / 32; ++warp) value = join(value, shared[warp]);
        __syncthreads();
    }
    return value;
}

// exp(value - top). What the difference's rounding took away would be a relative error of
// the exponential; Knuth's two-sum finds it.
template <typename W> __device__ W exponential(W value, W top)
{
    const W shifted = value - top, power = exp(shifted);
    if (!(shifted > -1000)) return power;
    const W back = shifted + top, error = (value - back) - (top + (shifted - back));
    return power + power * error;
}

// A row has `length` elements, `inner` apart; blockDim.y rows to a block.
template <typename T, bool LOGARITHM>
__global__ void softmax(const T* x, T* y, long long rows, long long length, long long inner)
{
    typedef typename Wide<T>::type W;
    __shared__ W shared[32];
    const long long row = (long long)blockIdx.x * blockDim.y + threadIdx.y;
    if (row >= rows) return;
    const long long start = row / inner * inner * length + row % inner;
    const W infinity = (W)__longlong_as_double(0x7ff0000000000000LL);

    W top = -infinity;
    for (long long i = threadIdx.x; i < length; i += blockDim.x)
        top = larger(top, (W)x[start + i * inner]);
    top = reduce<W, larger<W> >(top, shared);
    // No finite largest score: the row becomes NaN.
    if (!(fabs(top) < infinity)) top = infinity - infinity;

    // The largest scores are counted, the exponentials of the others summed: so the
    // logarithm of the sum is exact where one score is far above the others. A NaN is
    // among the others, and makes their sum NaN.
    W count = 0, others = 0;
    for (long long i = threadIdx.x; i < length; i += blockDim.x) {
        const W value = (W)x[start + i * inner];
        if (value == top) count += 1;
        else others += exponential(value, top);
    }
    count = reduce<W, plus<W> >(count, shared);
    others = reduce<W, plus<W> >(others, shared);

    const W sum = count + others, logarithm = log1p((count - 1) + others);
    for (long long i = threadIdx.x; i < length; i += blockDim.x) {
        const W value = (W)x[start + i * inner];
        W shifted = value - top;
        if (shifted == -infinity && value != -infinity) shifted = -(W)Wide<T>::largest();
        y[start + i * inner] = (T)(LOGARITHM ? shifted - logarithm : exponential(value, top) / sum);
    }
}
"""

OPTIONS = ("-std=c++17",)
TYPES = {
    "float16": "__half",
    "bfloat16": "__nv_bfloat16",
    "float32": "float",
    "float64": "double",
}
"""What CUDA C calls each dtype."""

_WARP = 32
_LARGEST_BLOCK = 1024


def expressions() -> list[str]:
    """Return every kernel that is compiled from `SOFTMAX`, as CUDA C names it."""
    return [_expression(dtype, log) for dtype in TYPES for log in (False, True)]


def _expression(dtype: str, logarithm: bool) -> str:
    """Return CUDA C's name for the kernel of one dtype."""
    return f"softmax<{TYPES[dtype]}, {'true' if logarithm else 'false'}>"


def native(cupy: Any) -> dict[str, Kernel]:
    """Return the op name and the kernel of each op that has one, for the current device."""
    rows = _Softmax(cupy)
    softmax = functools.partial(rows, False)
    return {
        "softmax": softmax,
        # The guard against overflow costs the kernel nothing.
        "unguarded_softmax": softmax,
        "softmin": lambda x, *, axis=-1: softmax(-x, axis=axis),
        "log_softmax": functools.partial(rows, True),
    }


class _Softmax:
    """Softmax, or its logarithm, along one axis as a single kernel.

    A row with NaN or +infinity, or with -infinity alone, is NaN throughout.
    """

    def __init__(self, cupy: Any) -> None:
        self._cupy = cupy
        self._compiled: dict[str, Callable[..., Any]] = {}
        self._lock = threading.Lock()

    def __call__(self, logarithm: bool, x: Array, *, axis: int = -1) -> Array:
        """Return the softmax of ``x`` along ``axis``, in its dtype."""
        cupy = self._cupy
        x = cupy.ascontiguousarray(x)
        result = cupy.empty_like(x)
        if x.size == 0:
            return result
        axis = range(x.ndim)[axis]
        length, inner = x.shape[axis], math.prod(x.shape[axis + 1 :])
        rows = x.size // length
        grid, block = launch_shape(rows, length)
        kernel = self._kernel(x.dtype.name, logarithm)
        kernel(grid, block, (x, result, *map(cupy.int64, (rows, length, inner))))
        return result

    def _kernel(self, dtype: str, logarithm: bool) -> Callable[..., Any]:
        """Return the compiled kernel of that dtype; it is compiled at its first use."""
        if dtype not in TYPES:
            raise DtypeError(f"softmax: got an array of {dtype}, expected a floating dtype")
        name = _expression(dtype, logarithm)
        with self._lock:
            if name not in self._compiled:
                module = self._cupy.RawModule(
                    code=SOFTMAX, options=OPTIONS, name_expressions=[name]
                )
                self._compiled[name] = module.get_function(name)
            return self._compiled[name]


def launch_shape(rows: int, length: int) -> tuple[tuple[int], tuple[int, int]]:
    """Return the grid and the block for rows of that length.

    A short row has one warp, and eight of them share a block; a long one has a
    block of its own, with a thread for each four elements.
    """
    if length <= _LARGEST_BLOCK:
        height = min(8, rows)
        return (-(-rows // height),), (_WARP, height)
    width = min(_LARGEST_BLOCK, -(-length // (4 * _WARP)) * _WARP)
    return (rows,), (width, 1)
