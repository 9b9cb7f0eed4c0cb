"""Five faults that once gave wrong numbers in silence, at the level of networks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

from arraynet import Backend, Network
from arraynet.graph import Graph, Node, Value
from tests.networks import normal
from tests.ops.samples import has_dtype
from tests.rows import registered

FLOAT = "float32"


def fault_between(x: Any, low: Any = None, high: Any = None, *, xp: Any = None) -> Any:
    """Return x, at least low and at most high."""
    x = x if low is None else xp.maximum(x, low)
    return x if high is None else xp.minimum(x, high)


def fault_where(condition: Any, a: Any, b: Any, *, xp: Any = None) -> Any:
    """Return a where the condition holds, else b."""
    return xp.where(condition, a, b)


def fault_ones(*, size: int = 3, xp: Any = None) -> Any:
    """Return ones."""
    return xp.ones((size,), dtype=xp.float32)


def fault_number(x: Any, *, xp: Any = None) -> Any:
    """Return x times its first number, which is read as a Python float."""
    return x * float(x[0, 0])


@pytest.fixture(autouse=True)
def faults() -> Iterator[None]:
    with ExitStack() as stack:
        for formula in (fault_between, fault_where, fault_ones, fault_number):
            stack.enter_context(registered(formula, dtypes=("any",)))
        yield


def network(backend: Backend, inputs: Any, *nodes: Node, optimize: bool = True) -> Network:
    values = tuple(Value(name, shape, dtype) for name, shape, dtype in inputs)
    return Network(Graph(values, nodes, {}, (nodes[-1].name,)), backend, optimize=optimize)


@pytest.fixture(params=[True, False], ids=["optimized", "as written"])
def optimize(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_an_absent_input_keeps_its_place(backend: Backend, optimize: bool) -> None:
    inputs = [("x", ("batch", 3), FLOAT), ("high", ("batch", 1), FLOAT)]
    net = network(
        backend, inputs, Node("fault_between", ("x", None, "high"), ("y",)), optimize=optimize
    )
    x, high = normal(4, 3), normal(4, 1, seed=9)
    for _ in range(3):
        np.testing.assert_array_equal(net.predict(x, high), np.minimum(x, high))


def test_a_choice_has_the_dtype_of_what_is_chosen(backend: Backend, optimize: bool) -> None:
    inputs = [("c", ("batch", 3), "bool"), ("a", ("batch", 3), FLOAT), ("b", ("batch", 3), FLOAT)]
    net = network(backend, inputs, Node("fault_where", ("c", "a", "b"), ("y",)), optimize=optimize)
    a, b = normal(4, 3, seed=1), normal(4, 3, seed=2)
    assert net.outputs[0].dtype == FLOAT
    for seed in range(3):
        c = normal(4, 3, seed=seed) > 0
        found = net.predict(c, a, b)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, np.where(c, a, b))


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "bool"])
def test_whole_numbers_stay_exact(dtype: str, backend: Backend, optimize: bool) -> None:
    if not has_dtype(backend, dtype):
        pytest.skip(f"{backend.name} has no {dtype}")
    net = network(
        backend, [("x", ("batch", 2), dtype)], Node("identity", ("x",), ("y",)), optimize=optimize
    )
    numbers = {
        "int64": [16_777_217, -(2**62) - 1],
        "int32": [16_777_217, -(2**31)],
        "uint8": [0, 255],
        "bool": [True, False],
    }[dtype]
    x = np.array([numbers] * 3, dtype)
    for options in ({}, {"batch_size": 2}):
        found = net.predict(x, **options)
        assert found.dtype == x.dtype
        np.testing.assert_array_equal(found, x)


def test_a_node_without_inputs(backend: Backend, optimize: bool) -> None:
    net = network(
        backend,
        [("x", ("batch", 3), FLOAT)],
        Node("fault_ones", (), ("ones",), {"size": 3}),
        Node("add", ("x", "ones"), ("y",)),
        optimize=optimize,
    )
    x = normal(4, 3)
    assert net.output_shape == ("batch", 3)
    for _ in range(3):
        np.testing.assert_array_equal(net.predict(x), x + 1)
    assert list(net.activations(x)) == ["x", "ones", "y"]
    assert str(net.summary())


def test_a_formula_that_reads_a_number_is_right_on_every_call(
    backend: Backend, optimize: bool
) -> None:
    net = network(
        backend,
        [("x", ("batch", 3), FLOAT)],
        Node("fault_number", ("x",), ("y",)),
        optimize=optimize,
    )
    for seed in range(4):
        x = normal(4, 3, seed=seed)
        np.testing.assert_allclose(net.predict(x), x * x[0, 0], rtol=1e-6)
        np.testing.assert_allclose(backend.to_host(net(x)), x * x[0, 0], rtol=1e-6)
