"""Large inputs in parts: every cut, source and progress gives the same rows."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import arraynet
from arraynet import Backend, Network, batching, blocks
from arraynet.backends.numpy import NumpyBackend
from arraynet.errors import ShapeError
from arraynet.graph import Graph, Node, Value
from arraynet.layers import sequential_graph
from tests.networks import dense, mlp, normal, single
from tests.ops.samples import has_dtype
from tests.reference import assert_right, forward

ROWS = 107


@pytest.fixture
def network(backend: Backend) -> Network:
    return mlp(12, 9, 3, backend=backend)


@pytest.mark.parametrize("batch_size", [1, 7, 100, 107, 108, 9999, None])
def test_any_batch_size_gives_the_same_rows(batch_size: int | None, network: Network) -> None:
    x = normal(ROWS, 12)
    expected = forward(network.graph, x)
    assert_right(network.predict(x, batch_size=batch_size), expected, "float32")
    assert_right(
        network.predict(network.backend.asarray(x), batch_size=batch_size), expected, "float32"
    )


def _generator(x: Any, sizes: Any) -> Iterator[Any]:
    start = 0
    for size in sizes:
        yield x[start : start + size]
        start += size


class _Loader:
    """An iterable that is no iterator, no sequence and no array, as data loaders are."""

    def __init__(self, parts: Any) -> None:
        self.parts = parts

    def __iter__(self) -> Iterator[Any]:
        return iter(self.parts)


SOURCES: dict[str, Any] = {
    "a generator": lambda parts: (part for part in parts),
    "an iterator": iter,
    "a map": lambda parts: map(np.copy, parts),
    "a chain": lambda parts: itertools.chain(parts[:2], parts[2:]),
    "a loader": _Loader,
    "a list": list,
    "a tuple": tuple,
    "lists": lambda parts: (part.tolist() for part in parts),
}


@pytest.mark.parametrize("source", list(SOURCES))
def test_an_iterable_gives_batches(source: str, network: Network) -> None:
    x = normal(ROWS, 12)
    parts = list(_generator(x, (1, 50, 0, 7, 49)))
    parts = [part for part in parts if len(part) or source != "lists"]
    expected = forward(network.graph, x)
    make = SOURCES[source]
    assert_right(network.predict(make(parts)), expected, "float32")
    assert_right(network.predict(make(parts), batch_size=20), expected, "float32")
    labels = network.classify(make(parts))
    np.testing.assert_array_equal(labels, expected.value.argmax(axis=1))


def test_an_iterable_gives_batches_of_the_device(network: Network) -> None:
    x = normal(ROWS, 12)
    parts = (network.backend.asarray(part) for part in _generator(x, (60, 47)))
    assert_right(network.predict(parts), forward(network.graph, x), "float32")


def test_a_generator_is_read_one_batch_at_a_time() -> None:
    network = mlp(12, 9, 3)
    done: list[int] = []
    asked: list[int] = []

    def source() -> Iterator[Any]:
        for number in range(5):
            asked.append(len(done))
            yield normal(10, 12, seed=number)

    network.predict(source(), progress=done.append)
    assert asked == [0, 1, 2, 3, 4]
    assert done == [10] * 5


@pytest.mark.parametrize("empty", [iter([]), _Loader([]), (x for x in ())])
def test_an_iterable_without_batches_is_told(empty: Any) -> None:
    with pytest.raises(ShapeError, match="got an iterable without batches, expected at least one"):
        mlp(12, 9, 3).predict(empty)


def test_a_bad_batch_among_good_ones_is_told() -> None:
    network = mlp(12, 9, 3)
    with pytest.raises(ShapeError, match=r"got shape \(2, 5\), expected \(batch, 12\)"):
        network.predict(iter([normal(3, 12), normal(2, 5)]))
    with pytest.raises(ShapeError, match=r"got shape \(\)"):
        network.predict(iter([1.0, 2.0]))


def test_an_error_of_the_generator_is_the_caller_s() -> None:
    def source() -> Iterator[Any]:
        yield normal(3, 12)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        mlp(12, 9, 3).predict(source())


@pytest.mark.parametrize("batch_size", [1, 7, None])
@pytest.mark.parametrize("threads", [None, 1, 2])
def test_progress_counts_every_row_once(
    batch_size: int | None, threads: int | None, network: Network
) -> None:
    x = normal(ROWS, 12)
    counts: list[int] = []
    result = network.predict(x, batch_size=batch_size, progress=counts.append, threads=threads)
    assert sum(counts) == ROWS
    if batch_size is not None:
        assert max(counts) <= batch_size
    np.testing.assert_allclose(result, network.predict(x), rtol=1e-5)
    for source in (iter([x[:50], x[50:]]), [x[:50], x[50:]]):
        counts.clear()
        network.predict(source, batch_size=batch_size, progress=counts.append, threads=threads)
        assert sum(counts) == ROWS
    counts.clear()
    network.classify(x, batch_size, counts.append)
    network.evaluate(x, np.zeros(ROWS, int), batch_size, counts.append)
    assert sum(counts) == 2 * ROWS


def test_progress_from_threads_comes_one_at_a_time() -> None:
    network = mlp(64, 300, 10)
    x = np.broadcast_to(normal(1, 64), (20_000, 64))
    inside = []
    counts: list[int] = []

    def progress(rows: int) -> None:
        assert not inside
        inside.append(rows)
        counts.append(rows)
        inside.clear()

    network.predict(x, batch_size=500, progress=progress, threads=4)
    assert sorted(counts) == [500] * 40


def test_a_bar_is_shown_on_no_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("rich")
    network = mlp(12, 9, 3)
    x = normal(ROWS, 12)
    np.testing.assert_array_equal(
        network.predict(x, batch_size=7, progress=True), network.predict(x, batch_size=7)
    )
    assert capsys.readouterr() == ("", "")


def test_threads_are_used_where_they_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []
    original = batching._on_threads

    def watched(work: Any, size: int, workers: int) -> Any:
        used.append(workers)
        return original(work, size, workers)

    monkeypatch.setattr(batching, "_on_threads", watched)
    monkeypatch.setattr(blocks, "cores", lambda: 2)
    network = mlp(64, 300, 10)
    large = np.broadcast_to(normal(1, 64), (20_000, 64))
    network.predict(large)
    network.predict(large, threads=1)
    network.predict(large, threads=3)
    network.predict(large[:100])
    network.predict(large[:100], threads=4)
    assert used == [2, 3]


def test_blas_keeps_to_one_thread_inside_threads() -> None:
    from threadpoolctl import threadpool_info

    from arraynet.backends.numpy.blas import libraries

    # Another test may have brought a BLAS along since, SciPy's: NumPy does not use it.
    ours = {library.filepath for library in libraries()}
    seen: set[int] = set()

    def look(rows: int) -> None:
        seen.update(i["num_threads"] for i in threadpool_info() if i["filepath"] in ours)

    network = mlp(64, 300, 10)
    x = np.broadcast_to(normal(1, 64), (4000, 64))
    network.predict(x, batch_size=500, progress=look, threads=2)
    network.predict(x, batch_size=500, progress=look, threads=1)
    assert seen == {1}


@pytest.mark.parametrize("axis", [0, -2])
@pytest.mark.parametrize("op", ["softmax", "logsumexp", "hardmax"])
def test_a_batch_whose_rows_meet_is_never_cut(op: str, axis: int, backend: Backend) -> None:
    graph = single(op, axis=axis)
    network = Network(graph, backend)
    x = normal(20, 8)
    expected = forward(graph, x)
    counts: list[int] = []
    for options in ({}, {"batch_size": 3}, {"progress": counts.append}, {"threads": 2}):
        result = network.predict(x, **options)
        assert result.shape == expected.value.shape
        np.testing.assert_allclose(result, expected.value, rtol=1e-5, atol=1e-6)
    assert counts == [20]


def test_a_batch_of_a_fixed_size_is_never_cut() -> None:
    layer = sequential_graph(dense(8, 3))
    graph = Graph((Value("x", (4, 8)),), layer.nodes, layer.weights, layer.outputs).validated()
    x = normal(4, 8)
    assert_right(Network(graph).predict(x, batch_size=1), forward(graph, x), "float32")
    with pytest.raises(ShapeError, match=r"got shape \(3, 8\), expected \(4, 8\)"):
        Network(graph).predict(x[:3])


@pytest.mark.parametrize("rows", [1, 63, 64, 65, 1000, 1025, 4097])
def test_blocks_cover_all_rows_whatever_their_number(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a small cache there are many blocks, which all have nearly one size."""
    monkeypatch.setattr(NumpyBackend, "block_bytes", 1 << 12)
    network = mlp(12, 9, 3)
    x = normal(rows, 12)
    for threads in (1, 2):
        counts: list[int] = []
        result = network.predict(x, progress=counts.append, threads=threads)
        assert_right(result, forward(network.graph, x), "float32")
        assert sum(counts) == rows
        assert len(set(counts)) <= 2


