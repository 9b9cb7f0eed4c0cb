"""What was measured, and the ratios that follow from it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.workloads import Workload


@dataclass(frozen=True)
class Measurement:
    """One phase of one contestant on one workload.

    Parameters
    ----------
    workload, contestant, phase : str
        Their names.
    threads : int
    samples : tuple of float
        Seconds of a call, one for each round.
    number : int
        Calls in a sample.
    first_seconds, load_seconds : float
        The very first call; building the network before it.
    difference : float
        The largest one from the float64 reference, in any round.
    """

    workload: str
    contestant: str
    threads: int
    phase: str
    samples: tuple[float, ...]
    number: int
    first_seconds: float
    load_seconds: float
    difference: float

    @property
    def median(self) -> float:
        """The median of the samples, in seconds."""
        return statistics.median(self.samples)

    def to_dict(self) -> dict[str, Any]:
        """Return the measurement in types that JSON has."""
        return {**vars(self), "samples": list(self.samples), "median": self.median}


@dataclass(frozen=True)
class Absence:
    """Why there is no figure; no workload means all of them."""

    contestant: str
    threads: int
    kind: str
    reason: str
    workload: str = ""


@dataclass
class Results:
    """All of one run.

    Parameters
    ----------
    workloads : list of Workload
        In the order in which they are printed.
    titles : mapping of str to str
        The contestants' names to what is printed, in that order.
    """

    workloads: list[Workload]
    titles: Mapping[str, str]
    measurements: list[Measurement] = field(default_factory=list)
    absences: list[Absence] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    blas: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def threads(self) -> list[int]:
        """The numbers of threads that were measured, in order."""
        return sorted({measurement.threads for measurement in self.measurements})

    @property
    def failed(self) -> bool:
        """Whether a result was wrong, or a contestant broke down."""
        return any(absence.kind in ("wrong", "failed") for absence in self.absences)

    def find(
        self, workload: str, contestant: str, threads: int, phase: str = "whole"
    ) -> Measurement | None:
        """Return a measurement, if it was made."""
        key = (workload, contestant, threads, phase)
        for one in self.measurements:
            if (one.workload, one.contestant, one.threads, one.phase) == key:
                return one
        return None

    def ratio(self, measurement: Measurement | None, base: str) -> float | None:
        """Return how many times as long it took as another contestant, where both ran."""
        if measurement is None:
            return None
        other = self.find(measurement.workload, base, measurement.threads, measurement.phase)
        return None if other is None else measurement.median / other.median

    def of_curve(self, curve: str) -> list[Workload]:
        """Return the workloads of a growth curve, or with "" those of the table."""
        return [workload for workload in self.workloads if workload.curve == curve]

    def ran(self, workloads: Iterable[Workload], threads: int) -> list[str]:
        """Return the contestants that have a figure for any of some workloads."""
        names = {workload.name for workload in workloads}
        found = {
            one.contestant
            for one in self.measurements
            if one.workload in names and one.threads == threads
        }
        return [name for name in self.titles if name in found]
