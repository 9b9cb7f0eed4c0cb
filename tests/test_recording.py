"""Recorded calls, replayed: the same results as the plain function, for every op."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from arraynet.backends import get_backend
from arraynet.backends.numpy.recording import NotRecordableError, record
from arraynet.backends.numpy.replay import replaying
from arraynet.engine.program import Program
from arraynet.graph import Graph, Node, Value
from tests.networks import DENSE_OPS, normal, single
from tests.reference import EPS, assert_right, forward
from tests.strategies import batch, graphs

# OpenBLAS 0.3.31's sgemv for AVX-512, given five features and one output, works on memory
# that it has not written (and leaves the outcome out): where a signalling NaN happens to
# lie there, NumPy warns although every number is finite and right.
pytestmark = pytest.mark.filterwarnings(
    "ignore:invalid value encountered in (dot|matmul):RuntimeWarning"
)

ROWS = (0, 1, 2, 7, 100)

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in DENSE_OPS),
    ("gelu", {"approximate": "tanh"}),
    ("leaky_relu", {"alpha": 1.5}),
    ("leaky_relu", {"alpha": -0.5}),
    ("thresholded_relu", {"alpha": -0.25}),
    ("hard_tanh", {"lower": -0.5, "upper": 2.0}),
    ("hard_sigmoid", {"alpha": 0.5, "beta": 0.25}),
    ("elu", {"alpha": 0.5}),
    ("selu", {"alpha": 1.0, "gamma": 2.0}),
    ("celu", {"alpha": 2.0}),
    ("soft_shrink", {"lambd": 0.25}),
    ("hard_shrink", {"lambd": 1.0}),
    ("squareplus", {"b": 1.0}),
    ("dropout", {"ratio": 0.9}),
    ("logsumexp", {"keepdims": True}),
    *((name, {"axis": 1}) for name in ("softmax", "softmin", "log_softmax", "logsumexp", "glu")),
    *((name, {"axis": 1}) for name in ("hardmax", "sparsemax", "unguarded_softmax")),
    *((name, {"axis": 0}) for name in ("softmax", "softmin", "log_softmax", "logsumexp")),
    *((name, {"axis": 0}) for name in ("hardmax", "sparsemax", "unguarded_softmax")),
]
"""Every op, and every attribute away from its default."""


def named(variant: Any) -> str:
    return str(variant) if isinstance(variant, str) else "-".join(map(str, variant.values()))


def between_layers(op: str, attributes: dict[str, Any], dtype: str) -> Graph | None:
    """Return the op between two layers, so that its result lands in a buffer."""
    random = np.random.default_rng(8)
    inner = single(op, dtype=dtype, **attributes)
    width = inner.shapes["y"][-1]
    if not isinstance(width, int):
        return None
    weights = {
        "V": random.standard_normal((5, 8)).astype(dtype),
        "c": random.standard_normal(8).astype(dtype),
        "U": random.standard_normal((width, 3)).astype(dtype),
        "d": random.standard_normal(3).astype(dtype),
    }
    node = inner.nodes[0]
    return Graph(
        (Value("x", ("batch", 5)),),
        (
            Node("affine", ("x", "V", "c"), ("a",)),
            Node(op, ("a", *node.inputs[1:]), ("y",), attributes),
            Node("affine", ("y", "U", "d"), ("z",)),
        ),
        {**weights, **inner.weights},
        ("z",),
    ).validated()


def assert_replays(graph: Graph) -> None:
    """Call a program again and again: each result is right, its own, and stays."""
    program = Program(graph, get_backend("cpu"))
    width = int(graph.inputs[0].shape[1])
    for rows in ROWS:
        if rows == 0 and any(node.attributes.get("axis") == 0 for node in graph.nodes):
            continue
        for seed in (1, 2, 3):  # the first call records, the others replay
            x = normal(rows, width, seed=seed, dtype=graph.dtype)
            original = x.copy()
            plain = np.array(program.forward(x))
            found = program.run(x)
            assert type(found) is np.ndarray
            assert (found.shape, found.dtype) == (plain.shape, plain.dtype)
            eps = EPS[graph.dtype]
            np.testing.assert_allclose(found, plain, rtol=16 * eps, atol=16 * eps)
            assert not np.shares_memory(found, x)
            kept = found.copy()
            again = program.run(x)
            np.testing.assert_array_equal(again, kept)
            again[...] = np.nan
            np.testing.assert_array_equal(found, kept)
            found[...] = np.nan
            np.testing.assert_array_equal(program.run(x), kept)
            np.testing.assert_array_equal(x, original)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize(("op", "attributes"), VARIANTS, ids=named)
def test_an_op_replays_as_it_runs(op: str, attributes: dict[str, Any], dtype: str) -> None:
    assert_replays(single(op, dtype=dtype, **attributes))


@pytest.mark.parametrize(("op", "attributes"), VARIANTS, ids=named)
def test_an_op_between_layers_replays_as_it_runs(op: str, attributes: dict[str, Any]) -> None:
    graph = between_layers(op, attributes, "float32")
    if graph is not None:
        assert_replays(graph)


@given(graph=graphs())
def test_random_networks_replay_right(graph: Graph) -> None:
    program = Program(graph, get_backend("cpu"))
    for seed in range(3):
        x = batch(graph, 6, seed)
        assert_right(program.run(x), forward(graph, x), graph.dtype)


def test_the_calls_are_really_replayed() -> None:
    """After the first call the function itself is not asked again."""
    calls = []

    def function(x: Any) -> Any:
        calls.append(x.shape)
        return np.tanh(x) * 2.0

    quick = replaying(function)
    x = normal(3, 4)
    for _ in range(3):
        np.testing.assert_array_equal(quick(x), np.tanh(x) * 2.0)
    assert calls == [(3, 4)]
    quick(normal(5, 4))
    quick(normal(5, 4).astype("f8"))
    assert calls == [(3, 4), (5, 4), (5, 4)]


UNRECORDABLE: dict[str, Any] = {
    "a branch on values": lambda x: x * 2.0 if (x > 0).all() else x * 3.0,
    "an output argument": lambda x: np.add(x, 1.0, out=np.empty_like(np.asarray(x))),
    "in place": lambda x: np.multiply(x, 1.0).__iadd__(1.0),
    "a nested list of arrays": lambda x: np.block([[x], [x]]),
    "a number by float": lambda x: x * float(x[0, 0]),
    "a number by item": lambda x: x * x[0, 0].item(),
    "a number by int": lambda x: x * int(x[0, 0]),
    "an index": lambda x: x[np.argmax(x[:, 0]).__index__()],
    "numbers by asarray": lambda x: x * np.asarray(x),
    "numbers by tolist": lambda x: x * np.array(x.tolist()),
    "numbers by a loop": lambda x: x * sum(len(row) for row in x),
    "a view of its own making": lambda x: np.tanh(x.ravel()),
    "a method that makes a view": lambda x: np.exp(x.swapaxes(0, 1)),
    "two results": lambda x: np.modf(x)[0],
    "an accumulation": lambda x: np.add.accumulate(x, axis=1),
    "a result that is no array": lambda x: [1.0, 2.0],
    "a number": lambda x: float(np.sum(np.asarray(x))),
    "an array by keyword": lambda x: np.sort(a=np.clip(x, a_min=x, a_max=None)),
}


@pytest.mark.parametrize("what", list(UNRECORDABLE))
def test_what_a_tape_cannot_hold_runs_as_it_is_and_is_logged(
    what: str, caplog: pytest.LogCaptureFixture
) -> None:
    function = UNRECORDABLE[what]
    with pytest.raises(NotRecordableError):
        record(function, normal(2, 3))
    quick = replaying(function)
    with caplog.at_level(logging.INFO, logger="arraynet"):
        for seed in range(3):
            x = normal(2, 3, seed=seed) - seed
            np.testing.assert_array_equal(quick(x), function(x))
    assert [r.levelname for r in caplog.records] == ["INFO"]
    assert "runs without recorded calls, because" in caplog.text


RECORDABLE: dict[str, Any] = {
    "operators": lambda x: 1.0 - abs(-x) ** 2 / 3.0,
    "scalars on the left": lambda x: 2.0 ** np.minimum(x, 1.0),
    "comparisons": lambda x: np.where((x > 0) & ~(x > 1), x, -1.0),
    "where of scalars": lambda x: np.where(x > 0, 1.0, 0.0) * x,
    "a list of arrays": lambda x: np.concatenate([x, np.ones((1, 3), "f4"), x], axis=0),
    "a stack of arrays": lambda x: np.tanh(np.stack([x, x * 2.0], axis=1)),
    "views of views": lambda x: np.exp(np.reshape(np.exp(x), (3, 2))[1:, None, :]) * 2.0,
    "views of an input": lambda x: np.exp(np.reshape(x, (3, 2)).T) * 2.0,
    "two views of one buffer": lambda x: (np.exp(x)[:, 1:] * np.exp(x)[:, :-1]) + 1.0,
    "two parts of one value": lambda x: (lambda y: y[:, 1:] * y[:, :-1] + 1.0)(np.exp(x)),
    "a stack of products": lambda x: np.tanh(x[None, :, :] @ np.ones((4, 3, 2), "f4")),
    "a mean": lambda x: x - np.mean(x, axis=0),
    "a clip": lambda x: np.clip(x, -0.5, 0.5),
    "shapes": lambda x: np.reshape(x, (x.shape[1], x.shape[0])) + x.T,
    "slices": lambda x: x[:, 1:] * x[:, :-1],
    "a new axis": lambda x: np.sum(x[:, None, :] * x[None, :, :], axis=-1),
    "the transpose of matrices": lambda x: np.exp(x.mT),
    "a sort by keyword": lambda x: np.sort(x, axis=1, kind="stable"),
    "a product with itself": lambda x: x @ x.T,
    "a square product in a buffer": lambda x: np.tanh((x @ np.eye(3, dtype="f4")) + x),
    "a constant on the left": lambda x: np.tanh(np.ones((2, 2), "f4") @ x),
    "a vector of weights": lambda x: np.tanh(x @ np.ones(3, "f4")),
    "wider arithmetic": lambda x: (x.astype("f8") * 1.5).astype("f4"),
    "whole numbers": lambda x: x.astype(np.int32) * 2 + 1,
    "a ufunc with a keyword": lambda x: np.add(x, 1.0, dtype="f8"),
    "a value that is read late": lambda x: (np.exp(x) + np.tanh(x)) * np.exp(x),
    "an unused value": lambda x: (np.exp(x), x + 1.0)[1],
    "a row sum that meets rows": lambda x: np.exp(x) / np.sum(np.exp(x), axis=-1, keepdims=True),
    "a row sum that meets a sum": lambda x: x / (1.0 + np.sum(x * x, axis=-1, keepdims=True)),
    "a long row sum": lambda x: np.tile(x, 60) / np.sum(np.tile(x, 60), axis=-1, keepdims=True),
    "a sum over the batch": lambda x: x / (3.0 + np.sum(x * x, axis=0, keepdims=True)),
}


@pytest.mark.parametrize("what", list(RECORDABLE))
def test_what_a_tape_can_hold(what: str) -> None:
    function = RECORDABLE[what]
    record(function, normal(2, 3))
    quick = replaying(function)
    for seed in range(4):
        x = normal(2, 3, seed=seed)
        found = quick(x)
        expected = function(x)
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_an_error_of_the_function_is_the_caller_s_and_leaves_nothing() -> None:
    def function(x: Any) -> Any:
        if x.shape[0] == 2:
            raise ValueError("two rows")
        return x + 1.0

    quick = replaying(function)
    for _ in range(2):
        with pytest.raises(ValueError, match="two rows"):
            quick(normal(2, 3))
    np.testing.assert_array_equal(quick(normal(3, 3)), normal(3, 3) + 1.0)
