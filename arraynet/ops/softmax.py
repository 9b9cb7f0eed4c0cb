"""Functions of a whole row: softmax and its kin.

A row is the elements along one axis, the last by default. A row with NaN gives NaN
throughout, as does, where probabilities come out, a row that names no largest finite
score: one with +infinity (an overflow on the way) or with -infinity alone. That is
what PyTorch and ONNX's reference give. -infinity beside finite scores is a
probability of 0.
"""

from __future__ import annotations

import math

from arraynet._typing import Array, Namespace
from arraynet.errors import ShapeError, shape_text
from arraynet.ops.meta import checked_axis
from arraynet.ops.registry import Within, op


def check_rows(x: Array, axis: int) -> None:
    """Refuse an axis that does not exist or has no element.

    Raises
    ------
    ShapeError
    """
    if x.shape[checked_axis(axis, x.shape)] == 0:
        raise ShapeError(f"axis {axis} of {shape_text(x.shape)} is empty")


@op(rowwise=True, bounds=(0, 1), widened=True)
def unguarded_softmax(x: Array, *, axis: int = -1, xp: Namespace = None) -> Array:
    """Softmax of scores that are known to be small, ``exp(x) / sum(exp(x))``.

    A program puts it in the place of `softmax` where the weights before it tell that
    ``exp`` cannot overflow.

    Parameters
    ----------
    x : array, shape (…)
        Floating; its magnitude at most 60, or 600 in float64.
    axis : int
        The axis over which the result sums to 1.

    Examples
    --------
    >>> import numpy as np
    >>> unguarded_softmax(np.log(np.array([1.0, 3.0, 4.0])))
    array([0.125, 0.375, 0.5  ])
    """
    check_rows(x, axis)
    exponential = xp.exp(x)
    return exponential / xp.sum(exponential, axis=axis, keepdims=True)


_SMALL = Within(
    "unguarded_softmax",
    {"float16": 60.0, "bfloat16": 60.0, "float32": 60.0, "float64": 600.0},
)


