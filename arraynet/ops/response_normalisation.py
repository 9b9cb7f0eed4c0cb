"""Normalisation by the size of what stands beside: norms of rows, neighbouring channels."""

from __future__ import annotations

from arraynet._typing import Array, Namespace
from arraynet.errors import ShapeError
from arraynet.ops.channels import check_image
from arraynet.ops.meta import checked_axis
from arraynet.ops.pooling import check_norm, powers, root
from arraynet.ops.registry import op
from arraynet.ops.windows import Window, reduced


@op(rowwise=True, widened=True)
def lp_normalization(x: Array, *, axis: int = -1, p: int = 2, xp: Namespace = None) -> Array:
    """Rows divided by their p-norm, ``x / sum(abs(x) ** p) ** (1 / p)``.

    Parameters
    ----------
    axis : int
        The axis over which the norm is taken.
    p : {1, 2}
        Of the norm.

    Returns
    -------
    array, shape (…)
        Of the dtype of ``x``; a row of zeros stays one.

    Examples
    --------
    >>> import numpy as np
    >>> lp_normalization(np.array([[3.0, -4.0], [0.0, 0.0]]))
    array([[ 0.6, -0.8],
           [ 0. ,  0. ]])
    """
    check_norm(p)
    if x.shape[checked_axis(axis, x.shape)] == 0:
        return x
    # Divided by the largest first: no square is too large or too small for the dtype.
    largest = xp.max(xp.abs(x), axis=axis, keepdims=True)
    row = x / xp.where(largest == 0, 1.0, largest)
    norm = root(xp.sum(powers(row, p, xp), axis=axis, keepdims=True), p, xp)
    return row / xp.where(norm == 0, 1.0, norm)


@op(rowwise=True, widened=True)
def lrn(
    x: Array,
    *,
    alpha: float = 0.0001,
    beta: float = 0.75,
    bias: float = 1.0,
    size: int = 0,
    xp: Namespace = None,
) -> Array:
    """Local response normalisation: each channel beside its neighbours.

    ``x / (bias + alpha / size * sum(x * x)) ** beta``, the sum over the channels from
    ``(size - 1) // 2`` before to ``size // 2`` behind.

    Parameters
    ----------
    x : array, shape (N, C, …)
        Floating.
    alpha, beta, bias : float
    size : int
        How many channels are summed; 1 at least.

    Returns
    -------
    array, shape (N, C, …)
        Of the dtype of ``x``.

    References
    ----------
    A. Krizhevsky, I. Sutskever and G. E. Hinton, ImageNet Classification with Deep
    Convolutional Neural Networks, 2012, section 3.3.

    Examples
    --------
    >>> import numpy as np
    >>> lrn(np.array([[2.0, 0.0, 1.0]]), alpha=3.0, beta=1.0, size=3)
    array([[0.4, 0. , 0.5]])
    """
    check_image(x, least=2)
    if size < 1:
        raise ShapeError(f"size is {size}, and one channel at least is summed")
    channels = x.shape[1]
    window = Window(channels, size, before=(size - 1) // 2, count=channels)
    total = reduced(x * x, [window], lambda a, b: a + b, 0.0, xp, first=1)
    return x * (bias + (alpha / size) * total) ** -beta
