"""Where pictures are drawn: axes, panels within axes, and what suits their background."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from arraynet.errors import ArraynetError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

VALUES = "cividis"
"""The colour map of values: even in lightness, and the same to the colour-blind."""


MIDDLE = 0.179
"""The luminance on which black and white stand out equally, with a contrast of 4.6."""

FONT = 10.0
"""Of titles, in points."""


def axes_of(ax: Any, width: float, height: float) -> Axes:
    """Return the axes that were given, or those of a new figure.

    Parameters
    ----------
    ax : matplotlib.axes.Axes or None
    width, height : float
        The size of the new figure, in inches.

    Raises
    ------
    ArraynetError
        If matplotlib is not installed, or ``ax`` is something else.
    """
    try:
        from matplotlib.axes import Axes
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ArraynetError(
            "plots: got no package matplotlib, expected it to draw "
            "(python -m pip install 'arraynet[plot]')"
        ) from error
    if ax is None:
        return Figure(figsize=(width, height), layout="constrained").subplots()
    if not isinstance(ax, Axes):
        raise ArraynetError(
            f"ax: got {type(ax).__name__}, expected one matplotlib Axes (of several, pass one)"
        )
    return ax


def size_of(ax: Axes) -> tuple[float, float]:
    """Return about how wide and high axes are, in inches."""
    box, figure = ax.get_window_extent(), ax.get_figure()
    assert figure is not None
    return box.width / figure.dpi, box.height / figure.dpi


def columns_for(count: int, widest: int = 4) -> int:
    """Return in how many columns panels stand, so that rows are few and full."""
    return math.ceil(count / math.ceil(count / widest))


def panels(
    ax: Axes, count: int, *, gap: tuple[float, float], top: float
) -> tuple[list[Axes], int, float]:
    """Return so many axes within axes, row by row; for one, the axes themselves.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Their frame is taken away; their title stays.
    count : int
    gap : tuple of float
        Inches between columns and between rows, for ticks and titles.
    top : float
        Inches above the first row, for its titles.

    Returns
    -------
    panels : list of matplotlib.axes.Axes
    columns : int
    font : float
        The size of their titles, in points: smaller where there is little room, and
        gaps with it.
    """
    if count == 1:
        return [ax], 1, FONT
    ax.set_axis_off()
    columns = columns_for(count)
    rows = -(-count // columns)
    width, height = size_of(ax)
    scale = min(1.0, max(0.6, min(width / columns / 1.9, height / rows / 1.6)))
    across, down, above = scale * gap[0] / width, scale * gap[1] / height, scale * top / height
    wide = max(0.2 / columns, (1 - across * (columns - 1)) / columns)
    high = max(0.2 / rows, (1 - above - down * (rows - 1)) / rows)
    children = []
    for index in range(count):
        row, column = divmod(index, columns)
        left, bottom = column * (wide + across), (rows - 1 - row) * (high + down)
        panel = ax.inset_axes((left, bottom, wide, high))
        panel.tick_params(labelsize=0.83 * scale * FONT)
        children.append(panel)
    return children, columns, scale * FONT


def luminance(color: Any) -> float:
    """Return how light a colour is, from 0 to 1 (the relative luminance of WCAG 2)."""
    from matplotlib.colors import to_rgb

    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])


def is_dark(ax: Axes) -> bool:
    """Return whether the background of axes is dark."""
    return luminance(ax.get_facecolor()) < MIDDLE


def ink(ax: Axes) -> str:
    """Return the colour map whose 0 is the page and whose 1 is ink."""
    return "gray" if is_dark(ax) else "gray_r"
