"""Probabilities with exact zeros: hardmax and sparsemax."""

from __future__ import annotations

import math

from arraynet._typing import Array, Namespace
from arraynet.ops.registry import op
from arraynet.ops.softmax import check_rows


@op(rowwise=True, bounds=(0, 1))
def hardmax(x: Array, *, axis: int = -1, xp: Namespace = None) -> Array:
    """1 for the largest score of each row, 0 for the others.

    Parameters
    ----------
    axis : int
        The axis of a row; the default is that of ONNX's Hardmax.

    Returns
    -------
    array, shape (…)
        Of the dtype of ``x``. Of equal scores the first has the 1. A row with NaN is
        NaN throughout.

    Examples
    --------
    >>> import numpy as np
    >>> hardmax(np.array([[1.0, 3.0, 3.0], [2.0, 0.0, 1.0]]))
    array([[0., 1., 0.],
           [1., 0., 0.]])
    """
    check_rows(x, axis)
    largest = xp.max(x, axis=axis, keepdims=True)
    marks = xp.astype(x == largest, x.dtype)
    marks = xp.where(xp.cumulative_sum(marks, axis=axis) == 1.0, marks, 0.0)
    return xp.where(xp.isnan(largest), largest, marks)


@op(rowwise=True, bounds=(0, 1), widened=True)
def sparsemax(x: Array, *, axis: int = -1, xp: Namespace = None) -> Array:
    """Probabilities nearest to the scores: softmax with exact zeros.

    ``max(x - t, 0)`` with the one threshold ``t`` for which a row sums to 1.

    Parameters
    ----------
    axis : int
        The axis over which the result sums to 1; the default is that of `softmax`
        (neither ONNX nor PyTorch has this function).

    Returns
    -------
    array, shape (…)
        Of the dtype of ``x``. A row with NaN or +infinity, or with -infinity alone, is
        NaN throughout.

    References
    ----------
    A. Martins and R. Astudillo, From Softmax to Sparsemax, arXiv:1602.02068.

    Examples
    --------
    >>> import numpy as np
    >>> sparsemax(np.array([1.0, 0.5, -2.0]))
    array([0.75, 0.25, 0.  ])
    """
    check_rows(x, axis)
    half = 0.5 * x
    largest = xp.max(half, axis=axis, keepdims=True)
    largest = xp.where(xp.isfinite(largest), largest, math.nan)
    # A score more than 1 below the largest has no share, whatever it is.
    shifted = 2.0 * xp.maximum(half - largest, -1.0)
    ordered = xp.sort(shifted, axis=axis, descending=True)
    ranks = xp.cumulative_sum(xp.ones_like(ordered), axis=axis)
    totals = xp.cumulative_sum(ordered, axis=axis)
    # The threshold of the k best scores is largest for the k that are above it.
    threshold = xp.max((totals - 1.0) / ranks, axis=axis, keepdims=True)
    return xp.maximum(shifted - threshold, 0.0)
