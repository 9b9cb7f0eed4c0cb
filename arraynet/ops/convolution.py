"""Convolutions, of any number of spatial axes, as products of matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from arraynet._typing import Array, Namespace
from arraynet.errors import ShapeError, shape_text
from arraynet.ops.channels import check_image, per_channel
from arraynet.ops.meta import count_multiply_adds
from arraynet.ops.registry import op
from arraynet.ops.windows import (
    AUTO_PAD,
    Window,
    taps,
    whole_numbers,
    windows_over,
)


def _borders(*, pads: Any = None, auto_pad: str = "NOTSET", **_: Any) -> bool:
    """Return whether zeros may stand around the images."""
    return auto_pad.startswith("SAME") or any(pads or ())


@op(
    rowwise=True,
    merges="channels",
    borders=_borders,
    widened=True,
    choices={"auto_pad": AUTO_PAD},
)
def conv(
    x: Array,
    weight: Array,
    bias: Array = None,
    *,
    kernel_shape: tuple[int, ...] | None = None,
    strides: tuple[int, ...] | None = None,
    pads: tuple[int, ...] | None = None,
    dilations: tuple[int, ...] | None = None,
    group: int = 1,
    auto_pad: str = "NOTSET",
    xp: Namespace = None,
) -> Array:
    """Convolution (a cross-correlation, as everywhere in neural networks) and a bias.

    Kernels of one element are a product with each image as it stands. Else all elements
    that a window covers are laid out in columns, which is one product. Where each channel
    has kernels of its own, the image is multiplied by one element of the kernels at a time,
    and shifted.

    Parameters
    ----------
    x : array, shape (N, C, …)
        Floating; images with any number of spatial axes, one at least.
    weight : array, shape (M, C / group, …)
        A kernel for each channel of the output.
    bias : array, shape (M,), optional
    kernel_shape : tuple of int, optional
        That of ``weight``, which needs no telling.
    strides, dilations : tuple of int, optional
        For each spatial axis the step from window to window, and within one; 1 when None.
    pads : tuple of int, optional
        Zeros before each spatial axis, then after each; none when None.
    group : int
        How many groups of channels are convolved apart.
    auto_pad : {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"}
        ``pads``; as many that a stride of 1 keeps the size, the odd one behind or before;
        or none.

    Returns
    -------
    array, shape (N, M, …)
        Of the dtype of ``x``; ``(size + pads - dilation * (kernel - 1) - 1) // stride + 1``
        along each spatial axis.

    References
    ----------
    K. Chellapilla, S. Puri and P. Simard, High Performance Convolutional Neural Networks
    for Document Processing, 2006: the columns.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.array([[[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [6.0, 7.0, 8.0]]]])
    >>> conv(image, np.ones((1, 1, 2, 2)), strides=(1, 1))
    array([[[[ 8., 12.],
             [20., 24.]]]])
    """
    windows = conv_windows(x, weight, kernel_shape, strides, pads, dilations, group, auto_pad)
    if group == x.shape[1] > 1:
        y = _depthwise(x, weight, windows, xp)
    else:
        y = _from_columns(x, weight, group, windows, xp)
    return y if bias is None else y + per_channel("bias", bias, weight.shape[0], x.ndim, xp)


def conv_windows(
    x: Array,
    weight: Array,
    kernel_shape: Any = None,
    strides: Any = None,
    pads: Any = None,
    dilations: Any = None,
    group: int = 1,
    auto_pad: str = "NOTSET",
) -> tuple[Window, ...]:
    """Return the windows of a convolution, after checking that everything fits.

    Raises
    ------
    ShapeError
    """
    check_image(x)
    check_weight(x, weight, kernel_shape, group)
    if x.shape[1] != weight.shape[1] * group or weight.shape[0] % group:
        raise ShapeError(
            f"x has {x.shape[1]} channels, and weight {shape_text(weight.shape)} in {group} "
            f"groups takes {weight.shape[1] * group} and gives a multiple of {group}"
        )
    return windows_over(
        x.shape[2:],
        tuple(weight.shape[2:]),
        strides=strides,
        pads=pads,
        dilations=dilations,
        auto_pad=auto_pad,
    )


def check_weight(x: Array, weight: Array, kernel_shape: Any, group: int) -> None:
    """Refuse kernels of another rank or shape than is said, and no groups."""
    if weight.ndim != x.ndim:
        raise ShapeError(
            f"weight {shape_text(weight.shape)} needs as many axes as x {shape_text(x.shape)}"
        )
    kernel = tuple(weight.shape[2:])
    if kernel_shape and whole_numbers("kernel_shape", kernel_shape, len(kernel)) != kernel:
        raise ShapeError(
            f"kernel_shape {shape_text(kernel_shape)} is not that of weight "
            f"{shape_text(weight.shape)}"
        )
    if group < 1:
        raise ShapeError(f"group is {group}, and there is 1 at least")


def _from_columns(
    x: Array, weight: Array, group: int, windows: Sequence[Window], xp: Namespace
) -> Array:
    """Return the convolution as one product for each image and group."""
    batch, channels, outputs = x.shape[0], x.shape[1], weight.shape[0]
    parts = taps(x, windows, 0.0, xp)
    columns = parts[0] if len(parts) == 1 else xp.stack(parts, axis=2)
    rows = channels // group * len(parts)
    counts = [window.count for window in windows]
    apart = (group,) if group > 1 else ()
    columns = xp.reshape(columns, (batch, *apart, rows, math.prod(counts)))
    kernels = xp.reshape(weight, (*apart, outputs // group, rows))
    return xp.reshape(xp.matmul(kernels, columns), (batch, outputs, *counts))


def _depthwise(x: Array, weight: Array, windows: Sequence[Window], xp: Namespace) -> Array:
    """Return the convolution of each channel with kernels of its own."""
    batch, channels, outputs = x.shape[0], x.shape[1], weight.shape[0]
    several = outputs > channels
    counts = [window.count for window in windows]
    parts = taps(x, windows, 0.0, xp)
    shape = (channels, *((outputs // channels,) * several), len(parts), *(1,) * len(windows))
    kernels = xp.reshape(weight, shape)
    total = None
    for place, part in enumerate(parts):
        kernel = kernels[(slice(None),) * (1 + several) + (place, ...)]
        term = (xp.expand_dims(part, axis=2) if several else part) * kernel
        total = term if total is None else total + term
    count_multiply_adds(xp, batch * outputs * math.prod(counts) * len(parts))
    return xp.reshape(total, (batch, outputs, *counts)) if several else total
