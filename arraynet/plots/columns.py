"""The levels of a graph cut into columns, and the lines between boxes: all in inches.

The corner of a drawing is at the top left, and y grows downwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from arraynet.plots.levels import Reader, Slot, leveled, spread

Point = tuple[float, float]

LANE = 0.12  # the width of a value that passes, and what lines that go around are apart
GAP = 0.25  # between boxes of a level
LEAST_DROP, MOST_DROP = 0.3, 0.9  # between two levels
MARGIN = 0.15  # between a level and lines that go around
TALLEST = 8.0  # of a drawing of one column


@dataclass(frozen=True)
class Line:
    """A line of a drawing, which may end in a box."""

    points: tuple[Point, ...]
    arrow: bool


@dataclass
class Drawing:
    """Where everything stands.

    Attributes
    ----------
    corners : dict of int to (x, y)
        The top left corner of each box.
    lines : list of Line
    width, height : float
    """

    corners: dict[int, Point] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0


@dataclass
class _Column:
    """Some levels that follow one another: where they start and end, and what comes in."""

    levels: list[list[Slot]]
    entering: list[tuple[Slot, str]]
    left: float = 0.0
    width: float = 0.0
    tops: list[float] = field(default_factory=list)
    bottoms: list[float] = field(default_factory=list)


def drawn(boxes: Sequence[Reader], width: float, heights: Sequence[float]) -> Drawing:
    """Return where boxes of one width and these heights stand, and the lines between them."""
    drawing = Drawing()
    levels = leveled(boxes, width, LANE)
    columns = _columns(levels, heights)
    for place, column in enumerate(columns):
        column.width = spread(column.levels, GAP)
        column.left = drawing.width + _room(column.entering)
        drawing.width = column.left + column.width
        _stack(column, heights)
        for level in column.levels:
            for slot in level:
                slot.x += column.left
        below = column.bottoms[-1]
        if place + 1 < len(columns):
            below += _room(columns[place + 1].entering)
        drawing.height = max(drawing.height, below)
    _Lines(drawing, boxes, heights).draw(columns)
    return drawing


def _room(entering: Sequence[tuple[Slot, str]]) -> float:
    """Return how much room lines need that go around."""
    return 2 * MARGIN + LANE * len(entering) if entering else 0.0


def _columns(levels: list[list[Slot]], heights: Sequence[float]) -> list[_Column]:
    """Return the levels in as few columns as make a drawing that is no tower."""
    tall = [_height(level, heights) + LEAST_DROP for level in levels]
    wide = max(sum(slot.width + GAP for slot in level) for level in levels)
    count = 1
    while count < len(levels) and sum(tall) / count > max(TALLEST, 0.75 * count * wide):
        count += 1
    crossing = [_entering(level) for level in levels]
    cuts, height = [0], 0.0
    for place, more in enumerate(tall):
        height += more
        if len(cuts) < count and height >= len(cuts) * sum(tall) / count:
            near = range(max(cuts[-1] + 1, place), min(place + 3, len(levels)))
            if near:  # where few values cross
                cuts.append(min(near, key=lambda cut: len(crossing[cut])))
    parts = [levels[start:end] for start, end in pairwise([*cuts, len(levels)])]
    return [
        _Column(part, crossing[start] if start else [])
        for start, part in zip(cuts, parts, strict=True)
    ]


def _entering(level: list[Slot]) -> list[tuple[Slot, str]]:
    """Return the values that come from the level above, each once."""
    return list(dict.fromkeys(source for slot in level for source in slot.sources))


def _height(level: list[Slot], heights: Sequence[float]) -> float:
    return max((heights[slot.box] for slot in level if slot.box >= 0), default=0.0)


def _stack(column: _Column, heights: Sequence[float]) -> None:
    """Put the levels of a column below one another, far apart where lines are long."""
    top = _room(column.entering)
    for place, level in enumerate(column.levels):
        if place:
            run = max((abs(s.x - slot.x) for slot in level for s, _ in slot.sources), default=0.0)
            top += min(MOST_DROP, LEAST_DROP + 0.06 * run)
        column.tops.append(top)
        top += _height(level, heights)
        column.bottoms.append(top)


class _Lines:
    """The lines between boxes."""

    def __init__(self, drawing: Drawing, boxes: Sequence[Reader], heights: Sequence[float]) -> None:
        self._drawing, self._boxes, self._heights = drawing, boxes, heights

    def draw(self, columns: list[_Column]) -> None:
        """Add the corners and lines of all columns."""
        before: _Column | None = None
        for column in columns:
            for place, level in enumerate(column.levels):
                for slot in level:
                    self._put(slot, column, place)
                    if place:
                        bottom = column.bottoms[place - 1]
                        for (source, name), port in self._ports(slot):
                            start = self._exit(source, name, column.tops[place - 1], bottom)
                            self._add((*start, (port, column.tops[place])), slot)
            if before is not None:
                self._go_around(before, column)
            before = column

    def _add(self, points: Sequence[Point], slot: Slot) -> None:
        self._drawing.lines.append(Line(tuple(points), slot.box >= 0))

    def _put(self, slot: Slot, column: _Column, place: int) -> None:
        """Put a box, or the line of a value that passes."""
        top, bottom = column.tops[place], column.bottoms[place]
        if slot.box >= 0:
            self._drawing.corners[slot.box] = (slot.x - slot.width / 2, top)
        elif bottom > top:
            self._drawing.lines.append(Line(((slot.x, top), (slot.x, bottom)), False))

    def _ports(self, slot: Slot) -> list[tuple[tuple[Slot, str], float]]:
        """Return each value that a slot reads, and where on its top the line ends."""
        sources = sorted(slot.sources, key=lambda source: source[0].x)
        room = slot.width / (len(sources) + 1) if slot.box >= 0 else 0.0
        left = slot.x - slot.width / 2 if slot.box >= 0 else slot.x
        return [(source, left + room * (i + 1)) for i, source in enumerate(sources)]

    def _exit(self, slot: Slot, name: str, top: float, bottom: float) -> list[Point]:
        """Return the points from where a value leaves its slot to the end of its level."""
        if slot.box < 0:
            return [(slot.x, bottom)]
        read = {source for target in slot.targets for source in target.sources}
        given = [value for value in self._boxes[slot.box].gives if (slot, value) in read]
        share = (given.index(name) + 1) / (len(given) + 1)
        x = slot.x + slot.width * (share - 0.5)
        return list(dict.fromkeys([(x, top + self._heights[slot.box]), (x, bottom)]))

    def _go_around(self, before: _Column, column: _Column) -> None:
        """Draw the lines from the bottom of a column to the top of the next.

        Each has a lane of its own on all three sides, in an order in which none crosses
        another before it comes to what reads it.
        """
        top, bottom = before.tops[-1], before.bottoms[-1]
        starts = [(source, self._exit(*source, top, bottom)) for source in column.entering]
        starts.sort(key=lambda start: -start[1][-1][0])
        for lane, (source, points) in enumerate(starts):
            below = bottom + MARGIN + LANE * lane
            aside = before.left + before.width + MARGIN + LANE * lane
            above = column.tops[0] - MARGIN - LANE * (len(starts) - 1 - lane)
            above -= LANE  # the points of arrows
            around = [*points, (points[-1][0], below), (aside, below), (aside, above)]
            for slot in column.levels[0]:
                for found, port in self._ports(slot):
                    if found == source:
                        self._add((*around, (port, above), (port, column.tops[0])), slot)
