"""Random networks on images, for Hypothesis: convolutions, several inputs and outputs, branches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from arraynet.graph import Graph, Node, Value
from tests.strategies import SEEDS

KINDS: tuple[tuple[str, ...], ...] = (
    *(("scale", "product"), ("product", "scale"), ("product", "scale", "product")),
    *(("normalization", "product"), ("product", "normalization", "activation")),
    *(("product", "sigmoid", "product"), ("dense", "dense"), ("normalization",)),
    *(("activation",), ("pool",), ("dropped",), ("sum",), ("split",), ("branch",)),
    *(("whole",), ("sized", "dense"), ("constant",)),
)
"""What comes next: layers of some kinds, which a pass may know as one. See `_grow`."""


CHOICES = {
    "activation": ("relu", "sigmoid", "tanh"),
    "dropped": ("identity", "dropout"),
    "sigmoid": ("sigmoid",),
}
"""The ops of one array that a layer of a kind may be."""


@dataclass
class _Growing:
    """A graph on its way: its nodes so far, and the sizes of each value of a row of the batch."""

    random: np.random.Generator
    draw: Any
    nodes: list[Node] = field(default_factory=list)
    weights: dict[str, Any] = field(default_factory=dict)
    sizes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    last: str = "x"

    def weight(self, *shape: int, values: Any = None) -> str:
        """Add a constant: these values, or normal numbers."""
        name = f"w{len(self.weights)}"
        self.weights[name] = (
            self.random.normal(size=shape) if values is None else np.asarray(values)
        )
        return name

    def name(self) -> str:
        """Return a name for a value."""
        return f"v{len(self.nodes)}"

    def node(self, op: str, *inputs: str | None, **attributes: Any) -> str:
        """Add a node of one output, and return its name."""
        name = self.name()
        self.nodes.append(Node(op, inputs, (name,), attributes))
        return name

    def become(self, name: str, *sizes: int) -> None:
        """Let a value be the last one."""
        self.last, self.sizes[name] = name, sizes


@st.composite
def image_graphs(draw: st.DrawFn, most: int = 6) -> Graph:
    """Draw a network on images x, in float64, with a flag for branches and integers k."""
    growing = _Growing(np.random.default_rng(draw(SEEDS)), draw)
    sizes = (draw(st.sampled_from((1, 2, 4))), draw(st.integers(4, 6)), draw(st.integers(4, 6)))
    growing.sizes["x"] = sizes
    for kinds in draw(st.lists(st.sampled_from(KINDS), min_size=2, max_size=most)):
        for kind in kinds:
            _grow(growing, kind)
    if growing.last == "x":
        growing.become(growing.node("relu", "x"), *sizes)
    exact = growing.node("mul", "k", growing.weight(values=np.int64(16_777_217)))
    given = sorted({name for node in growing.nodes for name in node.gives})
    others = draw(st.lists(st.sampled_from(given), max_size=2, unique=True))
    outputs = dict.fromkeys([growing.last, exact, *others])
    inputs = (
        Value("x", ("batch", *sizes), "float64"),
        Value("k", ("batch",), "int64"),
        Value("flag", (), "bool"),
    )
    return Graph(inputs, tuple(growing.nodes), growing.weights, tuple(outputs)).validated()


def _grow(growing: _Growing, kind: str) -> None:
    """Append a layer of a kind, where it fits what is last."""
    sizes = growing.sizes[growing.last]
    image = len(sizes) == 3
    if kind == "product" and image:
        op = growing.draw(st.sampled_from(("conv", "conv", "conv_transpose")))
        _windows(growing, op, *sizes)
    elif kind == "pool" and image:
        _windows(growing, kind, *sizes)
    elif kind in ("product", "dense") and not image:
        width = growing.draw(st.integers(1, 5))
        weight, bias = growing.weight(sizes[0], width), growing.weight(width)
        op, *rest = growing.draw(st.sampled_from((("affine", bias), ("matmul",))))
        growing.become(growing.node(op, growing.last, weight, *rest), width)
    elif kind == "scale":
        _scale(growing, sizes)
    elif kind == "normalization":
        growing.become(_normalization(growing, growing.last, sizes), *sizes)
    elif kind in CHOICES:
        op = growing.draw(st.sampled_from(CHOICES[kind]))
        growing.become(growing.node(op, growing.last), *sizes)
    elif kind == "sum":
        same = sorted(name for name, other in growing.sizes.items() if other == sizes)
        other = growing.draw(st.sampled_from(same))
        growing.become(growing.node("add", growing.last, other), *sizes)
    elif kind == "split" and sizes[0] > 1:
        _split(growing, sizes)
    elif kind == "branch":
        _branch(growing, sizes)
    elif kind == "whole":  # integers of constants alone: 1, but 0 if they pass through float32
        first, second = (growing.weight(values=np.int64(n)) for n in (16_777_217, 16_777_216))
        one = growing.node("cast", growing.node("sub", first, second), to="float64")
        growing.become(growing.node("mul", one, growing.last), *sizes)
    elif kind == "sized" and image:
        _sized(growing, sizes)
    elif kind == "constant":
        zeros = growing.node(
            "constant_of_shape", growing.weight(values=[sizes[-1]]), value=np.array([0.5])
        )
        growing.become(growing.node("mul", zeros, growing.last), *sizes)


def _windows(growing: _Growing, kind: str, channels: int, height: int, width: int) -> None:
    draw, source = growing.draw, growing.last
    kernel = draw(st.integers(1, min(3, height, width)))
    stride, pad = draw(st.integers(1, 2)), draw(st.integers(0, kernel // 2))
    attributes: dict[str, Any] = {"strides": (stride, stride)}
    if kind == "pool":
        if draw(st.booleans()):
            pad = 0
            name = growing.node("average_pool", source, kernel_shape=(kernel,) * 2, **attributes)
        else:
            pads = (pad,) * 4
            name = growing.node(
                "max_pool", source, kernel_shape=(kernel,) * 2, pads=pads, **attributes
            )
        sizes = [(size + 2 * pad - kernel) // stride + 1 for size in (height, width)]
        growing.become(name, channels, *sizes)
        return
    group = draw(st.sampled_from([g for g in (1, 2, 4) if channels % g == 0]))
    each = draw(st.integers(1, 2))
    attributes |= {"pads": (pad,) * 4, "group": group}
    outputs = each * group
    inputs = channels // group if kind == "conv" else channels
    shape = (outputs, inputs) if kind == "conv" else (inputs, each)
    weight = growing.weight(*shape, kernel, kernel)
    bias = (growing.weight(outputs),) if draw(st.booleans()) else ()
    name = growing.node(kind, source, weight, *bias, **attributes)
    if kind == "conv":
        sizes = [(size + 2 * pad - kernel) // stride + 1 for size in (height, width)]
    else:
        sizes = [stride * (size - 1) + kernel - 2 * pad for size in (height, width)]
    growing.become(name, outputs, *sizes)


def _scale(growing: _Growing, sizes: tuple[int, ...]) -> None:
    """Append arithmetic with a constant: a number, one for each channel, or for each place."""
    draw, channels = growing.draw, sizes[0]
    shapes = [(), (1,), (channels, *(1,) * (len(sizes) - 1)), sizes[-1:], sizes]
    shapes.append((1, *shapes[2]))
    constant = growing.weight(*draw(st.sampled_from(shapes)))
    op = draw(st.sampled_from(("add", "sub", "mul", "div", "neg", "scale_shift")))
    if op == "neg":
        inputs: tuple[str, ...] = (growing.last,)
    elif op == "scale_shift":
        inputs = (growing.last, constant, growing.weight(*draw(st.sampled_from(shapes))))
    elif op == "div" or draw(st.booleans()):
        inputs = (growing.last, constant)
    else:
        inputs = (constant, growing.last)
    growing.become(growing.node(op, *inputs), *sizes)


def _normalization(growing: _Growing, source: str, sizes: tuple[int, ...]) -> str:
    vectors = [growing.weight(sizes[0]) for _ in range(3)]
    variance = growing.weight(values=growing.random.uniform(0.2, 2.0, sizes[0]))
    return growing.node("batch_normalization", source, *vectors, variance, epsilon=1e-3)


def _split(growing: _Growing, sizes: tuple[int, ...]) -> None:
    """Append a node of two outputs, of which one, or both, are read."""
    first = growing.draw(st.integers(1, sizes[0] - 1))
    one, two = growing.name() + "a", growing.name() + "b"
    parts = growing.weight(values=[first, sizes[0] - first])
    attributes = {"axis": 1}
    both = growing.draw(st.booleans())
    outputs = (one if both else None, two)
    growing.nodes.append(Node("split", (growing.last, parts), outputs, attributes))
    if both:
        growing.sizes[one] = (first, *sizes[1:])
    growing.become(two, sizes[0] - first, *sizes[1:])


def _branch(growing: _Growing, sizes: tuple[int, ...]) -> None:
    """Append a branch: a scale and a normalisation, or an activation."""
    branches = []
    for place in range(2):
        inner = _Growing(growing.random, growing.draw, sizes={"x": sizes})
        if place:
            inner.become(inner.node("tanh", "x"), *sizes)
        else:
            _scale(inner, sizes)
            inner.become(_normalization(inner, inner.last, sizes), *sizes)
            inner.become(inner.node("identity", inner.last), *sizes)
        value = Value("x", ("batch", *sizes), "float64")
        branches.append(Graph((value,), tuple(inner.nodes), inner.weights, (inner.last,)))
    then, other = branches
    name = growing.node("if", "flag", growing.last, then_branch=then, else_branch=other)
    growing.become(name, *sizes)


def _sized(growing: _Growing, sizes: tuple[int, ...]) -> None:
    """Append a reshaping to rows, its sizes computed from the shape, as exporters write it."""
    shape = growing.node("shape", growing.last)
    parts = [
        growing.node("gather", shape, growing.weight(values=np.array([place])))
        for place in range(4)
    ]
    if growing.draw(st.booleans()):
        parts[0] = growing.weight(values=np.array([-1]))
    width = growing.node("mul", growing.node("mul", parts[1], parts[2]), parts[3])
    whole = growing.node("concat", parts[0], width, axis=0)
    growing.become(growing.node("reshape", growing.last, whole), int(np.prod(sizes)))
