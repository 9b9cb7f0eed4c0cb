"""Convolution and its transpose as their definitions say: loops, in float64.

Nothing here uses arraynet.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def convolve(
    x: Array,
    weight: Array,
    *,
    strides: tuple[int, ...],
    pads: tuple[int, ...],
    dilations: tuple[int, ...],
    group: int,
) -> Array:
    """Return ``y[n, m, o] = sum(x[n, c, o * stride + k * dilation - pad] * w[m, c, k])``."""
    rank = x.ndim - 2
    sizes = [
        (x.shape[2 + a] + pads[a] + pads[a + rank] - dilations[a] * (weight.shape[2 + a] - 1) - 1)
        // strides[a]
        + 1
        for a in range(rank)
    ]
    y = np.zeros((x.shape[0], weight.shape[0], *sizes))
    for n, m, *place in np.ndindex(*y.shape):
        first = m // (weight.shape[0] // group) * weight.shape[1]
        for c, *tap in np.ndindex(*weight.shape[1:]):
            where = [place[a] * strides[a] + tap[a] * dilations[a] - pads[a] for a in range(rank)]
            if all(0 <= where[a] < x.shape[2 + a] for a in range(rank)):
                y[(n, m, *place)] += float(x[(n, first + c, *where)]) * float(weight[(m, c, *tap)])
    return y


def convolve_transposed(
    x: Array,
    weight: Array,
    *,
    strides: tuple[int, ...],
    pads: tuple[int, ...],
    dilations: tuple[int, ...],
    group: int,
    sizes: tuple[int, ...],
) -> Array:
    """Return the images of some sizes to which each element adds its multiple of a kernel."""
    rank, inner = x.ndim - 2, x.shape[1] // group
    y = np.zeros((x.shape[0], weight.shape[1] * group, *sizes))
    for n, c, *place in np.ndindex(*x.shape):
        first = c // inner * weight.shape[1]
        for m, *tap in np.ndindex(*weight.shape[1:]):
            where = [place[a] * strides[a] + tap[a] * dilations[a] - pads[a] for a in range(rank)]
            if all(0 <= where[a] < sizes[a] for a in range(rank)):
                y[(n, first + m, *where)] += float(x[(n, c, *place)]) * float(weight[(c, m, *tap)])
    return y
