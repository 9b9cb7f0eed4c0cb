"""Rotary embeddings: places in a sequence as angles.

References
----------
J. Su et al., RoFormer: enhanced transformer with rotary position embedding, 2021,
arXiv:2104.09864.
"""

from __future__ import annotations

from arraynet._typing import Array, Namespace
from arraynet.errors import DtypeError, GraphError, ShapeError, shape_text
from arraynet.ops.admission import dtype_name
from arraynet.ops.indexing import gather
from arraynet.ops.precision import is_floating, narrowed, widened
from arraynet.ops.registry import op


@op(dtypes=("any",))
def rotary_embedding(
    x: Array,
    cos_cache: Array,
    sin_cache: Array,
    position_ids: Array | None = None,
    *,
    interleaved: bool = False,
    num_heads: int = 0,
    rotary_embedding_dim: int = 0,
    xp: Namespace = None,
) -> Array:
    """Turn pairs of features by angles that depend on the place in the sequence.

    Parameters
    ----------
    x : array, shape (batch, heads, length, size) or (batch, length, heads * size)
        Floating.
    cos_cache, sin_cache : array, shape (places, turned / 2) or (batch, length, turned / 2)
        Of the dtype of ``x``; the second shape is that without ``position_ids``.
    position_ids : array of integers, shape (batch, length), optional
        Which row of the caches belongs to each element.
    interleaved : bool
        Whether a pair is two neighbours, instead of one of each half.
    num_heads : int
        For ``x`` of three axes.
    rotary_embedding_dim : int
        How many features are turned, the first ones; all for 0.

    Returns
    -------
    array
        Of the shape and the dtype of ``x``.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[[1.0, 2.0]]]])
    >>> rotary_embedding(x, np.zeros((1, 1, 1)), np.ones((1, 1, 1)))
    array([[[[-2.,  1.]]]])
    """
    for array in (x, cos_cache, sin_cache):
        if not is_floating(array):
            raise DtypeError(
                f"rotary_embedding: got an array of {dtype_name(array.dtype)}, expected a "
                f"floating dtype"
            )
    dtype, shape = x.dtype, x.shape
    x, cos, sin = (widened(array, xp) for array in (x, cos_cache, sin_cache))
    if position_ids is not None:
        cos, sin = gather(cos, position_ids, xp=xp), gather(sin, position_ids, xp=xp)
    head_axis = 1
    if x.ndim == 3:
        if num_heads < 1:
            raise GraphError("rotary_embedding: got x of three axes, expected num_heads= with it")
        if shape[2] % num_heads:
            raise ShapeError(f"{shape[2]} features are not of {num_heads} heads")
        x, head_axis = xp.reshape(x, (*shape[:2], num_heads, shape[2] // num_heads)), 2
    turned = _turned(x, rotary_embedding_dim)
    wanted = (x.shape[0], x.shape[3 - head_axis], turned // 2)
    if tuple(cos.shape) != wanted or tuple(sin.shape) != wanted:
        raise ShapeError(
            f"cosines {shape_text(cos.shape)} and sines {shape_text(sin.shape)} need shape "
            f"{shape_text(wanted)}"
        )
    cos, sin = xp.expand_dims(cos, axis=head_axis), xp.expand_dims(sin, axis=head_axis)
    if interleaved:
        first, second = x[..., :turned:2], x[..., 1:turned:2]
    else:
        first, second = x[..., : turned // 2], x[..., turned // 2 : turned]
    pair = [cos * first - sin * second, sin * first + cos * second]
    if interleaved:
        result = xp.reshape(xp.stack(pair, axis=-1), (*x.shape[:3], turned))
        pair = [result]
    if turned < x.shape[3]:
        pair.append(x[..., turned:])
    return narrowed(xp.reshape(xp.concat(pair, axis=-1), shape), dtype, xp)


def _turned(x: Array, count: int) -> int:
    """Return how many features are turned."""
    if x.ndim != 4:
        raise ShapeError(f"x {shape_text(x.shape)} needs three or four axes")
    turned = count or x.shape[3]
    if turned % 2 or not 0 < turned <= x.shape[3]:
        raise ShapeError(f"{turned} of {x.shape[3]} features cannot be turned in pairs")
    return int(turned)
