"""What is quicker on a GPU than an op's formula: kernels of our own, and CuPy's products.

Each kernel is held to the formula by a test. Sums are kept in float32 for the narrow
dtypes, so a float16 row adds up to one.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

from arraynet._typing import Array, Kernel, Namespace
from arraynet.errors import DtypeError

_compute_type_lock = threading.RLock()

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


def expression(dtype: str, logarithm: bool) -> str:
    """Return CUDA C's name for the kernel of one dtype."""
    return f"softmax<{TYPES[dtype]}, {'true' if logarithm else 'false'}>"


def native(cupy: Any) -> dict[str, Kernel]:
    """Return the op name and the kernel of each op that has one, for the current device."""

    @functools.cache
    def compiled(dtype: str, logarithm: bool) -> Callable[..., Any]:
        if dtype not in TYPES:
            raise DtypeError(f"softmax: got an array of {dtype}, expected a floating dtype")
        name = expression(dtype, logarithm)
        module = cupy.RawModule(code=SOFTMAX, options=OPTIONS, name_expressions=[name])
        return module.get_function(name)  # type: ignore[no-any-return]

    def rows(logarithm: bool, x: Array, *, axis: int = -1) -> Array:
        x = cupy.ascontiguousarray(x)
        result = cupy.empty_like(x)
        if x.size == 0:
            return result
        axis = range(x.ndim)[axis]
        length, inner = x.shape[axis], math.prod(x.shape[axis + 1 :])
        count = x.size // length
        grid, block = launch_shape(count, length)
        sizes = map(cupy.int64, (count, length, inner))
        compiled(x.dtype.name, logarithm)(grid, block, (x, result, *sizes))
        return result

    softmax = functools.partial(rows, False)
    return {
        "softmax": softmax,
        # The guard against overflow costs the kernel nothing.
        "unguarded_softmax": softmax,
        "softmin": lambda x, *, axis=-1: softmax(-x, axis=axis),
        "log_softmax": functools.partial(rows, True),
    }


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


def namespace(cupy: Any, xp: Namespace, precision: str) -> Namespace:
    """Return CuPy's array-API namespace, its ``matmul`` on the fast path in that precision.

    `cupy.matmul` hands two matrices to cuBLAS as they are. With more dimensions it copies
    operands, ignores TF32 and converts float16 to float32: so a stack of rows times one
    matrix is computed as one product here. CuPy keeps one precision of float32 for the whole
    process, which CUPY_TF32 presets: it is changed for the moment of the launch, under a lock.
    """
    linalg, float32 = cupy._core._routines_linalg, cupy.float32
    wanted = linalg.COMPUTE_TYPE_TF32 if precision == "tf32" else linalg.COMPUTE_TYPE_DEFAULT

    def product(x1: Array, x2: Array) -> Array:
        if x1.dtype != float32:
            return cupy.matmul(x1, x2)
        with _compute_type_lock:
            before = linalg.get_compute_type(float32)
            if before == wanted:
                return cupy.matmul(x1, x2)
            linalg.set_compute_type(float32, wanted)
            try:
                return cupy.matmul(x1, x2)
            finally:
                linalg.set_compute_type(float32, before)

    def matmul(x1: Array, x2: Array, /) -> Array:
        if x1.ndim <= 2 or x2.ndim != 2:
            return product(x1, x2)
        rows = x1.reshape(math.prod(x1.shape[:-1]), x1.shape[-1])
        return product(rows, x2).reshape(*x1.shape[:-1], x2.shape[1])

    result = ModuleType(xp.__name__)
    result.__dict__.update({key: getattr(xp, key) for key in dir(xp)}, matmul=matmul)
    return result
