"""Ask every contestant in turn, round after round, because machines drift."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.networks import HostArray, layers_of
from bench.process import ContestantError, Process
from bench.reference import network_output, products_output
from bench.results import Absence, Measurement, Results
from bench.workloads import Workload, inputs_of


@dataclass(frozen=True)
class Plan:
    """How long to measure.

    Parameters
    ----------
    rounds : int
        Samples of each contestant.
    seconds : float
        How long a sample takes at least.
    phases : tuple of str
        Which phases to time; none means all.
    """

    rounds: int
    seconds: float
    phases: tuple[str, ...] = ("whole",)


Report = Callable[[str], object]


def measure(
    results: Results,
    names: Iterable[str],
    threads: int,
    plan: Plan,
    *,
    fresh: bool = False,
    report: Report = lambda text: None,
) -> None:
    """Time contestants with a number of threads, and add to the results.

    Parameters
    ----------
    results : Results
        Its workloads are timed.
    names : iterable of str
        The contestants.
    threads : int
    plan : Plan
    fresh : bool
        Whether each workload gets new processes, so that the first call of each is
        the first of its process.
    report : callable
        Called with what happens next.
    """
    names = list(names)
    if not fresh:
        _measure(results, results.workloads, names, threads, plan, report)
        return
    for workload in results.workloads:
        # One that cannot take part has said so the first time.
        missing = {absence.contestant for absence in results.absences if not absence.workload}
        there = [name for name in names if name not in missing]
        _measure(results, [workload], there, threads, plan, report)


def _measure(
    results: Results,
    workloads: Sequence[Workload],
    names: Sequence[str],
    threads: int,
    plan: Plan,
    report: Report,
) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        started = [stack.enter_context(Process(name, threads)) for name in names]
        ready = [process for process in started if _greet(results, process)]
        for workload in workloads:
            report(f"{workload.name}, {threads} thread{'s' if threads > 1 else ''}")
            _write_references(folder, workload)
            _time_workload(results, workload, ready, folder, plan)


def _greet(results: Results, process: Process) -> bool:
    """Return whether a contestant can take part; note why not, or what it is."""
    try:
        greeting = process.greeting
    except ContestantError as error:
        results.absences.append(Absence(process.name, process.threads, error.kind, str(error)))
        return False
    results.facts.setdefault(process.name, greeting["facts"])
    results.blas.setdefault(process.name, greeting["blas"])
    return True


def _write_references(folder: Path, workload: Workload) -> None:
    layers = layers_of(workload.network)
    x = inputs_of(workload, layers)
    references: dict[str, HostArray] = {
        "network": network_output(layers, x),
        "products": products_output(layers, x),
    }
    for name, values in references.items():
        np.save(folder / f"{name}.npy", values)


def _time_workload(
    results: Results,
    workload: Workload,
    processes: Sequence[Process],
    folder: Path,
    plan: Plan,
) -> None:
    """Prepare every contestant, then ask each for one sample a round."""
    running: list[tuple[Process, _Series]] = []
    for process in processes:
        try:
            answer = process.ask(
                do="prepare",
                workload=workload.name,
                references=str(folder),
                phases=plan.phases,
                seconds=plan.seconds,
            )
        except ContestantError as error:
            results.absences.append(_absence(process, workload, error))
            continue
        running += [(process, _Series(name, answer)) for name in answer["phases"]]
    for turn in range(plan.rounds):
        # Nobody always comes after the same neighbour.
        shift = turn % len(running) if running else 0
        for pair in running[shift:] + running[:shift]:
            process, series = pair
            if series.broken:
                continue
            try:
                series.add(process.ask(do="sample", phase=series.phase, number=series.number))
            except ContestantError as error:
                series.broken = True
                results.absences.append(_absence(process, workload, error))
    results.measurements += [
        series.measurement(workload, process) for process, series in running if not series.broken
    ]


class _Series:
    """The samples of one phase so far."""

    def __init__(self, phase: str, prepared: dict[str, Any]) -> None:
        self.phase, self.broken = phase, False
        self.number: int = prepared["phases"][phase]["number"]
        self._first: float = prepared["phases"][phase]["first_seconds"]
        self._load: float = prepared["load_seconds"]
        self._samples: list[float] = []
        self._difference = 0.0

    def add(self, sample: dict[str, float]) -> None:
        self._samples.append(sample["seconds"])
        self._difference = max(self._difference, sample["difference"])

    def measurement(self, workload: Workload, process: Process) -> Measurement:
        return Measurement(
            workload=workload.name,
            contestant=process.name,
            threads=process.threads,
            phase=self.phase,
            samples=tuple(self._samples),
            number=self.number,
            first_seconds=self._first,
            load_seconds=self._load,
            difference=self._difference,
        )


def _absence(process: Process, workload: Workload, error: ContestantError) -> Absence:
    return Absence(process.name, process.threads, error.kind, str(error), workload.name)
