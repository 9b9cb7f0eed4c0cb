"""The report on what works here, and its text."""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import arraynet
from arraynet import backends, doctor
from arraynet.backends import Backend, get_backend
from arraynet.errors import ArraynetError, DtypeError


def test_a_backend_that_works_passes_with_its_facts(backend: Backend) -> None:
    facts = doctor.report([backend.name])["backends"][backend.name]
    assert facts["status"] == "PASS"
    assert 0 <= facts["largest_error"] < 1e-5
    for fact in ("library", "version", "device"):
        assert facts[fact]
        assert facts[fact] != "unknown"
    assert doctor.report([backend])["failed"] == []


def test_the_default_looks_at_every_library_and_is_json() -> None:
    found = doctor.report()
    assert list(found["backends"]) == ["cpu", "gpu", "torch", "jax", "array_api_strict"]
    assert json.loads(json.dumps(found)) == found
    assert found["python"] == platform.python_version()
    assert found["arraynet"] == arraynet.__version__
    for facts in found["backends"].values():
        assert facts["status"] in ("PASS", "FAIL", "not installed")
        assert facts["status"] == "PASS" or facts["repair"]
    failed = [name for name, facts in found["backends"].items() if facts["status"] == "FAIL"]
    assert found["failed"] == failed


def test_what_is_not_installed_is_no_failure_unless_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.setattr(backends, "_made", {})
    found = doctor.report()
    facts = found["backends"]["jax"]
    assert (facts["status"], facts["repair"]) == ("not installed", "python -m pip install jax")
    assert "jax" not in found["failed"]
    assert doctor.report(["jax"])["failed"] == ["jax"]


def test_what_is_installed_and_broken_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "jax.py").write_text("raise ImportError('libfoo.so is gone')")
    for name in [name for name in sys.modules if name.partition(".")[0] == "jax"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(backends, "_made", {})
    monkeypatch.syspath_prepend(tmp_path)
    found = doctor.report()
    assert "libfoo.so is gone" in found["backends"]["jax"]["error"]
    assert "jax" in found["failed"]


def test_blas_tells_its_kernel_and_threads() -> None:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        found = doctor.report(["cpu"])["blas"]
    if not found:
        pytest.skip("threadpoolctl knows no BLAS in this NumPy")
    assert {blas["threads"] for blas in found} == {1}
    assert all(blas["library"] and blas["version"] for blas in found)


def test_a_backend_that_fails_says_what_to_do() -> None:
    found = doctor.report(["cpu", "tpu"])
    assert found["failed"] == ["tpu"]
    assert "array_api_strict:device1" in found["backends"]["tpu"]["error"]


def _break(monkeypatch: pytest.MonkeyPatch, method: str, replacement: Any) -> dict[str, Any]:
    monkeypatch.setattr(type(get_backend("array_api_strict")), method, replacement)
    return doctor.report(["array_api_strict"])["backends"]["array_api_strict"]  # type: ignore[no-any-return]


def test_a_wrong_result_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = _break(monkeypatch, "to_host", lambda self, x: np.zeros(x.shape, np.float32))
    assert facts["status"] == "FAIL"
    assert "came out wrong" in facts["error"]


def test_a_result_of_nan_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = _break(monkeypatch, "to_host", lambda self, x: np.full(x.shape, np.nan, np.float32))
    assert facts["status"] == "FAIL"


@pytest.mark.parametrize("error", [OSError("libfoo.so"), DtypeError("bad"), AttributeError("x")])
def test_a_library_that_breaks_in_its_own_way_is_a_failure_too(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(self: Backend) -> Any:
        raise error

    facts = _break(monkeypatch, "describe", fail)
    assert facts["status"] == "FAIL"
    assert str(error) in facts["error"]


def _example() -> dict[str, Any]:
    """Return a report as a machine with two wheels and one good GPU might give it."""
    gpu = {
        "status": "PASS",
        "library": "CuPy",
        "version": "14.2.0",
        "device": "NVIDIA H100",
        "memory": 85_520_809_984,
        "driver": "13.0",
        "runtime": "13.2",
        "precision": "tf32",
        "largest_error": 2e-4,
        "unfused": {"gelu": "NotImplementedError: shape"},
    }
    repair = "python -m pip install jax"
    jax = {"status": "FAIL", "error": f"backend 'jax': got none ({repair})", "repair": repair}
    torch = {"status": "not installed", "error": "none", "repair": "python -m pip install torch"}
    return {
        "arraynet": "0.1.0",
        "python": "3.13.1",
        "platform": "Linux",
        "driver": "13.0",
        "blas": [
            {"library": "openblas", "version": "0.3.31", "architecture": "Zen", "threads": 8},
            {"library": "blis", "version": "1.0", "architecture": None, "threads": 1},
        ],
        "cupy_wheels": ["cupy-cuda12x", "cupy-cuda13x"],
        "cupy_tf32": "1",
        "backends": {"gpu:0:tf32": gpu, "jax": jax, "torch": torch},
        "failed": ["jax"],
    }


def test_the_text_has_a_line_for_each_fact_and_repair() -> None:
    assert doctor.format_text(_example()).splitlines() == [
        "arraynet 0.1.0 on Python 3.13.1, Linux",
        "BLAS: openblas 0.3.31, Zen, 8 thread(s)",
        "BLAS: blis 1.0, unknown kernel, 1 thread(s)",
        "NVIDIA driver: for CUDA 13.0",
        "CuPy wheels: cupy-cuda12x, cupy-cuda13x (two cannot be installed together)",
        "CUPY_TF32=1: no effect here; the backend gpu:tf32 has it on",
        "PASS           gpu:0:tf32  CuPy 14.2.0 on NVIDIA H100, 79.6 GiB, driver for CUDA 13.0, "
        "runtime 13.2, TF32 on, largest error 2e-04, gelu runs unfused: "
        "NotImplementedError: shape",
        "FAIL           jax         backend 'jax': got none",
        "                           → python -m pip install jax",
        "not installed  torch       → python -m pip install torch",
    ]


@pytest.mark.parametrize("backends", ["cpu", 3, [None], [["cpu"]], [b"cpu"]])
def test_what_is_no_list_of_names_is_refused(backends: Any) -> None:
    with pytest.raises(ArraynetError, match=r"^doctor: got .*, expected a list of names"):
        doctor.report(backends)
