"""How far backends differ, node by node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from arraynet.errors import ShapeError, clipped
from arraynet.parity import NodeDifference, Report
from arraynet.plots.canvas import PLAIN, axes_of, picture, set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKERS = "osD^vPX*"


@picture
def parity(report: Report, *, ax: Axes | None = None) -> Axes:
    """Draw the largest differences of each node from the reference, on a logarithmic scale.

    Filled marks are absolute differences, open ones relative; at the left edge stands
    what does not differ at all, at the right one what differs infinitely.

    Parameters
    ----------
    report : Report
        What `arraynet.parity.compare` returns.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ShapeError
        For a report without nodes.

    Examples
    --------
    >>> import arraynet
    >>> from arraynet.parity import compare
    >>> _, (x, t) = arraynet.datasets.load_digits()
    >>> ax = parity(compare(arraynet.load_pretrained("digits"), x[:50]))
    >>> ax.get_legend_handles_labels()[1]
    ['float64, absolute', 'float64, relative']
    """
    found = [*report.nodes, *report.outputs]
    if not found:
        raise ShapeError("parity: got a report without nodes, expected one of compare")
    names = list(dict.fromkeys(each.name for each in found))
    groups: dict[str, list[NodeDifference]] = {}
    for each in found:
        groups.setdefault(each.backend, []).append(each)
    ax = axes_of(ax, 6.4, 0.42 * len(names) + 1.8)
    lowest, highest = _range(found)
    ax.set_xscale("log")
    ax.set_xlim(lowest, highest)
    for index, (backend, members) in enumerate(groups.items()):
        offset = 0.5 * ((index + 0.5) / len(groups) - 0.5)
        y = [names.index(each.name) + offset for each in members]
        for kind in ("absolute", "relative"):
            x = np.clip([getattr(each, kind) for each in members], lowest, highest)
            filled = kind == "absolute"
            ax.plot(x, y, MARKERS[index % len(MARKERS)], color=f"C{index}", clip_on=False,
                    markerfacecolor=f"C{index}" if filled else "none", markersize=7,
                    label=f"{clipped(backend)}, {kind}")  # fmt: skip
    ax.set_yticks(range(len(names)), [clipped(name, 26) for name in names], **PLAIN)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(axis="x", linewidth=0.5, alpha=0.5)
    for side in np.arange(len(names) - 1) + 0.5:
        ax.axhline(side, color="gray", linewidth=0.5, alpha=0.5)
    ax.set_xlabel("largest difference over the batch (left edge: none)")
    rows = f"{report.rows:,} rows, " if report.rows else ""
    agree = f"{100 * report.labels_agree:.4g} % of labels agree"
    title = f"Differences from {clipped(report.backends[0])}: {rows}{agree}"
    set_title(ax, title, fontsize="medium")
    legend = ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small", frameon=False)
    for text in legend.get_texts():
        text.update(PLAIN)
    return ax


def _range(found: list[NodeDifference]) -> tuple[float, float]:
    """Return a range of whole decades around all differences."""
    values = np.array([[each.absolute, each.relative] for each in found])
    inner = values[np.isfinite(values) & (values > 0)]
    if not inner.size:
        return 1e-9, 1.0
    lowest = 10.0 ** np.floor(np.log10(inner.min()) - 0.3)
    return float(lowest), float(10.0 ** np.ceil(np.log10(inner.max()) + 0.1))
