"""Normalisation over the last axes, as transformers have it.

16-bit floats are computed in float32, as ONNX's ``stash_type`` of 1 asks.
"""

from __future__ import annotations

from collections.abc import Sequence

from arraynet._typing import Array, Namespace
from arraynet.errors import ShapeError, shape_text
from arraynet.ops.meta import broadcast, checked_axis
from arraynet.ops.normalisation import mean_over, standardised
from arraynet.ops.registry import op


@op(rowwise=True, widened=True)
def layer_normalization(
    x: Array,
    scale: Array,
    bias: Array = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-5,
    xp: Namespace = None,
) -> Array:
    """Layer normalisation, ``scale * (x - mean) / sqrt(variance + epsilon) + bias``.

    Parameters
    ----------
    x : array, shape (…)
        Floating.
    scale : array
        Of the shape of the normalised axes, or one that broadcasts to it.
    bias : array, optional
        Likewise.
    axis : int
        The first of the normalised axes: mean and variance are taken over it and all that
        follow.
    epsilon : float
        Against division by 0.

    References
    ----------
    J. L. Ba, J. R. Kiros and G. E. Hinton, Layer Normalization, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> layer_normalization(np.array([[1.0, 3.0], [0.0, 8.0]]), np.ones(2), epsilon=0.0)
    array([[-1.,  1.],
           [-1.,  1.]])
    """
    return _layer_normalization(x, scale, bias, axis, epsilon, xp)[0]


@op(rowwise=True, widened=True, outputs=3)
def layer_normalization_with_statistics(
    x: Array,
    scale: Array,
    bias: Array = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-5,
    xp: Namespace = None,
) -> tuple[Array, Array, Array]:
    """Layer normalisation, and what it divided by: ONNX's LayerNormalization of three outputs.

    Parameters
    ----------
    x : array, shape (…)
        Floating.
    scale, bias, axis, epsilon
        As those of `layer_normalization`.

    Returns
    -------
    array, shape (…)
        As that of `layer_normalization`.
    array, shape (…, 1, …)
        The means; the normalised axes are of size 1.
    array, shape (…, 1, …)
        The inverse standard deviations, ``1 / sqrt(variance + epsilon)``.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 3.0], [0.0, 8.0]])
    >>> _, mean, inverse = layer_normalization_with_statistics(x, np.ones(2), epsilon=0.0)
    >>> mean[:, 0], inverse[:, 0]
    (array([2., 4.]), array([1.  , 0.25]))
    """
    return _layer_normalization(x, scale, bias, axis, epsilon, xp)


def _layer_normalization(
    x: Array, scale: Array, bias: Array | None, axis: int, epsilon: float, xp: Namespace
) -> tuple[Array, Array, Array]:
    axes = normalised_axes(x, scale, bias, axis)
    mean, centred, inverse = standardised(x, axes, epsilon, xp)
    y = centred * inverse * scale
    return y if bias is None else y + bias, mean, inverse


@op(rowwise=True, widened=True)
def rms_normalization(
    x: Array, scale: Array, *, axis: int = -1, epsilon: float = 1e-5, xp: Namespace = None
) -> Array:
    """Root mean square normalisation, ``scale * x / sqrt(mean(x * x) + epsilon)``.

    Parameters
    ----------
    x : array, shape (…)
        Floating.
    scale : array
        Of the shape of the normalised axes, or one that broadcasts to it.
    axis : int
        The first of the normalised axes: the mean is taken over it and all that follow.
    epsilon : float
        Against division by 0.

    References
    ----------
    B. Zhang and R. Sennrich, Root Mean Square Layer Normalization, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> rms_normalization(np.array([[1.0, 7.0]]), np.ones(2), epsilon=0.0)
    array([[0.2, 1.4]])
    """
    axes = normalised_axes(x, scale, None, axis)
    return x * (1.0 / xp.sqrt(mean_over(x * x, axes, xp) + epsilon)) * scale


def normalised_axes(x: Array, scale: Array, bias: Array | None, axis: int) -> tuple[int, ...]:
    """Return an axis and all that follow, after checking that the vectors fit.

    Raises
    ------
    ShapeError
    """
    first = checked_axis(axis, x.shape)
    for name, array in (("scale", scale), ("bias", bias)):
        if array is not None:
            _check_fits(name, array, x.shape[first:])
    return tuple(range(first, x.ndim))


def _check_fits(name: str, array: Array, shape: Sequence[int]) -> None:
    """Refuse what does not broadcast to the normalised axes, or makes them larger.

    Raises
    ------
    ShapeError
    """
    try:
        fits = broadcast([tuple(array.shape), tuple(shape)]) == tuple(shape)
    except ShapeError:
        fits = False
    if not fits:
        raise ShapeError(
            f"{name} {shape_text(array.shape)} does not broadcast to the normalised axes, "
            f"{shape_text(shape)}"
        )
