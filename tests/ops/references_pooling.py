"""Pooling as its definition says: each window by itself, in float64.

Nothing here uses arraynet.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Places = list[tuple[int, ...]]


def count(
    size: int, kernel: int, stride: int, dilation: int, before: int, after: int, ceil: bool
) -> int:
    """Return how many windows there are along an axis, as ONNX's documentation states it."""
    span = (size + before + after - dilation * (kernel - 1) - 1) / stride
    found = (math.ceil if ceil else math.floor)(span) + 1
    if ceil and (found - 1) * stride >= size + before:
        found -= 1
    return found


def windows(
    sizes: tuple[int, ...],
    counts: tuple[int, ...],
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
    pads: tuple[int, ...],
) -> Iterator[tuple[tuple[int, ...], Places, int]]:
    """Yield each window's place, its elements in the image, and those in image or pads."""
    rank = len(sizes)
    for place in np.ndindex(*counts):
        inside, padded = [], 0
        for tap in itertools.product(*map(range, kernel)):
            where = tuple(
                place[a] * strides[a] + tap[a] * dilations[a] - pads[a] for a in range(rank)
            )
            if all(0 <= where[a] < sizes[a] for a in range(rank)):
                inside.append(where)
            padded += all(-pads[a] <= where[a] < sizes[a] + pads[a + rank] for a in range(rank))
        yield place, inside, padded


def pool(
    x: Array,
    judge: Callable[[list[float], int], float],
    *,
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
    pads: tuple[int, ...],
    ceil: bool,
) -> Array:
    """Return a number for each window, from its elements and how many it has with pads."""
    rank, sizes = x.ndim - 2, x.shape[2:]
    counts = tuple(
        count(sizes[a], kernel[a], strides[a], dilations[a], pads[a], pads[a + rank], ceil)
        for a in range(rank)
    )
    y = np.zeros((*x.shape[:2], *counts))
    for place, inside, padded in windows(sizes, counts, kernel, strides, dilations, pads):
        for image in np.ndindex(*x.shape[:2]):
            y[(*image, *place)] = judge([float(x[(*image, *where)]) for where in inside], padded)
    return y
