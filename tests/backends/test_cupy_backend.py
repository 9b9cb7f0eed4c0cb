"""What the CuPy backend promises beyond every backend, on a GPU made of NumPy."""

from __future__ import annotations

import pickle
import sys
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from arraynet.backends import Backend, get_backend
from arraynet.errors import (
    BackendUnavailableError,
    DeviceLostError,
    DeviceMismatchError,
    DtypeError,
)
from tests.backends.conftest import Install
from tests.backends.fake_cuda import CUDARuntimeError, Machine, OutOfMemoryError


def test_it_keeps_what_every_backend_promises(machine: Machine) -> None:
    gpu = get_backend("gpu")
    host = np.arange(6, dtype=np.uint8).reshape(2, 3)
    there = gpu.asarray(host, "float32")
    assert gpu.owns(there)
    assert gpu.asarray(there) is there
    assert gpu.asarray(there, "float32") is there
    np.testing.assert_array_equal(gpu.to_host(there), host.astype(np.float32))
    assert gpu.to_host(host) is host
    gpu.synchronize()
    gpu.free_memory()
    with pytest.raises(DeviceMismatchError, match="cupy"):
        get_backend("cpu").asarray(there)
    with pytest.raises(DtypeError, match="float32"):
        gpu.dtype("complex64")


def test_a_block_is_a_part_of_the_free_memory(install: Install) -> None:
    machine = install()
    machine.limit = 1 << 20
    gpu = get_backend("gpu")
    assert gpu.block_bytes is not None
    assert 0 < gpu.block_bytes <= machine.limit // 8


def test_describe_names_the_device_and_the_versions(install: Install) -> None:
    install()
    facts = get_backend("gpu").describe()
    assert facts["device"] == "Fake GPU"
    assert facts["driver"] == facts["runtime"] == "13.2"
    assert facts["memory"] == 1 << 30
    assert facts["precision"] == "highest"
    assert facts["version"] == "14.2.0"


def test_names_and_pickles(install: Install) -> None:
    install()
    gpu = get_backend("gpu")
    assert get_backend("gpu:0") is gpu
    assert get_backend(gpu) is gpu
    fast = get_backend("gpu", precision="tf32")
    assert (fast.name, fast.precision) == ("gpu:0:tf32", "tf32")
    assert get_backend("gpu:tf32") is fast
    assert get_backend(gpu, precision="tf32") is fast
    assert get_backend(fast, precision="highest") is gpu
    assert fast != gpu
    assert pickle.loads(pickle.dumps(fast)) is fast
    cupy = sys.modules["cupy"]
    assert Backend.from_namespace(sys.modules["array_api_compat.cupy"]) is gpu
    assert Backend.from_namespace(sys.modules["array_api_compat.cupy"], cupy.cuda.Device(0)) is gpu


@pytest.mark.parametrize(("name", "precision"), [("cpu", "tf32"), ("gpu", "half")])
def test_a_precision_that_a_backend_lacks_is_refused(
    install: Install, name: str, precision: str
) -> None:
    install()
    with pytest.raises(BackendUnavailableError, match=precision):
        get_backend(name, precision=precision)


