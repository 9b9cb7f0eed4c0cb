"""Each contestant computes the network; where its library is missing, it says so."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bench.checking import check
from bench.contestants import CONTESTANTS, ENTRIES, GPU_CONTESTANTS, make
from bench.contestants.base import Phases, Timed, UnavailableError, UnsupportedError, imported
from bench.contestants.engine import ArraynetDevice
from bench.contestants.scikit_learn import predictor_of
from bench.contestants.textbook import DeviceProducts, DeviceTextbook
from bench.networks import HostArray, layers_of
from bench.reference import network_output, products_output
from bench.results import Results
from bench.rounds import Plan, measure
from bench.workloads import WORKLOADS, inputs_of
from tests.bench.stand_in import stand_in

# Both are installed where the tests of PyTorch run, and only there.
WITH_TORCH = pytest.mark.needs("torch")
ON_THE_CPU = [
    pytest.param(name, marks=WITH_TORCH if name in ("torch", "onnxruntime") else ())
    for name, entry in CONTESTANTS.items()
    if not entry.device
]
TRIED = ("mnist-1", "mnist-100", "mnist-10000-uint8", "mixed-100")


@pytest.mark.parametrize("name", ON_THE_CPU)
def test_results_on_the_cpu_are_right(name: str) -> None:
    results = Results([WORKLOADS[tried] for tried in TRIED], {name: name})
    measure(results, [name], 1, Plan(rounds=1, seconds=1e-4))
    for absence in results.absences:
        if absence.kind == "unavailable":
            pytest.skip(absence.reason)
    assert not results.failed, results.absences
    unsupported = {absence.workload for absence in results.absences}
    assert unsupported == ({"mixed-100"} if name == "scikit-learn" else set())
    measured = {one.workload for one in results.measurements}
    assert measured | unsupported == set(TRIED)
    assert all(0 < one.difference < 5e-6 for one in results.measurements)


def check_phases(timed: dict[str, Timed], workload: str, against: str = "network") -> None:
    """Call every phase twice, and hold its result to the reference."""
    layers = layers_of(WORKLOADS[workload].network)
    x = inputs_of(WORKLOADS[workload], layers)
    references = {
        "network": network_output(layers, x),
        "products": products_output(layers, x),
        "input": x,
    }
    assert list(timed) == ["steady", "to device", "to host", "whole"]
    assert [one.against for one in timed.values()] == [against, "input", against, against]
    for one in timed.values():
        for _ in range(2):
            check(one.result(one.call()), references[one.against], 5e-6)


def prepared(contestant: Any, workload: str) -> dict[str, Timed]:
    layers = layers_of(WORKLOADS[workload].network)
    x = inputs_of(WORKLOADS[workload], layers)
    timed: dict[str, Timed] = contestant.prepare(layers, WORKLOADS[workload], x)
    return timed


@pytest.mark.parametrize("workload", ["mixed-100", "mnist-10000-uint8"])
def test_arraynet_on_a_device(workload: str) -> None:
    pytest.importorskip("array_api_strict")
    contestant = ArraynetDevice(1, "array_api_strict:device1")
    check_phases(prepared(contestant, workload), workload)


@WITH_TORCH
@pytest.mark.parametrize("workload", ["mixed-100", "mnist-10000-uint8"])
def test_torch_on_a_device(workload: str) -> None:
    from bench.contestants.pytorch import TorchDevice

    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    contestant = TorchDevice.__new__(TorchDevice)
    contestant._torch, contestant._device = torch, "cpu"
    with torch.inference_mode():
        check_phases(prepared(contestant, workload), workload)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("workload", ["mixed-100", "mnist-10000-uint8"])
@pytest.mark.parametrize(
    ("kind", "against"), [(DeviceTextbook, "network"), (DeviceProducts, "products")]
)
def test_cupy_code_on_what_stands_in_for_cupy(
    kind: type[DeviceTextbook], against: str, workload: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cupy", stand_in())
    contestant = kind(1, "cupy")
    assert contestant.facts() == {"cupy": "14.2.0"}
    timed = prepared(contestant, workload)
    if (kind, workload) == (DeviceProducts, "mnist-10000-uint8"):
        del timed["to device"]  # the scaled input, which has no reference
        assert timed["steady"].result(timed["steady"].call()).shape == (10_000, 10)
        return
    check_phases(timed, workload, against)


class Recorder:
    """A device that notes what is asked of it."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def to_device(self, x: HostArray) -> Any:
        self.events.append("copy in")
        return x

    def to_host(self, x: Any) -> HostArray:
        self.events.append("copy out")
        return np.asarray(x)

    def wait(self) -> None:
        self.events.append("wait")


def test_the_device_is_waited_for_inside_what_is_timed() -> None:
    device = Recorder()

    def forward(x: Any) -> Any:
        device.events.append("compute")
        return x

    timed = Phases(device, forward, np.ones((1, 2))).timed()
    assert device.events == ["copy in", "wait"]  # nothing was computed before the first call

    def events(call: Callable[[], Any]) -> list[str]:
        device.events.clear()
        call()
        return device.events

    assert events(timed["steady"].call) == ["compute", "wait"]
    assert events(timed["to device"].call) == ["copy in", "wait"]
    timed["to host"].call()
    assert events(timed["to host"].call) == ["copy out"]
    assert events(timed["whole"].call) == ["copy in", "compute", "copy out"]


def test_a_library_that_is_missing_is_named_with_its_repair() -> None:
    with pytest.raises(UnavailableError, match=r"no_such_engine is not installed \(python -m pip"):
        imported("no_such_engine")


def test_a_library_that_breaks_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib

    def broken(name: str) -> Any:
        raise OSError("libbroken.so: undefined symbol")

    monkeypatch.setattr(importlib, "import_module", broken)
    with pytest.raises(UnavailableError, match="undefined symbol"):
        imported("engine")


def test_a_backend_that_is_missing_gives_its_own_reason() -> None:
    with pytest.raises(UnavailableError, match="a name that is not known"):
        ArraynetDevice(1, "abacus")


def test_what_scikit_learn_cannot_do_is_said() -> None:
    pytest.importorskip("sklearn")
    with pytest.raises(UnsupportedError, match="one activation"):
        predictor_of(layers_of("mixed"))


def test_every_entry_leads_to_a_class() -> None:
    import importlib

    for entry in ENTRIES.values():
        module = importlib.import_module(f"bench.contestants.{entry.module}")
        assert callable(getattr(module, entry.attribute).prepare)
    assert all(entry.device for entry in GPU_CONTESTANTS.values())


def test_make_gives_the_class_of_the_entry() -> None:
    assert type(make("products", 1)).__name__ == "Products"
