"""What arraynet sets out to reach, as ratios between contestants of one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.results import Results


@dataclass(frozen=True)
class Target:
    """At most so many times as long as another contestant.

    Parameters
    ----------
    workload : str
    other : str
        Beside which contestant.
    most : float
    threads : int
    contestant, phase : str
    """

    workload: str
    other: str
    most: float
    threads: int = 1
    contestant: str = "arraynet"
    phase: str = "whole"


TARGETS = (
    Target("mnist-1", "onnxruntime", 0.95),
    Target("mnist-100", "onnxruntime", 1.25),
    Target("mnist-10000", "onnxruntime", 1.05),
    Target("mnist-10000", "onnxruntime", 1.0, threads=2),
    Target("mnist-10000", "textbook", 1 / 1.6),
    Target("mnist-10000-uint8", "onnxruntime", 1.0),
    Target("wide-256", "products", 1.05),
    Target("wide-1", "products", 1.1),
)

GPU_TARGETS = (
    Target("mnist-1", "torch-cuda", 0.6, contestant="arraynet-gpu", phase="steady"),
    Target("mnist-10000", "torch-cuda", 1.0, contestant="arraynet-gpu"),
    Target("wide-256", "cupy-products", 1 / 0.9, contestant="arraynet-gpu", phase="steady"),
)


def target_lines(results: Results, targets: Sequence[Target]) -> list[str]:
    """Return a line for each target whose contestants were measured."""
    lines = []
    for target in targets:
        ours = results.find(target.workload, target.contestant, target.threads, target.phase)
        ratio = results.ratio(ours, target.other)
        if ratio is None:
            continue
        verdict = "met" if ratio <= target.most else "missed"
        threads = "" if target.threads == 1 else f", {target.threads} threads"
        lines.append(
            f"{target.workload}{threads}: {ratio:.2f} × {results.titles[target.other]}, "
            f"at most {target.most:.2f} wanted: {verdict}"
        )
    return lines
