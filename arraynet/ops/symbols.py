"""Sizes that are not known yet: symbols such as "batch", tried at several numbers.

What does not change when a symbol does is a number; what does is written in the symbol.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

Size: TypeAlias = int | str
Shape: TypeAlias = tuple[Size, ...]

_FIRST = 257
"""The least number that stands for a symbol: large enough for windows and strides."""

_APART = 64
"""How far a symbol is moved: what halves it six times over still moves by whole numbers."""

UNKNOWN = "?"
"""The size that only a run can tell."""

UNRANKED: Shape = ("…",)
"""The shape of which only a run can tell even the number of axes."""


class _Symbol(int):
    """A number that stands for a symbol, and is written as one in messages."""

    symbol: str

    def __new__(cls, number: int, symbol: str) -> _Symbol:
        made = super().__new__(cls, number)
        made.symbol = symbol
        return made

    def __repr__(self) -> str:
        return self.symbol

    __str__ = __repr__


def symbols_of(shapes: Iterable[Shape]) -> list[str]:
    """Return the symbols in shapes, each once, in order."""
    return list(dict.fromkeys(size for shape in shapes for size in shape if isinstance(size, str)))


def trials(symbols: Sequence[str]) -> list[dict[str, int]]:
    """Return numbers for the symbols: first all apart, then with each symbol moved alone.

    Examples
    --------
    >>> [{k: int(v) for k, v in trial.items()} for trial in trials(["batch", "time"])]
    [{'batch': 257, 'time': 259}, {'batch': 321, 'time': 259}, {'batch': 257, 'time': 323}]
    """
    first: dict[str, int] = {s: _Symbol(_FIRST + 2 * place, s) for place, s in enumerate(symbols)}
    moved = [{**first, symbol: _Symbol(first[symbol] + _APART, symbol)} for symbol in symbols]
    return [dict(first), *moved]


def numbers(shape: Shape, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """Return a shape with a number for each of its symbols."""
    return tuple(sizes[size] if isinstance(size, str) else size for size in shape)


def in_symbols(found: Sequence[int], tried: Sequence[Mapping[str, int]]) -> Size:
    """Return a size as it is in all trials: a number, or text in the symbols.

    Parameters
    ----------
    found : sequence of int
        The size in each of the trials.
    tried : sequence of mapping
        What `trials` gave.

    Examples
    --------
    >>> tried = trials(["batch", "time"])
    >>> in_symbols([7, 7, 7], tried), in_symbols([257, 321, 257], tried)
    (7, 'batch')
    >>> in_symbols([257 * 259, 321 * 259, 257 * 323], tried)
    'batch*time'
    """
    first = tried[0]
    changed = [s for s, size in zip(first, found[1:], strict=True) if size != found[0]]
    if not changed:
        return int(found[0])
    grown = {
        symbol: size - found[0]
        for symbol, size in zip(first, found[1:], strict=True)
        if size != found[0]
    }
    product = math.prod(int(first[s]) for s in changed)
    if len(changed) > 1 and found[0] % product == 0:
        terms = [_term(found[0] // product * _APART, "*".join(changed))]
        rest = 0
    else:
        terms = [_term(growth, symbol) for symbol, growth in grown.items()]
        # Where a size is halved, so is the symbol's number, and rounded.
        rest = found[0] - sum(growth * int(first[s]) // _APART for s, growth in grown.items())
    if abs(rest) >= _FIRST or min(grown.values()) <= 0:  # squares and differences, say
        return UNKNOWN
    return "+".join(terms) + (f"{rest:+d}" if rest else "")


def _term(growth: int, symbol: str) -> str:
    """Return the multiple of a symbol that grows so much where the symbol is moved, as text."""
    common = math.gcd(growth, _APART)
    head = "" if growth == common else f"{growth // common}*"
    tail = "" if common == _APART else f"/{_APART // common}"
    return f"{head}{symbol}{tail}"
