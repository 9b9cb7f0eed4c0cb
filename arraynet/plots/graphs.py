"""A network drawn: nodes, the shapes between them, and what they have learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arraynet.errors import clipped, shape_text
from arraynet.graph import Graph
from arraynet.network import Network
from arraynet.plots.canvas import FONT, PLAIN, axes_of, picture, set_title, size_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Place = tuple[float, float]

WIDE, HIGH = 3.0, 0.62
"""The size of a box; a level is one unit high."""

APART = 3.6
"""Between the middles of two boxes of one level."""

LANE = 0.3
"""Between two lines that go around the boxes."""

LETTERS = 26
"""Of a name, at most: so many fit into a box."""


@picture
def graph(net: Network, *, ax: Axes | None = None) -> Axes:
    """Draw a network from its input, on top, to its output.

    A box is a node, with its parameters; a line is a value, with its shape. Boxes with
    parameters have a thick frame.

    Parameters
    ----------
    net : Network
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

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
            start, end = places[name], places[node.name]
            if start[1] - end[1] < 1.5:
                _draw_value(ax, start, end, shape_text(drawn.shapes[name]), font)
            else:
                lane += LANE
                _draw_detour(ax, start, end, lane)
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
    places = {}
    for depth in set(depths.values()):
        names = [name for name, level in depths.items() if level == depth]
        for index, name in enumerate(names):
            places[name] = (APART * (index - (len(names) - 1) / 2), -float(depth))
    return {name: places[name] for name in depths}


def _draw_box(ax: Axes, drawn: Graph, name: str, place: Place, font: float) -> None:
    """Draw an input or a node, with its name and what it has learned."""
    from matplotlib.patches import FancyBboxPatch

    node = drawn.producers.get(name)
    count = 0 if node is None else sum(weight.size for weight in drawn.weights_of(node))
    color = ax.title.get_color()
    ax.add_patch(
        FancyBboxPatch(
            (place[0] - WIDE / 2, place[1] - HIGH / 2),
            WIDE,
            HIGH,
            boxstyle="round,pad=0,rounding_size=0.12",
            facecolor=ax.get_facecolor(),
            edgecolor="C0" if count else color,
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


def _draw_value(ax: Axes, start: Place, end: Place, shape: str, font: float) -> None:
    """Draw a value as an arrow from where it is made to the level below, with its shape."""
    tail, head = (start[0], start[1] - HIGH / 2), (end[0], end[1] + HIGH / 2)
    _draw_arrow(ax, [tail, head])
    middle = ((tail[0] + head[0]) / 2, (tail[1] + head[1]) / 2)
    if tail[0] == head[0]:
        ax.text(middle[0] + 0.1, middle[1], shape, va="center", fontsize=0.8 * font, **PLAIN)
    else:
        page = {"facecolor": ax.get_facecolor(), "edgecolor": "none", "pad": 0.5}
        ax.text(*middle, shape, ha="center", va="center", fontsize=0.8 * font, bbox=page, **PLAIN)


def _draw_detour(ax: Axes, start: Place, end: Place, lane: float) -> None:
    """Draw a value that skips levels as an arrow around all boxes."""
    tail, head = (start[0] + WIDE / 2, start[1]), (end[0] + WIDE / 2, end[1] + HIGH / 6)
    _draw_arrow(ax, [tail, (lane, tail[1]), (lane, head[1]), head])


def _draw_arrow(ax: Axes, corners: list[Place]) -> None:
    """Draw straight lines with a point at the end."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    ax.add_patch(
        FancyArrowPatch(
            path=Path(corners),
            arrowstyle="-|>",
            mutation_scale=10,
            color=ax.title.get_color(),
        )
    )
