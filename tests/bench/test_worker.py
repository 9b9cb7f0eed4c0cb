"""A contestant's process: what it answers, and what becomes of its faults."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bench.worker
from bench.contestants.base import Timed, UnavailableError, UnsupportedError
from bench.networks import HostArray, Layers, layers_of
from bench.process import ContestantError, Process
from bench.reference import network_output
from bench.results import Results
from bench.rounds import Plan, measure
from bench.worker import Sampler, serve
from bench.workloads import WORKLOADS, Workload, inputs_of

MIXED = WORKLOADS["mixed-1"]


class Told:
    """A contestant that gives what it is told to give."""

    def __init__(self, call: Callable[[Layers, HostArray], Any]) -> None:
        self._call = call
        self.calls = 0

    def facts(self) -> dict[str, Any]:
        return {"told": "1.0"}

    def prepare(self, layers: Layers, workload: Workload, x: HostArray) -> dict[str, Timed]:
        def call() -> Any:
            self.calls += 1
            return self._call(layers, x)

        return {"whole": Timed(call)}


def right(layers: Layers, x: HostArray) -> HostArray:
    return network_output(layers, x).astype(np.float32)


def references() -> dict[str, HostArray]:
    layers = layers_of("mixed")
    return {"network": network_output(layers, inputs_of(MIXED, layers))}


def test_a_sample_is_so_many_calls_and_one_before_them() -> None:
    contestant = Told(right)
    sampler = Sampler(contestant)
    answer = sampler.prepare(MIXED, references(), ["whole"], 1e-9)
    assert set(answer) == {"load_seconds", "phases"}
    assert answer["phases"]["whole"]["number"] == 1
    assert answer["phases"]["whole"]["first_seconds"] > 0
    before = contestant.calls
    sample = sampler.sample("whole", 3)
    assert contestant.calls == before + 4
    assert 0 < sample["difference"] < 1e-6
    assert sample["seconds"] > 0


def talk(
    contestant: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, *, rounds: int = 1
) -> list[dict[str, Any]]:
    """Return a worker's answers: to its start, to a workload, to requests for samples."""
    for name, values in references().items():
        np.save(folder / f"{name}.npy", values)

    def make(name: str, threads: int) -> Any:
        if isinstance(contestant, Exception):
            raise contestant
        return contestant

    monkeypatch.setattr(bench.worker, "make", make)
    prepare = {
        "do": "prepare",
        "workload": "mixed-1",
        "references": str(folder),
        "phases": ["whole"],
        "seconds": 1e-9,
    }
    sample = {"do": "sample", "phase": "whole", "number": 2}
    answers = io.StringIO()
    serve("told", 1, iter([json.dumps(r) for r in [prepare, *[sample] * rounds]]), answers)
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def test_a_right_contestant_is_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    greeting, prepared, sample = talk(Told(right), tmp_path, monkeypatch)
    assert greeting["facts"] == {"told": "1.0"}
    assert prepared["phases"]["whole"]["number"] >= 1
    assert set(sample) == {"seconds", "difference"}


def test_a_wrong_result_gets_no_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, prepared, *_ = talk(Told(lambda layers, x: right(layers, x) + 1e-3), tmp_path, monkeypatch)
    assert prepared["error"] == "wrong"
    assert "1.0e-03 off" in prepared["message"]


def test_a_result_that_turns_wrong_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Turning(Told):
        def prepare(self, layers: Layers, workload: Workload, x: HostArray) -> dict[str, Timed]:
            timed = super().prepare(layers, workload, x)["whole"]
            return {"whole": Timed(lambda: timed.call() + (self.calls > 4))}

    # One call, then one to count them, then one and two in each sample.
    _, _, first, second = talk(Turning(right), tmp_path, monkeypatch, rounds=2)
    assert first["error"] == second["error"] == "wrong"


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (UnsupportedError("no such layer"), "unsupported", "no such layer"),
        (RuntimeError("broken"), "failed", "RuntimeError: broken"),
    ],
)
def test_what_a_contestant_raises_is_told(
    error: Exception, kind: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(layers: Layers, x: HostArray) -> Any:
        raise error

    _, prepared, _ = talk(Told(fail), tmp_path, monkeypatch)
    assert prepared == {"error": kind, "message": message}


def test_a_contestant_that_cannot_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = talk(UnavailableError("not installed"), tmp_path, monkeypatch)
    assert answers == [{"error": "unavailable", "message": "not installed"}]


def test_a_process_keeps_its_libraries_to_the_threads() -> None:
    with Process("products", 1) as process:
        assert set(process.greeting["facts"]) == {"numpy"}
        assert [library["num_threads"] for library in process.greeting["blas"]] == [1]
        assert not any("filepath" in library for library in process.greeting["blas"])


def test_a_process_that_dies_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "nowhere")  # Python ends before it has started
    with Process("products", 1) as process:
        with pytest.raises(ContestantError, match=r"ended with status 1: .") as caught:
            process.ask(do="sample")
        assert caught.value.kind == "failed"


def test_contestants_take_turns_in_every_round(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Scripted:
        greeting = {"facts": {}, "blas": []}  # noqa: RUF012

        def __init__(self, name: str, threads: int) -> None:
            self.name, self.threads = name, threads

        def ask(self, **request: Any) -> dict[str, Any]:
            if request["do"] == "prepare":
                phase = {"number": 7, "first_seconds": 1.0}
                return {"load_seconds": 2.0, "phases": {"whole": phase}}
            asked.append(self.name)
            assert request["number"] == 7
            if self.name == "c" and asked.count("c") == 2:
                raise ContestantError("wrong", "off")
            return {"seconds": len(asked) * 1e-3, "difference": 1e-9 * len(asked)}

        def __enter__(self) -> Scripted:
            return self

        def __exit__(self, *details: object) -> None:
            pass

    monkeypatch.setattr("bench.rounds.Process", Scripted)
    results = Results([MIXED], {"a": "a", "b": "b", "c": "c"})
    measure(results, ["a", "b", "c"], 1, Plan(rounds=3, seconds=0.1))
    assert asked == ["a", "b", "c", "b", "c", "a", "a", "b"]
    assert results.failed
    assert [one.contestant for one in results.measurements] == ["a", "b"]
    a = results.find("mixed-1", "a", 1)
    assert a is not None
    assert a.samples == (0.001, 0.006, 0.007)
    assert (a.median, a.number, a.first_seconds, a.load_seconds) == (0.006, 7, 1.0, 2.0)
    assert a.difference == pytest.approx(7e-9)
