"""The numbers of new constants: computed in float64, in blocks but for products, rounded once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import numpy as np

from arraynet.admission import HostArray
from arraynet.weights import FORMATS

BLOCK = 1 << 16
"""Most numbers that are held in float64 beside a weight."""

Numbers: TypeAlias = HostArray | float
Order: TypeAlias = Literal["C", "F"]

# Weights that would overflow stay as they were.
_quietly = np.errstate(over="ignore", under="ignore", invalid="ignore")


@_quietly
def scaled(
    values: HostArray,
    factor: Numbers,
    shift: Numbers = 0.0,
    *,
    shape: tuple[int, ...],
    dtype: np.dtype[Any] | None = None,
) -> HostArray | None:
    """Return ``values * factor + shift`` in that shape, in a dtype: by default the values' own.

    None where the dtype cannot hold the result: it would overflow, or lose its precision
    among the subnormal numbers.
    """
    parts = [np.broadcast_to(part, shape) for part in (values, factor, shift)]
    order = _order(values)
    result = np.empty(shape, values.dtype if dtype is None else dtype, order=order)
    lost = largest = np.float64(0.0)
    for block in _blocks(shape, order):
        value, times, plus = (part[block].astype(np.float64) for part in parts)
        exact = value * times + plus
        result[block] = exact
        lost = np.maximum(lost, np.abs(result[block].astype(np.float64) - exact).max())
        largest = np.maximum(largest, np.abs(exact).max())
    return result if lost <= FORMATS[result.dtype.name].spacing * largest else None


@_quietly
def weighted_sum(factors: Numbers, weight: HostArray, axis: int) -> HostArray:
    """Return ``factors * weight`` in float64, summed over all axes but one."""
    factors = np.broadcast_to(factors, weight.shape)
    total = np.zeros(weight.shape[axis])
    others = tuple(other for other in range(weight.ndim) if other != axis)
    for block in _blocks(weight.shape, _order(weight)):
        part = weight[block].astype(np.float64) * factors[block].astype(np.float64)
        total[block[axis]] += part.sum(axis=others)
    return total


@_quietly
def interval(
    low: Numbers, high: Numbers, weight: HostArray, bias: HostArray
) -> tuple[HostArray, HostArray]:
    """Return the least and the greatest ``x @ weight + bias`` for ``low <= x <= high``."""
    low, high = (np.broadcast_to(part, weight.shape[:1]) for part in (low, high))
    least, greatest = np.zeros(weight.shape[1]), np.zeros(weight.shape[1])
    for rows, columns in _blocks(weight.shape, _order(weight)):
        part = weight[rows, columns].astype(np.float64)
        rising, falling = np.maximum(part, 0), np.minimum(part, 0)
        least[columns] += low[rows] @ rising + high[rows] @ falling
        greatest[columns] += high[rows] @ rising + low[rows] @ falling
    least += bias
    greatest += bias
    return least, greatest


@_quietly
def product(first: HostArray, second: HostArray) -> HostArray | None:
    """Return ``first @ second``, computed in float64, in their dtype; None as in `scaled`."""
    exact = first.astype(np.float64) @ second.astype(np.float64)
    rounded = exact.astype(first.dtype)
    lost = np.abs(rounded.astype(np.float64) - exact).max()
    spacing = FORMATS[rounded.dtype.name].spacing
    return rounded if lost <= spacing * np.abs(exact).max() else None


def _order(values: HostArray) -> Order:
    """Return how numbers lie side by side: along the last axis, or ("F") the first."""
    return "F" if values.flags.fnc else "C"


def _blocks(shape: tuple[int, ...], order: Order) -> Iterator[tuple[slice, ...]]:
    """Yield the indices of parts of at most `BLOCK` numbers, which lie side by side."""
    axes = range(len(shape)) if order == "F" else reversed(range(len(shape)))
    lengths, left = list(shape), BLOCK
    for axis in axes:
        lengths[axis] = min(shape[axis], max(left, 1))
        left //= lengths[axis]
    steps = (range(0, size, length) for size, length in zip(shape, lengths, strict=True))
    for start in itertools.product(*steps):
        yield tuple(slice(at, at + length) for at, length in zip(start, lengths, strict=True))
