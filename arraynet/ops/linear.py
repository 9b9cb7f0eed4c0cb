"""Products with weights, scaling, and the ops that return their input."""

from __future__ import annotations

import math

from arraynet._typing import Array, Namespace
from arraynet.errors import ShapeError, shape_text
from arraynet.ops.registry import op


@op(rowwise=True, merges="matrix", dtypes=("numeric",))
def matmul(x: Array, weight: Array, *, xp: Namespace = None) -> Array:
    """Matrix product ``x @ weight``.

    With a matrix of weights, the product is over the last axis of ``x``, and is always made
    of two-dimensional operands: libraries are fastest, and most exact, there. Weights of
    more axes are a batch of matrices, and broadcast with that of ``x``; a vector of them
    gives one number for each row.

    Parameters
    ----------
    x : array, shape (…, in)
    weight : array, shape (in, out), (…, in, out) or (in,)
        Of the dtype of ``x``.

    Returns
    -------
    array, shape (…, out)
        Of the dtype of ``x``.

    Raises
    ------
    ShapeError
        If ``x`` has another number of features than ``weight`` takes, or batches of
        matrices do not broadcast.

    Examples
    --------
    >>> import numpy as np
    >>> matmul(np.array([1.0, 2.0]), np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 3.0]]))
    array([1., 2., 8.])
    """
    if x.ndim < 1:
        raise ShapeError("x is a scalar and needs at least one axis, of features")
    if weight.ndim < 1:
        raise ShapeError("weight is a scalar and needs at least one axis")
    if x.shape[-1] != weight.shape[-2 if weight.ndim > 1 else -1]:
        raise ShapeError(
            f"x has {x.shape[-1]} features, and weight {shape_text(weight.shape)} takes "
            f"{weight.shape[-2 if weight.ndim > 1 else -1]}"
        )
    if x.ndim == 2 or weight.ndim != 2:
        return xp.matmul(x, weight)
    *rows, features = x.shape
    product = xp.matmul(xp.reshape(x, (math.prod(rows), features)), weight)
    return xp.reshape(product, (*rows, weight.shape[1]))


@op(rowwise=True, merges="matrix", parts=("matmul", "add"))
def affine(x: Array, weight: Array, bias: Array, *, xp: Namespace = None) -> Array:
    """Affine map ``x @ weight + bias`` over the last axis of ``x``: a dense layer.

    Parameters
    ----------
    x : array, shape (…, in)
        Floating.
    weight : array, shape (in, out)
        Of the dtype of ``x``. (ONNX's Gemm and PyTorch's Linear keep (out, in).)
    bias : array, shape (out,)
        Of the dtype of ``x``.

    Returns
    -------
    array, shape (…, out)
        Of the dtype of ``x``.

    Raises
    ------
    DtypeError
        If an array is not floating.
    ShapeError
        If ``x`` has another number of features than ``weight`` takes, or ``bias``
        another size than ``weight`` gives.

    Examples
    --------
    An AND of two inputs, before its step:

    >>> import numpy as np
    >>> x = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> affine(x, np.array([[0.5], [0.5]]), np.array([-0.75]))[:, 0]
    array([-0.75, -0.25, -0.25,  0.25])
    """
    if weight.ndim != 2:
        raise ShapeError(f"weight {shape_text(weight.shape)} needs two axes, (in, out)")
    if tuple(bias.shape) != (weight.shape[1],):
        raise ShapeError(
            f"bias {shape_text(bias.shape)} needs one number for each of {weight.shape[1]} outputs"
        )
    return matmul(x, weight, xp=xp) + bias


@op(
    elementwise=True,
    merges="diagonal",
    scaling=lambda x, scale, shift, rank: (scale, shift) if x is None else None,
)
def scale_shift(x: Array, scale: Array, shift: Array, *, xp: Namespace = None) -> Array:
    """Scale and shift ``x * scale + shift``, for example of pixels to [0, 1].

    Parameters
    ----------
    scale, shift : array
        Of the dtype of ``x``; they must broadcast with it: numbers, or one for each
        feature.

    Examples
    --------
    >>> import numpy as np
    >>> scale_shift(np.array([0.0, 127.5, 255.0]), np.array(1 / 255), np.array(0.0))
    array([0. , 0.5, 1. ])
    """
    return x * scale + shift


@op(elementwise=True, aliases=("linear",), droppable=True, dtypes=("any",))
def identity(x: Array, *, xp: Namespace = None) -> Array:
    """Return the input itself: the output layer of a regression.

    Returns
    -------
    array
        ``x``, not a copy of it.

    Examples
    --------
    >>> import numpy as np
    >>> identity(np.array([-1.5, 2.0]))
    array([-1.5,  2. ])
    """
    return x


linear = identity


@op(elementwise=True, droppable=True)
def dropout(x: Array, *, ratio: float = 0.5, xp: Namespace = None) -> Array:
    """Dropout at inference: the input itself.

    Parameters
    ----------
    ratio : float
        The share of elements that training set to zero; inference has no use for
        it. The default is that of ONNX's Dropout.

    Returns
    -------
    array
        ``x``, not a copy of it.

    Examples
    --------
    >>> import numpy as np
    >>> dropout(np.array([1.0, 2.0]), ratio=0.1)
    array([1., 2.])
    """
    return x
