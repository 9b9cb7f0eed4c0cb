"""How far two arrays are apart: absolutely, relatively, in units of the last place."""

from __future__ import annotations

import numpy as np

from arraynet.admission import HostArray
from arraynet.weights import FORMATS


def largest_differences(a: HostArray, b: HostArray, dtype: str) -> tuple[float, float, float]:
    """Return the largest absolute and relative difference, and that in ulps of a dtype.

    Each element is measured against the larger of the two, so that the order does not
    matter and a number against 0 gives a relative difference of 1. Two NaN, and two
    equal infinities, do not differ; NaN and a number differ infinitely.

    Whole numbers and truth values are compared exactly, and their unit is 1. Arrays of two
    shapes differ infinitely.

    Parameters
    ----------
    a, b : numpy.ndarray
    dtype : str
        Whose units of the last place are counted: of floating numbers, which may be of a
        wider dtype than that.

    Returns
    -------
    tuple of float
        All 0 for empty arrays.

    Examples
    --------
    >>> largest_differences(np.array([1.0, 3.0]), np.array([1.0, 4.0]), "float32")
    (1.0, 0.25, 2097152.0)
    """
    if a.shape != b.shape:
        return (np.inf, np.inf, np.inf)
    if dtype not in FORMATS:
        return _whole_differences(a, b)
    first, second = a.astype(np.float64), b.astype(np.float64)
    both = np.isfinite(first) & np.isfinite(second)
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    if not (both | same).all():
        return (np.inf, np.inf, np.inf)
    first, second = first[both], second[both]
    gap = np.abs(first - second)
    size = np.maximum(np.abs(first), np.abs(second))
    relative = gap / np.where(size > 0, size, 1.0)
    ulps = gap / _spacing(size, dtype)
    return (
        float(gap.max(initial=0.0)),
        float(relative.max(initial=0.0)),
        float(ulps.max(initial=0.0)),
    )


def _whole_differences(a: HostArray, b: HostArray) -> tuple[float, float, float]:
    """Return the largest differences of whole numbers: float64 does not hold all of them."""
    least, most = np.minimum(a, b), np.maximum(a, b)
    gap = most.astype(np.uint64) - least.astype(np.uint64)  # right for negative ones: modulo 2**64
    size = np.maximum(np.abs(most.astype(np.float64)), np.abs(least.astype(np.float64)))
    relative = gap / np.where(size > 0, size, 1.0)
    largest = float(gap.max(initial=0))
    return largest, float(relative.max(initial=0.0)), largest


def _spacing(size: HostArray, dtype: str) -> HostArray:
    """Return the distance to the next larger number of a dtype."""
    exponent = np.maximum(np.frexp(size)[1] - 1, FORMATS[dtype].least)
    spacing: HostArray = np.ldexp(1.0, exponent - FORMATS[dtype].bits)
    return spacing
