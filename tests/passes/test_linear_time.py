"""Passes take as long as a graph is: what is known of its values is found out once."""

from __future__ import annotations

import cProfile
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from arraynet import inference
from arraynet.graph import Graph, Node, Value
from arraynet.passes import optimize


def calls(call: Callable[[], object]) -> int:
    """Return how many functions a call calls, of Python's and of C's."""
    profile = cProfile.Profile()
    profile.runcall(call)
    return sum(entry.callcount for entry in profile.getstats())


def long(nodes: int, ops: tuple[str, ...]) -> Graph:
    """Return a chain of ops in turn, each product with weights of its own."""
    random, made, weights = np.random.default_rng(0), [], {}
    for place in range(nodes):
        op = ops[place % len(ops)]
        reads = [f"v{place - 1}" if place else "x"]
        for part, shape in {"affine": [("W", (3, 3)), ("b", (3,))], "add": [("c", (3,))]}.get(
            op, []
        ):
            reads.append(f"{part}{place}")
            weights[reads[-1]] = random.normal(size=shape) / 2
        if op == "shape":  # a size that is computed, beside the chain
            made.append(Node("shape", (reads[0],), (f"s{place}",)))
            made.append(Node("gather", (f"s{place}", "last"), (f"g{place}",)))
            made.append(Node("cast", (f"g{place}",), (f"f{place}",), {"to": "float64"}))
            weights["last"] = np.array(1)
            op, reads = "add", [*reads, f"f{place}"]
        made.append(Node(op, tuple(reads), (f"v{place}",)))
    inputs = (Value("x", ("batch", 3), "float64"),)
    return Graph(inputs, tuple(made), weights, (made[-1].name,)).validated()


CHAINS: Any = [
    ("affine", "sigmoid"),
    ("affine",),
    ("identity",),
    ("add", "relu"),
    ("affine", "add", "tanh", "shape"),
    ("sigmoid", "softmax"),
]


@pytest.mark.parametrize("chain", CHAINS, ids="-".join)
def test_ten_times_as_many_nodes_take_ten_times_as_many_calls(chain: tuple[str, ...]) -> None:
    few, many = (calls(lambda n=n: optimize(long(n, chain)).values) for n in (100, 1000))
    print(f"{few} calls for 100 nodes, {many} for 1000")
    assert many < 12 * few


def test_a_chain_of_softmaxes_after_layers_is_gone_over_once_each() -> None:
    """Each softmax reads one layer of a long chain, and could walk to its beginning."""

    def comb(size: int) -> Graph:
        graph = long(size, ("affine",))
        teeth = [Node("softmax", (f"v{n}",), (f"p{n}",)) for n in range(size)]
        outputs = tuple(node.name for node in teeth)
        return Graph(graph.inputs, (*graph.nodes, *teeth), graph.weights, outputs).validated()

    few, many = (calls(lambda n=n: optimize(comb(n))) for n in (100, 1000))
    # The budget is that of a small network: a million numbers, in steps of nine.
    assert many < 12 * few + 40 * (1 << 20) / 9


def test_a_node_that_did_not_change_does_not_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: Counter[str] = Counter()
    applied = inference.applied

    def counting(node: Node, *rest: Any) -> Any:
        runs[node.op] += 1
        return applied(node, *rest)

    before = long(400, ("affine", "tanh", "affine", "sigmoid"))
    _ = before.values
    monkeypatch.setattr(inference, "applied", counting)
    after = optimize(before)
    assert after is not before
    assert dict(after.values) != {}
    # Two trials. The last sigmoid is the output; the 99 others became tanh, and the layers
    # around them, all but the first and the last, have other weights.
    assert runs["affine"] == 2 * 198
    assert runs["tanh"] == 2 * 99
    fresh = Graph(after.inputs, after.nodes, after.weights, after.outputs)
    assert dict(fresh.values) == dict(after.values)
    assert fresh._costs == after._costs