@op(rowwise=True, bounds=(0, 1), within=_SMALL, widened=True)
def softmax(x: Array, *, axis: int = -1, xp: Namespace = None) -> Array:
    """Probabilities in proportion to the exponential, ``exp(x) / sum(exp(x))``.

    Each row sums to 1, to 4 eps, and each probability is good to a few ulp, however
    small it is.

    Parameters
    ----------
    axis : int
        The axis over which the result sums to 1; the default is that of ONNX's
        Softmax.

    Returns
    -------
    array, shape (…)
        Of the dtype of ``x``. A row with NaN or +infinity, or with -infinity alone, is
        NaN throughout.

    Examples
    --------
    >>> import numpy as np
    >>> softmax(np.array([[1000.0, 1000.0], [0.0, -np.inf]]))
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    half, largest = _halves(x, axis, xp)
    exponential = _exponential(half, largest, half - largest, xp)
    return exponential / xp.sum(exponential, axis=axis, keepdims=True)


@op(rowwise=True, bounds=(0, 1), widened=True)
def softmin(x: Array, *, axis: int = -1, xp: Namespace = None) -> Array:
    """Softmax of ``-x``: the smallest score has the largest probability.

    Parameters
    ----------
    axis : int
        The axis over which the result sums to 1; the default is that of `softmax`
        (ONNX has no such operator, and PyTorch's Softmin no default).

    Returns
    -------
    array, shape (…)
        Of the dtype of ``x``. A row with NaN or -infinity, or with +infinity alone, is
        NaN throughout.

    Examples
    --------
    >>> import numpy as np
    >>> softmin(np.log(np.array([1.0, 2.0, 2.0])))
    array([0.5 , 0.25, 0.25])
    """
    return softmax(-x, axis=axis, xp=xp)


@op(rowwise=True, bounds=(-math.inf, 0), widened=True)
def log_softmax(x: Array, *, axis: int = -1, xp: Namespace = None) -> Array:
    """Logarithm of the softmax, ``x - log(sum(exp(x)))``.

    The largest score keeps its relative accuracy too, however near 0 its logarithm
    is: the exponentials of the others are summed alone, and ``log1p`` taken.

    Parameters
    ----------
    axis : int
        The axis over which the probabilities sum to 1; the default is that of ONNX's
        LogSoftmax.

    Returns
    -------
    array, shape (…)
        Of the dtype of ``x``. A row with NaN or +infinity, or with -infinity alone, is
        NaN throughout.

    Examples
    --------
    >>> import numpy as np
    >>> log_softmax(np.array([0.0, -50.0]))
    array([-1.92874985e-22, -5.00000000e+01])
    """
    half, largest = _halves(x, axis, xp)
    difference = half - largest
    others = _sum_of_others(half, largest, difference, axis, xp)
    # A difference beyond the dtype's range stays at its end; -infinity stays itself.
    end = -0.5 * float(xp.finfo(x.dtype).max)
    held = xp.where(xp.isfinite(difference), xp.maximum(difference, end), difference)
    return 2.0 * held - xp.log1p(others)


def _halves(x: Array, axis: int, xp: Namespace) -> tuple[Array, Array]:
    """Return half of each score and of the row's largest: their difference never overflows.

    The largest is NaN where it is not finite: so the row becomes NaN without an
    invalid operation on the way.
    """
    check_rows(x, axis)
    half = 0.5 * x
    largest = xp.max(half, axis=axis, keepdims=True)
    return half, xp.where(xp.isfinite(largest), largest, math.nan)


def _exponential(half: Array, largest: Array, difference: Array, xp: Namespace) -> Array:
    """Return ``exp(2 * (half - largest))``, where ``difference = half - largest``, rounded.

    The exponential would make what the rounding took away a relative error, of 50 eps
    at exp(-100). Knuth's two-sum finds it.

    References
    ----------
    D. E. Knuth, The Art of Computer Programming, volume 2, section 4.2.2, theorem B.
    """
    # Left of -400 the result is 0 in every dtype, and infinite operands are gone.
    held = xp.maximum(difference, -400.0)
    back = held + largest
    error = (half - back) - (largest + (held - back))
    root = xp.exp(held)
    root = root + root * xp.maximum(error, -1.0)
    return root * root


def _sum_of_others(
    half: Array, largest: Array, difference: Array, axis: int, xp: Namespace
) -> Array:
    """Return the sum of a row's exponentials, but for one largest element.

    The difference of a largest element is 0, and its exponential 1.
    """
    exponential = _exponential(half, largest, difference, xp)
    best = xp.astype(difference == 0, difference.dtype)
    rest = xp.sum(exponential - best, axis=axis, keepdims=True)
    return rest + (xp.sum(best, axis=axis, keepdims=True) - 1.0)


@op(rowwise=True, widened=True)
def logsumexp(x: Array, *, axis: int = -1, keepdims: bool = False, xp: Namespace = None) -> Array:
    """Logarithm of the sum of exponentials over an axis, ``log(sum(exp(x)))``.

    Parameters
    ----------
    axis : int
        The axis to sum over.
    keepdims : bool
        Whether the axis stays, with size 1. The default is that of PyTorch; ONNX's
        ReduceLogSumExp, which sums over all axes by default, keeps them.

    Returns
    -------
    array, shape (…) without the axis
        Of the dtype of ``x``. A row with NaN gives NaN, one with +infinity gives
        +infinity, and one with -infinity alone gives -infinity.

    Examples
    --------
    >>> import numpy as np
    >>> logsumexp(np.array([[1000.0, 1000.0], [-np.inf, 0.0]]))
    array([1000.69314718,    0.        ])
    """
    check_rows(x, axis)
    largest = xp.max(x, axis=axis, keepdims=True)
    # An infinite largest score is the result; any finite number in its place will do.
    finite = xp.where(xp.abs(largest) == math.inf, 0.0, largest)
    half, half_finite = 0.5 * x, 0.5 * finite
    difference = xp.minimum(half - half_finite, 0.0)
    others = _sum_of_others(half, half_finite, difference, axis, xp)
    result = largest + xp.log1p(xp.maximum(others, 0.0))
    return result if keepdims else xp.squeeze(result, axis=axis)
