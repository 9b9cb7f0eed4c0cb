"""Pooling: one number for each window, or for each channel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce

from arraynet._typing import Array, Namespace
from arraynet.errors import ShapeError
from arraynet.ops.channels import check_image
from arraynet.ops.placement import beside
from arraynet.ops.registry import op
from arraynet.ops.windows import AUTO_PAD, Window, reduced, windows_over

_CHOICES = {"auto_pad": AUTO_PAD}


@op(rowwise=True, dtypes=("numeric",), choices=_CHOICES)
def max_pool(
    x: Array,
    *,
    kernel_shape: tuple[int, ...] = (),
    strides: tuple[int, ...] | None = None,
    pads: tuple[int, ...] | None = None,
    dilations: tuple[int, ...] | None = None,
    ceil_mode: bool = False,
    auto_pad: str = "NOTSET",
    xp: Namespace = None,
) -> Array:
    """Maximum of each window.

    A window with NaN gives NaN. `max_pool_with_indices` tells where it was, too.

    Parameters
    ----------
    x : array, shape (N, C, …)
        Numbers; images with any number of spatial axes, one at least.
    kernel_shape : tuple of int
        Of a window, one for each spatial axis.
    strides, dilations : tuple of int, optional
        For each spatial axis the step from window to window, and within one; 1 when None.
    pads : tuple of int, optional
        Before each spatial axis, then after each; none when None. They count as -infinity.
    ceil_mode : bool
        Whether a last window may reach beyond the pads.
    auto_pad : {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"}
        ``pads``; as many that a stride of 1 keeps the size, the odd one behind or before;
        or none.

    Returns
    -------
    array, shape (N, C, …)
        Of the dtype of ``x``; ``(size + pads - dilation * (kernel - 1) - 1) // stride + 1``
        along each spatial axis, rounded up where ``ceil_mode`` says so.

    Examples
    --------
    >>> import numpy as np
    >>> max_pool(np.array([[[1.0, 5.0, 2.0, 3.0]]]), kernel_shape=(2,), strides=(2,))
    array([[[5., 3.]]])
    """
    check_image(x)
    windows = windows_over(
        x.shape[2:],
        kernel_shape,
        strides=strides,
        pads=pads,
        dilations=dilations,
        auto_pad=auto_pad,
        ceil_mode=ceil_mode,
    )
    return reduced(x, windows, xp.maximum, lowest(x, xp), xp)


def lowest(x: Array, xp: Namespace) -> float:
    """Return the number that is at most every number of the dtype."""
    integral = xp.isdtype(x.dtype, "integral")
    return int(xp.iinfo(x.dtype).min) if integral else -math.inf


@op(rowwise=True, widened=True, choices=_CHOICES)
def average_pool(
    x: Array,
    *,
    kernel_shape: tuple[int, ...] = (),
    strides: tuple[int, ...] | None = None,
    pads: tuple[int, ...] | None = None,
    dilations: tuple[int, ...] | None = None,
    ceil_mode: bool = False,
    count_include_pad: bool = False,
    auto_pad: str = "NOTSET",
    xp: Namespace = None,
) -> Array:
    """Mean of each window.

    Parameters
    ----------
    x : array, shape (N, C, …)
        Floating; images with any number of spatial axes, one at least.
    kernel_shape, strides, pads, dilations, ceil_mode, auto_pad
        As those of `max_pool`.
    count_include_pad : bool
        Whether the pads are elements of a window, zeros; else the mean is of its elements
        in the image alone.

    Returns
    -------
    array, shape (N, C, …)
        Of the dtype of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> average_pool(np.array([[[1.0, 5.0, 2.0, 3.0]]]), kernel_shape=(2,), strides=(2,))
    array([[[3. , 2.5]]])
    """
    check_image(x)
    windows = windows_over(
        x.shape[2:],
        kernel_shape,
        strides=strides,
        pads=pads,
        dilations=dilations,
        auto_pad=auto_pad,
        ceil_mode=ceil_mode,
    )
    total = reduced(x, windows, lambda a, b: a + b, 0.0, xp)
    return total / _sizes(total, windows, count_include_pad, xp)


def _sizes(
    total: Array, windows: Sequence[Window], with_pads: bool, xp: Namespace
) -> float | Array:
    """Return of how many elements each sum is: one number where all are of as many."""
    counts = [[max(1, n) for n in window.inside(pads=with_pads)] for window in windows]
    if all(len(set(along_axis)) <= 1 for along_axis in counts):
        return float(math.prod(along_axis[0] for along_axis in counts if along_axis))
    rank = len(counts)
    arrays = [
        xp.reshape(
            beside(total, xp.asarray, [float(n) for n in along_axis]),
            (len(along_axis), *(1,) * (rank - 1 - axis)),
        )
        for axis, along_axis in enumerate(counts)
    ]
    return reduce(lambda a, b: a * b, arrays)


@op(rowwise=True, widened=True, choices=_CHOICES)
def lp_pool(
    x: Array,
    *,
    kernel_shape: tuple[int, ...] = (),
    p: int = 2,
    strides: tuple[int, ...] | None = None,
    pads: tuple[int, ...] | None = None,
    dilations: tuple[int, ...] | None = None,
    ceil_mode: bool = False,
    auto_pad: str = "NOTSET",
    xp: Namespace = None,
) -> Array:
    """p-norm of each window, ``sum(abs(x) ** p) ** (1 / p)``.

    Parameters
    ----------
    x : array, shape (N, C, …)
        Floating; images with any number of spatial axes, one at least.
    kernel_shape, strides, pads, dilations, ceil_mode, auto_pad
        As those of `max_pool`; the pads are zeros.
    p : int
        Of the norm; 1 at least.

    Returns
    -------
    array, shape (N, C, …)
        Of the dtype of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> lp_pool(np.array([[[3.0, -4.0, 0.0, 2.0]]]), kernel_shape=(2,), strides=(2,))
    array([[[5., 2.]]])
    """
    check_image(x)
    check_norm(p)
    windows = windows_over(
        x.shape[2:],
        kernel_shape,
        strides=strides,
        pads=pads,
        dilations=dilations,
        auto_pad=auto_pad,
        ceil_mode=ceil_mode,
    )
    return root(reduced(powers(x, p, xp), windows, lambda a, b: a + b, 0.0, xp), p, xp)


def check_norm(p: int) -> None:
    """Refuse what is no norm.

    Raises
    ------
    ShapeError
    """
    if p < 1:
        raise ShapeError(f"p is {p}, and norms have 1 at least")


def powers(x: Array, p: int, xp: Namespace) -> Array:
    """Return ``abs(x) ** p``."""
    return x * x if p == 2 else xp.abs(x) if p == 1 else xp.abs(x) ** p


def root(x: Array, p: int, xp: Namespace) -> Array:
    """Return ``x ** (1 / p)``."""
    return xp.sqrt(x) if p == 2 else x if p == 1 else x ** (1.0 / p)
