"""What the doctor tells of a GPU."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from arraynet import doctor
from tests.backends.conftest import Install


def test_a_gpu_that_works_passes_with_its_facts(install: Install) -> None:
    install()
    facts = doctor.report(["gpu"])["backends"]["gpu"]
    assert facts["status"] == "PASS"
    assert facts["device"] == "Fake GPU"
    assert facts["driver"] == facts["runtime"] == "13.2"
    assert facts["memory"] == 1 << 30
    assert facts["precision"] == "highest"
    assert doctor.report(["gpu:tf32"])["backends"]["gpu:tf32"]["precision"] == "tf32"


def test_an_op_that_runs_unfused_is_told(install: Install) -> None:
    install().untraceable.add("sigmoid")
    facts = doctor.report(["gpu"])["backends"]["gpu"]
    assert list(facts["unfused"]) == ["sigmoid"]
    assert "sigmoid runs unfused" in doctor.format_text(doctor.report(["gpu"]))


def test_a_kernel_that_computes_wrongly_is_found(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("eager")
    from tests.backends.fake_cupy import RawModule

    def wrong(self: Any, name: str) -> Any:
        def kernel(grid: Any, block: Any, arguments: Any) -> None:
            x, result = arguments[:2]
            x.machine.launch(lambda values: values * 0, result, x)

        return kernel

    monkeypatch.setattr(RawModule, "get_function", wrong)
    assert doctor.report(["gpu"])["failed"] == ["gpu"]


def test_a_lost_device_is_a_failure(install: Install) -> None:
    machine = install()
    doctor.report(["gpu"])
    machine.lost = 700
    for _ in range(2):
        facts = doctor.report(["gpu"])["backends"]["gpu"]
        assert facts["status"] == "FAIL"
        assert "restart the process" in facts["error"]


def test_the_repair_of_a_missing_device_is_on_its_own_line(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install()
    monkeypatch.setattr(sys.modules["cupy"].cuda.runtime, "getDeviceCount", lambda: 0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    text = doctor.format_text(doctor.report(["gpu"]))
    fail, repair = text.splitlines()[-2:]
    assert fail.startswith("FAIL  gpu  backend 'gpu:0': got no CUDA device while")
    assert repair.strip() == "→ unset CUDA_VISIBLE_DEVICES"
