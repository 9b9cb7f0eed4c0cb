"""Results that were never measured, for tests of what is made of results."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from bench.results import Measurement, Results
from bench.workloads import WORKLOADS

Add = Callable[..., Results]


@pytest.fixture(autouse=True)
def _numpy_settings() -> Iterator[None]:
    """Put back NumPy's settings, which a contestant may change: its process is its own."""
    with np.errstate():
        yield


@pytest.fixture
def made() -> Add:
    """Give a function that makes results of medians in µs, by workload and contestant."""

    def make(
        medians: dict[tuple[str, str], float], *, threads: int = 1, phase: str = "whole"
    ) -> Results:
        workloads = [w for name, w in WORKLOADS.items() if name in {key[0] for key in medians}]
        titles = {name: name.replace("-", " ") for name in dict.fromkeys(key[1] for key in medians)}
        results = Results(workloads, titles)
        for (workload, contestant), median in medians.items():
            results.measurements.append(
                Measurement(
                    workload=workload,
                    contestant=contestant,
                    threads=threads,
                    phase=phase,
                    samples=(median * 2e-6, median * 1e-6, median * 1e-7),
                    number=10,
                    first_seconds=0.25,
                    load_seconds=0.5,
                    difference=1e-7,
                )
            )
        return results

    return make
