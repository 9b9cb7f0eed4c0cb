"""A network node by node: the nodes, their values, and how far backends differ in those."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from arraynet.errors import ShapeError, clipped, shape_text
from arraynet.graph import Graph, HostArray
from arraynet.network import Network
from arraynet.ops import OPS, Op
from arraynet.parity import NodeDifference, Report
from arraynet.plots.canvas import (
    FONT,
    PLAIN,
    axes_of,
    columns_for,
    panels,
    picture,
    set_title,
    size_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Place = tuple[float, float]

WIDE, HIGH = 3.0, 0.62  # of a box of a graph; a level is one unit high
APART = 3.6  # between the middles of two boxes of one level
LANE = 0.3  # between two lines that go around the boxes
LETTERS = 26  # of a name, at most: so many fit into a box

BINS = 40  # of a histogram
MOST = 40  # panels: more of them cannot be read
NEAR = 0.01  # part of the range between two bounds: so near to one, a value is saturated

MARKERS = "osD^vPX*"  # of backends


@picture
def graph(net: Network, *, ax: Axes | None = None) -> Axes:
    """Draw a network from its input, on top, to its output.

    A box is a node, with its parameters; a line is a value, with its shape. Boxes with
    parameters have a thick frame.

    Parameters
    ----------
    net : Network

    Examples
    --------
    >>> import arraynet
    >>> ax = graph(arraynet.load_pretrained("digits"))
    >>> len(ax.patches) >= 7
    True
    """
    drawn = net.graph
    places = _places(drawn)
    levels = 1 + max(-y for _, y in places.values())
    breadth = WIDE + 2 * max(x for x, _ in places.values())
    ax = axes_of(ax, 1.15 * breadth + 0.7, 0.72 * levels + 0.6)
    ax.set_axis_off()
    ax.set_ylim(-levels + 0.4, 0.55)
    width, height = size_of(ax)
    font = min(FONT, 72 * 0.4 * HIGH * height / levels, 72 * WIDE * width / breadth / LETTERS / 0.7)
    lane = breadth / 2
    for node in drawn.nodes:
        for name in dict.fromkeys(node.inputs):
            if name is None or name not in places:
                continue
            (left, top), (x, y) = places[name], places[node.name]
            if top - y < 1.5:
                tail, head = (left, top - HIGH / 2), (x, y + HIGH / 2)
                _draw_arrow(ax, tail, head)
                _write_shape(ax, tail, head, shape_text(drawn.shapes[name]), 0.8 * font)
            else:  # around all boxes
                lane += LANE
                head = (x + WIDE / 2, y + HIGH / 6)
                _draw_arrow(ax, (left + WIDE / 2, top), (lane, top), (lane, head[1]), head)
    ax.set_xlim(-lane - 0.15, lane + 0.15)
    for name, place in places.items():
        _draw_box(ax, drawn, name, place, font)
    total = sum(weight.size for weight in drawn.weights.values())
    set_title(ax, f"{total:,} parameters of {drawn.dtype}", fontsize=FONT)
    return ax


def _places(drawn: Graph) -> dict[str, Place]:
    """Return where each input and node stands: below all that it reads."""
    depths = {value.name: 0 for value in drawn.inputs}
    for node in drawn.nodes:
        read = [depths[name] for name in node.inputs if name in depths]
        depths[node.name] = 1 + max(read, default=-1)
    levels: dict[int, list[str]] = {}
    for name, depth in depths.items():
        levels.setdefault(depth, []).append(name)
    return {
        name: (APART * (levels[depth].index(name) - (len(levels[depth]) - 1) / 2), -float(depth))
        for name, depth in depths.items()
    }


def _draw_box(ax: Axes, drawn: Graph, name: str, place: Place, font: float) -> None:
    """Draw an input or a node, with its name and what it has learned."""
    from matplotlib.patches import FancyBboxPatch

    node = drawn.producers.get(name)
    count = 0 if node is None else sum(weight.size for weight in drawn.weights_of(node))
    ax.add_patch(
        FancyBboxPatch(
            (place[0] - WIDE / 2, place[1] - HIGH / 2),
            WIDE,
            HIGH,
            boxstyle="round,pad=0,rounding_size=0.12",
            facecolor=ax.get_facecolor(),
            edgecolor="C0" if count else ax.title.get_color(),
            linewidth=2.2 if count else 1.0,
            linestyle="-" if node is not None else "--",
        )
    )
    detail = "input" if node is None else f"{count:,} parameters" if count else ""
    middle = {"ha": "center", "va": "center", **PLAIN}
    title = clipped(name, LETTERS) + "\n" * bool(detail)
    ax.text(*place, title, weight="bold", fontsize=font, **middle)
    if detail:
        ax.text(*place, f"\n{detail}", fontsize=0.9 * font, **middle)


def _draw_arrow(ax: Axes, *corners: Place) -> None:
    """Draw straight lines with a point at the end."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    color, path = ax.title.get_color(), Path(corners)
    ax.add_patch(FancyArrowPatch(path=path, arrowstyle="-|>", mutation_scale=10, color=color))


def _write_shape(ax: Axes, tail: Place, head: Place, shape: str, font: float) -> None:
    """Write a value's shape beside a line that is upright, and else in its middle."""
    x, y = (tail[0] + head[0]) / 2, (tail[1] + head[1]) / 2
    how: dict[str, Any] = {"va": "center", "fontsize": font, **PLAIN}
    if tail[0] == head[0]:
        ax.text(x + 0.1, y, shape, **how)
    else:
        page = {"facecolor": ax.get_facecolor(), "edgecolor": "none", "pad": 0.5}
        ax.text(x, y, shape, ha="center", bbox=page, **how)


@picture
def layers(net: Network, x: Any, *, ax: Axes | None = None) -> Axes:
    """Draw histograms of the input and of every intermediate, which show saturation.

    The values are those of the network as it was written. Under the name of a bounded
    elementwise activation stands how many of its values are saturated: within a hundredth
    of the range from a bound, or, where there is only one bound, exactly there. The axes'
    ``child_axes`` are the panels: the input first, then the first 39 nodes in order.

    Parameters
    ----------
    net : Network
    x : array, shape (batch, features)
        A few hundred rows show enough; all intermediates are held at once.

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
    rows = len(next(iter(values.values())))
    if not rows:
        raise ShapeError("layers: got no rows, expected a batch to look at")
    wide = columns_for(count)
    ax = axes_of(ax, 2.5 * wide + 0.5, 2.3 * -(-count // wide) + 0.8)
    part = f", the first {count} of {len(values):,}" if count < len(values) else ""
    set_title(ax, f"Values in each layer, for {rows:,} inputs{part}")
    host, titles = [], []
    for name, value in list(values.items())[:count]:
        host.append(net.backend.to_host(value))
        node = net.graph.producers.get(name)
        note = "input" if node is None else _note(host[-1].astype(np.float64), OPS[node.op])
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
