"""A GPU made of NumPy, for the tests of what surrounds CuPy."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

import pytest

from arraynet import backends
from arraynet.backends import cupy as cupy_backend
from arraynet.backends import cupy_check
from tests.backends.fake_cuda import Machine
from tests.backends.fake_cupy import fake_cupy

Install = Callable[..., Machine]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that makes ``import cupy`` find a machine, and returns that."""
    monkeypatch.setattr(backends, "_made", {})
    monkeypatch.setattr(cupy_backend, "_started", type(cupy_backend._started)())
    monkeypatch.setattr(cupy_backend, "_forked", threading.Event())
    monkeypatch.setattr(cupy_check, "installed_wheels", lambda: ["cupy-cuda13x"])

    def put(pace: str | int = "lazy") -> Machine:
        machine = Machine(pace)
        for name, module in fake_cupy(machine).items():
            monkeypatch.setitem(sys.modules, name, module)
        return machine

    return put


@pytest.fixture(params=["lazy", "eager", 1, 2, 3])
def machine(request: pytest.FixtureRequest, install: Install) -> Machine:
    """Give a machine that works late, at once, or at random."""
    return install(request.param)
