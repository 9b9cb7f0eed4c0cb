"""Nodes that multiply each channel by a constant, or add one to it, whatever their op."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arraynet.graph import HostArray, Node
from arraynet.ops import OPS
from arraynet.ops.symbols import UNRANKED
from arraynet.passes.draft import Draft
from arraynet.weights import FORMATS


@dataclass(frozen=True)
class Scale:
    """A node ``x * scale + shift`` of constants in float64, which broadcast with ``x``."""

    source: str
    scale: HostArray
    shift: HostArray
    rank: int | None

    def along(self, axis: int) -> tuple[HostArray, HostArray] | None:
        """Return scale and shift as numbers, or one for each place on an axis; else None."""
        scale, shift = self._vector(self.scale, axis), self._vector(self.shift, axis)
        return None if scale is None or shift is None else (scale, shift)

    def _vector(self, part: HostArray, axis: int) -> HostArray | None:
        if part.size == 1:
            return part.reshape(())
        if self.rank is None:
            return None
        place = axis % self.rank - (self.rank - part.ndim)
        return part.reshape(-1) if place >= 0 and part.shape[place] == part.size else None


def scale_of(draft: Draft, node: Node) -> Scale | None:
    """Return a node as a scale and shift by constants, or None.

    A node that makes several elements of one is none of these, nor is one of integers. No
    more than a vector of constants counts.
    """
    scaling = OPS[node.op].scaling
    varying = [place for place, name in enumerate(node.inputs) if name not in draft.weights]
    if scaling is None or len(varying) != 1 or node.inputs[varying[0]] is None:
        return None
    source = node.inputs[varying[0]] or ""
    value = draft.values[source]
    if value.dtype not in FORMATS or draft.values[node.name].dtype != value.dtype:
        return None
    constants = [draft.weights.get(name or "") for name in node.inputs]
    given = [c for c in constants if c is not None]
    if any(c.size != max(c.shape, default=1) or c.dtype.name != value.dtype for c in given):
        return None
    rank = None if value.shape == UNRANKED else len(value.shape)
    if rank is None and any(c.ndim > 0 for c in given):
        return None
    if not draft.budget.spend(sum(c.size for c in given)):
        return None
    exact = [None if c is None else c.astype(np.float64) for c in constants]
    with np.errstate(all="ignore"):
        found = scaling(*exact, rank=rank or 0, **node.attributes)
    if found is None:
        return None
    parts = [np.asarray(part, np.float64) for part in found]
    if not all(_keeps_shape(part, value.shape) for part in parts):
        return None
    return Scale(source, parts[0], parts[1], rank)


def _keeps_shape(part: HostArray, shape: tuple[int | str, ...]) -> bool:
    """Return whether an array broadcast with a constant keeps its shape."""
    if shape == UNRANKED:
        return part.ndim == 0
    sizes = shape[len(shape) - part.ndim :]
    return part.ndim <= len(shape) and all(
        size == 1 or size == other for size, other in zip(part.shape, sizes, strict=True)
    )
