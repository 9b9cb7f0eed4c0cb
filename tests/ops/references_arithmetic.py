"""Arithmetic as its definitions have it, number by number."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

Vector = np.ndarray[Any, Any]


def truncated_quotient(x: int, y: int) -> int:
    """Return x / y without what is behind the point."""
    return math.trunc(Fraction(x, y))


def remainder(x: float, y: float, fmod: bool) -> float:
    """Return what is left of x / y, with the sign of x, or of y."""
    quotient = Fraction(x) / Fraction(y)
    whole = math.trunc(quotient) if fmod else math.floor(quotient)
    return float(Fraction(x) - whole * Fraction(y))


def each(function: Any, *arrays: Vector) -> Vector:
    """Return a function of numbers for all numbers of arrays that broadcast."""
    together = np.broadcast_arrays(*arrays)
    rows = zip(*(t.ravel().tolist() for t in together), strict=True)
    values = [function(*numbers) for numbers in rows]
    return np.array(values).reshape(together[0].shape)


def running(x: Vector, axis: int, exclusive: bool, reverse: bool, product: bool) -> Vector:
    """Return sums or products of the elements so far, by a loop."""
    moved = np.moveaxis(x, axis, 0)
    result = np.empty(moved.shape, x.dtype)
    total = np.ones(moved.shape[1:], x.dtype) if product else np.zeros(moved.shape[1:], x.dtype)
    for place in range(len(moved))[:: -1 if reverse else 1]:
        after = total * moved[place] if product else total + moved[place]
        result[place] = total if exclusive else after
        total = after
    return np.moveaxis(result, 0, axis)
