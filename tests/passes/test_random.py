"""Every pass on random networks: the same result, the same names, nothing changed.

The tolerance is that of `tests.reference`: eps times a bound that follows the
magnitudes of the intermediates through the network.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraynet.graph import Graph
from arraynet.passes import COMPUTING, drop, optimize, split_affine
from tests.reference import assert_right, forward
from tests.strategies import batch, graphs

EVERY = [drop, *COMPUTING, split_affine, optimize]


def snapshot(graph: Graph) -> Any:
    """Return all that a graph is made of, as values that cannot change."""
    weights = {name: (w.shape, str(w.dtype), w.tobytes()) for name, w in graph.weights.items()}
    return (graph.inputs, graph.nodes, graph.outputs, weights, list(graph.weights))


@pytest.mark.parametrize("rewrite", EVERY, ids=lambda rewrite: rewrite.__name__)
@given(graph=graphs(), seed=st.integers(0, 1000))
def test_a_pass_keeps_the_result(rewrite: Any, graph: Graph, seed: int) -> None:
    before = snapshot(graph)
    after = replace(rewrite(graph)).validated()  # with nothing computed before
    assert snapshot(graph) == before
    assert (after.inputs, after.outputs) == (graph.inputs, graph.outputs)
    assert after.dtype == graph.dtype
    for name in graph.outputs:
        assert after.shapes[name] == graph.shapes[name]
    x = batch(graph, 5, seed)
    assert_right(forward(after, x).value, forward(graph, x), graph.dtype)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@given(data=st.data())
def test_all_passes_keep_the_result_in_other_dtypes(dtype: str, data: st.DataObject) -> None:
    graph = data.draw(graphs(dtype))
    x = batch(graph, 5)
    assert_right(forward(optimize(graph), x).value, forward(graph, x), dtype)


@given(graph=graphs())
def test_passes_save_work_and_have_none_left(graph: Graph) -> None:
    after = optimize(graph)
    assert len(after.nodes) <= len(graph.nodes)
    assert sum(map(after.multiply_adds, after.nodes)) <= sum(map(graph.multiply_adds, graph.nodes))
    again = optimize(after)
    assert [node.op for node in again.nodes] == [node.op for node in after.nodes]
    used = {name for node in after.nodes for name in node.inputs}
    assert set(after.weights) <= used
