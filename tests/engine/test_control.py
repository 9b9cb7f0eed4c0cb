"""Branches and loops: what runs, what is read back, and what comes out, on every backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from arraynet.backends import Backend
from arraynet.engine.program import Program
from arraynet.engine.tracing import intermediates
from arraynet.graph import Graph
from arraynet.node import Node, Value
from tests.ops.samples import has_dtype

FLOAT = "float32"
STEPS = np.array([1, 2, 3])


def _graph(inputs: Any, nodes: Any, outputs: Any, weights: Any = None) -> Graph:
    return Graph(tuple(inputs), tuple(nodes), weights or {}, tuple(outputs))


def _host(backend: Backend, result: Any) -> Any:
    if isinstance(result, tuple):
        return tuple(backend.to_host(part) for part in result)
    return backend.to_host(result)


def branching() -> Graph:
    """Return x → relu(x) where the flag is set, else tanh(x) + b with another shape."""
    then = _graph(
        [Value("x", ("n", 3), FLOAT), Value("b", (3,), FLOAT)],
        [Node("relu", ("x",), ("r",))],
        ["r"],
    )
    other = _graph(
        [Value("x", ("n", 3), FLOAT), Value("b", (3,), FLOAT)],
        [Node("tanh", ("x",), ("t",)), Node("add", ("t", "b"), ("s",))],
        ["s"],
    )
    return _graph(
        [Value("flag", (), "bool"), Value("x", ("n", 3), FLOAT)],
        [
            Node("sigmoid", ("x",), ("h",)),
            Node("if", ("flag", "h", "b"), ("y",), {"then_branch": then, "else_branch": other}),
            Node("relu", ("y",), ("z",)),
        ],
        ["z", "h"],
        {"b": np.float32([1, 2, 3])},
    ).validated()


def test_only_the_branch_that_is_taken_counts(backend: Backend) -> None:
    program = Program(branching(), backend)
    x = np.linspace(-2, 2, 6, dtype=FLOAT).reshape(2, 3)
    h = 1 / (1 + np.exp(-x.astype(float)))
    for _ in range(3):
        for flag, wanted in ((True, h), (False, np.tanh(h) + STEPS)):
            z, middle = _host(backend, program.run(np.array(flag), x))
            np.testing.assert_allclose(z, wanted, rtol=1e-6)
            np.testing.assert_allclose(middle, h, rtol=1e-6)
    assert program.fetched == {"flag": "y"}


def test_what_branches_give_alike_is_known_before_a_run() -> None:
    graph = branching()
    assert graph.values["y"] == Value("y", ("n", 3), FLOAT)


def counting(body_nodes: Any, body_outputs: Any, carried: int, weights: Any = None) -> Graph:
    body = _graph(
        [Value("i", (), "int64"), Value("go", (), "bool"), Value("s", (3,), FLOAT),
         Value("b", (3,), FLOAT)],
        body_nodes,
        body_outputs,
        weights,
    )  # fmt: skip
    outputs = [f"out{place}" for place in range(len(body_outputs) - 1)]
    return _graph(
        [Value("m", (), "int64"), Value("s0", (3,), FLOAT), Value("b", (3,), FLOAT)],
        [Node("loop", ("m", None, "s0", "b"), tuple(outputs), {"body": body, "carried": carried})],
        outputs,
    ).validated()


@pytest.mark.parametrize("turns", [0, 1, 5, 64])
def test_a_loop_makes_its_turns_and_collects(backend: Backend, turns: int) -> None:
    if not has_dtype(backend, "int64"):
        pytest.skip(f"{backend.name} has no int64")
    graph = counting(
        [Node("add", ("s", "b"), ("t",)), Node("tanh", ("t",), ("c",))],
        ["yes", "t", "c"],
        1,
        {"yes": np.array(True)},
    )
    start, step = np.float32([0, 1, 2]), np.float32([0.5, 0.25, -0.125])
    program = Program(graph, backend)
    for _ in range(2):
        last, collected = _host(backend, program.run(np.array(turns), start, step))
        states = [start + k * step for k in range(1, turns + 1)]
        np.testing.assert_allclose(last, states[-1] if turns else start, rtol=1e-6)
        assert collected.shape == (turns, 3)
        np.testing.assert_allclose(collected, np.tanh(np.reshape(states, (turns, 3))), rtol=1e-6)


def test_a_scan_runs_over_parts_forwards_and_backwards(backend: Backend) -> None:
    body = _graph(
        [Value("s", (2,), FLOAT), Value("x", (2,), FLOAT)],
        [Node("add", ("s", "x"), ("t",)), Node("relu", ("t",), ("c",))],
        ["t", "c"],
    )
    for length in (0, 1, 4):
        for back in (0, 1):
            graph = _graph(
                [Value("s0", (2,), FLOAT), Value("xs", (length, 2), FLOAT)],
                [Node("scan", ("s0", "xs"), ("last", "all"),
                      {"body": body, "carried": 1, "scanned": 1, "input_directions": (back,),
                       "output_axes": (1,)})],
                ["last", "all"],
            ).validated()  # fmt: skip
            xs = np.random.default_rng(length).normal(size=(length, 2)).astype(FLOAT)
            last, every = _host(backend, Program(graph, backend).run(np.zeros(2, FLOAT), xs))
            order = xs[::-1] if back else xs
            sums = np.cumsum(order.astype(float), axis=0)
            np.testing.assert_allclose(last, sums[-1] if length else [0, 0], rtol=1e-5, atol=1e-6)
            assert every.shape == (2, length) == graph.shapes["all"]
            np.testing.assert_allclose(every, np.maximum(sums, 0).T, rtol=1e-5, atol=1e-6)


def test_every_value_of_a_branching_graph_is_shown_by_name(backend: Backend) -> None:
    x = np.ones((2, 3), FLOAT)
    h = 1 / (1 + np.exp(-x.astype(float)))
    inside = {False: {"y/t": np.tanh(h), "y/s": np.tanh(h) + STEPS}, True: {"y/r": h}}
    for flag, expected in inside.items():
        found = intermediates(branching(), backend, np.array(flag), x)
        assert list(found) == ["flag", "x", "h", *expected, "y", "z"]
        assert all(backend.owns(value) for value in found.values())
        expected["y"] = list(expected.values())[-1]
        for name, value in {"h": h, **expected}.items():
            np.testing.assert_allclose(backend.to_host(found[name]), value, rtol=1e-6)


def test_integers_stay_exact(backend: Backend) -> None:
    graph = _graph([Value("x", ("n",), "int64")], [Node("identity", ("x",), ("y",))], ["y"])
    if not has_dtype(backend, "int64"):
        pytest.skip(f"{backend.name} has no int64")
    x = np.array([16_777_217, 2**53 + 1])
    np.testing.assert_array_equal(_host(backend, Program(graph, backend).run(x)), x)


def test_sizes_are_multiplied_one_after_the_other(backend: Backend) -> None:
    """Elementwise neighbours on the host, each with two arguments."""
    if not has_dtype(backend, "int64"):
        pytest.skip(f"{backend.name} has no int64")
    graph = _graph(
        [Value("x", ("n", "m"), FLOAT)],
        [
            Node("shape", ("x",), ("s",)),
            Node("mul", ("s", "two"), ("t",)),
            Node("add", ("t", "s"), ("u",)),
            Node("sub", ("u", "two"), ("y",)),
        ],
        ["y"],
        {"two": np.array([2])},
    ).validated()
    found = _host(backend, Program(graph, backend).run(np.ones((5, 7), FLOAT)))
    np.testing.assert_array_equal(found, [13, 19])
