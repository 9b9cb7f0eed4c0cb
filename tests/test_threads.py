"""Many threads on one network; interrupts that leave it usable and no thread behind."""

from __future__ import annotations

import _thread
import logging
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from arraynet import Backend, Network, Scale, Sequential, helpers
from arraynet.backends import get_backend
from arraynet.backends.numpy.blas import libraries
from arraynet.graph import Graph
from tests.interrupts import interrupted_at_every_step
from tests.networks import dense, mlp, normal, seven_layers
from tests.waiting import comes_true

THREADS, CALLS = 16, 200


@pytest.fixture(autouse=True)
def busy_switching() -> Any:
    """Let threads take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    helpers._dismiss(helpers._idle)
    yield
    sys.setswitchinterval(interval)


def blas_threads() -> list[int]:
    """Return how many threads each BLAS library of this process uses."""
    return [library.get_num_threads() for library in libraries()]


def assert_no_thread_behind(before: int) -> None:
    """Assert that there are no more threads than before, once those that ended are gone."""
    assert comes_true(lambda: _thread._count() <= before)


def assert_threads_agree(network: Network, batches: list[Any], calls: int) -> None:
    """Assert that threads, each with its own order of batches, get the serial results."""
    serial = [network.predict(x) for x in batches]
    start = threading.Barrier(THREADS)

    def work(number: int) -> int:
        order = np.random.default_rng(number).integers(0, len(batches), calls)
        start.wait()
        wrong = 0
        for choice in order:
            result = network.predict(batches[choice])
            wrong += not np.array_equal(result, serial[choice])
            result[...] = np.nan
        return wrong

    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(work, range(THREADS))) == [0] * THREADS


def test_sixteen_threads_of_two_hundred_calls_are_bit_equal_to_serial() -> None:
    network = Network(seven_layers())
    batches = [normal(rows, 16, seed=rows) for rows in (1, 2, 7, 1, 33, 100)]
    assert_threads_agree(network, batches, CALLS)


def test_threads_that_start_with_a_network_that_was_never_called() -> None:
    """Recording, planning and dropping plans happen on all of them at once."""
    sizes = list(range(1, 90))
    batches = [normal(rows, 16, seed=rows) for rows in sizes]
    serial = [Network(seven_layers()).predict(x) for x in batches]
    fresh = Network(seven_layers())
    start = threading.Barrier(THREADS)

    def work(number: int) -> bool:
        start.wait()
        order = np.random.default_rng(number).permutation(len(sizes))
        return all(np.array_equal(fresh(batches[i]), serial[i]) for i in order)

    with ThreadPoolExecutor(THREADS) as pool:
        assert all(pool.map(work, range(THREADS)))


def test_threads_on_every_backend(backend: Backend) -> None:
    network = mlp(8, 6, 3, backend=backend)
    assert_threads_agree(network, [normal(rows, 8, seed=rows) for rows in (1, 5)], 5)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_blocks_on_threads_give_the_rows_in_order(threads: int) -> None:
    network = mlp(64, 300, 10)
    x = normal(4000, 64)
    expected = network.predict(x, batch_size=500, threads=1)
    np.testing.assert_array_equal(network.predict(x, batch_size=500, threads=threads), expected)


def test_threads_that_use_threads_leave_blas_as_it_was() -> None:
    network = mlp(64, 300, 10)
    x = normal(2000, 64)
    expected = network.predict(x, batch_size=500, threads=2)
    before = blas_threads()
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: network.predict(x, batch_size=500, threads=2), range(12)))
    assert blas_threads() == before
    for result in results:
        np.testing.assert_array_equal(result, expected)


class _Counting(threading.Event):
    """Counts rows; interrupts the main thread once enough have been done."""

    def __init__(self, rows: int, action: Any) -> None:
        super().__init__()
        self.left, self.action = rows, action

    def __call__(self, rows: int) -> None:
        self.left -= rows
        if self.left <= 0 and not self.is_set():
            self.set()
            self.action()


def _raise() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("action", [_raise, _thread.interrupt_main], ids=["raised", "sent"])
def test_an_interrupt_leaves_the_network_usable_and_no_thread_behind(
    threads: int, action: Any
) -> None:
    """The interrupt is raised in a thread of the network, or sent by it to the main one."""
    network = mlp(64, 300, 10)
    x = np.broadcast_to(normal(1, 64), (400_000, 64))
    expected = network.predict(x[:1000])
    before, blas = _thread._count(), blas_threads()
    progress = _Counting(5000, action)
    with pytest.raises(KeyboardInterrupt):
        network.predict(x, batch_size=500, threads=threads, progress=progress)
    assert progress.is_set()
    assert -progress.left < 300_000
    assert_no_thread_behind(before)
    assert blas_threads() == blas
    np.testing.assert_array_equal(network.predict(x[:1000]), expected)
    again = network.predict(x[:20_000], batch_size=1000, threads=2)
    np.testing.assert_allclose(again[-1000:], expected, rtol=1e-5)


@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupt_at_any_step_leaves_blas_as_it_was(threads: int) -> None:
    network = mlp(64, 300, 10)
    x = normal(1024, 64)
    expected = network.predict(x, batch_size=512, threads=threads)
    before, blas = _thread._count(), blas_threads()
    for _ in interrupted_at_every_step(lambda: network.predict(x, batch_size=512, threads=threads)):
        assert blas_threads() == blas
    np.testing.assert_array_equal(network.predict(x, batch_size=512, threads=threads), expected)
    helpers._dismiss(helpers._idle)
    assert_no_thread_behind(before)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_numpy_s_errstate_holds_on_every_thread(threads: int) -> None:
    layers = (Scale(1e30), dense(64, 300), "sigmoid", dense(300, 10), "softmax")
    network = Sequential(*layers, optimize=False)  # so that NumPy multiplies, and not BLAS
    x = normal(4096, 64)
    x[3000:] = 1e20
    for _ in range(20):
        with np.errstate(over="raise", invalid="ignore"), pytest.raises(FloatingPointError):
            network.predict(x, batch_size=512, threads=threads)
        with np.errstate(over="ignore", invalid="ignore"):  # warnings are errors here
            assert network.predict(x, batch_size=512, threads=threads).shape == (4096, 10)


def test_an_error_of_the_progress_function_is_the_caller_s() -> None:
    network = mlp(64, 300, 10)

    def progress(rows: int) -> None:
        raise LookupError("mine")

    before = _thread._count()
    for threads in (1, 2):
        with pytest.raises(LookupError, match="mine"):
            network.predict(normal(4000, 64), batch_size=500, progress=progress, threads=threads)
    assert_no_thread_behind(before)


def test_a_fallback_is_logged_once_and_works_on_threads(caplog: Any) -> None:
    """A function that cannot be recorded runs as it is, on any number of threads."""
    from arraynet.backends.numpy.replay import replaying

    def function(x: Any) -> Any:
        return np.add.accumulate(np.tanh(x), axis=1)

    quick = replaying(function)
    batches = [normal(3, 4, seed=seed) for seed in range(20)]
    with caplog.at_level(logging.INFO, logger="arraynet"):
        quick(batches[0])
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(quick, batches))
    for x, result in zip(batches, results, strict=True):
        np.testing.assert_array_equal(result, function(x))
    assert len(caplog.records) == 1


def test_a_network_can_be_made_on_a_thread_and_used_on_another() -> None:
    graph: Graph = seven_layers()
    with ThreadPoolExecutor(1) as pool:
        network = pool.submit(Network, graph, get_backend("cpu")).result()
    np.testing.assert_array_equal(network(normal(3, 16)), Network(graph)(normal(3, 16)))
