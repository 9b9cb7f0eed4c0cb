"""Other shapes of the same elements.

Shapes, axes and repeats are numbers on the host, never read from a device.
"""

from __future__ import annotations

import math
from typing import Any

from arraynet._typing import Array, Namespace
from arraynet.errors import ShapeError, shape_text
from arraynet.ops.meta import broadcast, checked_axis
from arraynet.ops.registry import op
from arraynet.ops.sizes import integers


@op(dtypes=("any",), host=("shape",), moves=("x",))
def reshape(x: Array, shape: Array, *, allowzero: bool = False, xp: Namespace = None) -> Array:
    """Give the same elements another shape.

    Parameters
    ----------
    shape : array of integers
        On the host. One size may be -1: it follows from the others. A size of 0 stays that
        of ``x``.
    allowzero : bool
        Whether a size of 0 is 0.

    Examples
    --------
    >>> import numpy as np
    >>> reshape(np.ones((2, 3, 4)), (0, -1)).shape
    (2, 12)
    """
    sizes = integers(shape)
    if not allowzero:
        for place, size in enumerate(sizes):
            if size == 0:
                if place >= x.ndim:
                    raise ShapeError(f"size {place} of {shape_text(sizes)} is 0, and x has none")
                sizes[place] = x.shape[place]
    if -1 in sizes:
        known = math.prod(size for size in sizes if size != -1)
        if sizes.count(-1) > 1 or known == 0 or math.prod(x.shape) % known:
            raise ShapeError(f"{shape_text(x.shape)} does not reshape to {shape_text(sizes)}")
        sizes[sizes.index(-1)] = math.prod(x.shape) // known
    return xp.reshape(x, tuple(sizes))


@op(dtypes=("any",), moves=("x",))
def flatten(x: Array, *, axis: int = 1, xp: Namespace = None) -> Array:
    """Make a matrix: the axes before one are its rows, the others its columns.

    Parameters
    ----------
    axis : int
        The first axis of the columns.

    Returns
    -------
    array, shape (rows, columns)
        Of the dtype of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> flatten(np.ones((5, 1, 28, 28))).shape
    (5, 784)
    """
    if not -x.ndim <= axis <= x.ndim:
        raise ShapeError(f"axis {axis} does not exist in {shape_text(x.shape)}")
    first = axis + x.ndim if axis < 0 else axis
    return xp.reshape(x, (math.prod(x.shape[:first]), math.prod(x.shape[first:])))


@op(dtypes=("any",), moves=("x",))
def transpose(x: Array, *, perm: Any = None, xp: Namespace = None) -> Array:
    """Put the axes in another order.

    Parameters
    ----------
    perm : tuple of int, optional
        Which axis of ``x`` comes in each place; without it they are reversed.

    Examples
    --------
    >>> import numpy as np
    >>> transpose(np.ones((2, 3, 4)), perm=(1, 0, 2)).shape
    (3, 2, 4)
    """
    order = range(x.ndim - 1, -1, -1) if perm is None else perm
    found = [checked_axis(int(axis), x.shape) for axis in order]
    if sorted(found) != list(range(x.ndim)):
        raise ShapeError(f"axes {shape_text(found)} are no order of {shape_text(x.shape)}")
    return xp.permute_dims(x, tuple(found))


@op(dtypes=("any",), host=("axes",), moves=("x",))
def squeeze(x: Array, axes: Array | None = None, *, xp: Namespace = None) -> Array:
    """Leave out axes of size 1.

    Parameters
    ----------
    axes : array of integers, optional
        On the host; without it, every axis of size 1 goes.

    Examples
    --------
    >>> import numpy as np
    >>> squeeze(np.ones((1, 3, 1)), [0]).shape
    (3, 1)
    """
    if axes is None:
        gone = {axis for axis, size in enumerate(x.shape) if size == 1}
    else:
        gone = {checked_axis(axis, x.shape) for axis in integers(axes)}
        for axis in gone:
            if x.shape[axis] != 1:
                raise ShapeError(f"axis {axis} of {shape_text(x.shape)} is not of size 1")
    return xp.reshape(x, tuple(size for axis, size in enumerate(x.shape) if axis not in gone))


@op(dtypes=("any",), host=("axes",), moves=("x",))
def unsqueeze(x: Array, axes: Array, *, xp: Namespace = None) -> Array:
    """Put in axes of size 1.

    Parameters
    ----------
    axes : array of integers
        Where in the new shape they are; on the host.

    Examples
    --------
    >>> import numpy as np
    >>> unsqueeze(np.ones((3, 4)), [0, -1]).shape
    (1, 3, 4, 1)
    """
    given = integers(axes)
    rank = x.ndim + len(given)
    places = {checked_axis(axis, (1,) * rank) for axis in given}
    if len(places) < len(given):
        raise ShapeError(f"axes {shape_text(given)} name one twice")
    sizes = iter(x.shape)
    return xp.reshape(x, tuple(1 if a in places else next(sizes) for a in range(rank)))


@op(dtypes=("any",), host=("shape",), moves=("x",))
def expand(x: Array, shape: Array, *, xp: Namespace = None) -> Array:
    """Repeat along axes of size 1, until ``x`` and a shape have broadcast together.

    Parameters
    ----------
    shape : array of integers
        On the host.

    Examples
    --------
    >>> import numpy as np
    >>> expand(np.array([[1], [2]]), (3,))
    array([[1, 1, 1],
           [2, 2, 2]])
    """
    return xp.broadcast_to(x, broadcast([tuple(x.shape), tuple(integers(shape))]))


@op(dtypes=("any",), host=("repeats",), moves=("x",))
def tile(x: Array, repeats: Array, *, xp: Namespace = None) -> Array:
    """Repeat the array as a whole along each axis.

    Parameters
    ----------
    repeats : array of integers
        How often, for each axis; on the host.

    Examples
    --------
    >>> import numpy as np
    >>> tile(np.array([[1, 2]]), (2, 2))
    array([[1, 2, 1, 2],
           [1, 2, 1, 2]])
    """
    times = integers(repeats)
    if len(times) != x.ndim:
        raise ShapeError(f"{len(times)} repeats for the {x.ndim} axes of {shape_text(x.shape)}")
    return xp.tile(x, tuple(times))
