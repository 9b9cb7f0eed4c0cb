"""PyTorch's own kernels, where they are better than the formula, for the same attributes.

What PyTorch has no kernel for (images of four and more spatial axes, axes of size 0,
integers) is the formula's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from arraynet._typing import Array, Kernel, Namespace
from arraynet.ops.convolution import conv, conv_windows
from arraynet.ops.layer_normalisation import layer_normalization, normalised_axes
from arraynet.ops.pooling import max_pool
from arraynet.ops.transposed_convolution import conv_transpose, transposed_windows
from arraynet.ops.windows import Window, windows_over

MOST_AXES = 3
"""Spatial axes that PyTorch's kernels of images take."""


def kernels(torch: Any, xp: Namespace) -> Mapping[str, Kernel]:
    """Return the kernels by the names of ops."""
    functions = torch.nn.functional

    def convolve(x: Array, weight: Array, bias: Array = None, **attributes: Any) -> Array:
        windows = conv_windows(x, weight, **attributes)
        if not _suits(x, windows):
            return conv(x, weight, bias, xp=xp, **attributes)
        before = [window.before for window in windows]
        if before != [window.after for window in windows]:
            x = functions.pad(x, _around([(w.before, w.after) for w in windows]))
            before = [0] * len(windows)
        return getattr(functions, f"conv{len(windows)}d")(
            x,
            weight,
            bias,
            [window.stride for window in windows],
            before,
            [window.dilation for window in windows],
            attributes.get("group", 1),
        )

    def transpose(x: Array, weight: Array, bias: Array = None, **attributes: Any) -> Array:
        windows = transposed_windows(x, weight, **attributes)
        if not _suits(x, windows) or any(window.size == 0 for window in windows):
            return conv_transpose(x, weight, bias, xp=xp, **attributes)
        whole = getattr(functions, f"conv_transpose{len(windows)}d")(
            x,
            weight,
            stride=[window.stride for window in windows],
            groups=attributes.get("group", 1),
            dilation=[window.dilation for window in windows],
        )
        # Below 0 it cuts off.
        ends = [
            (-window.before, window.before + window.size - size)
            for window, size in zip(windows, whole.shape[2:], strict=True)
        ]
        y = functions.pad(whole, _around(ends)) if any(map(any, ends)) else whole
        return y if bias is None else y + bias.reshape(-1, *(1,) * len(windows))

    def largest(x: Array, *, kernel_shape: Any = (), **attributes: Any) -> Array:
        windows = windows_over(x.shape[2:], kernel_shape, **attributes)
        if not _suits(x, windows) or not x.is_floating_point():
            return max_pool(x, kernel_shape=kernel_shape, xp=xp, **attributes)
        around = [(w.before, max(0, _reached(w) - w.before - w.size)) for w in windows]
        half = all(b == a <= w.kernel // 2 for (b, a), w in zip(around, windows, strict=True))
        if not half:
            x = functions.pad(x, _around(around), value=-torch.inf)
        return getattr(functions, f"max_pool{len(windows)}d")(
            x,
            [window.kernel for window in windows],
            [window.stride for window in windows],
            [b for b, _ in around] if half else 0,
            [window.dilation for window in windows],
        )

    def normalise(
        x: Array,
        scale: Array,
        bias: Array = None,
        *,
        axis: int = -1,
        epsilon: float = 1e-5,
    ) -> Array:
        axes = normalised_axes(x, scale, bias, axis)
        if 0 in x.shape:
            return layer_normalization(x, scale, bias, axis=axis, epsilon=epsilon, xp=xp)
        shape = x.shape[axes[0] :]
        whole = [v if v is None or v.shape == shape else v.expand(shape) for v in (scale, bias)]
        return functions.layer_norm(x, shape, *whole, epsilon)

    return {
        "conv": convolve,
        "conv_transpose": transpose,
        "max_pool": largest,
        "layer_normalization": normalise,
    }


def _suits(x: Array, windows: Sequence[Window]) -> bool:
    """Return whether PyTorch has kernels for such images."""
    return len(windows) <= MOST_AXES and 0 not in x.shape


def _reached(window: Window) -> int:
    """Return the place behind the last window."""
    return (window.count - 1) * window.stride + window.reach


def _around(pads: Sequence[tuple[int, int]]) -> list[int]:
    """Return pads as PyTorch has them: those of the last axis first."""
    return [number for pair in reversed(pads) for number in pair]
