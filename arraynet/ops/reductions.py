"""Sums, products and extremes over axes.

The axes are numbers on the host. None is all of them, or, with ``noop_with_empty_axes``,
none. 16-bit floats are summed in float32. Over no element, a sum is 0, a product 1, a
largest number -infinity (or the least integer), and a mean NaN.
"""

from __future__ import annotations

import math

from arraynet._typing import Array, Namespace
from arraynet.errors import ShapeError
from arraynet.ops.arithmetic import div
from arraynet.ops.meta import checked_axis
from arraynet.ops.placement import beside
from arraynet.ops.precision import is_bool, is_floating, narrowed, widened
from arraynet.ops.registry import op


def axes_of(x: Array, axes: Array | None, noop: bool) -> tuple[int, ...]:
    """Return the axes to reduce, from the front."""
    if axes is None or axes.size == 0:
        return () if noop else tuple(range(x.ndim))
    found = tuple(checked_axis(int(axis), x.shape) for axis in axes.reshape(-1).tolist())
    if len(set(found)) < len(found):
        raise ShapeError(f"axes {', '.join(map(str, found))} name one twice")
    return found


def sum_over(x: Array, axes: tuple[int, ...], keepdims: bool, xp: Namespace) -> Array:
    """Return sums over axes in the array's own dtype; over no axes, the array."""
    return xp.sum(x, axis=axes, keepdims=keepdims, dtype=x.dtype) if axes else x


def _extreme(name: str, x: Array, axes: tuple[int, ...], keepdims: bool, xp: Namespace) -> Array:
    """Return the largest or smallest numbers over axes, also where there are none."""
    if not axes:
        return x
    if is_bool(x):
        return (xp.any if name == "max" else xp.all)(x, axis=axes, keepdims=keepdims)
    if all(x.shape[axis] for axis in axes):
        return getattr(xp, name)(x, axis=axes, keepdims=keepdims)
    if is_floating(x):
        end = -math.inf if name == "max" else math.inf
    else:
        end = int(getattr(xp.iinfo(x.dtype), "min" if name == "max" else "max"))
    kept = [1 if a in axes else s for a, s in enumerate(x.shape) if keepdims or a not in axes]
    return beside(x, xp.full, tuple(kept), end)


@op(dtypes=("numeric",), host=("axes",))
def reduce_sum(
    x: Array,
    axes: Array | None = None,
    *,
    keepdims: bool = True,
    noop_with_empty_axes: bool = False,
    xp: Namespace = None,
) -> Array:
    """Sum over axes.

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
    >>> reduce_sum(np.array([[1, 2], [3, 4]]), [1], keepdims=False)
    array([3, 7])
    """
    over = axes_of(x, axes, noop_with_empty_axes)
    return narrowed(sum_over(widened(x, xp), over, keepdims, xp), x.dtype, xp)


@op(dtypes=("numeric",), host=("axes",))
def reduce_mean(
    x: Array,
    axes: Array | None = None,
    *,
    keepdims: bool = True,
    noop_with_empty_axes: bool = False,
    xp: Namespace = None,
) -> Array:
    """Mean over axes; of integers its whole part.

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
    >>> reduce_mean(np.array([[1.0, 2.0], [3.0, 4.0]]), [1], keepdims=False)
    array([1.5, 3.5])
    """
    over = axes_of(x, axes, noop_with_empty_axes)
    total = sum_over(widened(x, xp), over, keepdims, xp)
    count = math.prod(x.shape[axis] for axis in over)
    if is_floating(x):
        return narrowed(total / count if count else total * math.nan, x.dtype, xp)
    if not count:
        raise ShapeError("a mean of no integers is no integer")
    return div(total, beside(total, xp.asarray, count), xp=xp)


@op(dtypes=("numeric", "bool"), host=("axes",))
def reduce_max(
    x: Array,
    axes: Array | None = None,
    *,
    keepdims: bool = True,
    noop_with_empty_axes: bool = False,
    xp: Namespace = None,
) -> Array:
    """Largest number over axes; NaN where there is one.

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
    >>> reduce_max(np.array([[1, 2], [4, 3]]), [1], keepdims=False)
    array([2, 4])
    """
    over = axes_of(x, axes, noop_with_empty_axes)
    return _extreme("max", x, over, keepdims, xp)


@op(dtypes=("numeric", "bool"), host=("axes",))
def reduce_min(
    x: Array,
    axes: Array | None = None,
    *,
    keepdims: bool = True,
    noop_with_empty_axes: bool = False,
    xp: Namespace = None,
) -> Array:
    """Smallest number over axes; NaN where there is one.

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
    >>> reduce_min(np.array([[1, 2], [4, 3]]), [1], keepdims=False)
    array([1, 3])
    """
    over = axes_of(x, axes, noop_with_empty_axes)
    return _extreme("min", x, over, keepdims, xp)


@op(dtypes=("numeric",), host=("axes",))
def reduce_prod(
    x: Array,
    axes: Array | None = None,
    *,
    keepdims: bool = True,
    noop_with_empty_axes: bool = False,
    xp: Namespace = None,
) -> Array:
    """Product over axes.

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
    >>> reduce_prod(np.array([[1, 2], [3, 4]]), [1], keepdims=False)
    array([ 2, 12])
    """
    over = axes_of(x, axes, noop_with_empty_axes)
    if not over:
        return x
    wide = widened(x, xp)
    product = xp.prod(wide, axis=over, keepdims=keepdims, dtype=wide.dtype)
    return narrowed(product, x.dtype, xp)
