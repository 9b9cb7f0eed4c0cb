"""Transposed convolutions: elements that add multiples of a kernel to an image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from arraynet._typing import Array, Namespace
from arraynet.errors import ShapeError, shape_text
from arraynet.ops.channels import check_image, per_channel
from arraynet.ops.convolution import check_weight
from arraynet.ops.registry import op
from arraynet.ops.windows import (
    AUTO_PAD,
    Window,
    check_auto_pad,
    halves,
    overlap_added,
    whole_numbers,
    windows_over,
)


# Fewer elements of x add to the edges of the result than to its middle: that is a border.
@op(
    rowwise=True,
    merges="transposed",
    borders=lambda **_: True,
    widened=True,
    choices={"auto_pad": AUTO_PAD},
)
def conv_transpose(
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
    output_padding: tuple[int, ...] | None = None,
    output_shape: tuple[int, ...] | None = None,
    xp: Namespace = None,
) -> Array:
    """Transposed convolution: each element adds its multiple of the kernel to the output.

    One product gives all multiples, which are then added where they overlap.

    Parameters
    ----------
    x : array, shape (N, C, …)
        Floating; images with any number of spatial axes, one at least.
    weight : array, shape (C, M / group, …)
    bias : array, shape (M,), optional
    kernel_shape : tuple of int, optional
        That of ``weight``, which needs no telling.
    strides, dilations : tuple of int, optional
        For each spatial axis of the output the step from window to window, and within one;
        1 when None.
    pads : tuple of int, optional
        What is cut off before each spatial axis of the output, then after each; none when
        None.
    group : int
        How many groups of channels are convolved apart.
    auto_pad : {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"}
        ``pads``; so many that the output is ``stride`` times as large, the odd one behind
        or before; or none.
    output_padding : tuple of int, optional
        What the output has more at the end of each spatial axis; 0 when None.
    output_shape : tuple of int, optional
        Of the spatial axes: it decides the pads.

    Returns
    -------
    array, shape (N, M, …)
        Of the dtype of ``x``; ``stride * (size - 1) + output_padding + dilation *
        (kernel - 1) + 1 - pads`` along each spatial axis.

    References
    ----------
    V. Dumoulin and F. Visin, A guide to convolution arithmetic for deep learning, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> conv_transpose(np.array([[[1.0, 2.0]]]), np.array([[[1.0, 10.0, 100.0]]]), strides=(2,))
    array([[[  1.,  10., 102.,  20., 200.]]])
    """
    windows = transposed_windows(
        x,
        weight,
        kernel_shape,
        strides,
        pads,
        dilations,
        group,
        auto_pad,
        output_padding,
        output_shape,
    )
    batch, channels, *sizes = x.shape
    kernel, outputs = tuple(weight.shape[2:]), weight.shape[1] * group
    apart, pixels = (group,) if group > 1 else (), math.prod(sizes)
    rows = weight.shape[1] * math.prod(kernel)
    kernels = xp.matrix_transpose(xp.reshape(weight, (*apart, channels // group, rows)))
    columns = xp.matmul(kernels, xp.reshape(x, (batch, *apart, channels // group, pixels)))
    y = overlap_added(xp.reshape(columns, (batch, outputs, *kernel, *sizes)), windows, xp)
    return y if bias is None else y + per_channel("bias", bias, outputs, x.ndim, xp)


def transposed_windows(
    x: Array,
    weight: Array,
    kernel_shape: Any = None,
    strides: Any = None,
    pads: Any = None,
    dilations: Any = None,
    group: int = 1,
    auto_pad: str = "NOTSET",
    output_padding: Any = None,
    output_shape: Any = None,
) -> list[Window]:
    """Return the windows over the output, one for each element of x, after all checks.

    Raises
    ------
    ShapeError
    """
    check_image(x)
    check_weight(x, weight, kernel_shape, group)
    sizes, kernel = x.shape[2:], weight.shape[2:]
    if x.shape[1] != weight.shape[0] or x.shape[1] % group:
        raise ShapeError(
            f"x has {x.shape[1]} channels, and weight {shape_text(weight.shape)} in {group} "
            f"groups takes {weight.shape[0]}, and a multiple of {group}"
        )
    rank = len(sizes)
    steps = whole_numbers("strides", strides, rank, default=1)
    spread = whole_numbers("dilations", dilations, rank, default=1)
    around = whole_numbers("pads", pads, 2 * rank, default=0, least=0)
    more = whole_numbers("output_padding", output_padding, rank, default=0, least=0)
    check_auto_pad(auto_pad, around if not output_shape else ())
    wanted: Sequence[int | None] = [None] * rank
    if output_shape:
        wanted = whole_numbers("output_shape", output_shape, rank, least=0)
    elif auto_pad.startswith("SAME"):
        wanted = [size * step for size, step in zip(sizes, steps, strict=True)]
    windows = []
    for axis, size in enumerate(sizes):
        window = Window(0, kernel[axis], steps[axis], spread[axis], count=size)
        whole = ((size - 1) * window.stride + window.reach if size else 0) + more[axis]
        chosen = wanted[axis]
        if chosen is None:
            before = around[axis]
            chosen = whole - before - around[axis + rank]
        else:
            before, _ = halves(max(0, whole - chosen), upper=auto_pad == "SAME_UPPER")
        if chosen < 0:
            raise ShapeError(f"pads of {before} and more leave nothing of a size of {whole}")
        windows.append(replace(window, size=chosen, before=before))
    return windows


@op(rowwise=True, host=("image_shape", "block_shape"), widened=True)
def col2im(
    x: Array,
    image_shape: Array,
    block_shape: Array,
    *,
    dilations: tuple[int, ...] | None = None,
    pads: tuple[int, ...] | None = None,
    strides: tuple[int, ...] | None = None,
    xp: Namespace = None,
) -> Array:
    """Add blocks up to images where they overlap: the transpose of cutting them out.

    Parameters
    ----------
    x : array, shape (N, C * elements of a block, blocks)
        Floating.
    image_shape, block_shape : sequence of int
        The spatial axes of the images, and of a block.
    dilations, strides : tuple of int, optional
        For each spatial axis the step within a block, and from block to block; 1 when
        None.
    pads : tuple of int, optional
        Before each spatial axis, then after each; none when None.

    Returns
    -------
    array, shape (N, C, *image_shape)
        Of the dtype of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> col2im(np.array([[[1.0, 2.0], [3.0, 4.0]]]), [3], [2])
    array([[[1., 5., 4.]]])
    """
    numbers = image_shape.tolist()
    windows = windows_over(
        whole_numbers("image_shape", numbers, len(numbers), least=0),
        block_shape.tolist(),
        strides=strides,
        pads=pads,
        dilations=dilations,
    )
    kernel = [window.kernel for window in windows]
    counts = [window.count for window in windows]
    block, blocks = math.prod(kernel), math.prod(counts)
    if x.ndim != 3 or x.shape[1] % block or x.shape[2] != blocks:
        raise ShapeError(
            f"x {shape_text(x.shape)} needs 3 axes: batch, a multiple of {block} elements of a "
            f"block, and {blocks} blocks"
        )
    columns = xp.reshape(x, (x.shape[0], x.shape[1] // block, *kernel, *counts))
    return overlap_added(columns, windows, xp)
