"""Graphs inside nodes: optimised under one budget, converted, and refused where they do not fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from arraynet.backends.numpy import NumpyBackend
from arraynet.engine.program import Program
from arraynet.errors import ArraynetError, DtypeError, GraphError, ShapeError
from arraynet.graph import Graph, Node, Value
from arraynet.passes import Budget, absorb_scale, optimize
from arraynet.passes.draft import FLOOR
from tests.passes.helpers import ops

X = Value("x", ("batch", 3), "float32")
FLAG = Value("flag", (), "bool")


def scaled_product(seed: int, size: int = 3) -> Graph:
    """Return (x * s) @ W: one product, once the scale is absorbed."""
    weight = np.random.default_rng(seed).normal(size=(size, size)).astype(np.float32)
    return Graph(
        (replace(X, shape=("batch", size)),),
        (Node("mul", ("x", "s"), ("z",)), Node("matmul", ("z", "W"), ("y",))),
        {"s": np.float32(0.5), "W": weight},
        ("y",),
    )


def branching(then: Any, other: Any, reads: tuple[str, ...] = ("flag", "x")) -> Graph:
    node = Node("if", reads, ("y",), {"then_branch": then, "else_branch": other})
    return Graph((FLAG, replace(X, shape=then.inputs[0].shape)), (node,), {}, ("y",))


def test_both_branches_are_optimised_and_give_the_same() -> None:
    before = branching(scaled_product(1), scaled_product(2)).validated()
    after = optimize(before).validated()
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    for name, flag in (("then_branch", True), ("else_branch", False)):
        inner = after.nodes[0].attributes[name]
        assert ops(inner) == ["matmul"]
        assert ops(before.nodes[0].attributes[name]) == ["mul", "matmul"]
        weight = before.nodes[0].attributes[name].weights["W"]
        found = Program(after, NumpyBackend()).run(np.array(flag), x)
        np.testing.assert_allclose(found, x * 0.5 @ weight, rtol=1e-5, atol=1e-6)


def test_graphs_in_graphs_are_optimised_too() -> None:
    inside = branching(scaled_product(1), scaled_product(2))
    outer = replace(inside, inputs=(X, FLAG))
    before = branching(outer, outer, ("flag", "x", "flag")).validated()
    after = optimize(before).validated()
    for name in ("then_branch", "else_branch"):
        inner = after.nodes[0].attributes[name].nodes[0].attributes[name]
        assert ops(inner) == ["matmul"]


def test_a_loop_is_optimised_and_gives_the_same() -> None:
    body = Graph(
        (Value("turn", (), "int64"), Value("go", (), "bool"), X),
        (Node("mul", ("x", "s"), ("z",)), Node("matmul", ("z", "W"), ("y",)),
         Node("dropout", ("y",), ("d",))),
        {"s": np.float32(0.5), "W": np.float32([[0, 1, 0], [0, 0, 2], [1, 0, 0]])},
        ("go", "d"),
    )  # fmt: skip
    node = Node("loop", ("turns", None, "x"), ("last",), {"body": body, "carried": 1})
    before = Graph((X,), (node,), {"turns": np.array(3)}, ("last",)).validated()
    after = optimize(before).validated()
    assert ops(after.nodes[0].attributes["body"]) == ["matmul"]
    x = np.float32([[1, 2, 3]])
    # Three turns multiply by 2 * 0.5**3, and bring each number back to its place.
    np.testing.assert_allclose(Program(after, NumpyBackend()).run(x), 2 * 0.125 * x, rtol=1e-6)


def test_a_graph_with_nothing_to_gain_is_left_as_it_is() -> None:
    plain = Graph((X,), (Node("tanh", ("x",), ("y",)),), {}, ("y",))
    graph = branching(plain, plain).validated()
    assert optimize(graph) is graph


def test_all_graphs_share_one_budget() -> None:
    """Their weights count in it, and so does the work."""
    before = branching(scaled_product(1, 700), scaled_product(2, 700)).validated()
    budget = Budget(before)
    assert budget.left == FLOOR + 8 * 2 * (700 * 700 + 1)
    budget.spend(budget.left)
    inner = before.nodes[0].attributes["then_branch"]
    assert absorb_scale(inner, budget) is inner


def test_a_graph_that_is_in_many_nodes_is_gone_over_once() -> None:
    inner = scaled_product(1)
    inner = replace(branching(inner, inner), inputs=(X, FLAG))
    graph = branching(inner, inner, ("flag", "x", "flag")).validated()
    assert Budget(graph).left == FLOOR + 8 * 10
    after = optimize(graph)
    then, other = (after.nodes[0].attributes[name] for name in ("then_branch", "else_branch"))
    assert then is other
    assert then.nodes[0].attributes["then_branch"] is then.nodes[0].attributes["else_branch"]


def test_a_conversion_reaches_the_graphs_inside() -> None:
    graph = branching(scaled_product(1), scaled_product(2)).validated().astype("float64")
    graph.validated()
    inner = graph.nodes[0].attributes["else_branch"]
    assert {weight.dtype.name for weight in inner.weights.values()} == {"float64"}
    assert inner.inputs[0].dtype == "float64"
    x = np.ones((2, 3))
    assert Program(graph, NumpyBackend()).run(np.array(True), x).dtype == np.float64
    large = scaled_product(1)
    large = replace(large, weights={**large.weights, "s": np.float32(1e6)})
    with pytest.raises(DtypeError, match="weight s: got"):
        branching(large, large).validated().astype("float16")


def _broken(**changes: Any) -> Graph:
    return replace(scaled_product(1), **changes)


@pytest.mark.parametrize(
    ("error", "then", "message"),
    [
        (
            GraphError,
            _broken(inputs=(X, replace(X, name="w"))),
            "then_branch with 2 inputs and",
        ),
        (GraphError, _broken(outputs=()), "with 1 inputs and 0 outputs, expected 1 inputs and 1"),
        (
            GraphError,
            _broken(nodes=(Node("mull", ("x", "s"), ("y",)),)),
            r"^y \(if\): then_branch: y: got op 'mull'",
        ),
        (GraphError, _broken(outputs=("q",)), r"^y \(if\): then_branch: graph: got output 'q'"),
        (GraphError, _broken(weights={"s": np.float32(1)}), "z|W"),
        (
            GraphError,
            _broken(nodes=(*scaled_product(1).nodes, Node("neg", ("z",), ("z",)))),
            "got output 'z', expected a new name",
        ),
        (
            ShapeError,
            _broken(weights={"s": np.float32(1), "W": np.ones((4, 4), np.float32)}),
            r"^y \(if\): then_branch: y \(matmul\): got",
        ),
    ],
)
def test_graphs_that_do_not_fit_are_refused(
    error: type[ArraynetError], then: Graph, message: str
) -> None:
    node = Node("if", ("flag", "x"), ("y",), {"then_branch": then, "else_branch": then})
    with pytest.raises(error, match=message):
        Graph((FLAG, X), (node,), {}, ("y",)).validated()


@pytest.mark.parametrize(
    ("op", "reads", "attributes", "message"),
    [
        ("if", ("flag", "x"), {}, r"^y \(if\): got then_branch=None, expected a graph"),
        ("if", ("flag", "x"), {"then_branch": 3}, "got then_branch=3, expected a graph"),
        ("loop", (None, "flag", "x"), {"carried": 1}, "got body=None, expected a graph"),
    ],
)
def test_graphs_that_are_none_are_refused(
    op: str, reads: Any, attributes: Any, message: str
) -> None:
    with pytest.raises(GraphError, match=message):
        Graph((FLAG, X), (Node(op, reads, ("y",), attributes),), {}, ("y",)).validated()


def test_a_graph_where_none_is_wanted_is_refused() -> None:
    node = Node("transpose", ("x",), ("y",), {"perm": scaled_product(1)})
    with pytest.raises(GraphError, match="got perm=a graph, expected no graph"):
        Graph((X,), (node,), {}, ("y",)).validated()
