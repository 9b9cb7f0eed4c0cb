"""Pictures of activations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from arraynet.errors import ShapeError
from arraynet.plots.canvas import axes_of, columns_for, panels, picture, set_title
from arraynet.plots.curves import Activation, Curve, Function, function_of, slope

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 1401
"""Of each curve: from -7 to 7, every hundredth, so that kinks fall on points."""

STYLES = ("-", "--", "-.", ":", (0, (8, 2)), (0, (1, 1)), (0, (3, 1, 1, 1, 1, 1)))
"""Lines that are told apart without colours."""


@picture
def activations(
    names: Activation | Sequence[Activation] = ("step", "sigmoid", "relu"),
    derivative: bool = False,
    *,
    together: bool = False,
    lower: float = -7.0,
    upper: float = 7.0,
    ax: Axes | None = None,
) -> Axes:
    """Draw activations, each in a panel of its own.

    Parameters
    ----------
    names : str or sequence
        Names of ops in `arraynet.ops.OPS`, with attributes where wanted:
        ``("leaky_relu", {"alpha": 0.1})``. Of an op on rows, such as softmax, the first
        output for the row (x, 0) is drawn.
    derivative : bool
        Draw the slope of each too, by central differences in float64; the line has a
        gap where the slope jumps.
    together : bool
        Draw all of them into one panel.
    lower, upper : float
        The inputs to draw.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        Its ``child_axes`` are the panels, where there are several.

    Raises
    ------
    GraphError
        For a name that is no activation, or an attribute that it does not take.
    ShapeError
        For no names, or an empty range.

    Examples
    --------
    >>> ax = activations(["relu", "gelu"], derivative=True)
    >>> [panel.get_title() for panel in ax.child_axes]
    ['relu', 'gelu']
    """
    several = _several(names)
    if not several or not lower < upper:
        raise ShapeError(
            f"activations: got {len(several)} names from {lower} to {upper}, expected one or more "
            f"and a range"
        )
    functions = [function_of(activation) for activation in several]
    x = np.linspace(lower, upper, POINTS)
    title = "Activations and their derivatives" if derivative else "Activations"
    wide = columns_for(len(functions))
    if together or len(functions) == 1:
        ax = axes_of(ax, 6.0, 4.0)
    else:
        ax = axes_of(ax, 2.4 * wide + 0.6, 2.1 * -(-len(functions) // wide) + 0.9)
    set_title(ax, title)
    if together and len(functions) > 1:
        _draw_together(ax, functions, x, derivative)
        return ax
    children, columns, font = panels(ax, len(functions), gap=(0.5, 0.6), top=0.3)
    for index, (panel, (name, function)) in enumerate(zip(children, functions, strict=True)):
        _draw(panel, function, x, derivative)
        set_title(panel, name, fontsize=font, fontweight="normal")
        if index % columns == 0 and not derivative:
            panel.set_ylabel("f(x)", fontsize=font)
        if index + columns >= len(functions):
            panel.set_xlabel("x", fontsize=font)
    if derivative:
        children[0].legend(loc="upper left", fontsize=0.83 * font)
    return ax


def _several(names: Any) -> list[Activation]:
    """Return the activations as a list, also a single one: a name, or (name, attributes)."""
    single = isinstance(names, str) or (len(names) == 2 and isinstance(names[1], Mapping))
    return [names] if single else list(names)


def _draw(ax: Axes, function: Function, x: Curve, derivative: bool) -> None:
    """Draw one activation into its panel."""
    _draw_cross(ax)
    ax.plot(x, function(x), color="C0", linewidth=2, label="f(x)")
    if derivative:
        ax.plot(x, slope(function, x), "--", color="C1", linewidth=1.5, label="f′(x)")
    ax.set_xlim(float(x[0]), float(x[-1]))
    ax.locator_params(axis="x", nbins=4)


def _draw_together(
    ax: Axes, functions: list[tuple[str, Function]], x: Curve, derivative: bool
) -> None:
    """Draw all activations into one panel; lines differ in style, slopes are thin."""
    _draw_cross(ax)
    for index, (name, function) in enumerate(functions):
        style, color = STYLES[index % len(STYLES)], f"C{index}"
        ax.plot(x, function(x), linestyle=style, color=color, linewidth=2.2, label=name)
        if derivative:
            y = slope(function, x)
            ax.plot(x, y, linestyle=style, color=color, linewidth=0.9, label=f"{name}, derivative")
    ax.set_xlim(float(x[0]), float(x[-1]))
    ax.set_xlabel("x")
    ax.set_ylabel("f(x)")
    ax.legend()


def _draw_cross(ax: Axes) -> None:
    """Draw the lines through the origin, behind everything."""
    for line in (ax.axhline, ax.axvline):
        line(0, color="gray", linewidth=0.8, zorder=0)
