"""Which keys each query sees."""

from __future__ import annotations

import math
from dataclasses import dataclass

from arraynet._typing import Array, Namespace
from arraynet.errors import DtypeError, GraphError, ShapeError, shape_text
from arraynet.ops.admission import dtype_name
from arraynet.ops.placement import beside, index_dtype
from arraynet.ops.precision import check_integral, is_bool, is_floating, narrowed


@dataclass(frozen=True)
class Mask:
    """What is added to scores, and which of them count at all; None is nothing and all.

    Attributes
    ----------
    added : array, optional
        Floating; it broadcasts with the scores.
    allowed : array of bool, optional
        Likewise.
    seeing : array of bool, shape (…, queries, 1), optional
        Which queries see a key; None where every one does.
    """

    added: Array | None = None
    allowed: Array | None = None
    seeing: Array | None = None

    def applied(self, scores: Array, xp: Namespace) -> Array:
        """Return scores, -infinity for the keys that are not seen."""
        if self.added is not None:
            scores = scores + self.added
        return scores if self.allowed is None else xp.where(self.allowed, scores, -math.inf)


def mask_of(
    q: Array,
    k: Array,
    given: Array | None,
    *,
    lengths: Array | None = None,
    is_causal: bool = False,
    past: int = 0,
    window: tuple[int, int] = (-1, -1),
    xp: Namespace,
) -> Mask:
    """Return what a mask, the order of time, a window and padding come to.

    Parameters
    ----------
    q : array, shape (batch, heads, queries, size)
    k : array, shape (batch, key heads, keys, size)
    given : array, optional
        Of bool or floating.
    lengths : array of integers, shape (batch,), optional
        How many keys are no padding.
    is_causal : bool
    past : int
        How many keys there are before the first query's own.
    window : tuple of int
        How many keys to the left and to the right are seen; -1 is all.
    """
    if min(window) < -1:
        raise GraphError(f"attention: got a window of {min(window)}, expected -1 or more")
    queries, keys = q.shape[2], k.shape[2]
    parts = []
    added = None
    if given is not None:
        _check_shape(given, q, keys)
        given = _lengthened(given, keys, xp)
        if is_bool(given):
            parts.append(given)
        else:
            added = narrowed(given, q.dtype, xp)
            parts.append(added != -math.inf)
    offset: Array | int = past
    if lengths is not None:
        check_integral("attention", lengths)
        if tuple(lengths.shape) != (q.shape[0],):
            raise ShapeError(f"nonpad_kv_seqlen {shape_text(lengths.shape)} is not one a batch")
        counted = xp.reshape(xp.astype(lengths, index_dtype(xp)), (q.shape[0], 1, 1, 1))
        parts.append(beside(counted, xp.arange, keys) < counted)
        offset = counted - queries
    # In the order of time alone, every query sees its own key at least.
    ordered = is_causal and not parts and window == (-1, -1) and keys > 0
    parts += _in_time(q, keys, offset, is_causal, window, xp)
    if not parts:
        return Mask()
    allowed = parts[0]
    for part in parts[1:]:
        allowed = xp.logical_and(allowed, part)
    seeing = None if ordered or not keys else xp.any(allowed, axis=-1, keepdims=True)
    return Mask(added, allowed, seeing)


def _in_time(
    q: Array,
    keys: int,
    offset: Array | int,
    is_causal: bool,
    window: tuple[int, int],
    xp: Namespace,
) -> list[Array]:
    """Return which keys each query's place in time lets it see."""
    left, right = window
    if not is_causal and left < 0 and right < 0:
        return []
    kind = index_dtype(xp)
    key = beside(q, xp.arange, keys, dtype=kind)
    place = xp.expand_dims(beside(q, xp.arange, q.shape[2], dtype=kind), axis=1) + offset
    parts = [key <= place] if is_causal else []
    if left >= 0:
        parts.append(key >= place - left)
    if right >= 0:
        parts.append(key <= place + right)
    return parts


def _check_shape(mask: Array, q: Array, keys: int) -> None:
    if not is_bool(mask) and not is_floating(mask):
        raise DtypeError(
            f"attention: got a mask of {dtype_name(mask.dtype)}, expected bool or a floating dtype"
        )
    full = (*q.shape[:3], keys)
    fits = 0 < mask.ndim <= 4 and all(
        size in (1, whole) for size, whole in zip(mask.shape[-2::-1], full[-2::-1], strict=False)
    )
    if not fits or mask.shape[-1] > max(keys, 1):
        raise ShapeError(f"mask {shape_text(mask.shape)} does not broadcast to {shape_text(full)}")


def _lengthened(mask: Array, keys: int, xp: Namespace) -> Array:
    """Return a mask that hides the keys beyond its own last axis."""
    missing = keys - mask.shape[-1]
    if missing <= 0 or mask.shape[-1] == 1:
        return mask
    end = False if is_bool(mask) else -math.inf
    rest = beside(mask, xp.full, (*mask.shape[:-1], missing), end)
    return xp.concat([mask, rest], axis=-1)
