"""Arrays made larger at their ends, or smaller."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

from arraynet._typing import Array, Namespace
from arraynet.errors import DtypeError, GraphError, ShapeError, choices_text, shape_text, shortened
from arraynet.ops.admission import dtype_name
from arraynet.ops.meta import checked_axis
from arraynet.ops.placement import beside, index_dtype
from arraynet.ops.registry import op

Places = Callable[[range, int], list[int]]


def along(axis: int, part: slice) -> tuple[Any, ...]:
    """Return the index that takes a part of one axis."""
    return (*(slice(None),) * axis, part, ...)


def padded(
    x: Array, axis: int, before: int, after: int, value: float | Array, xp: Namespace
) -> Array:
    """Return an array with a number before and after along one axis.

    Parameters
    ----------
    x : array
    axis : int
    before, after : int
        How many elements come to each end; below 0, how many go.
    value : float or array
        What stands there; an array of one element and any rank.
    """
    x = cut(x, axis, -min(before, 0), -min(after, 0))
    parts = [x]
    for place, count in ((0, before), (2, after)):
        if count > 0:
            shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
            block = (
                beside(x, xp.full, shape, value)
                if isinstance(value, int | float)
                else xp.broadcast_to(xp.reshape(value, (1,) * x.ndim), shape)
            )
            parts.insert(place, block)
    return x if len(parts) == 1 else xp.concat(parts, axis=axis)


def cut(x: Array, axis: int, before: int, after: int) -> Array:
    """Return an array without some elements at both ends of an axis.

    Raises
    ------
    ShapeError
        If it has not so many.
    """
    size = x.shape[axis]
    if before + after > size:
        raise ShapeError(
            f"pads of {-before} and {-after} take more than axis {axis} of "
            f"{shape_text(x.shape)} has"
        )
    return x[along(axis, slice(before, size - after))] if before or after else x


def _clipped(places: range, size: int) -> list[int]:
    return [min(max(place, 0), size - 1) for place in places]


def _wrapped(places: range, size: int) -> list[int]:
    return [place % size for place in places]


def _reflected(places: range, size: int) -> list[int]:
    period = max(1, 2 * (size - 1))
    return [min(place % period, period - place % period) for place in places]


MODES: dict[str, Places | None] = {
    "constant": None,
    "edge": _clipped,
    "reflect": _reflected,
    "wrap": _wrapped,
}
"""Which element stands at each place beyond the ends."""


@op(dtypes=("any",), host=("pads", "axes"), choices={"mode": tuple(MODES)})
def pad(
    x: Array,
    pads: Array,
    constant_value: Array = None,
    axes: Array = None,
    *,
    mode: str = "constant",
    xp: Namespace = None,
) -> Array:
    """Pad an array at the ends of its axes, or cut elements off there.

    Parameters
    ----------
    x : array, shape (…)
        Of any dtype.
    pads : sequence of int
        How many elements come before each axis, then how many after each; below 0, how
        many go. They go first: what is repeated is repeated of the rest.
    constant_value : array, optional
        One element of the dtype of ``x``, for the mode "constant"; 0 when None.
    axes : sequence of int, optional
        The axes that ``pads`` is about; all of them when None.
    mode : {"constant", "reflect", "edge", "wrap"}
        What comes there: a number; the elements mirrored at the one at the end, which
        itself is not repeated; the one at the end; or the elements from the other end.

    Examples
    --------
    >>> import numpy as np
    >>> pad(np.array([1, 2, 3]), [2, 1], mode="reflect")
    array([3, 2, 1, 2, 3, 2])
    """
    if mode not in MODES:
        raise GraphError(f"pad: got mode={shortened(mode)}, expected {choices_text(mode, MODES)}")
    places = MODES[mode]
    for axis, before, after in _widths(x, pads, axes):
        if places is None:
            value = 0 if constant_value is None else _one(constant_value, x)
            x = padded(x, axis, before, after, value, xp)
        elif before or after:
            x = _repeated(x, axis, before, after, places, xp)
    return x


def _widths(x: Array, pads: Any, axes: Any) -> list[tuple[int, int, int]]:
    """Return each axis with the pads before and after it."""
    which = range(x.ndim) if axes is None else _whole("axes", axes)
    numbers = _whole("pads", pads)
    if len(numbers) != 2 * len(which):
        raise ShapeError(f"{len(numbers)} pads are not two for each of {len(which)} axes")
    found = [checked_axis(axis, x.shape) for axis in which]
    if len(set(found)) < len(found):
        raise ShapeError(f"axes {shape_text(which)} name an axis twice")
    return list(zip(found, numbers[: len(found)], numbers[len(found) :], strict=True))


def _whole(name: str, numbers: Any) -> Sequence[int]:
    """Return an array of NumPy with whole numbers as Python's own."""
    try:
        listed = numbers.tolist()
        return [operator.index(n) for n in (listed if isinstance(listed, list) else [listed])]
    except TypeError as error:
        raise ShapeError(f"{name} {shortened(numbers)} are no whole numbers") from error


def _one(value: Array, x: Array) -> Array:
    """Return the array of one element, after checking that it is one for ``x``."""
    if math.prod(value.shape) != 1:
        raise ShapeError(f"constant_value {shape_text(value.shape)} is not one element")
    if value.dtype != x.dtype:
        raise DtypeError(
            f"pad: got constant_value of {dtype_name(value.dtype)}, expected the dtype of x, "
            f"{dtype_name(x.dtype)}"
        )
    return value


def _repeated(x: Array, axis: int, before: int, after: int, places: Places, xp: Namespace) -> Array:
    """Return an array padded with its own elements."""
    x = cut(x, axis, -min(before, 0), -min(after, 0))
    size, before, after = x.shape[axis], max(before, 0), max(after, 0)
    if not before and not after:
        return x
    if size == 0:
        raise ShapeError(f"axis {axis} of {shape_text(x.shape)} has no element to repeat")
    order = places(range(-before, size + after), size)
    return xp.take(x, beside(x, xp.asarray, order, dtype=index_dtype(xp)), axis=axis)
