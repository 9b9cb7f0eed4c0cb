"""Elements at places that other arrays name.

Indices are integers; negative ones count from the end. No formula reads them on the host:
one that is out of range is what the library makes of it, an error on NumPy.
"""

from __future__ import annotations

import math

from arraynet._typing import Array, Namespace
from arraynet.errors import ShapeError, shape_text
from arraynet.ops.meta import checked_axis
from arraynet.ops.placement import beside, index_dtype
from arraynet.ops.precision import check_integral, is_bool
from arraynet.ops.registry import op


def from_front(indices: Array, size: int, xp: Namespace) -> Array:
    """Return indices of an axis counted from its front, in the library's index dtype."""
    wide = xp.astype(indices, index_dtype(xp))
    return xp.where(wide < 0, wide + size, wide)


@op(dtypes=("any",), moves=("x",))
def gather(x: Array, indices: Array, *, axis: int = 0, xp: Namespace = None) -> Array:
    """Take the parts along an axis that indices name.

    Parameters
    ----------
    x : array, shape (before…, n, after…)
        Of any dtype.
    indices : array of integers, shape (…)
        Of any shape, which takes the place of the axis.
    axis : int
        The axis that they index.

    Returns
    -------
    array, shape (before…, …, after…)
        Of the dtype of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> gather(np.array([[1, 2, 3], [4, 5, 6]]), np.array([0, -1]), axis=1)
    array([[1, 3],
           [4, 6]])
    """
    check_integral("gather", indices)
    along = checked_axis(axis, x.shape)
    flat = xp.reshape(indices, (math.prod(indices.shape),))
    taken = xp.take(x, from_front(flat, x.shape[along], xp), axis=along)
    return xp.reshape(taken, (*x.shape[:along], *indices.shape, *x.shape[along + 1 :]))


@op(dtypes=("any",))
def embedding(indices: Array, weight: Array, *, xp: Namespace = None) -> Array:
    """Take a row of a table for each index: tokens become vectors.

    Parameters
    ----------
    indices : array of integers, shape (…)
    weight : array, shape (rows, features)
        Of any dtype.

    Returns
    -------
    array, shape (…, features)
        Of the dtype of ``weight``.

    Examples
    --------
    >>> import numpy as np
    >>> embedding(np.array([2, 0]), np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]))
    array([[4., 5.],
           [0., 1.]])
    """
    check_integral("embedding", indices)
    if weight.ndim != 2:
        raise ShapeError(f"weight {shape_text(weight.shape)} needs two axes, (rows, features)")
    return gather(weight, indices, xp=xp)


@op(dtypes=("any",))
def gather_elements(x: Array, indices: Array, *, axis: int = 0, xp: Namespace = None) -> Array:
    """Take one element for each index: its place along an axis, and elsewhere the index's own.

    Parameters
    ----------
    indices : array of integers, shape (…)
        Of as many axes as ``x``, and no longer than it but for the axis.
    axis : int
        The axis that they index.

    Returns
    -------
    array, shape (…)
        Of the shape of ``indices`` and the dtype of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> gather_elements(np.array([[1, 2], [3, 4]]), np.array([[0, 0], [1, 0]]), axis=1)
    array([[1, 1],
           [4, 3]])
    """
    check_integral("gather_elements", indices)
    along = checked_axis(axis, x.shape)
    check_within(x, indices, along)
    part = x[tuple(slice(None if a == along else s) for a, s in enumerate(indices.shape))]
    return xp.take_along_axis(part, from_front(indices, x.shape[along], xp), axis=along)


def check_within(x: Array, indices: Array, along: int) -> None:
    """Refuse indices that are longer than the array in another axis than theirs.

    Raises
    ------
    ShapeError
    """
    if indices.ndim != x.ndim or any(
        size > x.shape[axis] for axis, size in enumerate(indices.shape) if axis != along
    ):
        raise ShapeError(
            f"indices {shape_text(indices.shape)} do not lie within {shape_text(x.shape)} beside "
            f"axis {along}"
        )


