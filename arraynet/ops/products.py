"""Products of matrices as ONNX and einsum write them, and determinants."""

from __future__ import annotations

from arraynet._typing import Array, Namespace
from arraynet.errors import GraphError, ShapeError, shape_text
from arraynet.ops.linear import matmul
from arraynet.ops.precision import is_integral
from arraynet.ops.registry import op


@op(dtypes=("numeric",))
def gemm(
    a: Array,
    b: Array,
    c: Array | None = None,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    trans_a: bool = False,
    trans_b: bool = False,
    xp: Namespace = None,
) -> Array:
    """General product of matrices, ``alpha * a @ b + beta * c``.

    Parameters
    ----------
    a : array, shape (rows, k), or (k, rows) with ``trans_a``
    b : array, shape (k, columns), or (columns, k) with ``trans_b``
    c : array, optional
        It must broadcast to the product.
    alpha, beta : float
        Factors; of integers they must be whole.
    trans_a, trans_b : bool
        Whether a matrix is transposed first.

    Returns
    -------
    array, shape (rows, columns)
        Of the dtype of ``a``.

    Examples
    --------
    >>> import numpy as np
    >>> gemm(np.eye(2), np.array([[1.0, 2.0], [3.0, 4.0]]), np.array(10.0), alpha=2.0)
    array([[12., 14.],
           [16., 18.]])
    """
    if a.ndim != 2 or b.ndim != 2:
        raise ShapeError(f"{shape_text(a.shape)} and {shape_text(b.shape)} need two axes each")
    left, right = (a.T if trans_a else a), (b.T if trans_b else b)
    product = _times(matmul(left, right, xp=xp), alpha)
    if c is None:
        return product
    scaled = _times(c, beta)
    total = product + scaled
    if tuple(total.shape) != tuple(product.shape):
        raise ShapeError(
            f"c {shape_text(c.shape)} does not broadcast to {shape_text(product.shape)}"
        )
    return total


def _times(x: Array, factor: float) -> Array:
    if factor == 1:
        return x
    if not is_integral(x):
        return x * factor
    if factor != int(factor):
        raise GraphError(f"gemm: got a factor of {factor} for integers, expected a whole number")
    return x * int(factor)


@op(widened=True)
def det(x: Array, *, xp: Namespace = None) -> Array:
    """Compute the determinant of each square matrix.

    Parameters
    ----------
    x : array, shape (…, n, n)
        Floating.

    Returns
    -------
    array, shape (…)
        Of the dtype of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> det(np.array([[3.0, 0.0], [1.0, 2.0]]))
    array(6.)
    """
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ShapeError(f"x {shape_text(x.shape)} is not of square matrices")
    return xp.asarray(xp.linalg.det(x))
