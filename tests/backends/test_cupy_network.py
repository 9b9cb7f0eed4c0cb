"""A whole network on a GPU made of NumPy: launches, memory that runs out, a lost device."""

from __future__ import annotations

import pickle
from collections import Counter
from typing import Any

import numpy as np
import pytest

import arraynet
from arraynet.backends import get_backend
from tests.backends.conftest import Install
from tests.backends.fake_cuda import Machine, OutOfMemoryError
from tests.rows import expected_of, two_in_three_out

SIZES = (64, 50, 100, 10)


def _network(backend: Any, dtype: str = "float32") -> arraynet.Network:
    random = np.random.default_rng(11)
    layers: list[Any] = []
    for before, after, activation in zip(
        SIZES[:-1], SIZES[1:], ("sigmoid", "sigmoid", "softmax"), strict=True
    ):
        weight = random.standard_normal((before, after)).astype(dtype)
        layers += [arraynet.Dense(weight, random.standard_normal(after).astype(dtype)), activation]
    return arraynet.Sequential(*layers, backend=backend)


def _batch(rows: int) -> Any:
    return np.random.default_rng(12).standard_normal((rows, SIZES[0])).astype(np.float32)


def _expected(x: Any) -> Any:
    """Return the network's output in float64, from its definition."""
    graph = _network("cpu").graph
    values = x.astype(np.float64)
    for number in (1, 2, 3):
        values = values @ graph.weights[f"W{number}"].astype(np.float64)
        values = values + graph.weights[f"b{number}"].astype(np.float64)
        values = 1 / (1 + np.exp(-values)) if number < 3 else np.exp(values)
    return values / values.sum(axis=1, keepdims=True)


def test_it_computes_what_the_definition_says(machine: Machine) -> None:
    net = _network("gpu")
    x = _batch(300)
    for batch_size in (None, 1, 7, 300):
        result = net.predict(x, batch_size=batch_size)
        np.testing.assert_allclose(result, _expected(x), rtol=2e-5)
    on_device = net(x)
    assert net.backend.owns(on_device)
    np.testing.assert_allclose(net.backend.to_host(on_device), _expected(x), rtol=2e-5)
    there = net.backend.asarray(x)
    np.testing.assert_allclose(net.predict(there, batch_size=100), _expected(x), rtol=2e-5)
    assert net.predict(x[:0]).shape == (0, 10)


@pytest.mark.parametrize(("fused", "most"), [(True, 8), (False, 12)])
def test_a_forward_pass_is_few_launches(install: Install, fused: bool, most: int) -> None:
    machine = install("eager")
    if not fused:
        machine.untraceable.add("arraynet")
    net = _network("gpu")
    x = net.backend.asarray(_batch(5))
    net(x)
    before = machine.launches
    net(x)
    print(f"{'fused' if fused else 'unfused'}: {machine.launches - before} launches")
    assert machine.launches - before <= most
    ops = Counter(op for step in net._program.steps for op in step.name.split(" + "))
    assert ops == {"matmul": 3, "add": 3, "tanh": 2, "unguarded_softmax": 1}
    assert bool(net.backend.unfused) is not fused


def test_bytes_travel_as_bytes(install: Install) -> None:
    machine = install("eager")
    net = _network("gpu")
    images = np.random.default_rng(2).integers(0, 3, (40, SIZES[0]), dtype=np.uint8)
    result = net.predict(images, batch_size=10)
    np.testing.assert_allclose(result, _expected(images), rtol=2e-5)
    assert sorted(buffer.nbytes for buffer in machine.pinned) == [400, 400, 640, 640]


@pytest.mark.parametrize("fitting", range(1, 65))
def test_memory_for_k_rows_only_gives_the_same_result(install: Install, fitting: int) -> None:
    machine = install("lazy")
    net = _network("gpu")
    x = _batch(130)
    _allow(machine, fitting)
    for _ in range(2):  # the streams and the buffers serve again
        np.testing.assert_allclose(net.predict(x), _expected(x), rtol=2e-5)


def _allow(machine: Machine, rows: int) -> None:
    """Make allocations of more than so many rows of the widest layer fail."""
    machine.largest = rows * max(SIZES) * 4


def test_not_even_one_row_is_a_clear_error(install: Install) -> None:
    machine = install("lazy")
    net = _network("gpu")
    machine.largest = SIZES[0] * 4 - 1
    with pytest.raises(arraynet.ArraynetError, match="single row") as caught:
        net.predict(_batch(9))
    assert isinstance(caught.value, MemoryError)
    machine.largest = machine.limit
    np.testing.assert_allclose(net.predict(_batch(9)), _expected(_batch(9)), rtol=2e-5)


def test_full_memory_lets_go_of_what_the_failed_block_held(install: Install) -> None:
    machine = install("lazy")
    net = _network("gpu")
    x = _batch(64)
    net.predict(x, batch_size=64)
    net.backend.free_memory()
    held = machine.used
    machine.limit = held + 40_000
    found: list[int] = []
    free = net.backend.free_memory

    def watched() -> None:
        free()
        found.append(machine.used)

    net.backend.free_memory = watched  # type: ignore[method-assign]
    net.predict(x)
    assert found, "the memory was full"
    assert set(found) == {held}, "nothing of the failed block was still held"


def test_a_lost_device_is_told_by_the_network_and_the_cpu_goes_on(install: Install) -> None:
    machine = install("lazy")
    net = _network("gpu")
    machine.lost = 719
    for _ in range(2):
        with pytest.raises(arraynet.DeviceLostError, match="restart the process"):
            net.predict(_batch(3))
        with pytest.raises(arraynet.DeviceLostError, match="restart the process"):
            net(_batch(3))
    x = _batch(3)
    np.testing.assert_allclose(net.to("cpu").predict(x), _expected(x), rtol=2e-5)


def test_a_network_moves_and_pickles_with_its_precision(install: Install) -> None:
    install("eager")
    net = _network("cpu").to("gpu").to("gpu:tf32")
    again = pickle.loads(pickle.dumps(net))
    assert again.backend is get_backend("gpu", precision="tf32")
    x = _batch(4)
    np.testing.assert_allclose(again.predict(x), _expected(x), rtol=2e-5)


def test_an_error_in_allocation_is_that_of_cupy(install: Install) -> None:
    machine = install()
    gpu = get_backend("gpu")
    machine.largest = 3
    with pytest.raises(OutOfMemoryError):
        gpu.asarray(np.ones(4, np.uint8))


@pytest.mark.parametrize("batch_size", [None, 7])
def test_several_inputs_and_outputs(machine: Machine, batch_size: int | None) -> None:
    graph = two_in_three_out()
    network = arraynet.Network(graph, "gpu")
    a, b = _batch(100)[:, :5], _batch(100)[:, 5:9]
    found = network.predict(a, b, batch_size=batch_size)
    for name, expected in expected_of(graph, a, b).items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=1e-6)
