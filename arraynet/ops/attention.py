"""Attention: each query's mean of values, weighted by how well their keys fit it.

A query that may see no key gives 0, not NaN, as in ONNX.

References
----------
A. Vaswani et al., Attention is all you need, NeurIPS 2017, arXiv:1706.03762.
J. Ainslie et al., GQA: training generalized multi-query transformer models, EMNLP 2023.
"""

from __future__ import annotations

import math
from typing import Any

from arraynet._typing import Array, Namespace
from arraynet.errors import DtypeError, GraphError, ShapeError, shape_text
from arraynet.ops.admission import dtype_name
from arraynet.ops.attention_masks import Mask, mask_of
from arraynet.ops.casting import dtype_of
from arraynet.ops.precision import is_floating, narrowed
from arraynet.ops.registry import op
from arraynet.ops.softmax import softmax


@op(dtypes=("real floating", "bool"))
def scaled_dot_product_attention(
    q: Array,
    k: Array,
    v: Array,
    attn_mask: Array | None = None,
    *,
    is_causal: bool = False,
    scale: Any = None,
    softcap: float = 0.0,
    xp: Namespace = None,
) -> Array:
    """Attention of heads, ``softmax(scale * q @ kᵀ + mask) @ v``.

    Parameters
    ----------
    q : array, shape (batch, heads, queries, size)
        Floating.
    k : array, shape (batch, key heads, keys, size)
        Of the dtype of ``q``. Where there are fewer heads, each serves several of ``q``.
    v : array, shape (batch, key heads, keys, value size)
        Of the dtype of ``q``.
    attn_mask : array, optional
        It broadcasts to (batch, heads, queries, keys). Of bool, it says which keys a query
        sees; floating, it is added to the scores.
    is_causal : bool
        Whether query i sees no key behind key i.
    scale : float, optional
        The factor of the scores; 1 / sqrt(size) by default.
    softcap : float
        Where it is not 0, scores s become ``softcap * tanh(s / softcap)``.

    Returns
    -------
    array, shape (batch, heads, queries, value size)
        Of the dtype of ``q``.

    Examples
    --------
    >>> import numpy as np
    >>> q, k, v = np.zeros((1, 1, 1, 2)), np.ones((1, 1, 2, 2)), np.array([[[[1.0], [3.0]]]])
    >>> scaled_dot_product_attention(q, k, v)
    array([[[[2.]]]])
    """
    _check_heads("scaled_dot_product_attention", q, k, v)
    mask = mask_of(q, k, attn_mask, is_causal=is_causal, xp=xp)
    return _attended(q, k, v, mask, scale, softcap, None, 0, xp)[0]


@op(dtypes=("any",), outputs=4)
def attention(
    q: Array,
    k: Array,
    v: Array,
    attn_mask: Array | None = None,
    past_key: Array | None = None,
    past_value: Array | None = None,
    nonpad_kv_seqlen: Array | None = None,
    *,
    is_causal: bool = False,
    kv_num_heads: int | None = None,
    left_window_size: int = -1,
    q_num_heads: int | None = None,
    qk_matmul_output_mode: int = 0,
    right_window_size: int = -1,
    scale: Any = None,
    softcap: float = 0.0,
    softmax_precision: str | None = None,
    xp: Namespace = None,
) -> tuple[Array, Array, Array, Array]:
    """Attention with a cache of keys and values, windows and padding, as ONNX's Attention.

    Parameters
    ----------
    q, k, v : array, shape (batch, heads, length, size) or (batch, length, heads * size)
        Floating; of three axes, the numbers of heads must be given.
    attn_mask : array, optional
        As for `scaled_dot_product_attention`; its last axis may be shorter, and hides the
        keys beyond it.
    past_key, past_value : array, shape (batch, key heads, past, size), optional
        What stands before ``k`` and ``v``; one needs the other.
    nonpad_kv_seqlen : array of integers, shape (batch,), optional
        How many of the keys are no padding; not together with ``past_key``.
    is_causal : bool
        Whether a query sees no key behind its own place, which is counted from the end of
        the past or the padding.
    q_num_heads, kv_num_heads : int
        For arrays of three axes.
    left_window_size, right_window_size : int
        How many keys before and behind its own place a query sees; all for -1.
    qk_matmul_output_mode : int
        The fourth output: the scores (0), capped (1), masked (2), or their softmax (3).
    scale, softcap : float
        As for `scaled_dot_product_attention`.
    softmax_precision : str, optional
        The name of the dtype of the softmax.

    Returns
    -------
    y : array, in the shape of ``q``, with the size of ``v``
    present_key, present_value : array, shape (batch, key heads, past + length, size)
    qk_matmul_output : array, shape (batch, heads, queries, keys)

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[1.0], [2.0]]])
    >>> attention(x, x, x, q_num_heads=1, kv_num_heads=1, is_causal=True)[3][0, 0]
    array([[1., 2.],
           [2., 4.]])
    """
    flat = q.ndim == 3
    if flat:
        q = _heads("q", q, q_num_heads, xp)
        k, v = _heads("k", k, kv_num_heads, xp), _heads("v", v, kv_num_heads, xp)
    if (past_key is None) != (past_value is None):
        raise GraphError("attention: got one of past_key and past_value, expected both or none")
    past = 0
    if past_key is not None:
        if nonpad_kv_seqlen is not None:
            raise GraphError("attention: got past_key and nonpad_kv_seqlen, expected one of them")
        past = past_key.shape[2]
        k, v = xp.concat([past_key, k], axis=2), xp.concat([past_value, v], axis=2)
    _check_heads("attention", q, k, v)
    mask = mask_of(
        q,
        k,
        attn_mask,
        lengths=nonpad_kv_seqlen,
        is_causal=is_causal,
        past=past,
        window=(left_window_size, right_window_size),
        xp=xp,
    )
    y, scores = _attended(
        q, k, v, mask, scale, softcap, softmax_precision, qk_matmul_output_mode, xp
    )
    if flat:
        y = xp.permute_dims(y, (0, 2, 1, 3))
        y = xp.reshape(y, (*y.shape[:2], y.shape[2] * y.shape[3]))
    return y, k, v, scores


