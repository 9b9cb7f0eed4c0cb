"""The distribution of every intermediate value of a network."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from arraynet.errors import ShapeError
from arraynet.graph import HostArray
from arraynet.network import Network
from arraynet.ops import OPS
from arraynet.plots.canvas import axes_of, columns_for, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 40

NEAR = 0.01
"""How near to a bound a value is saturated, as a part of the range between both."""


def layers(net: Network, x: Any, *, ax: Axes | None = None) -> Axes:
    """Draw histograms of the input and of every intermediate, which show saturation.

    The values are those of the network as it was written. Under the name of a bounded
    activation stands how many of its values are saturated: within a hundredth of the
    range from a bound, or, where there is only one bound, exactly there.

    Parameters
    ----------
    net : Network
    x : array, shape (batch, features)
        A few hundred rows show enough; all intermediates are held at once.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        Its ``child_axes`` are the panels: the input first, then each node in order.

    Raises
    ------
    ShapeError, DtypeError, DeviceMismatchError
        As for a call of the network.

    Examples
    --------
    >>> import arraynet
    >>> _, (x, t) = arraynet.datasets.load_digits()
    >>> ax = layers(arraynet.load_pretrained("digits"), x)
    >>> [panel.get_title().splitlines()[0] for panel in ax.child_axes][:3]
    ['x', 'affine1', 'sigmoid1']
    """
    values = {name: net.backend.to_host(value) for name, value in net.activations(x).items()}
    rows = len(next(iter(values.values())))
    if not rows:
        raise ShapeError("layers: got no rows, expected a batch to look at")
    wide = columns_for(len(values))
    ax = axes_of(ax, 2.5 * wide + 0.5, 2.3 * -(-len(values) // wide) + 0.8)
    ax.set_title(f"Values in each layer, for {rows:,} inputs")
    children, columns, font = panels(ax, len(values), gap=(0.42, 0.85), top=0.5)
    for index, (panel, (name, array)) in enumerate(zip(children, values.items(), strict=True)):
        node = net.graph.producers.get(name)
        note = "input" if node is None else _note(array, OPS[node.op].bounds)
        _draw(panel, array)
        panel.set_title(f"{name}\n{note}" if note else name, fontsize=font)
        if index % columns == 0:
            panel.set_ylabel("values (%)", fontsize=font)
        if index + columns >= len(values):
            panel.set_xlabel("value", fontsize=font)
    return ax


def _draw(ax: Axes, array: HostArray) -> None:
    """Draw the histogram of an array's finite values, as shares of all of them."""
    numbers = array.astype(np.float64).ravel()
    finite = numbers[np.isfinite(numbers)]
    share = np.full(finite.shape, 100.0 / max(numbers.size, 1))
    ax.hist(finite, BINS, weights=share, color="C0", edgecolor=ax.get_facecolor(), linewidth=0.3)
    ax.locator_params(axis="x", nbins=4)


def _note(array: HostArray, bounds: tuple[float, float]) -> str:
    """Say how many values are no numbers, and how many are saturated."""
    numbers = array.astype(np.float64)
    lost = np.count_nonzero(~np.isfinite(numbers))
    if lost:
        return f"{lost:,} not finite"
    if not any(map(math.isfinite, bounds)):
        return ""
    share = 100 * np.count_nonzero(saturated(numbers, bounds)) / max(numbers.size, 1)
    return f"{share:.0f} % saturated"


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
    width = NEAR * (upper - lower) if math.isfinite(upper - lower) else 0.0
    return (array <= lower + width) | (array >= upper - width)
