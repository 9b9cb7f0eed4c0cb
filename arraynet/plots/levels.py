"""Where the boxes of a graph stand: each below what it reads, in levels, lines between them.

A layered drawing: K. Sugiyama, S. Tagawa and M. Toda, Methods for visual understanding of
hierarchical system structures, 1981. A value that skips a level has a place there too, a
lane, so that lines only go from one level to the next, and cross no box.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

ABREAST = 8  # boxes on a level at most
SWEEPS = 6  # over all levels, to bring what is joined together


class Reader(Protocol):
    """What stands somewhere: it reads values and gives others."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The values that it reads."""

    @property
    def gives(self) -> tuple[str, ...]:
        """The values that it gives."""


@dataclass(eq=False)
class Slot:
    """A place on a level: of a box, or of a value that passes (a lane).

    Attributes
    ----------
    width : float
    box : int
        Which; -1 of a lane.
    sources : list of (Slot, str)
        On the level above, with the value that comes from each.
    targets : list of Slot
        On the level below.
    x : float
        The middle.
    """

    width: float
    box: int = -1
    sources: list[tuple[Slot, str]] = field(default_factory=list)
    targets: list[Slot] = field(default_factory=list)
    x: float = 0.0


def leveled(boxes: Sequence[Reader], width: float, lane: float) -> list[list[Slot]]:
    """Return the slots of each level, from left to right, so that few lines cross."""
    depths = _depths(boxes)
    levels: list[list[Slot]] = [[] for _ in range(1 + max(depths, default=-1))]
    last = _last_reads(boxes, depths)
    at: dict[str, Slot] = {}  # where each value is to be had, level by level
    members: list[list[int]] = [[] for _ in levels]
    for index, depth in enumerate(depths):
        members[depth].append(index)
    for depth, level in enumerate(levels):
        passing = {name: slot for name, slot in at.items() if last[name] > depth}
        for index in members[depth]:
            slot = Slot(width, index)
            level.append(slot)
            for name in boxes[index].reads:
                if name in at:
                    _join(at[name], slot, name)
        for name, before in passing.items():
            at[name] = Slot(lane)
            level.append(at[name])
            _join(before, at[name], name)
        for slot in level:
            for name in boxes[slot.box].gives if slot.box >= 0 else ():
                if name in last:
                    at[name] = slot
    _untangle(levels)
    return levels


def _join(source: Slot, target: Slot, name: str) -> None:
    target.sources.append((source, name))
    source.targets.append(target)


def _depths(boxes: Sequence[Reader]) -> list[int]:
    """Return the level of each box: below all that it reads, and what reads nothing late."""
    producers = {name: index for index, box in enumerate(boxes) for name in box.gives}
    depths: dict[int, int] = {}
    full: dict[int, int] = {}

    def put(index: int, depth: int, step: int) -> None:
        while full.get(depth, 0) >= ABREAST:
            depth += step
        full[depth] = full.get(depth, 0) + 1
        depths[index] = depth

    read = [[producers[name] for name in box.reads if name in producers] for box in boxes]
    first: dict[int, int] = {}  # the highest level that reads it
    for index, sources in enumerate(read):
        if sources:
            put(index, 1 + max(depths.get(source, -1) for source in sources), 1)
            for source in sources:
                first[source] = min(first.get(source, depths[index]), depths[index])
    for index, sources in enumerate(read):
        if not sources:
            put(index, first.get(index, 0) - 1, -1)
    highest = min(depths.values(), default=0)
    return [depths[index] - highest for index in range(len(boxes))]


def _last_reads(boxes: Sequence[Reader], depths: Sequence[int]) -> dict[str, int]:
    """Return the lowest level that reads each value."""
    last: dict[str, int] = {}
    for box, depth in zip(boxes, depths, strict=True):
        for name in box.reads:
            last[name] = max(last.get(name, depth), depth)
    return last


def _sources(slot: Slot) -> list[Slot]:
    return [source for source, _ in slot.sources]


def _targets(slot: Slot) -> list[Slot]:
    return slot.targets


def _untangle(levels: list[list[Slot]]) -> None:
    """Order the slots of each level by where their neighbours stand, again and again."""
    for level in levels:
        _number(level)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        neighbours = _sources if down else _targets
        for level in levels if down else levels[::-1]:
            level.sort(key=lambda slot: _middle(neighbours(slot), slot.x))
            _number(level)


def _number(level: list[Slot]) -> None:
    for place, slot in enumerate(level):
        slot.x = float(place)


def _middle(slots: Sequence[Slot], otherwise: float) -> float:
    """Return the middle of some slots."""
    return sum(slot.x for slot in slots) / len(slots) if slots else otherwise


def spread(levels: Sequence[list[Slot]], gap: float) -> float:
    """Give the slots of some levels their places, and return how wide the levels are.

    Each is as near to its neighbours on other levels as its own allow.
    """
    for level in levels:
        _place(level, [0.0] * len(level), gap)
    inside = {slot for level in levels for slot in level}
    for sweep in range(SWEEPS + 1):
        down = sweep % 2 == 0
        neighbours: Callable[[Slot], list[Slot]] = _sources if down else _targets
        for level in levels if down else levels[::-1]:
            near = [[n for n in neighbours(slot) if n in inside] for slot in level]
            wanted = [_middle(some, slot.x) for some, slot in zip(near, level, strict=True)]
            _place(level, wanted, gap)
    left = min(slot.x - slot.width / 2 for slot in inside)
    for slot in inside:
        slot.x -= left
    return max(slot.x + slot.width / 2 for slot in inside)


def _place(level: list[Slot], wanted: Sequence[float], gap: float) -> None:
    """Put slots as near as can be to where they want to be, in their order, and apart.

    Without what they must be apart, it is an isotonic regression: neighbours that would
    overlap go to the middle of what they want, together.
    """
    offsets = [0.0]
    for before, slot in itertools.pairwise(level):
        offsets.append(offsets[-1] + (before.width + slot.width) / 2 + gap)
    pools: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=False):
        value, count = want - offset, 1
        while pools and pools[-1][0] > value:
            other, members = pools.pop()
            value = (value * count + other * members) / (count + members)
            count += members
        pools.append((value, count))
    values = [value for value, count in pools for _ in range(count)]
    for slot, value, offset in zip(level, values, offsets, strict=False):
        slot.x = value + offset
