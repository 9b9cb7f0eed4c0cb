"""Products with constant weights, whatever their op: a dense layer, a convolution.

What multiplies or shifts each channel of their input or of their result can go into them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from arraynet.graph import HostArray, Node
from arraynet.ops import OPS
from arraynet.passes.draft import SHARED, Draft
from arraynet.passes.numbers import Numbers, scaled, weighted_sum
from arraynet.weights import FORMATS

Weights: TypeAlias = tuple[HostArray, "HostArray | None"]
"""The weight and the bias of a product."""


@dataclass(frozen=True)
class Layout:
    """Which axis of the arrays is that of the channels, and which axes of the weight."""

    axis: int
    inputs: int
    outputs: int


LAYOUTS = {
    "matrix": Layout(axis=-1, inputs=0, outputs=1),
    "channels": Layout(axis=1, inputs=1, outputs=0),
    "transposed": Layout(axis=1, inputs=0, outputs=1),
}
"""By the kind of product that an op is registered as: see `arraynet.ops.Op`."""


@dataclass(frozen=True)
class Product:
    """A node that multiplies what varies by a constant weight, and may add a bias."""

    node: Node
    layout: Layout
    weight: HostArray
    bias: HostArray | None
    groups: int
    borders: bool

    @property
    def source(self) -> str:
        """The name of what is multiplied."""
        return self.node.inputs[0] or ""

    @property
    def outputs(self) -> int:
        """How many channels the result has."""
        size: int = self.weight.shape[self.layout.outputs]
        return size if self.layout.outputs == 0 else size * self.groups

    def after(self, scale: Numbers, shift: Numbers) -> Weights | None:
        """Return the weights of ``product(x) * scale + shift``, or None: see `scaled`."""
        factor = self._along(scale, self.layout.outputs, self.layout.inputs)
        weight = scaled(self.weight, factor, shape=self.weight.shape)
        return self._with(weight, scale, shift)

    def before(self, scale: Numbers, shift: Numbers) -> Weights | None:
        """Return the weights of ``product(x * scale + shift)``, or None: see `scaled`.

        Zeros that stand around images are not shifted, so that the borders of the result
        would be others than those that a larger bias gives: no shift goes in there.
        """
        if np.any(shift) and self.borders:
            return None
        factor = self._along(scale, self.layout.inputs, self.layout.outputs)
        weight = scaled(self.weight, factor, shape=self.weight.shape)
        more: Numbers = 0.0
        if np.any(shift):
            part = self._along(shift, self.layout.inputs, self.layout.outputs)
            more = weighted_sum(part, self.weight, self.layout.outputs)
        return self._with(weight, 1.0, more)

    def _with(self, weight: HostArray | None, scale: Numbers, shift: Numbers) -> Weights | None:
        """Return a weight with the bias scaled and shifted; None if the dtype holds not both."""
        if weight is None:
            return None
        if self.bias is None and not np.any(shift):
            return weight, None
        old = np.zeros((), weight.dtype) if self.bias is None else self.bias
        bias = scaled(old, scale, shift, shape=(self.outputs,))
        return None if bias is None else (weight, bias)

    def _along(self, vector: Numbers, axis: int, other: int) -> Numbers:
        """Return numbers of the channels on an axis of the weight, to broadcast with it.

        Where that axis holds the channels of one group, the group follows from the place on
        the other axis.
        """
        if np.ndim(vector) == 0:
            return vector
        vector, shape = np.asarray(vector), [1] * self.weight.ndim
        shape[axis] = self.weight.shape[axis]
        if len(vector) != self.weight.shape[axis]:
            shape[other] = self.weight.shape[other]
            groups = vector.reshape(self.groups, -1)
            vector = np.repeat(groups, self.weight.shape[other] // self.groups, axis=0)
            vector = vector.T if axis < other else vector
        return vector.reshape(shape)


def product_of(draft: Draft, node: Node) -> Product | None:
    """Return a node as a product with constant weights, or None.

    A large weight that others read too does not count: rewritten, it would be as many
    weights as it has readers. Nor does an empty one: it says how many numbers there
    would be, and holds none. Nor do integers, which no pass takes through floating numbers.
    """
    op = OPS[node.op]
    layout = LAYOUTS.get(op.merges)
    if layout is None or node.inputs[0] in draft.weights:
        return None
    constants = [draft.weights.get(name or "") for name in node.inputs[1:] if name is not None]
    if not constants or any(constant is None for constant in constants):
        return None
    weight, *others = (constant for constant in constants if constant is not None)
    bias = others[0] if others else None
    if weight.dtype.name not in FORMATS or (weight.ndim != 2) == (layout.axis == -1):
        return None
    if draft.values[node.inputs[0] or ""].dtype != weight.dtype.name:
        return None
    for name in node.inputs[1:]:
        size = draft.weights[name].size if name is not None else 1
        if size == 0 or (size > SHARED and name is not None and draft.uses[name] > 1):
            return None
    borders = op.borders is not None and bool(op.borders(**node.attributes))
    groups = int(node.attributes.get("group", 1))
    return Product(node, layout, weight, bias, groups, borders)


def put_product(
    draft: Draft, old: Node, product: Product, weights: Weights, source: str | None = None
) -> None:
    """Put a product with new weights in the place of a node; ``source`` is what it reads."""
    weight, bias = weights
    op = product.node.op
    inputs = [source or product.source, draft.constant(f"{old.name}/weight", weight)]
    if bias is not None:
        inputs.append(draft.constant(f"{old.name}/bias", bias))
        op = op if len(OPS[op].arrays) > 2 else _with_bias(op)
    draft.put(old, Node(op, tuple(inputs), (old.name,), product.node.attributes))


def _with_bias(name: str) -> str:
    """Return the op that is another followed by a sum."""
    return next(op.name for op in OPS.values() if op.parts is not None and op.parts[0] == name)