def test_the_first_try_at_once_goes_on_in_parts(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A small batch that does not fit all the same is logged, cut, and right."""
    network = mlp(12, 9, 3)
    x = normal(40, 12)
    expected = network.predict(x)
    run = network._program.run

    def limited(batch: Any) -> Any:
        if len(batch) > 10:
            raise MemoryError("full")
        return run(batch)

    monkeypatch.setattr(network._program, "run", limited)
    with caplog.at_level(logging.INFO, logger="arraynet"):
        np.testing.assert_allclose(network.predict(x), expected, rtol=1e-6)
    assert "predict on cpu: full; going on in parts" in caplog.text


def test_the_pretrained_network_takes_everything_at_once_or_in_parts() -> None:
    network = arraynet.load_pretrained("digits")
    _, (x, t) = arraynet.datasets.load_digits()
    whole = network.evaluate(x, t, batch_size=None)
    assert whole.accuracy >= 0.96
    for batch_size in (1, 7, 100, 9999):
        assert network.evaluate(x, t, batch_size=batch_size).correct == whole.correct


def test_rows_of_a_table_that_is_a_constant_are_gathered(backend: Backend) -> None:
    """A node that moves elements may read constants."""
    if not has_dtype(backend, "int32"):
        pytest.skip(f"{backend.name} has no int32")
    graph = Graph(
        (Value("ids", ("batch",), "int32"),),
        (Node("gather", ("table", "ids"), ("row",)), Node("relu", ("row",), ("y",))),
        {"table": np.arange(12, dtype="f4").reshape(4, 3)},
        ("y",),
    )
    ids = np.array([3, 0, 2, 2, 1], "int32")
    found = Network(graph, backend).predict(ids, progress=lambda rows: None)
    np.testing.assert_array_equal(found, np.arange(12.0).reshape(4, 3)[ids])
