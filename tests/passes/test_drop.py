"""Leaving out nodes that return their input."""

from __future__ import annotations

import numpy as np

from arraynet.graph import Graph, Node, Value
from arraynet.passes import (
    drop,
)
from tests.networks import dense, normal
from tests.passes.helpers import assert_same, chain, ops
from tests.reference import forward


def test_identities_and_dropouts_go() -> None:
    before = chain(
        "dropout",
        dense(4, 3),
        "identity",
        ("dropout", {"ratio": 0.3}),
        "linear",
        "relu",
        "identity",
    )
    after = drop(before)
    assert ops(after) == ["affine", "relu"]
    assert after.outputs == before.outputs
    assert_same(before, after)


def test_an_identity_that_is_all_there_is_stays() -> None:
    only = Graph(
        (Value("x", ("batch", 2)),),
        (Node("identity", ("x",), ("a",)), Node("dropout", ("a",), ("y",))),
        {},
        ("y",),
    )
    assert ops(drop(only)) == ["dropout"]
    assert drop(only).nodes[0].inputs == ("x",)


def test_an_output_that_is_also_read_elsewhere_keeps_its_identity() -> None:
    graph = Graph(
        (Value("x", ("batch", 2)),),
        (
            Node("relu", ("x",), ("a",)),
            Node("identity", ("a",), ("y",)),
            Node("add", ("a", "y"), ("z",)),
        ),
        {},
        ("y", "z"),
    ).validated()
    after = drop(graph).validated()
    x = normal(3, 2)
    assert np.array_equal(forward(after, x).value, forward(graph, x).value)
