"""Where pictures are drawn: axes, panels within axes, their texts, colours and styles."""

from __future__ import annotations

import functools
import inspect
import math
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec

from arraynet.errors import ArraynetError, OutOfMemoryError, clipped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.text import Text

Parameters = ParamSpec("Parameters")

# The luminance on which black and white stand out equally, with a contrast of 4.6.
MIDDLE = 0.179
FONT = 10.0  # points, of titles

PLAIN: dict[str, Any] = {"parse_math": False, "usetex": False}
"""Of a text that a file or a caller gives: a dollar is a dollar, whatever the style."""

_AX = """ax : matplotlib.axes.Axes, optional
    Those to draw into; None: those of a new figure.

Returns
-------
matplotlib.axes.Axes

"""


def picture(draw: Callable[Parameters, Axes]) -> Callable[Parameters, Axes]:
    """Return a function that draws, whose want of memory is an `OutOfMemoryError`.

    What its documentation leaves out, because all of them say it, is added.
    """

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

    text = inspect.getdoc(draw) or ""
    drawn.__doc__ = re.sub(r"\n(?=(Raises|Examples)\n---)", lambda _: _AX, text, count=1)
    return drawn


def import_matplotlib() -> None:
    """Import matplotlib, which also reads its settings, or say why that cannot be done."""
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
    """Return the axes that were given, or those of a new figure of so many inches."""
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
    box, dpi = ax.get_window_extent(), ax.figure.dpi
    return box.width / dpi, box.height / dpi


def columns_for(count: int, widest: int = 4) -> int:
    """Return in how many columns panels stand, so that rows are few and full."""
    return math.ceil(count / math.ceil(count / widest))


def panels(
    ax: Axes,
    titles: Sequence[str],
    *,
    labels: tuple[str, str],
    gap: tuple[float, float],
    top: float,
) -> tuple[list[Axes], float]:
    """Return axes within axes, row by row, one for each title, and the size of those in points.

    For one title they are the axes themselves; else these lose their frame. Labels stand
    below the lowest panels and to the left of the first column. The gaps are inches
    between columns and between rows, and the top inches above the first row, for ticks
    and titles; where there is little room, all that is smaller.
    """
    count, scale, children = len(titles), 1.0, [ax]
    columns = columns_for(count)
    if count > 1:
        ax.set_axis_off()
        rows = -(-count // columns)
        width, height = size_of(ax)
        scale = min(1.0, max(0.6, min(width / columns / 1.9, height / rows / 1.6)))
        across, down, above = scale * gap[0] / width, scale * gap[1] / height, scale * top / height
        wide = max(0.2 / columns, (1 - across * (columns - 1)) / columns)
        high = max(0.2 / rows, (1 - above - down * (rows - 1)) / rows)
        corners = (
            (column * (wide + across), (rows - 1 - row) * (high + down))
            for row, column in (divmod(index, columns) for index in range(count))
        )
        children = [ax.inset_axes((*corner, wide, high)) for corner in corners]
    font = scale * FONT
    for index, (panel, title) in enumerate(zip(children, titles, strict=True)):
        set_title(panel, title, fontsize=font, fontweight="normal")
        if index + columns >= count:
            panel.set_xlabel(labels[0], fontsize=font)
        if index % columns == 0:
            panel.set_ylabel(labels[1], fontsize=font)
        if count > 1:
            panel.tick_params(labelsize=0.83 * font)
    return children, font


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


def _style(page: str, text: str, line: str, colors: str) -> dict[str, Any]:
    axes = ("axes.edgecolor", "xtick.color", "ytick.color", "grid.color")
    words = ("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor")
    pages = ("figure.facecolor", "axes.facecolor", "savefig.facecolor", "hatch.color")
    return {
        **dict.fromkeys(axes, line),
        **dict.fromkeys(words, text),
        **dict.fromkeys(pages, page),
        # A string, so that whoever only imports arraynet does not import matplotlib.
        "axes.prop_cycle": f"cycler(color={colors.split()})",
        **dict.fromkeys(("axes.spines.top", "axes.spines.right", "legend.frameon"), False),
        "axes.titlesize": 11.0,
        "axes.titleweight": "bold",
        **dict.fromkeys(("axes.labelsize", "xtick.labelsize", "ytick.labelsize"), 9.0),
        "lines.solid_capstyle": "round",
    }


STYLES = {
    "light": _style(
        "#ffffff", "#1c1b19", "#78716c", "#1d4ed8 #c2410c #0f766e #7e22ce #a16207 #be185d #475569"
    ),
    "dark": _style(
        "#161513", "#f0eee9", "#8f8983", "#7aa2ff #fb923c #2dd4bf #d8b4fe #facc15 #f9a8d4 #cbd5e1"
    ),
}
"""For ``matplotlib.style.context``; the colours are those of the page of ``arraynet draw``."""
