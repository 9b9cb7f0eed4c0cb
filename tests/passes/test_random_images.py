"""Every pass on random networks with convolutions, branches, integers, several inputs and outputs.

The unoptimised graph is run by PyTorch in float64; what a pass made of it, by arraynet.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arraynet.backends.numpy import NumpyBackend
from arraynet.engine.program import Program
from arraynet.graph import Graph
from arraynet.passes import COMPUTING, drop, optimize, split_affine
from tests.passes.images import image_graphs
from tests.passes.reference import outputs

SOME = settings(max_examples=100)

EVERY = [drop, *COMPUTING, split_affine, optimize]


def assert_same(before: Graph, after: Graph, seed: int, rows: int, flag: bool) -> None:
    """Assert that arraynet finds by one graph what PyTorch finds by another."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, *before.inputs[0].shape[1:]))
    given = (x, random.integers(-5, 5, rows), np.array(flag))
    found = Program(after, NumpyBackend()).run(*given)
    found = found if isinstance(found, tuple) else (found,)
    for got, wanted in zip(found, outputs(before, *given), strict=True):
        assert got.shape == wanted.shape
        assert got.dtype == wanted.dtype
        size = np.abs(wanted).max(initial=0.0)
        atol = 0.0 if wanted.dtype.kind == "i" else 1e-8 * max(1.0, float(size))
        np.testing.assert_allclose(got, wanted, rtol=0.0, atol=atol)


@pytest.mark.parametrize("rewrite", EVERY, ids=lambda rewrite: rewrite.__name__)
@SOME
@given(graph=image_graphs(), seed=st.integers(0, 1000), flag=st.booleans())
def test_a_pass_keeps_the_results(rewrite: Any, graph: Graph, seed: int, flag: bool) -> None:
    after = rewrite(graph)
    afresh = replace(after).validated()  # with nothing handed over
    assert (after.inputs, after.outputs) == (graph.inputs, graph.outputs)
    assert dict(after.values) == dict(afresh.values)
    for name in graph.outputs:
        assert after.values[name] == graph.values[name]
    assert_same(graph, after, seed, 1 + seed % 3, flag)


@SOME
@given(graph=image_graphs())
def test_passes_have_no_work_left(graph: Graph) -> None:
    after = optimize(graph)
    again = optimize(after)
    assert [node.op for node in again.nodes] == [node.op for node in after.nodes]
    assert len(after.nodes) <= len(graph.nodes)
