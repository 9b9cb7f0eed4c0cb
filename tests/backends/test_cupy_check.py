"""Each way that a GPU can be missing or broken is told apart, with what to type."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from arraynet.backends import cupy_check, get_backend
from arraynet.errors import BackendUnavailableError
from tests.backends.conftest import Install
from tests.backends.fake_cuda import CUDARuntimeError, OutOfMemoryError

REALLY_INSTALLED = cupy_check.installed_wheels
INSTALL_13 = "python -m pip install 'cupy-cuda13x[ctk]'"


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set the driver's CUDA version, which a machine of the tests may have or lack."""
    found = {"version": 13020}
    monkeypatch.setattr(cupy_check, "driver_version", lambda: found["version"])
    return found


def _refusal(name: str = "gpu") -> BackendUnavailableError:
    with pytest.raises(BackendUnavailableError) as caught:
        get_backend(name)
    assert caught.value.repair in str(caught.value)
    return caught.value


def test_no_cupy(install: Install, driver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    install()
    monkeypatch.setattr(cupy_check, "installed_wheels", list)
    monkeypatch.setitem(sys.modules, "cupy", None)
    error = _refusal()
    assert str(error) == f"backend 'gpu:0': got no CuPy, expected it installed ({INSTALL_13})"
    assert error.repair == INSTALL_13


@pytest.mark.parametrize(("version", "wheel"), [(0, 13), (12080, 12), (13000, 13), (14010, 13)])
def test_the_wheel_to_install_suits_the_driver(
    install: Install, driver: Any, monkeypatch: pytest.MonkeyPatch, version: int, wheel: int
) -> None:
    install()
    driver["version"] = version
    monkeypatch.setattr(cupy_check, "installed_wheels", list)
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert _refusal().repair == f"python -m pip install 'cupy-cuda{wheel}x[ctk]'"


def _put_wheel(folder: Path, name: str) -> None:
    information = folder / f"{name.replace('-', '_')}-14.2.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 14.2.0\n")


