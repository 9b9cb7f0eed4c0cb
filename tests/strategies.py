"""Random networks, for Hypothesis."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import ml_dtypes  # noqa: F401 (adds bfloat16 to NumPy)
import numpy as np
from hypothesis import strategies as st

from arraynet.graph import Graph, Node, Value

ACTIVATIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("step", {}),
    ("sigmoid", {}),
    ("tanh", {}),
    ("log_sigmoid", {}),
    ("softplus", {}),
    ("softsign", {}),
    ("squareplus", {}),
    ("squareplus", {"b": 1.0}),
    ("relu", {}),
    ("relu6", {}),
    ("leaky_relu", {}),
    ("leaky_relu", {"alpha": 1.5}),
    ("thresholded_relu", {"alpha": 0.25}),
    ("hard_tanh", {"lower": -0.5, "upper": 2.0}),
    ("hard_sigmoid", {}),
    ("hard_silu", {}),
    ("elu", {"alpha": 0.5}),
    ("selu", {}),
    ("celu", {"alpha": 2.0}),
    ("gelu", {}),
    ("gelu", {"approximate": "tanh"}),
    ("silu", {}),
    ("mish", {}),
    ("tanh_shrink", {}),
    ("soft_shrink", {"lambd": 0.25}),
    ("hard_shrink", {}),
    ("erf", {}),
    ("erfc", {}),
    ("softmax", {}),
    ("softmin", {}),
    ("log_softmax", {}),
    ("sparsemax", {}),
    ("hardmax", {}),
)
"""Every op of one array that keeps its shape, with attributes that matter."""

DROPPED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("identity", {}),
    ("dropout", {}),
    ("dropout", {"ratio": 0.9}),
)

KINDS = (
    *("dense", "dense", "scale", "activation", "activation"),
    *("dropped", "prelu", "branch", "side", "shared"),
)
"""What a layer of a random network is; see `_grow`. Some are likelier than others."""

WIDTHS = st.integers(1, 9)
SEEDS = st.integers(0, 2**32 - 1)


@dataclass
class _Growing:
    """A graph on its way: its nodes so far, and the width of each value."""

    random: np.random.Generator
    dtype: str
    nodes: list[Node] = field(default_factory=list)
    weights: dict[str, Any] = field(default_factory=dict)
    widths: dict[str, int] = field(default_factory=dict)
    last: str = "x"

    def weight(self, name: str, *shape: int, size: float = 1.0) -> str:
        """Add a weight of normal numbers."""
        name = f"{name}{len(self.weights)}"
        values = size * self.random.standard_normal(shape)
        self.weights[name] = np.asarray(values).astype(self.dtype)
        return name

    def node(self, op: str, *inputs: str, width: int, **attributes: Any) -> None:
        """Add a node; it becomes the last value."""
        name = f"{op}{len(self.nodes)}"
        self.nodes.append(Node(op, inputs, (name,), attributes))
        self.widths[name] = width
        self.last = name

    def dense(self, source: str, width: int, size: float) -> None:
        """Add an affine layer."""
        inputs = self.widths[source]
        weight = self.weight("W", inputs, width, size=size / np.sqrt(inputs))
        self.node("affine", source, weight, self.weight("b", width, size=0.5), width=width)


@st.composite
def graphs(draw: st.DrawFn, dtype: str = "float32", layers: int = 9) -> Graph:
    """Draw a network of dense layers, scales, activations, branches and shared weights."""
    width = draw(WIDTHS)
    growing = _Growing(np.random.default_rng(draw(SEEDS)), dtype, widths={"x": width})
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=layers))
    for kind in kinds:
        _grow(draw, growing, kind)
    if not growing.weights:
        _grow(draw, growing, "dense")
    return Graph(
        (Value("x", ("batch", width)),), tuple(growing.nodes), growing.weights, (growing.last,)
    ).validated()


def _grow(draw: st.DrawFn, growing: _Growing, kind: str) -> None:
    """Append one layer of a kind."""
    last, width = growing.last, growing.widths[growing.last]
    if kind == "dense":
        growing.dense(last, draw(WIDTHS), draw(st.sampled_from((0.25, 1.0, 3.0))))
    elif kind == "scale":
        size = draw(st.sampled_from((1 / 255, 1.0, 4.0)))
        shapes = ((), (width,))
        scale = growing.weight("scale", *draw(st.sampled_from(shapes)), size=size)
        shift = growing.weight("shift", *draw(st.sampled_from(shapes)))
        growing.node("scale_shift", last, scale, shift, width=width)
    elif kind in ("activation", "dropped"):
        op, attributes = draw(st.sampled_from(ACTIVATIONS if kind == "activation" else DROPPED))
        growing.node(op, last, width=width, **attributes)
    elif kind == "prelu":
        growing.node("prelu", last, growing.weight("slope", width), width=width)
    elif kind == "branch":  # the last value and an earlier one together
        same = [name for name, size in growing.widths.items() if size == width]
        growing.node("add", last, draw(st.sampled_from(same)), width=width)
    elif kind == "side":  # a layer that reads an earlier value
        growing.dense(draw(st.sampled_from(sorted(growing.widths))), draw(WIDTHS), 1.0)
    else:  # one weight in two layers
        weight = growing.weight("W", width, width, size=1 / np.sqrt(width))
        for _ in range(2):
            bias = growing.weight("b", width)
            growing.node("affine", growing.last, weight, bias, width=width)


def batch(graph: Graph, rows: int, seed: int = 0) -> Any:
    """Return rows of normal numbers for a graph, in its dtype."""
    shape = (rows, *graph.inputs[0].shape[1:])
    return np.random.default_rng(seed).standard_normal(shape).astype(graph.dtype)
