"""A picture of a network: boxes and lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from arraynet.errors import clipped
from arraynet.graph import Graph, functions_of
from arraynet.network import Network
from arraynet.plots.boxes import LETTERS, Box, boxes_of
from arraynet.plots.canvas import FONT, PLAIN, axes_of, picture, set_title, size_of
from arraynet.plots.columns import Drawing, drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 400  # boxes: more of them cannot be read

WIDE = 2.2  # inches, of a box
LINE = 0.17  # from line to line in it
PADDING = 0.09  # between its frame and its text
BLOCK = 0.25  # around a graph inside a node
HEADING = 0.28  # above it
SMALL = 0.85  # of the font, below a title
LEAST_ROW = 12.0  # of graphs inside nodes, next to each other


@dataclass(frozen=True)
class Block:
    """A graph of a picture: the network's own, or one inside a node, which has a heading."""

    heading: str
    boxes: list[Box]
    drawing: Drawing

    @property
    def size(self) -> tuple[float, float]:
        """The width and height, with what stands around."""
        if not self.heading:
            return self.drawing.width, self.drawing.height
        return self.drawing.width + 2 * BLOCK, self.drawing.height + 2 * BLOCK + HEADING


@picture
def graph(net: Network, *, ax: Axes | None = None) -> Axes:
    """Draw a network from its inputs, on top, to its outputs, in as many columns as it needs.

    A box is a node, with its op, its parameters and the shapes that it gives; of more than 30
    nodes, small ones stand in the box of the one before. A line is a value. Boxes with
    parameters have a thick frame, inputs a dashed one. The branches of an ``if`` and the
    bodies of loops are drawn apart, under the name of their node.

    Parameters
    ----------
    net : Network
        Of more than 400 boxes, the first are drawn.

    Examples
    --------
    >>> import arraynet
    >>> ax = graph(arraynet.load_pretrained("digits"))
    >>> len(ax.patches) >= 7
    True
    """
    blocks, left_out = _blocks(net.graph)
    places, width, height = _packed(blocks)
    new = ax is None
    ax = axes_of(ax, max(4.2, width + 0.4), height + 0.7)
    ax.set_axis_off()
    ax.set_aspect("equal")
    ax.set_xlim(-0.05, width + 0.05)
    ax.set_ylim(height + 0.05, -0.05)
    across, down = size_of(ax)
    scale = 1.0 if new else min(across / width, down / height)
    pen = _Pen(ax, scale)
    for block, place in zip(blocks, places, strict=True):
        pen.block(block, place)
    total = sum(weight.size for weight in net.graph.weights.values())
    part = f", {left_out:,} more nodes are not drawn" if left_out else ""
    title = f"{total:,} parameters of {net.graph.dtype}{part}"
    set_title(ax, title, fontsize=FONT)
    return ax


def _blocks(whole: Graph) -> tuple[list[Block], int]:
    """Return the graphs to draw, the network's own first, and how many nodes are left out."""
    blocks: list[Block] = []
    room, left_out = MOST, 0
    for heading, each in _graphs(whole):
        boxes = boxes_of(each)
        shown = boxes[:room]
        left_out += len(boxes) - len(shown)
        room -= len(shown)
        if shown:
            heights = [_height(box) for box in shown]
            blocks.append(Block(heading, shown, drawn(shown, WIDE, heights)))
    return blocks, left_out


def _graphs(whole: Graph, heading: str = "") -> Iterator[tuple[str, Graph]]:
    """Yield a graph and those inside its nodes, each with its name."""
    yield heading, whole
    for node in whole.nodes:
        for name, inner in functions_of(node).items():
            before = f"{heading} / " if heading else ""
            yield from _graphs(inner, f"{before}{clipped(node.name, LETTERS)}: {name}")


def _height(box: Box) -> float:
    return 2 * PADDING + LINE * (1 + len(box.lines))


def _packed(blocks: list[Block]) -> tuple[list[tuple[float, float]], float, float]:
    """Return where blocks stand, in rows as wide as the widest, and the size of all."""
    widest = max(max(block.size[0] for block in blocks), LEAST_ROW)
    places: list[tuple[float, float]] = []
    x = y = high = wide = 0.0
    for block in blocks:
        width, height = block.size
        if x and (x + width > widest or not places[1:]):
            x, y, high = 0.0, y + high + BLOCK, 0.0
        places.append((x, y))
        x, high = x + width + BLOCK, max(high, height)
        wide = max(wide, x - BLOCK)
    return places, wide, y + high


@dataclass(frozen=True)
class _Pen:
    """Draws into axes, in inches of a drawing; the scale is inches of the page for one of it."""

    ax: Axes
    scale: float

    def block(self, block: Block, place: tuple[float, float]) -> None:
        """Draw a graph."""
        from matplotlib.patches import Rectangle

        x, y = place
        if block.heading:
            width, height = block.size
            frame = Rectangle(place, width, height, facecolor="none", edgecolor="gray")
            self.ax.add_patch(frame)
            x, y = x + BLOCK, y + BLOCK + HEADING
            middle = (place[0] + width / 2, place[1] + BLOCK / 2 + HEADING / 2)
            self._write(block.heading, middle, width - 2 * PADDING)
        for line in block.drawing.lines:
            self._line([(x + a, y + b) for a, b in line.points], line.arrow)
        for index, (left, top) in block.drawing.corners.items():
            self._box(block.boxes[index], (x + left, y + top))

    def _box(self, box: Box, corner: tuple[float, float]) -> None:
        """Draw an input or nodes, with what there is to say of them."""
        from matplotlib.patches import FancyBboxPatch

        self.ax.add_patch(
            FancyBboxPatch(
                corner,
                WIDE,
                _height(box),
                boxstyle="round,pad=0,rounding_size=0.1",
                facecolor=self.ax.get_facecolor(),
                edgecolor="C0" if box.learned else self.ax.title.get_color(),
                linewidth=self.scale * (2.0 if box.learned else 1.0),
                linestyle="--" if box.given else "-",
            )
        )
        middle, y = corner[0] + WIDE / 2, corner[1] + PADDING + LINE / 2
        room = WIDE - 2 * PADDING
        self._write(box.title, (middle, y), room, weight="bold")
        for number, line in enumerate(box.lines, 1):
            self._write(line, (middle, y + LINE * number), room, SMALL)

    def _write(
        self, text: str, middle: tuple[float, float], room: float, size: float = 1.0, **how: Any
    ) -> None:
        """Write one line of text, smaller where it has too little room."""
        from matplotlib.textpath import text_to_path

        font = FONT * self.scale * size
        how.update(PLAIN, ha="center", va="center")
        written = self.ax.text(*middle, text, fontsize=font, **how)
        properties = written.get_fontproperties()
        width, _, _ = text_to_path.get_text_width_height_descent(text, properties, False)
        written.set_fontsize(font * min(1.0, 0.95 * 72 * self.scale * room / max(width, 1.0)))

    def _line(self, points: list[tuple[float, float]], arrow: bool) -> None:
        """Draw straight lines one after the other, maybe with a point at the end."""
        from matplotlib.patches import FancyArrowPatch, PathPatch
        from matplotlib.path import Path

        how: dict[str, Any] = {"edgecolor": self.ax.title.get_color(), "linewidth": self.scale}
        path = Path(points)
        if arrow:
            head: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 9 * self.scale}
            how["facecolor"] = how["edgecolor"]
            self.ax.add_patch(FancyArrowPatch(path=path, **head, **how))
        else:
            self.ax.add_patch(PathPatch(path, fill=False, **how))
