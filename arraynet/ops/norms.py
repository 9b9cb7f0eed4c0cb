"""Lengths and logarithms of sums over axes.

The axes are as in `arraynet.ops.reductions`: none is all of them, unless
``noop_with_empty_axes`` says that it is none.
"""

from __future__ import annotations

import math

from arraynet._typing import Array, Namespace
from arraynet.ops.placement import beside
from arraynet.ops.precision import narrowed, widened
from arraynet.ops.reductions import axes_of, sum_over
from arraynet.ops.registry import op
from arraynet.ops.softmax import logsumexp


@op(dtypes=("numeric",), host=("axes",))
def reduce_l1(
    x: Array,
    axes: Array | None = None,
    *,
    keepdims: bool = True,
    noop_with_empty_axes: bool = False,
    xp: Namespace = None,
) -> Array:
    """Sum of magnitudes over axes.

    Parameters
    ----------
    axes : array of integers, optional
        On the host; all axes where there are none.
    keepdims : bool
        Whether the axes stay, with size 1.
    noop_with_empty_axes : bool
        Whether no axes are no axes, instead of all.

    Returns
    -------
    array, shape (…) without the axes
        Of the dtype of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> reduce_l1(np.array([[1, -2], [3, -4]]), [1], keepdims=False)
    array([3, 7])
    """
    over = axes_of(x, axes, noop_with_empty_axes)
    return narrowed(sum_over(xp.abs(widened(x, xp)), over, keepdims, xp), x.dtype, xp)


@op(host=("axes",))
def reduce_l2(
    x: Array,
    axes: Array | None = None,
    *,
    keepdims: bool = True,
    noop_with_empty_axes: bool = False,
    xp: Namespace = None,
) -> Array:
    """Length: the square root of the sum of squares over axes.

    Parameters
    ----------
    axes : array of integers, optional
        On the host; all axes where there are none.
    keepdims : bool
        Whether the axes stay, with size 1.
    noop_with_empty_axes : bool
        Whether no axes are no axes, instead of all.

    Returns
    -------
    array, shape (…) without the axes
        Of the dtype of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> reduce_l2(np.array([[3.0, 4.0], [6.0, 8.0]]), [1], keepdims=False)
    array([ 5., 10.])
    """
    over = axes_of(x, axes, noop_with_empty_axes)
    wide = widened(x, xp)
    return narrowed(xp.sqrt(sum_over(wide * wide, over, keepdims, xp)), x.dtype, xp)


@op(dtypes=("numeric",), host=("axes",))
def reduce_sum_square(
    x: Array,
    axes: Array | None = None,
    *,
    keepdims: bool = True,
    noop_with_empty_axes: bool = False,
    xp: Namespace = None,
) -> Array:
    """Sum of squares over axes.

    Parameters
    ----------
    axes : array of integers, optional
        On the host; all axes where there are none.
    keepdims : bool
        Whether the axes stay, with size 1.
    noop_with_empty_axes : bool
        Whether no axes are no axes, instead of all.

    Returns
    -------
    array, shape (…) without the axes
        Of the dtype of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> reduce_sum_square(np.array([[1, 2], [3, 4]]), [1], keepdims=False)
    array([ 5, 25])
    """
    over = axes_of(x, axes, noop_with_empty_axes)
    wide = widened(x, xp)
    return narrowed(sum_over(wide * wide, over, keepdims, xp), x.dtype, xp)


@op(host=("axes",))
def reduce_log_sum(
    x: Array,
    axes: Array | None = None,
    *,
    keepdims: bool = True,
    noop_with_empty_axes: bool = False,
    xp: Namespace = None,
) -> Array:
    """Logarithm of the sum over axes.

    Parameters
    ----------
    axes : array of integers, optional
        On the host; all axes where there are none.
    keepdims : bool
        Whether the axes stay, with size 1.
    noop_with_empty_axes : bool
        Whether no axes are no axes, instead of all.

    Returns
    -------
    array, shape (…) without the axes
        Of the dtype of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> reduce_log_sum(np.array([[0.5, 0.5], [np.e, 0.0]]), [1], keepdims=False)
    array([0., 1.])
    """
    over = axes_of(x, axes, noop_with_empty_axes)
    return narrowed(_log(sum_over(widened(x, xp), over, keepdims, xp), xp), x.dtype, xp)


@op(host=("axes",))
def reduce_log_sum_exp(
    x: Array,
    axes: Array | None = None,
    *,
    keepdims: bool = True,
    noop_with_empty_axes: bool = False,
    xp: Namespace = None,
) -> Array:
    """Logarithm of the sum of exponentials over axes, as `logsumexp`.

    Parameters
    ----------
    axes : array of integers, optional
        On the host; all axes where there are none.
    keepdims : bool
        Whether the axes stay, with size 1.
    noop_with_empty_axes : bool
        Whether no axes are no axes, instead of all.

    Returns
    -------
    array, shape (…) without the axes
        Of the dtype of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> reduce_log_sum_exp(np.array([[1000.0, 1000.0], [-np.inf, 0.0]]), [1], keepdims=False)
    array([1000.69314718,    0.        ])
    """
    over = axes_of(x, axes, noop_with_empty_axes)
    if not over:
        return x
    kept = [axis for axis in range(x.ndim) if axis not in over]
    sizes = [x.shape[axis] for axis in kept]
    shape = [1 if a in over else s for a, s in enumerate(x.shape)] if keepdims else sizes
    count = math.prod(x.shape[axis] for axis in over)
    if not count:
        return beside(x, xp.full, tuple(shape), -math.inf)
    rows = xp.reshape(xp.permute_dims(x, (*kept, *over)), (*sizes, count))
    return xp.reshape(logsumexp(rows, xp=xp), tuple(shape))


def _log(x: Array, xp: Namespace) -> Array:
    """Return the logarithm, without a warning for 0 and less."""
    positive = x > 0
    logarithm = xp.log(xp.where(positive, x, 1.0))
    return xp.where(positive, logarithm, xp.where(x == 0, -math.inf, x * math.nan))
