"""Where the largest elements are, and which elements there are.

NaN counts as larger than every number.
"""

from __future__ import annotations

import math

from arraynet._typing import Array, Namespace
from arraynet.errors import ShapeError, shape_text
from arraynet.ops.meta import checked_axis
from arraynet.ops.placement import along, beside, index_dtype
from arraynet.ops.precision import is_bool
from arraynet.ops.registry import op


@op(dtypes=("numeric",))
def arg_max(
    x: Array,
    *,
    axis: int = 0,
    keepdims: bool = True,
    select_last_index: bool = False,
    xp: Namespace = None,
) -> Array:
    """Place of the largest element along an axis.

    Parameters
    ----------
    axis : int
        The axis to search.
    keepdims : bool
        Whether the axis stays, with size 1.
    select_last_index : bool
        Whether of equal elements the last one is meant, instead of the first.

    Returns
    -------
    array of integers, shape (…) without the axis

    Examples
    --------
    >>> import numpy as np
    >>> arg_max(np.array([[1, 5, 5]]), axis=1, keepdims=False)
    array([1])
    """
    return _place("argmax", x, axis, keepdims, select_last_index, xp)


@op(dtypes=("numeric",))
def arg_min(
    x: Array,
    *,
    axis: int = 0,
    keepdims: bool = True,
    select_last_index: bool = False,
    xp: Namespace = None,
) -> Array:
    """Place of the smallest element along an axis.

    Parameters
    ----------
    axis : int
        The axis to search.
    keepdims : bool
        Whether the axis stays, with size 1.
    select_last_index : bool
        Whether of equal elements the last one is meant, instead of the first.

    Returns
    -------
    array of integers, shape (…) without the axis

    Examples
    --------
    >>> import numpy as np
    >>> arg_min(np.array([[5, 1, 1]]), axis=1, keepdims=False, select_last_index=True)
    array([2])
    """
    return _place("argmin", x, axis, keepdims, select_last_index, xp)


def _place(name: str, x: Array, axis: int, keepdims: bool, last: bool, xp: Namespace) -> Array:
    chosen = checked_axis(axis, x.shape)
    size = x.shape[chosen]
    if not size:
        raise ShapeError(f"axis {axis} of {shape_text(x.shape)} is empty")
    searched = xp.flip(x, axis=chosen) if last else x
    place = getattr(xp, name)(searched, axis=chosen, keepdims=keepdims)
    return size - 1 - place if last else place


@op(dtypes=("numeric",), host=("k",), outputs=2)
def top_k(
    x: Array,
    k: Array,
    *,
    axis: int = -1,
    largest: bool = True,
    sorted: bool = True,
    xp: Namespace = None,
) -> tuple[Array, Array]:
    """Find the largest, or smallest, elements along an axis, and their places.

    Parameters
    ----------
    k : array of integers, shape () or (1,)
        How many; on the host.
    axis : int
        The axis to search.
    largest : bool
        Whether the largest or the smallest elements are wanted. NaN is the largest.
    sorted : bool
        Whether they must come in order; here they always do. Of equal elements the first
        one comes first.

    Returns
    -------
    values : array, shape (…, k, …)
    indices : array of integers, shape (…, k, …)

    Examples
    --------
    >>> import numpy as np
    >>> top_k(np.array([3.0, 1.0, 4.0, 1.0, 5.0]), 2)
    (array([5., 4.]), array([4, 2]))
    """
    if k.size != 1:
        raise ShapeError(f"{k.size} numbers say how many elements are wanted, and one is needed")
    count, place = int(k.item()), checked_axis(axis, x.shape)
    if not 0 <= count <= x.shape[place]:
        raise ShapeError(f"{count} elements of axis {axis}, which has {x.shape[place]}")
    order = xp.argsort(x, axis=place, descending=largest, stable=True)
    places = order[along(place, slice(count))]
    return xp.take_along_axis(x, places, axis=place), places


@op(dtypes=("numeric", "bool"), outputs=4)
def unique(
    x: Array, *, axis: int | None = None, sorted: bool = True, xp: Namespace = None
) -> tuple[Array, Array, Array, Array]:
    """Find the elements that differ, or the parts along an axis that differ.

    How many there are only numbers tell: no shape is known before a run.

    Parameters
    ----------
    axis : int, optional
        The axis whose parts are compared; without one, all elements are.
    sorted : bool
        Whether the result is in ascending order, or in that of the first occurrence. All
        NaN are one, behind every number.

    Returns
    -------
    values : array, shape (found,) or (…, found, …)
    indices : array of integers, shape (found,)
        Where each occurs first.
    inverse_indices : array of integers, shape (n,)
        Where in ``values`` each element or part is.
    counts : array of integers, shape (found,)
        How often each occurs.

    Examples
    --------
    >>> import numpy as np
    >>> unique(np.array([2.0, 1.0, 1.0, 3.0, 4.0, 3.0]))[0]
    array([1., 2., 3., 4.])
    """
    if axis is None:
        parts, place = xp.reshape(x, (math.prod(x.shape), 1)), 0
    else:
        place = checked_axis(axis, x.shape)
        moved = xp.moveaxis(x, place, 0)
        parts = xp.reshape(moved, (moved.shape[0], math.prod(moved.shape[1:])))
    count = parts.shape[0]
    kind = index_dtype(xp)
    order = _lexicographic(parts, xp)
    ordered = xp.take(parts, order, axis=0)
    first = min(count, 1)
    before, after = ordered[: count - first, :], ordered[first:, :]
    differs = xp.any((before != after) & ((before == before) | (after == after)), axis=1)
    starts_one = xp.concat([beside(x, xp.ones, first, dtype=xp.bool), differs])
    starts = xp.nonzero(starts_one)[0]
    ends = xp.concat([starts[first:], beside(x, xp.full, first, count, dtype=starts.dtype)])
    counts, indices = ends - starts, xp.take(order, starts)
    group = xp.cumulative_sum(xp.astype(starts_one, kind), dtype=kind) - 1
    inverse = xp.take(group, xp.argsort(order))
    if not sorted:
        by_place = xp.argsort(indices)
        counts, indices = xp.take(counts, by_place), xp.take(indices, by_place)
        inverse = xp.take(xp.argsort(by_place), inverse)
    flat = xp.reshape(x, (math.prod(x.shape),)) if axis is None else x
    return xp.take(flat, indices, axis=place), indices, inverse, counts


def _lexicographic(parts: Array, xp: Namespace) -> Array:
    """Return the order of rows, by their first element, then by their second, and so on."""
    keys = xp.astype(parts, xp.uint8) if is_bool(parts) else parts
    order = beside(parts, xp.arange, parts.shape[0], dtype=index_dtype(xp))
    for column in range(parts.shape[1] - 1, -1, -1):
        again = xp.argsort(xp.take(keys[:, column], order), stable=True)
        order = xp.take(order, again)
    return order