def test_tf32_needs_a_device_that_has_it(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install()
    monkeypatch.setattr("tests.backends.fake_cupy.Device.compute_capability", "75")
    assert get_backend("gpu").name == "gpu:0"
    with pytest.raises(BackendUnavailableError, match=r"compute capability 7\.5"):
        get_backend("gpu:tf32")


@pytest.mark.parametrize("preset", [0, 1, 7])
def test_products_have_the_precision_of_their_backend_whatever_the_process_has(
    install: Install, monkeypatch: pytest.MonkeyPatch, preset: int
) -> None:
    machine = install("eager")
    cupy = sys.modules["cupy"]
    used = []
    plain = cupy.matmul

    def matmul(x: Any, y: Any) -> Any:
        used.append(machine.compute_type)
        return plain(x, y)

    monkeypatch.setattr(cupy, "matmul", matmul)
    for name, wanted in (("gpu", 1), ("gpu:tf32", 7)):
        backend = get_backend(name)
        x = backend.asarray(np.ones((2, 2), np.float32))
        used.clear()
        machine.compute_type = preset
        backend.xp.matmul(x, x)
        assert used == [wanted]
        assert machine.compute_type == preset


def test_stacked_rows_are_one_product_of_two_matrices(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("eager")
    cupy = sys.modules["cupy"]
    shapes = []
    plain = cupy.matmul

    def matmul(x: Any, y: Any) -> Any:
        shapes.append((x.shape, y.shape))
        return plain(x, y)

    monkeypatch.setattr(cupy, "matmul", matmul)
    gpu = get_backend("gpu")
    shapes.clear()
    x = np.arange(24, dtype=np.float64).reshape(2, 3, 4)
    weight = np.arange(20, dtype=np.float64).reshape(4, 5)
    result = gpu.xp.matmul(gpu.asarray(x), gpu.asarray(weight))
    assert shapes == [((6, 4), (4, 5))]
    np.testing.assert_array_equal(gpu.to_host(result), x @ weight)
    empty = gpu.xp.matmul(gpu.asarray(x[:0]), gpu.asarray(weight))
    assert empty.shape == (0, 3, 5)


def test_a_fused_function_is_one_launch(install: Install) -> None:
    machine = install("eager")
    gpu = get_backend("gpu")
    fused = gpu.fuse(lambda x: gpu.xp.exp(x) + 1.0, "exp + add")
    x = gpu.asarray(np.zeros(3, np.float32))
    before = machine.launches
    result = fused(x)
    assert machine.launches == before + 1
    np.testing.assert_array_equal(gpu.to_host(result), np.full(3, 2, np.float32))
    assert gpu.unfused == {}


def test_a_trace_that_fails_is_told_and_the_function_runs(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    machine = install("eager")
    machine.untraceable.add("exp")
    gpu = get_backend("gpu")
    fused = gpu.fuse(lambda x: gpu.xp.exp(x) + 1.0, "exp")
    x = gpu.asarray(np.zeros(3, np.float32))
    with caplog.at_level("WARNING", logger="arraynet"):
        for _ in range(2):
            np.testing.assert_array_equal(gpu.to_host(fused(x)), np.full(3, 2, np.float32))
    assert gpu.unfused == {"exp": "NotImplementedError: `shape` is not supported, currently."}
    assert caplog.text.count("exp runs unfused") == 1


@pytest.mark.parametrize("error", [OutOfMemoryError("full"), CUDARuntimeError(700)])
def test_a_trace_does_not_swallow_errors_of_the_device(install: Install, error: Exception) -> None:
    install("eager")
    gpu = get_backend("gpu")

    def fails(x: Any) -> Any:
        raise error

    with pytest.raises(type(error)):
        gpu.fuse(fails, "exp")(gpu.asarray(np.zeros(3, np.float32)))
    assert gpu.unfused == {}


def test_bfloat16_is_computed_in_float32_and_rounded_once(install: Install) -> None:
    install("eager")
    gpu = get_backend("gpu")
    assert gpu.dtype("bfloat16") == np.dtype(ml_dtypes.bfloat16)
    host = np.array([0.5, 3.0, -1.0], ml_dtypes.bfloat16)
    kinds = []

    def function(x: Any) -> Any:
        kinds.append(x.dtype)
        return gpu.xp.exp(x) / 3.0

    result = gpu.to_host(gpu.fuse(function, "exp")(gpu.asarray(host)))
    assert kinds == [np.dtype(np.float32)]
    expected = (np.exp(host.astype(np.float32)) / np.float32(3)).astype(ml_dtypes.bfloat16)
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


def test_bfloat16_needs_a_cupy_that_has_it(install: Install) -> None:
    install()
    sys.modules["cupy"].__version__ = "13.6.0"
    with pytest.raises(DtypeError, match="expected CuPy 14 or newer"):
        get_backend("gpu").dtype("bfloat16")


@pytest.mark.parametrize("logarithm", [False, True])
@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_native_softmax_gets_any_axis_and_layout(
    install: Install, logarithm: bool, axis: int
) -> None:
    install("eager")
    gpu = get_backend("gpu")
    x = np.random.default_rng(1).standard_normal((4, 5, 6))
    kernel = gpu.native["log_softmax" if logarithm else "softmax"]
    there = gpu.asarray(x)
    for given, host in ((there, x), (there[:, ::-1], x[:, ::-1]), (there[:0], x[:0])):
        expected = np.exp(host) / np.exp(host).sum(axis=axis, keepdims=True)
        result = gpu.to_host(kernel(given, axis=axis))
        np.testing.assert_allclose(result, np.log(expected) if logarithm else expected, 1e-12)


@pytest.mark.parametrize("error", [CUDARuntimeError(2), OutOfMemoryError("full")])
def test_full_memory_is_one_of_the_kinds_that_a_caller_catches(
    install: Install, error: Exception
) -> None:
    install()
    gpu = get_backend("gpu")
    with pytest.raises(gpu.out_of_memory), gpu.active():
        raise error
    gpu.ensure_usable()


class CUBLASError(RuntimeError):
    """As cuBLAS raises it: its codes are not those of CUDA."""

    def __init__(self, status: int) -> None:
        super().__init__(f"CUBLAS_STATUS {status}")
        self.status = status


def test_cublas_without_memory_is_full_memory(install: Install) -> None:
    install()
    gpu = get_backend("gpu")
    with pytest.raises(gpu.out_of_memory), gpu.active():
        raise CUBLASError(3)


@pytest.mark.parametrize("status", [46, 700, 702, 710, 716, 719, 999])
def test_a_lost_device_is_told_and_stays_unusable(install: Install, status: int) -> None:
    machine = install()
    gpu = get_backend("gpu")
    machine.lost = status
    with pytest.raises(DeviceLostError, match="restart the process"):
        gpu.synchronize()
    machine.lost = None  # whatever CUDA says afterwards
    for call in (
        gpu.synchronize,
        gpu.free_memory,
        gpu.describe,
        lambda: gpu.asarray(np.ones(2)),
        lambda: gpu.active().__enter__(),
        lambda: get_backend("gpu"),
        lambda: next(gpu.pipeline([np.ones((1, 2))], lambda x: x)),
    ):
        with pytest.raises(DeviceLostError, match="restart the process"):
            call()
    assert get_backend("auto").name == "cpu"


def test_a_loss_behind_an_error_of_cublas_is_found(install: Install) -> None:
    machine = install()
    gpu = get_backend("gpu")

    def fail() -> None:
        with gpu.active():
            machine.lost = 700
            raise CUBLASError(13)

    with pytest.raises(DeviceLostError, match="illegal address"):
        fail()


def test_other_errors_pass_as_they_are(install: Install) -> None:
    install()
    gpu = get_backend("gpu")
    for error in (ValueError("x"), CUDARuntimeError(1), CUBLASError(13), KeyboardInterrupt()):
        with pytest.raises(type(error)), gpu.active():
            raise error
    gpu.ensure_usable()
