"""Normalisation: rows, channels or groups of them, made of mean 0 and variance 1.

16-bit floats are computed in float32, as ONNX's ``stash_type`` of 1 asks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from arraynet._typing import Array, Namespace
from arraynet.errors import ShapeError
from arraynet.ops.channels import check_image, per_channel
from arraynet.ops.meta import checked_axis
from arraynet.ops.registry import host_namespace, op


def batch_normalization_scale(
    scale: Array,
    bias: Array,
    mean: Array,
    variance: Array,
    *,
    epsilon: float = 1e-5,
    xp: Namespace,
) -> tuple[Array, Array]:
    """Return what each channel is multiplied by, and what is added then."""
    factor = scale / xp.sqrt(variance + epsilon)
    return factor, bias - mean * factor


def _scaling(
    x: None, *vectors: Array | None, rank: int, epsilon: float = 1e-5
) -> tuple[Array, Array] | None:
    """Return the scale and shift of batch normalisation, to broadcast along axis 1."""
    if any(vector is None for vector in vectors):
        return None
    factor, shift = batch_normalization_scale(*vectors, epsilon=epsilon, xp=host_namespace())
    shape = (-1, *(1,) * (rank - 2))
    return factor.reshape(shape), shift.reshape(shape)


@op(rowwise=True, widened=True, scaling=_scaling)
def batch_normalization(
    x: Array,
    scale: Array,
    bias: Array,
    mean: Array,
    variance: Array,
    *,
    epsilon: float = 1e-5,
    xp: Namespace = None,
) -> Array:
    """Batch normalisation at inference, ``scale * (x - mean) / sqrt(variance + epsilon) + bias``.

    Mean and variance are those that training left; so it is a scale and a shift of each
    channel.

    Parameters
    ----------
    x : array, shape (N, C, …) or (N,)
        Floating. One axis is of one channel.
    scale, bias, mean, variance : array, shape (C,)
        Floating.
    epsilon : float
        Against division by 0.

    References
    ----------
    S. Ioffe and C. Szegedy, Batch Normalization, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.array([1.0])
    >>> batch_normalization(np.array([[2.0], [5.0]]), 2 * one, one, 2 * one, 9 * one, epsilon=0.0)
    array([[1.],
           [3.]])
    """
    check_image(x, least=1)
    channels = x.shape[1] if x.ndim > 1 else 1
    vectors = {"scale": scale, "bias": bias, "mean": mean, "variance": variance}
    parts = [per_channel(name, v, channels, x.ndim, xp) for name, v in vectors.items()]
    factor, shift = batch_normalization_scale(*parts, epsilon=epsilon, xp=xp)
    return x * factor + shift


@op(rowwise=True, widened=True)
def instance_normalization(
    x: Array, scale: Array, bias: Array, *, epsilon: float = 1e-5, xp: Namespace = None
) -> Array:
    """Instance normalisation: each channel of each image by itself.

    Parameters
    ----------
    x : array, shape (N, C, …)
        Floating; one spatial axis at least.
    scale, bias : array, shape (C,)
        Floating.
    epsilon : float
        Against division by 0.

    References
    ----------
    D. Ulyanov, A. Vedaldi and V. Lempitsky, Instance Normalization, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.array([1.0])
    >>> instance_normalization(np.array([[[1.0, 3.0]]]), 2 * one, one, epsilon=0.0)
    array([[[-1.,  3.]]])
    """
    check_image(x)
    scale = per_channel("scale", scale, x.shape[1], x.ndim, xp)
    bias = per_channel("bias", bias, x.shape[1], x.ndim, xp)
    _, centred, inverse = standardised(x, range(2, x.ndim), epsilon, xp)
    return centred * (inverse * scale) + bias


@op(rowwise=True, widened=True)
def group_normalization(
    x: Array,
    scale: Array,
    bias: Array,
    *,
    num_groups: int = 0,
    epsilon: float = 1e-5,
    xp: Namespace = None,
) -> Array:
    """Group normalisation: each group of channels of each image by itself.

    Parameters
    ----------
    x : array, shape (N, C, …)
        Floating.
    scale, bias : array, shape (C,)
        Floating.
    num_groups : int
        A divisor of C.
    epsilon : float
        Against division by 0.

    References
    ----------
    Y. Wu and K. He, Group Normalization, 2018.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 3.0, 0.0, 8.0]])
    >>> group_normalization(x, np.ones(4), np.zeros(4), num_groups=2, epsilon=0.0)
    array([[-1.,  1., -1.,  1.]])
    """
    check_image(x, least=2)
    batch, channels, *sizes = x.shape
    if num_groups < 1 or channels % num_groups:
        raise ShapeError(f"num_groups is {num_groups}, and no divisor of {channels} channels")
    scale = per_channel("scale", scale, channels, x.ndim, xp)
    bias = per_channel("bias", bias, channels, x.ndim, xp)
    rows = xp.reshape(x, (batch, num_groups, channels // num_groups * math.prod(sizes)))
    _, centred, inverse = standardised(rows, [2], epsilon, xp)
    return xp.reshape(centred * inverse, (batch, channels, *sizes)) * scale + bias


@op(widened=True)
def mean_variance_normalization(
    x: Array, *, axes: tuple[int, ...] = (0, 2, 3), xp: Namespace = None
) -> Array:
    """Mean and variance normalisation, ``(x - mean) / (sqrt(variance) + 1e-9)``.

    Parameters
    ----------
    axes : tuple of int
        Over which mean and variance are taken; the default is that of ONNX, for images
        (N, C, H, W): each channel over the whole batch.

    Returns
    -------
    array, shape (…)
        Of the dtype of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> mean_variance_normalization(np.array([1.0, 3.0, 5.0, 3.0]), axes=(0,)) ** 2
    array([2., 0., 2., 0.])
    """
    over = [checked_axis(axis, x.shape) for axis in axes]
    centred = x - mean_over(x, over, xp)
    return centred / (xp.sqrt(mean_over(centred * centred, over, xp)) + 1e-9)


def mean_over(x: Array, axes: Sequence[int], xp: Namespace) -> Array:
    """Return the mean over some axes, which stay with size 1; of nothing it is 0."""
    if not axes:
        return x
    count = math.prod(x.shape[axis] for axis in axes)
    return xp.sum(x, axis=tuple(axes), keepdims=True) / float(max(count, 1))


def standardised(
    x: Array, axes: Sequence[int], epsilon: float, xp: Namespace
) -> tuple[Array, Array, Array]:
    """Return the mean, ``x`` less the mean, and one over the standard deviation."""
    mean = mean_over(x, axes, xp)
    centred = x - mean
    return mean, centred, 1.0 / xp.sqrt(mean_over(centred * centred, axes, xp) + epsilon)
