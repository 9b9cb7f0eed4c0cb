"""A network node by node: values, and how far backends differ in those."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from arraynet.errors import ShapeError, clipped
from arraynet.graph import HostArray
from arraynet.network import Network
from arraynet.ops import OPS, Op
from arraynet.parity import NodeDifference, Report
from arraynet.parity.measuring import ops_of
from arraynet.plots.canvas import (
    PLAIN,
    axes_of,
    columns_for,
    panels,
    picture,
    set_title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 40  # of a histogram
MOST = 40  # panels: more of them cannot be read
NEAR = 0.01  # part of the range between two bounds: so near to one, a value is saturated

MARKERS = "osD^vPX*"  # of backends


@picture
def layers(net: Network, x: Any, *, ax: Axes | None = None) -> Axes:
    """Draw histograms of the input and of every intermediate, which show saturation.

    The values are those of the network as it was written. Under the name of a bounded
    elementwise activation stands how many of its values are saturated: within a hundredth
    of the range from a bound, or, where there is only one bound, exactly there. The axes'
    ``child_axes`` are the panels: inputs first, then values in order, 40 in all.

    Parameters
    ----------
    net : Network
    x : array, or dict of str to array
        As for a call, of several inputs each by its name. A few hundred rows show enough;
        all intermediates are held at once.

    Raises
    ------
    ShapeError, DtypeError, DeviceMismatchError
        As for a call of the network.
    OutOfMemoryError
        If the intermediates do not fit into the memory.

    Examples
    --------
    >>> import arraynet
    >>> _, (x, t) = arraynet.datasets.load_digits()
    >>> ax = layers(arraynet.load_pretrained("digits"), x)
    >>> [panel.get_title().splitlines()[0] for panel in ax.child_axes][:3]
    ['x', 'affine1', 'sigmoid1']
    """
    values = net.activations(x)
    count = min(len(values), MOST)
    given = [values[value.name] for value in net.inputs]
    rows = next((array.shape[0] for array in given if array.ndim), 1)
    if not rows:
        raise ShapeError("layers: got no rows, expected a batch to look at")
    ops = dict(ops_of(net.graph))
    wide = columns_for(count)
    ax = axes_of(ax, 2.5 * wide + 0.5, 2.3 * -(-count // wide) + 0.8)
    part = f", the first {count} of {len(values):,}" if count < len(values) else ""
    set_title(ax, f"Values in each layer, for {rows:,} input{'s' * (rows != 1)}{part}")
    host, titles = [], []
    for name, value in list(values.items())[:count]:
        host.append(net.backend.to_host(value))
        note = _note(host[-1].astype(np.float64), OPS[ops[name]]) if name in ops else "input"
        titles.append(f"{clipped(name, 22)}\n{note}".strip())
    labels = ("value", "values (%)")
    children, _ = panels(ax, titles, labels=labels, gap=(0.42, 0.85), top=0.5)
    edge = ax.get_facecolor()
    for panel, value in zip(children, host, strict=True):
        numbers = value.astype(np.float64)
        finite = numbers[np.isfinite(numbers)]
        share = np.full(finite.shape, 100.0 / max(numbers.size, 1))
        panel.hist(finite, BINS, weights=share, color="C0", edgecolor=edge, linewidth=0.3)
        panel.locator_params(axis="x", nbins=4)
    return ax


def _note(numbers: HostArray, op: Op) -> str:
    """Say how many values are no numbers, and how many are at a bound, or near one of two.

    What is bounded because its rows are shares of a whole, such as softmax, never is.
    """
    if lost := np.count_nonzero(~np.isfinite(numbers)):
        return f"{lost:,} not finite"
    lower, upper = op.bounds
    if not op.elementwise or not np.isfinite(op.bounds).any():
        return ""
    near = NEAR * (upper - lower) if np.isfinite(upper - lower) else 0.0
    saturated = (numbers <= lower + near) | (numbers >= upper - near)
    return f"{100 * saturated.sum() / max(numbers.size, 1):.0f} % saturated"


@picture
def parity(report: Report, *, ax: Axes | None = None) -> Axes:
    """Draw the largest differences of each node from the reference, on a logarithmic scale.

    Filled marks are absolute differences, open ones relative; at the left edge stands
    what does not differ at all, at the right one what differs infinitely.

    Parameters
    ----------
    report : Report
        What `arraynet.parity.compare` returns.

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
        color, marker = f"C{index}", MARKERS[index % len(MARKERS)]
        for kind, face in (("absolute", color), ("relative", "none")):
            x = np.clip([getattr(each, kind) for each in members], lowest, highest)
            label = f"{clipped(backend)}, {kind}"
            ax.plot(x, y, marker, color=color, markerfacecolor=face, markersize=7, label=label,
                    clip_on=False)  # fmt: skip
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
