"""Ops and graphs of several inputs and outputs that tests of calls use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from arraynet.graph import Graph, Node, Value
from arraynet.ops import OPS, op

Array = np.ndarray[Any, Any]


@contextmanager
def registered(formula: Any, **facts: Any) -> Iterator[Any]:
    """Register an op for as long as a test lasts."""
    made = op(**facts)(formula)
    try:
        yield made
    finally:
        del OPS[formula.__name__]


def two_in_three_out(dtype: str = "float32") -> Graph:
    """Return (a, b) → (tanh(a W) + b, relu(b), a W), which are called sum, positive, product."""
    random = np.random.default_rng(3)
    return Graph(
        (Value("a", ("batch", 5), dtype), Value("b", ("batch", 4), dtype)),
        (
            Node("matmul", ("a", "W"), ("product",)),
            Node("tanh", ("product",), ("t",)),
            Node("add", ("t", "b"), ("sum",)),
            Node("relu", ("b",), ("positive",)),
        ),
        {"W": random.standard_normal((5, 4)).astype(dtype)},
        ("sum", "positive", "product"),
    ).validated()


def expected_of(graph: Graph, a: Array, b: Array) -> dict[str, Array]:
    """Return what `two_in_three_out` gives, in float64."""
    product = a.astype(float) @ graph.weights["W"].astype(float)
    return {
        "sum": np.tanh(product) + b.astype(float),
        "positive": np.maximum(b.astype(float), 0),
        "product": product,
    }
