"""Where pictures are drawn: axes, panels within axes, their texts and colours."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec

from arraynet.errors import ArraynetError, OutOfMemoryError, clipped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.text import Text

Parameters = ParamSpec("Parameters")

MIDDLE = 0.179
"""The luminance on which black and white stand out equally, with a contrast of 4.6."""

FONT = 10.0
"""Of titles, in points."""

PLAIN: dict[str, Any] = {"parse_math": False, "usetex": False}
"""Of a text that a file or a caller gives: a dollar is a dollar, whatever the style."""


def picture(draw: Callable[Parameters, Axes]) -> Callable[Parameters, Axes]:
    """Return a function that draws, whose want of memory is an `OutOfMemoryError`."""

    @functools.wraps(draw)
    def drawn(*arguments: Parameters.args, **given: Parameters.kwargs) -> Axes:
        try:
            return draw(*arguments, **given)
        except OutOfMemoryError:
            raise
        except (MemoryError, ValueError) as error:
            # NumPy's ValueError is for arrays beyond what can be addressed.
            if isinstance(error, ValueError) and "array is too big" not in str(error):
                raise
            raise OutOfMemoryError(
                f"{draw.__name__}: got more values than fit into the memory, expected fewer "
                f"(give fewer rows, or look at a smaller network)"
            ) from error

    return drawn


def import_matplotlib() -> None:
    """Import matplotlib, which also reads its settings.

    Raises
    ------
    ArraynetError
        If it is not installed, or cannot read its settings.
    """
    try:
        import matplotlib.style  # noqa: F401
    except ImportError as error:
        raise ArraynetError(
            "plots: got no package matplotlib, expected it to draw "
            "(python -m pip install 'arraynet[plot]')"
        ) from error
    except Exception as error:
        raise ArraynetError(
            f"plots: got {type(error).__name__} from matplotlib ({clipped(str(error), 200)}), "
            f"expected settings that it can read (look at MPLBACKEND, and for a file matplotlibrc)"
        ) from error


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
        If matplotlib cannot be imported, or ``ax`` is something else.
    """
    import_matplotlib()
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    if ax is None:
        figure = Figure(figsize=(width, height), layout="constrained")
        engine: Any = figure.get_layout_engine()
        engine.set(w_pad=0.12, h_pad=0.12)
        return figure.subplots()
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


def set_title(ax: Axes, text: str, **how: Any) -> Text:
    """Write a title as it stands."""
    return ax.set_title(text, **PLAIN, **how)


def luminance(color: Any) -> float:
    """Return how light a colour is, from 0 to 1 (the relative luminance of WCAG 2)."""
    from matplotlib.colors import to_rgb

    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])


def ramp(*colors: Any) -> Colormap:
    """Return the colour map from one colour to another, over those between."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("arraynet", colors)
