"""From a name to a backend."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import array_api_strict
import numpy as np
import pytest

from arraynet import backends
from arraynet.backends import Backend, get_backend
from arraynet.backends.generic import GenericBackend
from arraynet.errors import ArraynetError, BackendUnavailableError


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BackendUnavailableError) as caught:
        get_backend("tpu")
    for name in ("cpu", "gpu", "auto", "torch:cuda", "jax", "array_api_strict:device1"):
        assert name in str(caught.value)


@pytest.mark.parametrize("name", ["", "CPU", "cpu:0", "numpy:0"])
def test_names_are_exact(name: str) -> None:
    with pytest.raises(BackendUnavailableError, match="name that is not known"):
        get_backend(name)


@pytest.mark.parametrize("bad", [None, 3, np])
def test_what_is_no_name_is_refused(bad: Any) -> None:
    with pytest.raises(BackendUnavailableError, match="name"):
        get_backend(bad)


def test_an_unknown_device_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BackendUnavailableError, match="device1"):
        get_backend("array_api_strict:device9")


def test_a_backend_is_made_once_even_by_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "_made", {})
    start = threading.Barrier(8)
    found = []

    def ask() -> None:
        start.wait()
        found.append(get_backend("array_api_strict"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({id(backend) for backend in found}) == 1


def test_the_default_is_the_cpu() -> None:
    assert get_backend().name == "cpu"
    assert get_backend("cpu", precision="highest") is get_backend("cpu")


class Wrapped:
    """A namespace that no backend is known for."""

    __name__ = "wrapped"

    def __getattr__(self, name: str) -> Any:
        return getattr(array_api_strict, name)


def test_any_namespace_makes_a_backend_that_says_it_cannot_be_pickled() -> None:
    backend = Backend.from_namespace(Wrapped())
    assert isinstance(backend, GenericBackend)
    x = backend.asarray(np.ones(3, np.float32))
    np.testing.assert_array_equal(backend.to_host(x), np.ones(3, np.float32))
    with pytest.raises(ArraynetError, match="from_namespace"):
        pickle.dumps(backend)


def test_the_plain_library_makes_the_named_backend() -> None:
    assert Backend.from_namespace(np) is get_backend("cpu")
    assert Backend.from_namespace(array_api_strict) is get_backend("array_api_strict")
    device = array_api_strict.Device("device1")
    named = get_backend("array_api_strict:device1")
    assert Backend.from_namespace(array_api_strict, device) is named
    assert Backend.from_namespace(array_api_strict, "device1") is named


@pytest.mark.parametrize(("xp", "device"), [(np, "gpu"), (object(), None), (Wrapped(), "moon")])
def test_a_namespace_that_makes_no_array_there_is_refused(xp: Any, device: Any) -> None:
    with pytest.raises(BackendUnavailableError):
        Backend.from_namespace(xp, device)


def test_the_name_is_the_backend() -> None:
    cpu, strict = get_backend("cpu"), get_backend("array_api_strict")
    assert cpu != strict
    assert hash(cpu) != hash(strict)
    assert repr(strict) == "<arraynet backend 'array_api_strict'>"


class TestTorch:
    """What PyTorch alone has."""

    pytestmark = pytest.mark.needs("torch")

    def test_names_and_devices(self) -> None:
        torch = pytest.importorskip("torch", reason="PyTorch is not installed")
        assert Backend.from_namespace(torch) is get_backend("torch")
        assert Backend.from_namespace(torch, "cpu") is get_backend("torch:cpu")
        assert get_backend("torch:cpu").name == "torch"
        for name in ("torch:moon", "torch:mps", "torch:meta"):
            with pytest.raises(
                BackendUnavailableError, match=f"backend '{name}': .*device"
            ) as caught:
                get_backend(name)
            assert len(str(caught.value).splitlines()) == 1
        if not torch.cuda.is_available():
            with pytest.raises(BackendUnavailableError, match="without a usable CUDA device"):
                get_backend("torch:cuda")

    def test_bfloat16_crosses_bit_by_bit(self) -> None:
        pytest.importorskip("torch", reason="PyTorch is not installed")
        ml_dtypes = pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed")
        backend = get_backend("torch")
        host = np.array([1.0, -2.5, 3e38], ml_dtypes.bfloat16)
        there = backend.asarray(host)
        assert there.dtype == backend.dtype("bfloat16")
        back = backend.to_host(there)
        assert back.dtype == host.dtype
        assert back.tobytes() == host.tobytes()

    def test_a_parameter_comes_down_without_its_gradient(self) -> None:
        torch = pytest.importorskip("torch", reason="PyTorch is not installed")
        backend = get_backend("torch")
        parameter = torch.nn.Parameter(torch.ones(3))
        assert backend.owns(parameter)
        np.testing.assert_array_equal(backend.to_host(parameter), np.ones(3, np.float32))


class TestJax:
    """What JAX alone has."""

    pytestmark = pytest.mark.needs("jax")

    def test_names_and_devices(self) -> None:
        jax = pytest.importorskip("jax", reason="JAX is not installed")
        backend = get_backend("jax")
        assert Backend.from_namespace(jax.numpy) is backend
        assert Backend.from_namespace(jax.numpy, jax.devices()[0]) is backend
        with pytest.raises(BackendUnavailableError, match="no such device"):
            get_backend("jax:cpu:99")

    def test_float64_needs_to_be_switched_on(self) -> None:
        jax = pytest.importorskip("jax", reason="JAX is not installed")
        from arraynet.errors import DtypeError

        if jax.config.jax_enable_x64:
            pytest.skip("JAX has 64-bit numbers here")
        with pytest.raises(DtypeError, match="float64"):
            get_backend("jax").asarray(np.ones(2))
        assert get_backend("jax").asarray(np.ones(2), "float32").shape == (2,)

    def test_a_captured_function_takes_host_and_device_arrays(self) -> None:
        pytest.importorskip("jax", reason="JAX is not installed")
        backend = get_backend("jax")
        run = backend.capture(lambda x: backend.asarray(x, "float32") + 1.0)
        for given in (np.ones(2, np.uint8), backend.asarray(np.ones(2, np.float32))):
            np.testing.assert_array_equal(backend.to_host(run(given)), np.float32([2, 2]))
