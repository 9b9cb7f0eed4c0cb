"""Updates of elements at places that other arrays name.

The array API standard has no scatter. So updates are sorted by their places: each element
of the result finds the updates that are its own by a binary search, and takes the last one,
or what all of them come to. Nothing is approximate: integers stay exact.
"""

from __future__ import annotations

import math

from arraynet._typing import Array, Namespace
from arraynet.errors import DtypeError, ShapeError, shape_text
from arraynet.ops.admission import check_choice
from arraynet.ops.indexing import check_within, from_front, linear
from arraynet.ops.meta import checked_axis
from arraynet.ops.placement import beside, index_dtype
from arraynet.ops.precision import check_integral, is_bool, narrowed, widened
from arraynet.ops.registry import op

_REDUCTIONS = ("none", "add", "mul", "max", "min")
_FUNCTIONS = {"add": "add", "mul": "multiply", "max": "maximum", "min": "minimum"}


@op(dtypes=("any",), choices={"reduction": _REDUCTIONS})
def scatter_elements(
    x: Array,
    indices: Array,
    updates: Array,
    *,
    axis: int = 0,
    reduction: str = "none",
    xp: Namespace = None,
) -> Array:
    """Update one element for each index, in a copy.

    The index is the place along an axis; elsewhere it is the index's own.

    Parameters
    ----------
    indices : array of integers, shape (…)
        Of as many axes as ``x``, and no longer than it but for the axis; negative ones
        count from the end. Beyond the axis nothing is updated.
    updates : array, shape (…)
        Of the shape of ``indices`` and the dtype of ``x``.
    axis : int
        The axis that they index.
    reduction : {"none", "add", "mul", "max", "min"}
        How an update changes an element. "none" puts itself in its place; of several the
        last one stays.

    Examples
    --------
    >>> import numpy as np
    >>> scatter_elements(np.array([[1, 2, 3]]), np.array([[2, 0]]), np.array([[10, 20]]), axis=1)
    array([[20,  2, 10]])
    """
    check_integral("scatter_elements", indices)
    along = checked_axis(axis, x.shape)
    check_within(x, indices, along)
    _check_updates(updates, tuple(indices.shape))
    places = beside(indices, xp.zeros, (), dtype=index_dtype(xp))
    index = from_front(indices, x.shape[along], xp)
    for other, size in enumerate(x.shape):
        if other == along:
            step = index
        else:
            shape = [1] * x.ndim
            shape[other] = indices.shape[other]
            step = xp.reshape(beside(places, xp.arange, indices.shape[other]), tuple(shape))
        places = places * size + step
    # A place beyond the axis would be another row's.
    places = xp.where((index >= 0) & (index < x.shape[along]), places, -1)
    count = math.prod(indices.shape)
    result = _scattered(
        "scatter_elements",
        xp.reshape(x, (math.prod(x.shape), 1)),
        xp.reshape(places, (count,)),
        xp.reshape(updates, (count, 1)),
        reduction,
        xp,
    )
    return xp.reshape(result, x.shape)


@op(dtypes=("any",), choices={"reduction": _REDUCTIONS})
def scatter_nd(
    x: Array, indices: Array, updates: Array, *, reduction: str = "none", xp: Namespace = None
) -> Array:
    """Update the parts that tuples of indices name, in a copy.

    Parameters
    ----------
    x : array, shape (indexed…, rest…)
        Of any dtype.
    indices : array of integers, shape (…, k)
        Each row of k indexes the first k axes; negative ones count from the end.
    updates : array, shape (…, rest…)
        Of the dtype of ``x``.
    reduction : {"none", "add", "mul", "max", "min"}
        How an update changes an element. "none" puts itself in its place; of several the
        last one stays.

    Examples
    --------
    >>> import numpy as np
    >>> scatter_nd(np.array([1, 2, 3]), np.array([[1], [1]]), np.array([10, 20]), reduction="add")
    array([ 1, 32,  3])
    """
    check_integral("scatter_nd", indices)
    if not indices.ndim or indices.shape[-1] > x.ndim:
        raise ShapeError(f"indices {shape_text(indices.shape)} do not index {shape_text(x.shape)}")
    depth = indices.shape[-1]
    indexed, rest = tuple(x.shape[:depth]), tuple(x.shape[depth:])
    _check_updates(updates, (*indices.shape[:-1], *rest))
    count, inner = math.prod(indices.shape[:-1]), math.prod(rest)
    result = _scattered(
        "scatter_nd",
        xp.reshape(x, (math.prod(indexed), inner)),
        xp.reshape(linear(indices, indexed, xp), (count,)),
        xp.reshape(updates, (count, inner)),
        reduction,
        xp,
    )
    return xp.reshape(result, x.shape)


def _check_updates(updates: Array, wanted: tuple[int, ...]) -> None:
    if tuple(updates.shape) != wanted:
        raise ShapeError(f"updates {shape_text(updates.shape)} need shape {shape_text(wanted)}")


def _scattered(
    name: str, x: Array, places: Array, updates: Array, reduction: str, xp: Namespace
) -> Array:
    """Return rows (n, inner) with updates (m, inner) at places (m,)."""
    check_choice(name, "reduction", reduction, _REDUCTIONS)
    if reduction != "none" and is_bool(x):
        raise DtypeError(f"{name}: got truth values to {reduction}, expected numbers")
    if not places.shape[0] or not x.shape[0]:
        return x
    order = xp.argsort(places, stable=True)
    ordered, values = xp.take(places, order), xp.take(updates, order, axis=0)
    wide = x
    if reduction != "none":
        wide, values = widened(x, xp), widened(values, xp)
        values = _accumulated(ordered, values, _FUNCTIONS[reduction], xp)
    targets = beside(ordered, xp.arange, x.shape[0])
    # The last update of each place stands just before the first of the next.
    last = xp.searchsorted(ordered, targets, side="right") - 1
    last = xp.where(last < 0, 0, last)
    updated = xp.expand_dims(xp.take(ordered, last) == targets, axis=1)
    new = xp.take(values, last, axis=0)
    if reduction != "none":
        new = getattr(xp, _FUNCTIONS[reduction])(wide, new)
    return narrowed(xp.where(updated, new, wide), x.dtype, xp)


def _accumulated(places: Array, values: Array, function: str, xp: Namespace) -> Array:
    """Return what each value and those before it with the same place come to.

    Each turn joins what twice as many values come to: a scan in log2(m) turns.

    References
    ----------
    W. D. Hillis and G. L. Steele, Data parallel algorithms, CACM 29 (1986) 1170-1183.
    """
    combine, distance, count = getattr(xp, function), 1, values.shape[0]
    while distance < count:
        same = xp.expand_dims(places[distance:] == places[:-distance], axis=1)
        joined = combine(values[distance:, :], values[:-distance, :])
        tail = xp.where(same, joined, values[distance:, :])
        values = xp.concat([values[:distance, :], tail], axis=0)
        distance *= 2
    return values
