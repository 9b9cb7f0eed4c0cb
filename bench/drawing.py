"""The growth curves as a picture (matplotlib)."""

from __future__ import annotations

import os
from typing import Any

from bench.results import Results

LABELS = {"batch": "rows in the batch (784-50-100-10)", "width": "width w (784-w-w-10, 100 rows)"}

MARKS = {
    "arraynet": ("black", "-", "o"),
    "products": ("0.45", ":", "x"),
    "onnxruntime": ("#0072b2", "--", "s"),
    "textbook": ("#d55e00", "-.", "^"),
    "torch": ("#009e73", (0, (5, 1, 1, 1, 1, 1)), "D"),
    "scikit-learn": ("#cc79a7", (0, (1, 1)), "v"),
    "arraynet-gpu": ("black", (0, (8, 3)), "P"),
}
"""Colour, line and marker of each contestant: any two differ without the colour."""


def can_draw() -> bool:
    """Return whether matplotlib is installed."""
    import importlib.util

    return importlib.util.find_spec("matplotlib") is not None


def draw(results: Results, path: str | os.PathLike[str], caption: str) -> None:
    """Draw time against batch and width, both axes logarithmic, to a PNG or SVG file.

    Parameters
    ----------
    results : Results
    path : str or os.PathLike
        Its suffix says which kind of picture.
    caption : str
        Stands below the curves.
    """
    from matplotlib.figure import Figure

    curves = [curve for curve in LABELS if results.of_curve(curve)]
    columns, rows = len(curves), len(results.threads)
    figure = Figure(figsize=(5.6 * columns, 4.2 * rows + 0.5), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for row, threads in enumerate(results.threads):
        for column, curve in enumerate(curves):
            _draw_curve(grid[row, column], results, curve, threads)
    figure.supxlabel(caption, fontsize=7)
    figure.savefig(path, dpi=120, metadata={"Date": None} if str(path).endswith("svg") else None)


def _draw_curve(axes: Any, results: Results, curve: str, threads: int) -> None:
    points = results.of_curve(curve)
    for name in results.ran(points, threads):
        found = [(p.place, results.find(p.name, name, threads)) for p in points]
        pairs = [(place, one.median * 1e6) for place, one in found if one is not None]
        colour, line, marker = MARKS[name]
        axes.plot(
            *zip(*pairs, strict=True),
            color=colour,
            linestyle=line,
            marker=marker,
            markersize=5,
            linewidth=2 if name == "arraynet" else 1.3,
            markerfacecolor=colour if name == "arraynet" else "white",
            label=results.titles[name],
        )
    axes.set(xscale="log", yscale="log", xlabel=LABELS[curve], ylabel="median time of a call (µs)")
    axes.set_title("1 thread" if threads == 1 else f"{threads} threads")
    axes.set_xticks([p.place for p in points], [f"{p.place:,}" for p in points])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
