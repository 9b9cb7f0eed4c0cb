"""Joins, parts and slices of arrays along their axes."""

from __future__ import annotations

import builtins
import math
from typing import Any

from arraynet._typing import Array, Namespace
from arraynet.errors import GraphError, ShapeError, shape_text
from arraynet.ops.meta import checked_axis
from arraynet.ops.placement import along
from arraynet.ops.registry import op
from arraynet.ops.sizes import integers


@op(dtypes=("any",), moves=("arrays",))
def concat(*arrays: Array, axis: int | None = None, xp: Namespace = None) -> Array:
    """Join arrays one after the other along an axis.

    Parameters
    ----------
    *arrays : arrays
        Of one dtype; their shapes differ along the axis alone.
    axis : int
        It has no default.

    Examples
    --------
    >>> import numpy as np
    >>> concat(np.array([[1, 2]]), np.array([[3]]), axis=1)
    array([[1, 2, 3]])
    """
    if axis is None:
        raise GraphError("concat: got no axis, expected one (axis=0 joins rows)")
    place, first = checked_axis(axis, arrays[0].shape), tuple(arrays[0].shape)
    for other in arrays[1:]:
        rest = [tuple(s)[:place] + tuple(s)[place + 1 :] for s in (first, other.shape)]
        if rest[0] != rest[1]:
            raise ShapeError(
                f"{shape_text(first)} and {shape_text(other.shape)} differ in more than axis {axis}"
            )
    return xp.concat(arrays, axis=place)


@op(dtypes=("any",), host=("split",), outputs=0, moves=("x",))
def split(
    x: Array,
    split: Array | None = None,
    *,
    axis: int = 0,
    num_outputs: int | None = None,
    xp: Namespace = None,
) -> tuple[Array, ...]:
    """Cut an array into parts along an axis.

    Parameters
    ----------
    split : array of integers, optional
        The size of each part; on the host.
    axis : int
        The axis to cut.
    num_outputs : int, optional
        How many parts of one size there are, where ``split`` does not say; the last may be
        smaller.

    Returns
    -------
    tuple of arrays

    Examples
    --------
    >>> import numpy as np
    >>> split(np.array([1, 2, 3, 4, 5]), num_outputs=2)
    (array([1, 2, 3]), array([4, 5]))
    """
    place = checked_axis(axis, x.shape)
    total = x.shape[place]
    if split is not None:
        sizes = integers(split)
    elif isinstance(num_outputs, int) and num_outputs > 0:
        step = math.ceil(total / num_outputs)
        sizes = [step] * (num_outputs - 1)
        sizes.append(total - sum(sizes))
    else:
        raise GraphError(
            f"split: got num_outputs={num_outputs}, expected a number, or the sizes of the parts"
        )
    if min(sizes, default=0) < 0 or sum(sizes) != total:
        raise ShapeError(f"parts of {shape_text(sizes)} do not make axis {axis} of {total}")
    parts, start = [], 0
    for size in sizes:
        parts.append(x[along(place, builtins.slice(start, start + size))])
        start += size
    return tuple(parts)


@op(dtypes=("any",), host=("starts", "ends", "axes", "steps"), moves=("x",))
def slice(
    x: Array,
    starts: Array,
    ends: Array,
    axes: Array | None = None,
    steps: Array | None = None,
    *,
    xp: Namespace = None,
) -> Array:
    """Take the elements from a start to before an end, along axes.

    Parameters
    ----------
    starts, ends : array of integers
        For each of the axes; on the host. Negative ones count from the end, and what is
        beyond the axis is its end.
    axes : array of integers, optional
        On the host; without it, the first ones.
    steps : array of integers, optional
        On the host; negative ones go backwards. Without it, 1.

    Examples
    --------
    >>> import numpy as np
    >>> slice(np.arange(10), [-1], [-100], [0], [-3])
    array([9, 6, 3, 0])
    """
    first, last = integers(starts), integers(ends)
    chosen = list(range(len(first))) if axes is None else integers(axes)
    strides = [1] * len(first) if steps is None else integers(steps)
    if not len(first) == len(last) == len(chosen) == len(strides):
        raise ShapeError(
            f"{len(first)} starts, {len(last)} ends, {len(chosen)} axes and {len(strides)} steps"
        )
    key: list[Any] = [builtins.slice(None)] * x.ndim
    for number, start, end, step in zip(chosen, first, last, strides, strict=True):
        axis = checked_axis(number, x.shape)
        if step == 0:
            raise ShapeError("a step is 0, and slices need another one")
        begin, stop, stride = builtins.slice(start, end, step).indices(x.shape[axis])
        if stride < 0:  # the standard's slices go forwards in every library
            x = xp.flip(x, axis=axis)
            begin, stop, stride = x.shape[axis] - 1 - begin, x.shape[axis] - 1 - stop, -stride
        key[axis] = builtins.slice(begin, max(begin, stop), stride)
    return x[tuple(key)]
