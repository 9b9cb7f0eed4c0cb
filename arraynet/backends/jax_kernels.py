"""XLA's own convolutions, for the same attributes as the formula's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from arraynet._typing import Array, Kernel, Namespace
from arraynet.ops.convolution import conv, conv_windows
from arraynet.ops.transposed_convolution import conv_transpose, transposed_windows


def kernels(jax: Any, xp: Namespace) -> Mapping[str, Kernel]:
    """Return the kernels by the names of ops. Axes of size 0 are the formula's."""

    def product(
        x: Array, weight: Array, bias: Array | None, pads: Sequence[Any], **keywords: Any
    ) -> Array:
        y = jax.lax.conv_general_dilated(
            x,
            weight,
            padding=pads,
            precision=jax.lax.Precision.HIGHEST,
            preferred_element_type=xp.float32 if x.dtype.itemsize == 2 else None,
            **keywords,
        )
        if bias is not None:
            y = y + bias.reshape(-1, *(1,) * (x.ndim - 2))
        return y.astype(x.dtype)

    def convolve(x: Array, weight: Array, bias: Array = None, **attributes: Any) -> Array:
        windows = conv_windows(x, weight, **attributes)
        if 0 in x.shape:
            return conv(x, weight, bias, xp=xp, **attributes)
        return product(
            x,
            weight,
            bias,
            [(window.before, window.after) for window in windows],
            window_strides=[window.stride for window in windows],
            rhs_dilation=[window.dilation for window in windows],
            feature_group_count=attributes.get("group", 1),
        )

    def transpose(x: Array, weight: Array, bias: Array = None, **attributes: Any) -> Array:
        windows = transposed_windows(x, weight, **attributes)
        if 0 in x.shape or any(window.size == 0 for window in windows):
            return conv_transpose(x, weight, bias, xp=xp, **attributes)
        group, (_, inner, *kernel) = attributes.get("group", 1), weight.shape
        apart = weight.reshape(group, -1, inner, *kernel).swapaxes(1, 2)
        flipped = xp.flip(apart, axis=tuple(range(3, apart.ndim)))
        pads = []
        for window in windows:
            before = window.reach - 1 - window.before
            spread = (window.count - 1) * window.stride + 1
            pads.append((before, window.size + window.reach - 1 - spread - before))
        return product(
            x,
            flipped.reshape(group * inner, -1, *kernel),
            bias,
            pads,
            window_strides=[1] * len(windows),
            lhs_dilation=[window.stride for window in windows],
            rhs_dilation=[window.dilation for window in windows],
            feature_group_count=group,
        )

    return {"conv": convolve, "conv_transpose": transpose}