def _heads(name: str, x: Array, count: int | None, xp: Namespace) -> Array:
    """Return (batch, length, heads * size) as (batch, heads, length, size)."""
    if count is None or count < 1:
        raise GraphError(
            f"attention: got {name} of three axes without heads, expected q_num_heads= and "
            f"kv_num_heads="
        )
    if x.ndim != 3 or x.shape[2] % count:
        raise ShapeError(f"{name} {shape_text(x.shape)} is not of {count} heads")
    batch, length, features = x.shape
    return xp.permute_dims(xp.reshape(x, (batch, length, count, features // count)), (0, 2, 1, 3))


def _check_heads(name: str, q: Array, k: Array, v: Array) -> None:
    for key, x in (("q", q), ("k", k), ("v", v)):
        if not is_floating(x) or x.dtype != q.dtype:
            raise DtypeError(
                f"{name}: got {key} of {dtype_name(x.dtype)}, expected one floating dtype"
            )
        if x.ndim != 4:
            raise ShapeError(
                f"{key} {shape_text(x.shape)} needs four axes: batch, heads, length, size"
            )
    if q.shape[3] != k.shape[3] or tuple(k.shape[:3]) != tuple(v.shape[:3]):
        raise ShapeError(
            f"q {shape_text(q.shape)}, k {shape_text(k.shape)} and v {shape_text(v.shape)} differ "
            f"in size or length"
        )
    if q.shape[0] != k.shape[0] or not k.shape[1] or q.shape[1] % k.shape[1]:
        raise ShapeError(
            f"{q.shape[1]} heads of q {shape_text(q.shape)} share no {k.shape[1]} heads of k "
            f"{shape_text(k.shape)} evenly"
        )


def _attended(
    q: Array,
    k: Array,
    v: Array,
    mask: Mask,
    scale: Any,
    softcap: float,
    precision: str | None,
    mode: int,
    xp: Namespace,
) -> tuple[Array, Array]:
    """Return the result, and the scores of a mode."""
    if mode not in (0, 1, 2, 3):
        raise GraphError(f"attention: got qk_matmul_output_mode={mode}, expected 0, 1, 2 or 3")
    batch, heads, queries, size = q.shape
    groups, keys = k.shape[1], k.shape[2]
    factor = 1.0 / math.sqrt(max(size, 1)) if scale is None else float(scale)
    # The queries of all heads that share a key are the rows of one product.
    rows = xp.reshape(q * factor, (batch, groups, heads // groups * queries, size))
    found = xp.reshape(xp.matmul(rows, xp.matrix_transpose(k)), (batch, heads, queries, keys))
    kept = [found]
    if softcap:
        found = softcap * xp.tanh(found / softcap)
    kept.append(found)
    found = mask.applied(found, xp)
    kept.append(found)
    kind = q.dtype if precision is None else dtype_of("attention", precision, xp)
    weights = narrowed(_weights(narrowed(found, kind, xp), mask, xp), q.dtype, xp)
    kept.append(weights)
    y = xp.matmul(xp.reshape(weights, (*rows.shape[:3], keys)), v)
    y = xp.reshape(y, (batch, heads, queries, v.shape[3]))
    return narrowed(y, q.dtype, xp), narrowed(kept[mode], q.dtype, xp)


def _weights(scores: Array, mask: Mask, xp: Namespace) -> Array:
    """Return the softmax of scores, with rows of 0 where no key is seen."""
    if not scores.shape[-1]:
        return scores
    if mask.seeing is None:
        return softmax(scores, xp=xp)
    return xp.where(mask.seeing, softmax(xp.where(mask.seeing, scores, 0.0), xp=xp), 0.0)
