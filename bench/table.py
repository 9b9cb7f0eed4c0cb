"""Results as text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bench.results import Absence, Measurement, Results
from bench.workloads import Workload

BASES = {"arraynet": "× arraynet", "products": "× products"}
"""The contestants that ratios are given to, and the heading of each."""

CURVES = {"batch": "growth with the batch", "width": "growth with the width"}


def microseconds(seconds: float) -> str:
    """Return a time in µs with about three digits.

    Examples
    --------
    >>> microseconds(4.3217e-6), microseconds(0.012)
    ('4.32', '12,000')
    """
    value = seconds * 1e6
    digits = 2 if value < 10 else 1 if value < 1000 else 0
    return f"{value:,.{digits}f}"


def times(ratio: float | None) -> str:
    """Return a ratio as text, a dash if there is none."""
    return "–" if ratio is None else f"{ratio:.2f}"


def text_table(results: Results) -> str:
    """Return the table with a line for each contestant, then the growth curves."""
    rows = [["workload", "threads", "contestant", "median µs", *BASES.values()]]
    for workload in results.of_curve(""):
        for threads in results.threads:
            for name in results.ran([workload], threads):
                one = results.find(workload.name, name, threads)
                if one is not None:
                    first = name == results.ran([workload], threads)[0]
                    head = [workload.title, str(threads)] if first else ["", ""]
                    rows.append([*head, results.titles[name], *_figures(results, one)])
    parts = [aligned(rows, left=(0, 2))] if len(rows) > 1 else []
    parts += [
        f"{title}, median µs, {_threads(threads)}\n{aligned(cells)}"
        for title, threads, cells in _curves(results)
    ]
    return "\n\n".join(parts)


def markdown_table(results: Results) -> str:
    """Return the table with a column for each contestant, then the growth curves."""
    parts = []
    for threads in results.threads:
        workloads = results.of_curve("")
        names = results.ran(workloads, threads)
        if not names:
            continue
        rows = [[_threads(threads), *(results.titles[name] for name in names)]]
        for workload in workloads:
            cells = [results.find(workload.name, name, threads) for name in names]
            rows.append([workload.title, *(_cell(results, cell) for cell in cells)])
        parts.append(markdown(rows))
    if parts:
        parts.insert(0, "Median µs a call (times arraynet's; times that of the bare products).")
    for title, threads, cells in _curves(results):
        parts += [f"{title.capitalize()}, median µs, {_threads(threads)}:", markdown(cells)]
    return "\n\n".join(parts)


def _figures(results: Results, one: Measurement) -> list[str]:
    ratios = (times(results.ratio(one, base)) for base in BASES)
    return [microseconds(one.median), *ratios]


def _cell(results: Results, one: Measurement | None) -> str:
    if one is None:
        return "–"
    median, *ratios = _figures(results, one)
    return f"{median} ({'; '.join(ratios)})"


def _curves(results: Results) -> Iterable[tuple[str, int, list[list[str]]]]:
    """Yield the title, the threads and the cells of each growth curve."""
    for curve, title in CURVES.items():
        points = results.of_curve(curve)
        for threads in results.threads:
            names = results.ran(points, threads)
            if names:
                yield title, threads, _curve_cells(results, points, names, threads)


def _curve_cells(
    results: Results, points: Sequence[Workload], names: Sequence[str], threads: int
) -> list[list[str]]:
    rows = [[points[0].curve, *(results.titles[name] for name in names)]]
    for point in points:
        found = [results.find(point.name, name, threads) for name in names]
        cells = ["–" if one is None else microseconds(one.median) for one in found]
        rows.append([f"{point.place:,}", *cells])
    return rows


def _threads(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"


def aligned(rows: Sequence[Sequence[str]], left: Iterable[int] = (0,)) -> str:
    """Return cells in columns, the given ones to the left, the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if place in left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return cells as a Markdown table, the first row its heading, numbers to the right."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "| --- |" + " ---: |" * (len(rows[0]) - 1))
    return "\n".join(lines)


def heading(machine: Mapping[str, Any], results: Results) -> list[str]:
    """Return the lines that say where, when and with what the figures were measured."""
    versions: dict[str, str] = {}
    for facts in results.facts.values():
        versions.update({key: facts[key] for key in PACKAGES if key in facts})
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, "
        f"Python {machine['python']}, {machine['date'][:10]}",
        ", ".join(f"{name} {version}" for name, version in versions.items()),
        f"NumPy's BLAS: {_blas(results)}; weights of the MNIST network: {machine['mnist_weights']}",
    ]
    forced = {name: value for name, value in machine["environment"].items() if value is not None}
    if forced:
        pairs = ", ".join(f"{name}={value}" for name, value in forced.items())
        lines.append(f"The environment sets {pairs}: figures without it may differ.")
    load = machine["load"]
    if load is not None and load > machine["cores"] / 2:
        lines.append(f"The machine was busy at the start (load {load:.1f}): read ratios only.")
    return lines


def _blas(results: Results) -> str:
    """Return which BLAS NumPy uses, and which kernel that chose."""
    for name in ("arraynet", "textbook", "products"):
        for library in results.blas.get(name, []):
            words = [library.get("internal_api"), library.get("version")]
            kernel = library.get("architecture") or "kernel unknown"
            return " ".join(str(word) for word in words if word) + f" ({kernel})"
    return "unknown"


PACKAGES = ("arraynet", "numpy", "onnxruntime", "torch", "scikit-learn", "cupy")


def absence_lines(absences: Sequence[Absence], titles: Mapping[str, str]) -> list[str]:
    """Return a line for each figure that is missing, the same reason said once."""
    reasons: dict[tuple[str, str, str], list[str]] = {}
    for absence in absences:
        what = {"wrong": "wrong result", "failed": "failed"}.get(absence.kind, "skipped")
        places = reasons.setdefault((titles[absence.contestant], what, absence.reason), [])
        if absence.workload and absence.workload not in places:
            places.append(absence.workload)
    return [
        f"{title}: {what}{' on ' + ', '.join(places) if places else ''}: {reason}"
        for (title, what, reason), places in reasons.items()
    ]