@op(dtypes=("any",))
def gather_nd(x: Array, indices: Array, *, batch_dims: int = 0, xp: Namespace = None) -> Array:
    """Take the parts that tuples of indices name.

    Parameters
    ----------
    x : array, shape (batch…, indexed…, rest…)
        Of any dtype.
    indices : array of integers, shape (batch…, …, k)
        Each row of k indexes the first k axes behind those of the batch.
    batch_dims : int
        How many axes the two have in common.

    Returns
    -------
    array, shape (batch…, …, rest…)
        Of the dtype of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> gather_nd(np.array([[1, 2], [3, 4]]), np.array([[0, 0], [1, 1]]))
    array([1, 4])
    """
    check_integral("gather_nd", indices)
    depth = indices.shape[-1] if indices.ndim else 0
    shared = tuple(x.shape[:batch_dims])
    if (
        not 0 <= batch_dims < indices.ndim
        or tuple(indices.shape[:batch_dims]) != shared
        or batch_dims + depth > x.ndim
    ):
        raise ShapeError(
            f"indices {shape_text(indices.shape)} with batch_dims={batch_dims} do not index "
            f"{shape_text(x.shape)}"
        )
    indexed, rest = x.shape[batch_dims : batch_dims + depth], x.shape[batch_dims + depth :]
    places = linear(indices, indexed, xp)
    if batch_dims:
        count = math.prod(shared)
        starts = beside(places, xp.arange, count) * math.prod(indexed)
        ones = (1,) * (places.ndim - batch_dims)
        places = places + xp.reshape(starts, (*shared, *ones))
    rows = xp.reshape(x, (math.prod(shared) * math.prod(indexed), *rest))
    taken = xp.take(rows, xp.reshape(places, (math.prod(places.shape),)), axis=0)
    return xp.reshape(taken, (*places.shape, *rest))


def linear(indices: Array, sizes: tuple[int, ...], xp: Namespace) -> Array:
    """Return the places, in row-major order, that tuples of indices (…, k) name."""
    places = beside(indices, xp.zeros, tuple(indices.shape[:-1]), dtype=index_dtype(xp))
    for axis, size in enumerate(sizes):
        places = places * size + from_front(indices[..., axis], size, xp)
    return places


@op(dtypes=("any",))
def compress(x: Array, condition: Array, *, axis: int | None = None, xp: Namespace = None) -> Array:
    """Keep the parts along an axis for which a condition holds.

    How many there are only numbers tell: no shape is known before a run.

    Parameters
    ----------
    condition : array of bool, shape (n,)
        No longer than the axis.
    axis : int, optional
        Without one, all elements are meant, in order.

    Returns
    -------
    array, shape (before…, found, after…)
        Of the dtype of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> compress(np.array([[1, 2], [3, 4], [5, 6]]), np.array([False, True, True]), axis=0)
    array([[3, 4],
           [5, 6]])
    """
    flat = xp.reshape(x, (math.prod(x.shape),)) if axis is None else x
    along = checked_axis(axis or 0, flat.shape)
    if not is_bool(condition) or condition.ndim != 1 or condition.shape[0] > flat.shape[along]:
        raise ShapeError(
            f"condition {shape_text(condition.shape)} of {condition.dtype} is not one bool for "
            f"each of {flat.shape[along]} parts, or fewer"
        )
    return xp.take(flat, xp.nonzero(condition)[0], axis=along)


@op(dtypes=("numeric", "bool"))
def non_zero(x: Array, *, xp: Namespace = None) -> Array:
    """Where the elements are that are not 0.

    How many there are only numbers tell: no shape is known before a run.

    Returns
    -------
    array of integers, shape (axes, found)
        One column for each, in row-major order.

    Examples
    --------
    >>> import numpy as np
    >>> non_zero(np.array([[1, 0], [1, 1]]))
    array([[0, 1, 1],
           [0, 0, 1]])
    """
    if x.ndim:
        return xp.stack(xp.nonzero(x), axis=0)
    found = xp.nonzero(xp.reshape(x, (1,)))[0]
    return xp.stack([found], axis=0)[:0, :]  # ONNX: a single number has no axes
