"""In which parts a product is asked for: all of it, each once, whatever the sizes."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arraynet import Dense, Network, Sequential
from arraynet.backends.numpy import namespace, products
from arraynet.backends.numpy.products import Layouts, parts
from arraynet.graph import Graph, Node, Value
from tests.networks import mlp, normal, single
from tests.reference import Values, assert_right, forward

KERNELS = pytest.mark.parametrize("unpacked", [False, True], ids=["packed", "unpacked"])


@pytest.fixture
def kernels(unpacked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plan as for these kernels of BLAS, whichever this machine has."""
    monkeypatch.setattr(namespace, "reads_unpacked", lambda: unpacked)


@given(
    rows=st.integers(1, 3000),
    inner=st.integers(0, 1100),
    columns=st.integers(0, 1100),
    near=st.booleans(),
    unpacked=st.booleans(),
    dtype=st.sampled_from(["f4", "f8"]),
)
def test_the_parts_are_the_whole(
    rows: int, inner: int, columns: int, near: bool, unpacked: bool, dtype: str
) -> None:
    weight = np.broadcast_to(np.arange(columns, dtype=dtype), (inner, columns))
    seen = np.zeros((rows, columns), np.int8)
    for part in parts(rows, weight, Layouts(), near=near, unpacked=unpacked):
        assert (part.rows.stop - part.rows.start) % part.height == 0
        seen[part.rows, part.columns] += 1
        np.testing.assert_array_equal(part.weight, weight[:, part.columns])
    assert (seen == 1).all()


@KERNELS
def test_parts_that_are_converted_stay_in_the_cache(unpacked: bool) -> None:
    weight = np.ones((784, 50), np.float32)
    for part in parts(5000, weight, Layouts(), near=True, unpacked=unpacked):
        assert (part.rows.stop - part.rows.start) * 784 * 4 <= 2 * products.NEAR


def test_a_tall_batch_is_one_call_where_blas_reads_unpacked() -> None:
    """What counts with several threads: between two calls they wait for each other."""
    weight = np.ones((784, 50), np.float32)
    whole, rest = parts(1250, weight, Layouts(), unpacked=True)
    assert whole.rows == slice(0, 1248)
    assert (whole.height, rest.height) == (24, 2)
    assert 784 * 50 * whole.height <= products.UNPACKED
    assert whole.weight.ctypes.data % 64 == whole.weight.strides[0] % 64 == 0


def test_a_batch_that_blas_s_threads_are_worth_is_theirs() -> None:
    weight = np.ones((784, 50), np.float32)
    heights = {part.height for part in parts(10_000, weight, Layouts(), unpacked=True)}
    assert min(heights) > 100


FORMS: dict[str, Callable[[Any], Any]] = {
    "contiguous": np.ascontiguousarray,
    "Fortran order": np.asfortranarray,
    "every second row": lambda x: np.repeat(x, 2, axis=0)[::2],
    "every second column": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "backwards": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "one row for all": lambda x: np.broadcast_to(x[0], x.shape),
    "float64": lambda x: x.astype("f8"),
    "bytes": lambda x: np.abs(x * 10).astype(np.uint8),
    "bytes, every second column": lambda x: np.repeat(np.abs(x).astype("u1"), 2, axis=1)[:, ::2],
}


@KERNELS
@pytest.mark.parametrize("form", list(FORMS))
@pytest.mark.parametrize("dtype", ["f4", "f8", "f2"])
@pytest.mark.usefixtures("kernels")
def test_a_large_batch_of_every_form(form: str, dtype: str) -> None:
    network = mlp(784, 50, 100, 10, dtype=dtype, hidden="tanh")
    rows = 60 if dtype == "f2" else 1003
    x = FORMS[form](normal(rows, 784) / 28)
    expected = forward(network.graph, np.asarray(x, dtype))
    for _ in range(2):
        result = network.predict(x)
        assert_right(result, expected, {"f4": "float32", "f8": "float64", "f2": "float16"}[dtype])


