"""The report on a GPU, on a machine without one; the real one where there is one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arraynet.backends import Backend
from bench.ceilings import copy_rates, product_rate
from bench.checking import WrongResultError
from bench.gpu_report import COLUMNS, report_text
from bench.process import ROOT
from bench.results import Absence, Results
from tests.bench.conftest import Add
from tests.bench.stand_in import stand_in

MACHINE = {
    "processor": "A processor",
    "cores": 16,
    "python": "3.12.0",
    "date": "2025-01-31T10:00:00+00:00",
}
RATES = {"pinned host to device": 2e9, "product in float32": 4e12, "product in tf32": 3.25e13}


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a sample of the ceilings be one call: no time is looked at here."""
    monkeypatch.setattr("bench.ceilings.SECONDS", 0.0)


def results_of(made: Add) -> Results:
    phases = {"steady": 10.0, "to device": 2.0, "to host": 3.0, "whole": 20.0}
    names = {"arraynet-gpu": 1.0, "torch-cuda": 2.5, "cupy-products": 0.5}
    results = made({("wide-1", name): 1.0 for name in names})
    results.measurements = [
        one
        for phase, median in phases.items()
        for one in made(
            {("wide-1", name): median * factor for name, factor in names.items()}, phase=phase
        ).measurements
    ]
    results.facts = {
        "arraynet-gpu": {"arraynet": "0.1.0", "device": "A card", "memory": 80 << 30,
                         "driver": "13.2", "runtime": "13.0"},
        "cupy-products": {"cupy": "14.2.0"},
    }  # fmt: skip
    return results


def rows_of(text: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| ")
    ]


def test_the_report_has_phases_ratios_ceilings_and_targets(made: Add) -> None:
    text = report_text(results_of(made), MACHINE, RATES, [])
    assert "A card, 80 GiB, driver 13.2, runtime 13.0; A processor, 16 cores" in text
    assert "arraynet 0.1.0, cupy 14.2.0; 2025-01-31." in text
    rows = rows_of(text)
    assert rows[0][2:] == list(COLUMNS)
    title = "wide network, 1 row"
    assert rows[2] == [title, "arraynet gpu", "500.0", "250.0", "2.00", "10.0", "3.00", "20.0",
                       "1.00", "2.00", "1.00"]  # fmt: skip
    assert rows[3] == [title, "torch cuda", "500.0", "250.0", "5.00", "25.0", "7.50", "50.0",
                       "2.50", "5.00", "2.50"]  # fmt: skip
    assert ["pinned host to device", "2.0 GB/s"] in rows
    assert ["product in tf32", "32.5 TFLOP/s"] in rows
    # 4096 floats at 2 GB/s; 4096 * 4096 * 2 + 4096 * 1000 multiply-adds at 2e12 a second.
    assert [title, "16,384 B", "8.19", "37,650,432", "18.8"] in rows
    assert "## Missing" not in text


def test_what_could_not_be_measured_is_named(made: Add) -> None:
    results = results_of(made)
    results.absences.append(Absence("torch-cuda", 1, "unavailable", "torch is not installed"))
    text = report_text(results, MACHINE, {}, ["float16: CUDAError"])
    assert "- torch cuda: skipped: torch is not installed" in text
    assert "- float16: CUDAError" in text
    assert "can take less" not in text


def test_copies_are_measured_in_every_direction() -> None:
    cupy = stand_in()
    rates = copy_rates(cupy, np.empty, 1 << 12)
    assert set(rates) == {
        "host to device",
        "pinned host to device",
        "device to host",
        "device to pinned host",
        "device to device",
    }
    assert all(rate > 0 for rate in rates.values())
    assert cupy.waits >= 5 * 10


@pytest.mark.parametrize("precision", ["float32", "tf32", "float16"])
def test_large_products_are_measured(precision: str) -> None:
    assert product_rate(stand_in(), precision, 64) > 0


def test_a_wrong_copy_or_product_gives_no_rate() -> None:
    cupy: Any = stand_in()
    cupy.copyto = lambda target, source: target.fill(0)
    with pytest.raises(WrongResultError):
        copy_rates(cupy, np.empty, 1 << 12)
    cupy.matmul = lambda a, b, out: np.add(a, b, out=out)
    with pytest.raises(WrongResultError):
        product_rate(cupy, "float32", 64)


@pytest.mark.parametrize("backend", ["cupy"], indirect=True)
def test_the_report_on_a_gpu(backend: Backend, tmp_path: Path) -> None:
    name = str(tmp_path / "report")
    arguments = ["--gpu-report", name, "--quick", "--rounds", "2", "--workloads", "mnist-1"]
    done = subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        capture_output=True,
        check=False,
        cwd=ROOT,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert Path(f"{name}.md").read_text("utf-8").strip() == done.stdout.strip()
    facts = json.loads(Path(f"{name}.json").read_text("utf-8"))
    phases = {(one["contestant"], one["phase"]) for one in facts["measurements"]}
    for contestant in ("arraynet-gpu", "cupy-textbook", "cupy-products"):
        for phase in ("steady", "to device", "to host", "whole"):
            assert (contestant, phase) in phases
    assert set(facts["ceilings"]) > {"product in float32", "product in tf32", "product in float16"}
