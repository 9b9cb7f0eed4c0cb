"""Where the largest elements were, and how they come back there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from arraynet._typing import Array, Namespace
from arraynet.errors import ShapeError, shape_text
from arraynet.ops.channels import check_image
from arraynet.ops.padding import along, padded
from arraynet.ops.placement import beside, index_dtype
from arraynet.ops.pooling import lowest
from arraynet.ops.registry import op
from arraynet.ops.windows import AUTO_PAD, Window, whole_numbers, windows_over


@op(dtypes=("numeric",), outputs=2, choices={"auto_pad": AUTO_PAD})
def max_pool_with_indices(
    x: Array,
    *,
    kernel_shape: tuple[int, ...] = (),
    strides: tuple[int, ...] | None = None,
    pads: tuple[int, ...] | None = None,
    dilations: tuple[int, ...] | None = None,
    ceil_mode: bool = False,
    auto_pad: str = "NOTSET",
    storage_order: int = 0,
    xp: Namespace = None,
) -> tuple[Array, Array]:
    """Maximum of each window, and its place: ONNX's MaxPool with two outputs.

    Parameters
    ----------
    x : array, shape (N, C, …)
        Numbers; images with any number of spatial axes, one at least.
    kernel_shape, strides, pads, dilations, ceil_mode, auto_pad
        As those of `max_pool`.
    storage_order : {0, 1}
        Whether a place in an image is counted row by row, or column by column.

    Returns
    -------
    array, shape (N, C, …)
        As that of `max_pool`.
    array, shape (N, C, …)
        Of the library's default integers: the place in ``x`` as one row, without pads. Of
        equal elements the first, in the order of rows; -1 where a window has none.

    Examples
    --------
    >>> import numpy as np
    >>> max_pool_with_indices(np.array([[[1.0, 5.0, 2.0, 3.0]]]), kernel_shape=(2,))
    (array([[[5., 5., 3.]]]), array([[[1, 1, 3]]]))
    """
    check_image(x)
    if storage_order not in (0, 1):
        raise ShapeError(f"storage_order is {storage_order}, and may be 0 or 1")
    windows = windows_over(
        x.shape[2:],
        kernel_shape,
        strides=strides,
        pads=pads,
        dilations=dilations,
        auto_pad=auto_pad,
        ceil_mode=ceil_mode,
    )
    values, places = x, _places(x, storage_order, xp)
    # The last axis first, so that of equal elements the first row's stays.
    for axis, window in reversed(list(enumerate(windows, start=2))):
        values, places = _largest(values, places, window, axis, lowest(x, xp), xp)
    images = _counted(x, math.prod(x.shape[:2]), xp) * math.prod(x.shape[2:])
    offsets = xp.reshape(images, (*x.shape[:2], *(1,) * len(windows)))
    return values, xp.where(places < 0, -1, places + offsets)


def _counted(x: Array, count: int, xp: Namespace) -> Array:
    """Return the whole numbers below ``count``, as indices."""
    return beside(x, xp.arange, count, dtype=index_dtype(xp))


def _places(x: Array, storage_order: int, xp: Namespace) -> Array:
    """Return each element's place in its image, for all images alike."""
    sizes = x.shape[2:]
    rank, place = len(sizes), None
    for axis, size in enumerate(sizes):
        step = math.prod(sizes[:axis] if storage_order else sizes[axis + 1 :])
        term = xp.reshape(_counted(x, size, xp) * step, (size, *(1,) * (rank - 1 - axis)))
        place = term if place is None else place + term
    return xp.broadcast_to(place, tuple(x.shape))


def _largest(
    values: Array, places: Array, window: Window, axis: int, least: float, xp: Namespace
) -> tuple[Array, Array]:
    """Return the largest element of each window along one axis, and its place."""
    values = window.padded(values, axis, least, xp)
    places = window.padded(places, axis, -1, xp)
    first, *rest = [along(axis, part) for part in window.slices()]
    best, place = values[first], places[first]
    for part in rest:
        value, other = values[part], places[part]
        # NaN wins, and any element wins over a pad.
        better = (value > best) | ((value != value) & (best == best))
        better = better | ((place < 0) & (other >= 0))
        best, place = xp.where(better, value, best), xp.where(better, other, place)
    return best, place