@cache
def batch_of(sizes: tuple[int, ...]) -> tuple[Any, Values]:
    """Return rows for a network of these sizes, and what comes of them."""
    x = normal(2000, sizes[0])
    return x, forward(mlp(*sizes).graph, x)


@KERNELS
@pytest.mark.parametrize("sizes", [(784, 50, 10), (300, 53, 3), (300, 17, 7), (1100, 1000, 9)])
@pytest.mark.usefixtures("kernels")
def test_every_number_of_rows(sizes: tuple[int, ...]) -> None:
    network = mlp(*sizes)
    x, expected = batch_of(sizes)
    for rows in (1, 2, 3, 23, 24, 25, 191, 208, 209, 210, 217, 420, 999, 2000):
        assert_right(network(x[:rows]), expected.first(rows), "float32")


@KERNELS
@pytest.mark.usefixtures("kernels")
def test_nan_and_infinity_stay_in_their_rows() -> None:
    network: Network = mlp(784, 50, 10, hidden="tanh")
    x = normal(1003, 784)
    x[[5, 700, 1002]] = np.nan
    x[[6, 999], :3] = np.inf, -np.inf, np.inf
    with np.errstate(invalid="ignore"):
        result = network.predict(x)
    expected = network.predict(np.where(np.isfinite(x), x, 0))
    bad = np.isin(np.arange(len(x)), [5, 700, 1002, 6, 999])
    assert np.isnan(result[[5, 700, 1002]]).all()
    np.testing.assert_array_equal(result[~bad], expected[~bad])


@KERNELS
@pytest.mark.usefixtures("kernels")
def test_bytes_are_converted_a_part_at_a_time() -> None:
    network = mlp(784, 50, 10)
    x = np.ones((20_000, 784), np.uint8)
    for _ in range(2):  # the first call of a kind is recorded
        network.predict(x[:5000], batch_size=5000)
    tracemalloc.start()
    try:
        network.predict(x, batch_size=5000, threads=1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5000 * 784  # a quarter of a block in float32


@KERNELS
@pytest.mark.parametrize("sizes", [(3, 0, 2), (3, 2, 0), (300, 0, 1), (300, 1, 0), (0, 3, 2)])
@pytest.mark.usefixtures("kernels")
def test_layers_without_features(sizes: tuple[int, ...]) -> None:
    layers = [
        Dense(np.ones((before, after), np.float32), np.ones(after, np.float32))
        for before, after in itertools.pairwise(sizes)
    ]
    network = Sequential(layers[0], "relu", layers[1], "relu")
    for rows in (1, 2, 1119, 1120, 1121, 1500, 20_000):
        x = normal(rows, sizes[0])
        result = network(x)
        assert result.shape == (rows, sizes[-1])
        assert_right(result, forward(network.graph, x), "float32")


@KERNELS
@pytest.mark.parametrize("columns", [10, 1000, 3000])
@pytest.mark.usefixtures("kernels")
def test_a_product_at_the_end(columns: int) -> None:
    """Asked for in parts as any other; the result is the caller's, in the order of rows."""
    weight = normal(784, columns, seed=2)
    graph = Graph(
        (Value("x", ("batch", 784)),),
        (Node("matmul", ("x", "W"), ("y",)),),
        {"W": weight},
        ("y",),
    ).validated()
    network = Network(graph)
    whole = normal(1003, 784)
    expected = forward(graph, whole)
    for rows in (1, 2, 1003):
        results = [network(whole[:rows]) for _ in range(2)]
        for result in results:
            assert_right(result, expected.first(rows), "float32")
            assert result.flags.c_contiguous
            assert result.flags.owndata
        assert not np.shares_memory(*results)


@KERNELS
@pytest.mark.usefixtures("kernels")
def test_a_product_at_the_end_keeps_no_converted_batch() -> None:
    network = Network(single("matmul", width=784))
    x = np.ones((5000, 784), np.uint8)
    tracemalloc.start()
    try:
        network(x)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < x.nbytes
