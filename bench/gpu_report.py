"""``python -m bench --gpu-report``: everything there is to know about one GPU."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.ceilings import ceilings
from bench.contestants import GPU_CONTESTANTS
from bench.machine import machine_facts
from bench.networks import layers_of
from bench.process import ContestantError, Process
from bench.results import Measurement, Results
from bench.rounds import Plan, measure
from bench.table import absence_lines, markdown, microseconds, times
from bench.targets import GPU_TARGETS, target_lines
from bench.workloads import Workload, chosen

USUAL = ("mnist-*", "wide-*", "mixed-*", "batch-100000")

COLUMNS = (
    "load ms",
    "first call ms",
    "input to device µs",
    "steady µs",
    "output to host µs",
    "host to host µs",
    "steady × arraynet",
    "steady × products",
    "host to host × arraynet",
)

EXPLANATION = (
    "Every time is a median, the device synchronised inside the timed region, and every result "
    "is checked against float64. *Load* builds the network on the device (arraynet tries the "
    "device out first, which is not counted). *First call* is the first one of its process on "
    "an input that lies on the device: it starts cuBLAS, and compiles kernels that CuPy's cache "
    "on disk does not hold yet. *Steady* starts and ends on the device. *Host to host* is "
    "`net.predict(x)`, or its like, on a NumPy array."
)


def report(
    name: str, patterns: Sequence[str], plan: Plan, progress: Callable[[str], object]
) -> int:
    """Measure, print the report as Markdown, and write it beside its JSON.

    Parameters
    ----------
    name : str
        ``NAME.md`` and ``NAME.json`` are written.
    patterns : sequence of str
        The workloads, as for `bench.workloads.chosen`.
    plan : Plan
        Every phase is timed, whatever it says.
    progress : callable
        Called with what happens next.

    Returns
    -------
    int
        The exit status: 1 where the GPU cannot be used, or a figure is missing for a
        reason that is a fault.
    """
    from bench.command import results_facts, write_json

    if (reason := unusable("arraynet-gpu")) is not None:
        print(f"bench: --gpu-report: {reason}", file=sys.stderr)
        return 1
    machine = machine_facts()
    titles = {key: entry.title for key, entry in GPU_CONTESTANTS.items()}
    results = Results(chosen(patterns or USUAL), titles)
    measure(results, titles, 1, replace(plan, phases=()), fresh=True, report=progress)
    progress("ceilings")
    rates, failures = ceilings()
    progress("")
    text = report_text(results, machine, rates, failures)
    print(text)
    Path(f"{name}.md").write_text(text + "\n", "utf-8")
    facts = {"ceilings": rates, "failures": failures, **results_facts(results)}
    write_json(f"{name}.json", {**machine, "plan": vars(plan), **facts})
    print(f"bench: wrote {name}.md and {name}.json", file=sys.stderr)
    return 1 if results.failed or failures else 0


def unusable(contestant: str) -> str | None:
    """Return why a contestant cannot take part; None if it can."""
    with Process(contestant, 1) as process:
        try:
            process.greeting  # noqa: B018 (fails where it cannot)
        except ContestantError as error:
            return str(error)
    return None


def report_text(
    results: Results,
    machine: Mapping[str, Any],
    rates: Mapping[str, float],
    failures: Sequence[str],
) -> str:
    """Return the report as Markdown."""
    missing = [*absence_lines(results.absences, results.titles), *failures]
    parts = [
        "# arraynet on a GPU",
        _heading(results, machine),
        EXPLANATION,
        markdown([["workload", "contestant", *COLUMNS], *_rows(results)]),
        "## Ceilings",
        markdown([["what", "rate"], *([what, _rate(what, n)] for what, n in rates.items())]),
        *_floors(results.workloads, rates),
        "## Targets",
        *(f"- {line}" for line in target_lines(results, GPU_TARGETS) or ["none was measured"]),
    ]
    if missing:
        parts += ["## Missing", *(f"- {line}" for line in missing)]
    return "\n\n".join(parts)


def _heading(results: Results, machine: Mapping[str, Any]) -> str:
    facts = {key: value for one in results.facts.values() for key, value in one.items()}
    facts.update(results.facts.get("arraynet-gpu", {}))
    versions = [f"{key} {facts[key]}" for key in ("arraynet", "cupy", "torch") if key in facts]
    memory = facts.get("memory")
    card = [str(facts.get("device")), *([f"{memory / 2**30:.0f} GiB"] if memory else [])]
    card += [f"{key} {facts[key]}" for key in ("driver", "runtime") if key in facts]
    host = [machine["processor"], f"{machine['cores']} cores", f"Python {machine['python']}"]
    return f"{', '.join(card)}; {', '.join(host)}; {', '.join(versions)}; {machine['date'][:10]}."


def _rows(results: Results) -> list[list[str]]:
    rows = []
    for workload in results.workloads:
        for name in results.ran([workload], 1):
            phases = {
                one.phase: one
                for one in results.measurements
                if (one.workload, one.contestant) == (workload.name, name)
            }
            rows.append([workload.title, results.titles[name], *_cells(results, phases)])
    return rows


def _cells(results: Results, phases: Mapping[str, Measurement]) -> list[str]:
    steady, whole = phases.get("steady"), phases.get("whole")

    def median(phase: str) -> str:
        return microseconds(phases[phase].median) if phase in phases else "–"

    return [
        "–" if steady is None else f"{steady.load_seconds * 1e3:.1f}",
        "–" if steady is None else f"{steady.first_seconds * 1e3:.1f}",
        *(median(phase) for phase in ("to device", "steady", "to host", "whole")),
        times(results.ratio(steady, "arraynet-gpu")),
        times(results.ratio(steady, "cupy-products")),
        times(results.ratio(whole, "arraynet-gpu")),
    ]


def _rate(what: str, value: float) -> str:
    return f"{value / 1e12:.1f} TFLOP/s" if "product" in what else f"{value / 1e9:.1f} GB/s"


def _floors(workloads: Sequence[Workload], rates: Mapping[str, float]) -> list[str]:
    """Return a table of the least time that the ceilings allow each workload."""
    copied, multiplied = rates.get("pinned host to device"), rates.get("product in float32")
    if copied is None or multiplied is None:
        return []
    rows = [["workload", "input", "to copy it, µs", "multiply-adds", "to make them, µs"]]
    for workload in workloads:
        sizes = [layer.weight.shape for layer in layers_of(workload.network)]
        size = workload.rows * sizes[0][0] * (1 if workload.dtype == "uint8" else 4)
        count = workload.rows * sum(inputs * outputs for inputs, outputs in sizes)
        rows.append(
            [
                workload.title,
                f"{size:,} B",
                microseconds(size / copied),
                f"{count:,}",
                microseconds(2 * count / multiplied),
            ]
        )
    return ["At these rates no network of these sizes can take less than:", markdown(rows)]
