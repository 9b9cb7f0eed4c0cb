"""The fixture `backend` skips what is missing, and fails where it is required."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from arraynet.backends import Backend
from arraynet.errors import BackendUnavailableError
from tests import conftest

ROOT = Path(__file__).parents[2]

BODY = """
def test_it(backend):
    pass
"""


def _outcome(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run one test that uses the fixture, with a CuPy that cannot be imported."""
    (folder / "cupy.py").write_text("raise ImportError('broken on purpose')\n")
    (folder / "test_one.py").write_text(BODY)
    (folder / "conftest.py").write_text("from tests.conftest import *\n")
    environment = {key: v for key, v in os.environ.items() if not key.startswith("ARRAYNET_")}
    paths = os.pathsep.join((str(folder), str(ROOT)))
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider", str(folder)],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**environment, "PYTHONPATH": paths, **variables},
    )


def test_without_a_gpu_the_case_is_skipped_with_the_reason(tmp_path: Path) -> None:
    done = _outcome(tmp_path, ARRAYNET_TEST_BACKENDS="numpy,cupy")
    assert done.returncode == 0
    assert "1 passed, 1 skipped" in done.stdout
    assert "a CuPy that cannot be imported (ImportError: broken on purpose)" in done.stdout


def test_where_a_gpu_is_required_the_case_fails_with_the_reason(tmp_path: Path) -> None:
    done = _outcome(tmp_path, ARRAYNET_TEST_BACKENDS="cupy", ARRAYNET_REQUIRE="torch, gpu")
    assert done.returncode == 1
    assert "1 error" in done.stdout
    assert "ARRAYNET_REQUIRE asks for it" in done.stdout
    assert "broken on purpose" in done.stdout


@pytest.mark.parametrize("required", ["gpu", "cupy"])
def test_a_gpu_is_required_by_either_name(required: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(name: str) -> Backend:
        raise BackendUnavailableError(f"{name}: broken on purpose")

    monkeypatch.setattr(conftest, "REQUIRED", {required})
    monkeypatch.setattr(conftest, "get_backend", unavailable)
    with pytest.raises(pytest.fail.Exception, match="asks for it: gpu: broken on purpose"):
        conftest.obtain("cupy")


@pytest.mark.parametrize("variable", ["ARRAYNET_TEST_BACKENDS", "ARRAYNET_REQUIRE"])
def test_an_unknown_word_is_an_error(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "numpy,tpu")
    with pytest.raises(pytest.UsageError, match=f"{variable}: got tpu, expected some of"):
        conftest._listed(variable, ["numpy", "cupy"])
