"""The distribution of every intermediate value of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from arraynet.errors import ShapeError, clipped
from arraynet.graph import HostArray
from arraynet.network import Network
from arraynet.ops import OPS, Op
from arraynet.plots.canvas import axes_of, columns_for, panels, picture, set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 40

MOST = 40
"""Panels: more of them cannot be read."""

NEAR = 0.01
"""How near to a bound a value is saturated, as a part of the range between both."""


@picture
def layers(net: Network, x: Any, *, ax: Axes | None = None) -> Axes:
    """Draw histograms of the input and of every intermediate, which show saturation.

    The values are those of the network as it was written. Under the name of a bounded
    elementwise activation stands how many of its values are saturated: within a hundredth
    of the range from a bound, or, where there is only one bound, exactly there.

    Parameters
    ----------
    net : Network
    x : array, shape (batch, features)
        A few hundred rows show enough; all intermediates are held at once.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        Its ``child_axes`` are the panels: the input first, then the first 39 nodes in order.

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
    children, columns, font = panels(ax, count, gap=(0.42, 0.85), top=0.5)
    for index, (panel, (name, value)) in enumerate(zip(children, values.items(), strict=False)):
        numbers = net.backend.to_host(value).astype(np.float64)
        node = net.graph.producers.get(name)
        note = "input" if node is None else _note(numbers, OPS[node.op])
        _draw(panel, numbers)
        set_title(panel, f"{clipped(name, 22)}\n{note}".strip(), fontsize=font, fontweight="normal")
        if index % columns == 0:
            panel.set_ylabel("values (%)", fontsize=font)
        if index + columns >= count:
            panel.set_xlabel("value", fontsize=font)
    return ax


def _draw(ax: Axes, numbers: HostArray) -> None:
    """Draw the histogram of the finite values, as shares of all of them."""
    finite = numbers[np.isfinite(numbers)]
    share = np.full(finite.shape, 100.0 / max(numbers.size, 1))
    ax.hist(finite, BINS, weights=share, color="C0", edgecolor=ax.get_facecolor(), linewidth=0.3)
    ax.locator_params(axis="x", nbins=4)


def _note(numbers: HostArray, op: Op) -> str:
    """Say how many values are no numbers, and how many are saturated.

    What is bounded because its rows are shares of a whole, such as softmax, never is.
    """
    lost = np.count_nonzero(~np.isfinite(numbers))
    if lost:
        return f"{lost:,} not finite"
    if not op.elementwise or not np.isfinite(op.bounds).any():
        return ""
    return f"{100 * saturated(numbers, op.bounds).sum() / max(numbers.size, 1):.0f} % saturated"


def saturated(array: HostArray, bounds: tuple[float, float]) -> HostArray:
    """Return which values are at a bound of their op, or near one of two bounds.

    Examples
    --------
    >>> saturated(np.array([0.0, 0.009, 0.5, 1.0]), (0, 1)).tolist()
    [True, True, False, True]
    >>> saturated(np.array([0.0, 0.009]), (0, np.inf)).tolist()
    [True, False]
    """
    lower, upper = bounds
    width = NEAR * (upper - lower) if np.isfinite(upper - lower) else 0.0
    return (array <= lower + width) | (array >= upper - width)