def test_two_wheels(
    install: Install, driver: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install()
    monkeypatch.setattr(cupy_check, "installed_wheels", REALLY_INSTALLED)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    _put_wheel(tmp_path, "cupy-cuda12x")
    assert cupy_check.installed_wheels() == ["cupy-cuda12x"]
    _put_wheel(tmp_path, "cupy-cuda13x")
    error = _refusal()
    assert "2 CuPy wheels that overwrite each other (cupy-cuda12x, cupy-cuda13x)" in str(error)
    assert error.repair == (f"python -m pip uninstall -y cupy-cuda12x cupy-cuda13x && {INSTALL_13}")


@pytest.mark.parametrize(
    "failure",
    [
        ImportError("\n====\nFailed to import CuPy.\n\nOriginal error: libcudart.so.13\n===="),
        AttributeError("_ARRAY_API not found"),
    ],
)
def test_import_crash(
    install: Install,
    driver: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    failure: Exception,
) -> None:
    install()
    monkeypatch.delitem(sys.modules, "cupy")
    (tmp_path / "cupy.py").write_text(f"raise {failure!r}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    error = _refusal()
    sys.modules.pop("cupy", None)
    assert f"a CuPy that cannot be imported ({type(failure).__name__}" in str(error)
    assert "====" not in str(error), "the first line that says something"
    assert error.repair == f"{INSTALL_13} --force-reinstall --no-cache-dir"


def _runtime() -> Any:
    return sys.modules["cupy"].cuda.runtime


def _fail(status: int) -> Any:
    def call(*arguments: Any) -> Any:
        raise CUDARuntimeError(status)

    return call


def test_no_driver(install: Install, driver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    install()
    driver["version"] = 0
    monkeypatch.setattr(_runtime(), "driverGetVersion", lambda: 0)
    monkeypatch.setattr(_runtime(), "getDeviceCount", _fail(35))
    error = _refusal()
    assert "got no NVIDIA driver, expected one for CUDA 13.2" in str(error)
    assert error.repair.endswith("nvidia-smi")


def test_driver_too_old(install: Install, driver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    install()
    driver["version"] = 12080
    monkeypatch.setattr(_runtime(), "driverGetVersion", lambda: 12080)
    monkeypatch.setattr(_runtime(), "getDeviceCount", _fail(35))
    error = _refusal()
    assert "got a driver for CUDA 12.8, expected one for CUDA 13.2" in str(error)
    assert error.repair.endswith(
        "python -m pip uninstall -y cupy-cuda13x && python -m pip install 'cupy-cuda12x[ctk]'"
    )


def test_an_older_driver_of_the_same_major_version_is_good(
    install: Install, driver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    install()
    monkeypatch.setattr(_runtime(), "driverGetVersion", lambda: 13000)
    assert get_backend("gpu").name == "gpu:0"


@pytest.mark.parametrize("count", [lambda: 0, _fail(100)], ids=["zero", "cudaErrorNoDevice"])
@pytest.mark.parametrize("hidden", [None, "", "-1"])
def test_no_device(
    install: Install, monkeypatch: pytest.MonkeyPatch, count: Any, hidden: str | None
) -> None:
    install()
    monkeypatch.setattr(_runtime(), "getDeviceCount", count)
    if hidden is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    error = _refusal()
    assert "got no CUDA device" in str(error)
    if hidden is None:
        assert error.repair == "nvidia-smi -L"
    else:
        assert f"while CUDA_VISIBLE_DEVICES is {hidden!r}" in str(error)
        assert error.repair == "unset CUDA_VISIBLE_DEVICES"


def test_a_device_of_too_high_a_number(install: Install) -> None:
    install()
    assert "a machine with 1 CUDA device(s), expected one of gpu:0" in str(_refusal("gpu:1"))


def test_a_driver_that_fails_otherwise(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install()
    monkeypatch.setattr(_runtime(), "getDeviceCount", _fail(802))
    assert "a driver that fails (CUDARuntimeError: cudaError 802)" in str(_refusal())


def test_cuda_libraries_that_are_missing(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install()

    def matmul(x: Any, y: Any) -> Any:
        raise ImportError('Failure finding "libcublas.so.13"')

    monkeypatch.setattr(sys.modules["cupy"], "matmul", matmul)
    error = _refusal()
    assert 'cannot run a kernel and a matrix product (ImportError: Failure finding "libcublas' in (
        str(error)
    )
    assert error.repair == INSTALL_13


@pytest.mark.parametrize("failure", [OutOfMemoryError("full"), CUDARuntimeError(2)])
def test_a_device_without_free_memory(
    install: Install, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    install()

    def ones(*arguments: Any, **keywords: Any) -> Any:
        raise failure

    monkeypatch.setattr(sys.modules["cupy"], "ones", ones)
    assert "no free memory" in str(_refusal())


@pytest.mark.parametrize("name", ["gpu:x", "gpu:-1", "gpu:0:half", "gpu: 1"])
def test_a_name_that_is_no_device(install: Install, name: str) -> None:
    install()
    assert f"backend {name!r}: got that name" in str(_refusal(name))


def test_auto_falls_back_to_the_cpu_and_says_why(
    install: Install, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    install()
    monkeypatch.setattr(_runtime(), "getDeviceCount", lambda: 0)
    with caplog.at_level("INFO", logger="arraynet"):
        assert get_backend("auto").name == "cpu"
    assert "chose cpu, because backend 'gpu:0': got no CUDA device" in caplog.text


def test_auto_takes_the_gpu_and_says_so(install: Install, caplog: pytest.LogCaptureFixture) -> None:
    install()
    with caplog.at_level("INFO", logger="arraynet"):
        assert get_backend("auto").name == "gpu:0"
    assert "chose gpu:0 (Fake GPU)" in caplog.text
