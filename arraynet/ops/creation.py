"""Diagonals, triangles and marks: what a place decides."""

from __future__ import annotations

from arraynet._typing import Array, Namespace
from arraynet.errors import ShapeError, shape_text
from arraynet.ops.casting import dtype_of
from arraynet.ops.placement import beside
from arraynet.ops.precision import is_bool
from arraynet.ops.registry import op
from arraynet.ops.sizes import integers


@op(dtypes=("any",))
def eye_like(x: Array, *, dtype: str | None = None, k: int = 0, xp: Namespace = None) -> Array:
    """Make a matrix of the shape of another, with 1 on a diagonal and 0 elsewhere.

    Parameters
    ----------
    x : array, shape (rows, columns)
        Of any dtype; its numbers do not matter.
    dtype : str, optional
        The name of the dtype, where it is not that of ``x``.
    k : int
        Which diagonal: 0 is the main one, 1 the one above it.

    Returns
    -------
    array, shape (rows, columns)

    Examples
    --------
    >>> import numpy as np
    >>> eye_like(np.ones((2, 3)), k=1)
    array([[0., 1., 0.],
           [0., 0., 1.]])
    """
    if x.ndim != 2:
        raise ShapeError(f"x {shape_text(x.shape)} needs two axes")
    kind = x.dtype if dtype is None else dtype_of("eye_like", dtype, xp)
    rows, columns = (beside(x, xp.arange, size, dtype=xp.int32) for size in x.shape)
    return xp.astype(columns[None, :] - rows[:, None] == k, kind)


@op(dtypes=("any",), host=("k",))
def trilu(x: Array, k: Array | None = None, *, upper: bool = True, xp: Namespace = None) -> Array:
    """Keep the upper or lower triangle of matrices; the rest is 0.

    Parameters
    ----------
    x : array, shape (…, rows, columns)
        Of any dtype.
    k : array of integers, shape (), optional
        Which diagonal bounds it: 0 is the main one, 1 the one above it; on the host.
    upper : bool
        Which triangle.

    Examples
    --------
    >>> import numpy as np
    >>> trilu(np.ones((2, 3)), 1)
    array([[0., 1., 1.],
           [0., 0., 1.]])
    """
    if x.ndim < 2:
        raise ShapeError(f"x {shape_text(x.shape)} needs two axes or more")
    diagonal = 0 if k is None else integers(k)[0]
    rows, columns = (beside(x, xp.arange, size, dtype=xp.int32) for size in x.shape[-2:])
    distance = columns[None, :] - rows[:, None]
    kept = distance >= diagonal if upper else distance <= diagonal
    return x & kept if is_bool(x) else xp.where(kept, x, beside(x, xp.zeros, ()))


@op(dtypes=("any",), host=("depth",))
def one_hot(
    indices: Array, depth: Array, values: Array, *, axis: int = -1, xp: Namespace = None
) -> Array:
    """Mark the place that an index says, on a new axis.

    Parameters
    ----------
    indices : array, shape (…)
        Of any numeric dtype; negative ones count from the end. One that is beyond
        ``depth`` marks nothing.
    depth : array of integers, shape () or (1,)
        The size of the new axis; on the host.
    values : array, shape (2,)
        What stands elsewhere, and what stands at the marks.
    axis : int
        Where the new axis is.

    Returns
    -------
    array, shape (…, depth, …)
        Of the dtype of ``values``.

    Examples
    --------
    >>> import numpy as np
    >>> one_hot(np.array([1, -1]), 3, np.array([0.0, 1.0]))
    array([[0., 1., 0.],
           [0., 0., 1.]])
    """
    if depth.size != 1 or tuple(values.shape) != (2,):
        raise ShapeError(
            f"depth {shape_text(depth.shape)} and values {shape_text(values.shape)} need one "
            f"number and two, (off, on)"
        )
    if not -indices.ndim - 1 <= axis <= indices.ndim:
        raise ShapeError(f"axis {axis} does not exist in a result of {indices.ndim + 1} axes")
    place, count = axis % (indices.ndim + 1), integers(depth)[0]
    counted = xp.expand_dims(xp.where(indices < 0, indices + count, indices), axis=place)
    shape = [1] * (indices.ndim + 1)
    shape[place] = count
    places = xp.reshape(beside(indices, xp.arange, count), tuple(shape))
    return xp.where(counted == places, values[1], values[0])