@op(dtypes=("numeric",), host=("output_shape",))
def max_unpool(
    x: Array,
    indices: Array,
    output_shape: Array = None,
    *,
    kernel_shape: tuple[int, ...] = (),
    pads: tuple[int, ...] | None = None,
    strides: tuple[int, ...] | None = None,
    xp: Namespace = None,
) -> Array:
    """Put the largest elements of windows back where they were, among zeros.

    Parameters
    ----------
    x : array, shape (N, C, …)
        Numbers: what `max_pool_with_indices` gave.
    indices : array, shape (N, C, …)
        Integers: the places that it gave, in an array of the size that the other
        attributes tell.
    output_shape : sequence of int, optional
        Of the result, where a pooling with that size gave ``x`` too: zeros follow at the end.
    kernel_shape, pads, strides
        Of the pooling.

    Returns
    -------
    array, shape (N, C, …)
        Of the dtype of ``x``; ``stride * (size - 1) + kernel - pads`` along each spatial
        axis, or ``output_shape``.

    Examples
    --------
    >>> import numpy as np
    >>> x, places = np.array([[[5.0, 3.0]]]), np.array([[[1, 3]]])
    >>> max_unpool(x, places, kernel_shape=(2,), strides=(2,))
    array([[[0., 5., 0., 3.]]])
    """
    check_image(x)
    if tuple(indices.shape) != tuple(x.shape):
        raise ShapeError(
            f"indices {shape_text(indices.shape)} need the shape of x, {shape_text(x.shape)}"
        )
    shape = (*x.shape[:2], *_unpooled(x.shape[2:], kernel_shape, pads, strides))
    y = xp.reshape(_scattered(x, indices, math.prod(shape), xp), shape)
    if output_shape is None:
        return y
    wanted = tuple(output_shape.tolist())
    if len(wanted) != len(shape) or wanted[:2] != shape[:2]:
        raise ShapeError(f"output_shape {shape_text(wanted)} is no image like {shape_text(shape)}")
    for axis, size in enumerate(wanted):
        y = padded(y, axis, 0, size - shape[axis], 0, xp)
    return y


def _unpooled(sizes: Sequence[int], kernel_shape: Any, pads: Any, strides: Any) -> list[int]:
    """Return the sizes of the images that were pooled, where nothing was left over."""
    rank = len(sizes)
    kernels = whole_numbers("kernel_shape", kernel_shape, rank)
    steps = whole_numbers("strides", strides, rank, default=1)
    around = whole_numbers("pads", pads, 2 * rank, default=0, least=0)
    found = []
    for axis, size in enumerate(sizes):
        off = around[axis] + around[axis + rank]
        found.append((size - 1) * steps[axis] + kernels[axis] - off if size else 0)
        if found[-1] < 0:
            raise ShapeError(f"pads of {off} leave nothing of axis {axis + 2}")
    return found


def _scattered(x: Array, indices: Array, length: int, xp: Namespace) -> Array:
    """Return a row of zeros with elements at some places.

    The array API standard has no scattering: each place looks in the sorted indices
    whether it is there.
    """
    values, indices = xp.reshape(x, (-1,)), xp.reshape(indices, (-1,))
    count = values.shape[0]
    if count == 0 or length == 0:
        return beside(x, xp.zeros, (length,))
    order = xp.argsort(indices)
    ordered = xp.take(indices, order, axis=0)
    places = _counted(x, length, xp)
    # Of equal indices the last one counts.
    found = xp.searchsorted(ordered, xp.astype(places, indices.dtype), side="right") - 1
    found = xp.maximum(found, 0)
    there = xp.take(ordered, found, axis=0) == places
    return xp.where(there, xp.take(xp.take(values, order, axis=0), found, axis=0), 0)
