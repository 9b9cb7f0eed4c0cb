"""Global pooling: one number for each channel of an image."""

from __future__ import annotations

from arraynet._typing import Array, Namespace
from arraynet.errors import ShapeError, shape_text
from arraynet.ops.channels import check_image
from arraynet.ops.pooling import check_norm, powers, root
from arraynet.ops.registry import op


@op(rowwise=True, dtypes=("numeric",))
def global_max_pool(x: Array, *, xp: Namespace = None) -> Array:
    """Maximum of each channel.

    Parameters
    ----------
    x : array, shape (N, C, …)
        Numbers.

    Returns
    -------
    array, shape (N, C, 1, …)
        Of the dtype of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> global_max_pool(np.array([[[1.0, 5.0, 2.0], [0.0, -1.0, -2.0]]]))
    array([[[5.],
            [0.]]])
    """
    return xp.max(x, axis=_spatial(x), keepdims=True)


@op(rowwise=True, widened=True)
def global_average_pool(x: Array, *, xp: Namespace = None) -> Array:
    """Mean of each channel.

    Parameters
    ----------
    x : array, shape (N, C, …)
        Floating.

    Returns
    -------
    array, shape (N, C, 1, …)
        Of the dtype of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> global_average_pool(np.array([[[1.0, 5.0, 0.0], [0.0, -1.0, -2.0]]]))
    array([[[ 2.],
            [-1.]]])
    """
    return xp.mean(x, axis=_spatial(x), keepdims=True)


@op(rowwise=True, widened=True)
def global_lp_pool(x: Array, *, p: int = 2, xp: Namespace = None) -> Array:
    """p-norm of each channel, ``sum(abs(x) ** p) ** (1 / p)``.

    Parameters
    ----------
    x : array, shape (N, C, …)
        Floating.
    p : int
        Of the norm; 1 at least.

    Returns
    -------
    array, shape (N, C, 1, …)
        Of the dtype of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> global_lp_pool(np.array([[[3.0, -4.0], [0.0, -2.0]]]))
    array([[[5.],
            [2.]]])
    """
    check_norm(p)
    return root(xp.sum(powers(x, p, xp), axis=_spatial(x), keepdims=True), p, xp)


def _spatial(x: Array) -> tuple[int, ...]:
    """Return the spatial axes of images that have something there."""
    check_image(x)
    if 0 in x.shape[2:]:
        raise ShapeError(f"the spatial axes of {shape_text(x.shape)} hold no element")
    return tuple(range(2, x.ndim))
