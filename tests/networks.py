"""Fixed networks that several tests use."""

from __future__ import annotations

import gc
import itertools
from typing import Any

import numpy as np

from arraynet import Dense, Network, Sequential
from arraynet.backends.numpy.plan import Plan
from arraynet.graph import Graph, Node, Value
from arraynet.layers import Scale, sequential_graph
from arraynet.ops import OPS


def dense(
    inputs: int, outputs: int, *, seed: int = 0, size: float = 1.0, dtype: Any = "f4"
) -> Dense:
    """Return a dense layer of normal weights whose outputs are about as large as its inputs."""
    random = np.random.default_rng((seed, inputs, outputs))
    weight = random.standard_normal((inputs, outputs)) * (size / np.sqrt(inputs))
    return Dense(weight.astype(dtype), random.standard_normal(outputs).astype(dtype))


def mlp(
    *sizes: int, hidden: str = "sigmoid", output: str = "softmax", dtype: Any = "f4", **options: Any
) -> Network:
    """Return a multilayer perceptron of those sizes."""
    layers: list[Any] = []
    for number, (before, after) in enumerate(itertools.pairwise(sizes)):
        last = number == len(sizes) - 2
        layers += [dense(before, after, seed=number, dtype=dtype), output if last else hidden]
    return Sequential(*layers, **options)


def seven_layers(dtype: Any = "f4") -> Graph:
    """Return a network of seven layers with mixed activations, for three classes."""
    sizes = (16, 24, 20, 20, 16, 12, 10, 3)
    layers: list[Any] = [
        dense(before, after, seed=number, dtype=dtype)
        for number, (before, after) in enumerate(itertools.pairwise(sizes))
    ]
    one, two, three, four, five, six, seven = layers
    return sequential_graph(
        *(Scale(1 / 16), one, "sigmoid", two, "relu", ("dropout", {"ratio": 0.2}), three, "gelu"),
        *(four, "tanh", five, "sigmoid", six, "identity", seven, "softmax"),
    )


_DENSE = ("activations", "exponential_units", "gates", "gaussian", "linear", "rectifiers")
_DENSE += ("shrinkage", "softmax", "sparse")

DENSE_OPS = sorted(
    name for name, op in OPS.items() if op.formula.__module__.rpartition(".")[2] in _DENSE
)
"""The names of the ops of dense networks, whose first array is a batch of rows."""


def single(op: str, width: int = 8, dtype: Any = "f4", **attributes: Any) -> Graph:
    """Return the graph of one op on a batch of rows."""
    random = np.random.default_rng(5)
    shapes = {
        "affine": [(width, 3), (3,)],
        "matmul": [(width, 3)],
        "add": [(width,)],
        "prelu": [(width,)],
        "scale_shift": [(width,), (width,)],
    }.get(op, [])
    weights = {f"w{i}": random.standard_normal(s).astype(dtype) for i, s in enumerate(shapes)}
    return Graph(
        (Value("x", ("batch", width)),),
        (Node(op, ("x", *weights), ("y",), attributes),),
        weights,
        ("y",),
    ).validated()


def normal(rows: int, columns: int, *, seed: int = 1, dtype: Any = "f4") -> Any:
    """Return rows of normal numbers."""
    return (
        np.random.default_rng((seed, rows, columns)).standard_normal((rows, columns)).astype(dtype)
    )


def plans() -> int:
    """Return how many plans are alive in this process."""
    gc.collect()
    return sum(type(thing) is Plan for thing in gc.get_objects())
